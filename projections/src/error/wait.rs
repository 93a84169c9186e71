//! Why a wait for a projector ended without the projector having come so far.

use std::{fmt, time::Duration};

use super::{AppendError, Halted, StoreError, UnknownProjector};
use crate::{GlobalPosition, Receipt, State, StoreId};

/// A wait for a projector ended without the projector having come so far.
///
/// Whatever it says, the events are stored: a wait changes nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The token is of another store.
    #[error("the token is of store {token}, and this one is {store}")]
    ForeignToken {
        /// The token's store.
        token: StoreId,
        /// This store.
        store: StoreId,
    },
    /// The projector halted in this process, before the events.
    #[error(transparent)]
    Halted(#[from] Halted),
    /// The projector halted in another process, before the events.
    #[error("projector `{projector}` halted at position {at}: {reason}")]
    HaltedElsewhere {
        /// The projector.
        projector: String,
        /// How far it has come.
        at: GlobalPosition,
        /// Why, as that process has recorded it.
        reason: String,
    },
    /// A handler waits. It would hold up the very projector that it may wait for.
    #[error(
        "a handler of projector `{projector}` must not wait for a projector: wait where the events were appended, outside of handlers"
    )]
    InHandler {
        /// The projector whose handler it is, by the name that it declares.
        projector: &'static str,
    },
    /// The projector has passed the events, and one of them is parked, or waits behind one that is.
    #[error("projector `{projector}` has not applied the event at position {position}: {reason}")]
    Parked {
        /// The projector.
        projector: String,
        /// The event's position.
        position: GlobalPosition,
        /// Why.
        reason: String,
    },
    /// The checkpoint could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The time is up. The events are stored all the same.
    #[error(
        "projector `{projector}` did not reach position {wanted} within {waited:.0?}: it is at {at}, {behind} behind{}",
        Doing { here: *here, state: *state, error: last_error.as_deref() }
    )]
    TimedOut {
        /// The projector.
        projector: String,
        /// How far it has come.
        at: GlobalPosition,
        /// What was waited for.
        wanted: GlobalPosition,
        /// How many positions are missing.
        behind: u64,
        /// How long was waited.
        waited: Duration,
        /// Whether this process runs the projector.
        here: bool,
        /// What it does, as far as is known; `None` where nobody has run it yet.
        state: Option<State>,
        /// What it waits for itself, where it waits for its storage or source.
        last_error: Option<String>,
    },
    /// There is no such projector.
    #[error(transparent)]
    Unknown(#[from] UnknownProjector),
    /// The projector has applied the events, but what a handler returned is no JSON.
    #[error(
        "projector `{projector}` has applied the events, but what a handler returned cannot be handed over: {reason}"
    )]
    Value {
        /// The projector.
        projector: String,
        /// Why.
        reason: String,
    },
}

impl WaitError {
    /// Tells whether only the time was up: the projector may still come so far.
    #[must_use]
    pub fn is_timed_out(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }
}

/// What a projector that is behind does, for the end of a sentence.
struct Doing<'a> {
    here: bool,
    state: Option<State>,
    error: Option<&'a str>,
}

impl fmt::Display for Doing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { here, state, error } = *self;
        match (state, here) {
            (None, _) => f.write_str(", and nobody has run it yet"),
            (Some(State::CatchingUp | State::CaughtUp), true) => Ok(()),
            (Some(State::CatchingUp | State::CaughtUp), false) => {
                f.write_str(", and another process runs it")
            }
            (Some(state @ (State::Stopped | State::Detached)), _) => {
                write!(f, ", {state}: nobody runs it")
            }
            (Some(state), _) => match error {
                Some(error) => write!(f, ", {state}: {error}"),
                None => write!(f, ", {state}"),
            },
        }
    }
}

/// An append that waits for projectors was not stored, or not applied by all of them.
///
/// [`receipt`](Self::receipt) tells the two apart: there is one where the events are stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The append was refused or failed, as [`AppendError`] says.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// What was to be waited for cannot be. Nothing was stored.
    #[error("nothing was appended: {0}")]
    Refused(WaitError),
    /// The events are stored, and not every projector has applied them that was waited for. One
    /// that has halted ends the wait at once; a time-out names all who are behind.
    #[error(
        "the events are stored at positions {} to {} of the log, but not applied by all who were waited for: {}",
        receipt.first, receipt.last, list(reasons)
    )]
    Unapplied {
        /// Where the events are. Appending them again would store them twice.
        receipt: Box<Receipt>,
        /// Who has not applied them, and why; at least one.
        reasons: Vec<WaitError>,
    },
}

impl SyncError {
    /// Where the events are, if they are stored.
    #[must_use]
    pub fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Unapplied { receipt, .. } => Some(receipt),
            Self::Append(_) | Self::Refused(_) => None,
        }
    }

    /// Tells whether the events are stored and only the time was up.
    #[must_use]
    pub fn is_timed_out(&self) -> bool {
        match self {
            Self::Unapplied { reasons, .. } => reasons.iter().all(WaitError::is_timed_out),
            Self::Append(_) | Self::Refused(_) => false,
        }
    }
}

fn list(reasons: &[WaitError]) -> String {
    let reasons: Vec<_> = reasons.iter().map(|reason| super::chain(reason)).collect();
    reasons.join("; ")
}
