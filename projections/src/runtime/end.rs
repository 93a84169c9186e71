//! [`End`]: why a turn of a runner ended.

use super::start::Refusal;
use crate::{CommitError, HaltReason, ReadError, StoreError};

/// Why a turn ended.
pub(super) enum End {
    Halt(Box<HaltReason>),
    /// The storage or the source failed: wait, then read what is stored.
    Outage(StoreError),
    /// What is stored is not what was expected: read it.
    Reload,
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
            CommitError::Store(error) => Self::Outage(error),
        }
    }
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Halt(reason) => Self::Halt(reason),
            Refusal::Store(error) => Self::Outage(error),
        }
    }
}
