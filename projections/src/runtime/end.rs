//! [`End`]: why a turn of a runner ended.

use super::start::Refusal;
use crate::{CommitError, HaltReason, ReadError, StoreError, StoreErrorKind};

/// Why a turn ended.
pub(super) enum End {
    Halt(Box<HaltReason>),
    /// The storage or the source failed: wait, then read what is stored.
    Outage(StoreError),
    /// What is stored is not what was expected: read it.
    Reload,
    /// Newer code has this projector: this code waits, for this reason.
    StandAside(String),
}

impl From<HaltReason> for End {
    fn from(reason: HaltReason) -> Self {
        Self::Halt(Box::new(reason))
    }
}

impl From<ReadError> for End {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => Self::Outage(error),
            diverged => HaltReason::Diverged { reason: diverged.to_string() }.into(),
        }
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Outage(error)
    }
}

impl From<CommitError> for End {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::Reload,
            CommitError::Refused(source) => {
                let doing = "commit what the projector itself wrote";
                Self::Outage(StoreError::new(StoreErrorKind::Other, doing).with_source(source))
            }
            CommitError::Store(error) => Self::Outage(error),
        }
    }
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Halt(reason) => Self::Halt(reason),
            Refusal::StandAside(reason) => Self::StandAside(reason),
            Refusal::Store(error) => Self::Outage(error),
        }
    }
}
