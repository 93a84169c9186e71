//! What ends a run or a rebuild.

use super::{BoxError, HandleError, StoreError, UnknownProjector, chain};
use crate::{CommandError, EventId, GlobalPosition};

/// Why one projector halted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HaltReason {
    /// The log went back in time, or is another log.
    #[error("diverged: {reason}; restore the log, or rebuild the projector")]
    Diverged {
        /// What does not fit.
        reason: String,
    },
    /// An event cannot be applied.
    #[error("event {event} `{}` at position {position} of stream `{}` cannot be applied", name.escape_debug(), stream.escape_debug())]
    Event {
        /// The event's id.
        event: EventId,
        /// Its wire name.
        name: String,
        /// Its global position.
        position: GlobalPosition,
        /// Its stream.
        stream: String,
        /// Why.
        #[source]
        source: HandleError,
    },
    /// A `#[setup]` or `#[reset]` method failed. `#[setup]` runs at every start, so it must bear
    /// being repeated: `CREATE TABLE IF NOT EXISTS`.
    #[error("`#[{hook}]` failed{}", if *hook == "setup" { " (it runs at every start)" } else { "" })]
    Hook {
        /// `setup` or `reset`.
        hook: &'static str,
        /// Its error.
        #[source]
        source: BoxError,
    },
    /// The code that runs may not go on with this read model.
    #[error("stale code: {reason}")]
    StaleCode {
        /// Why, and the ways out.
        reason: String,
    },
    /// As much is parked as may be.
    #[error(
        "event {event} `{}` at position {position} of stream `{}` is to be parked, but {cap}; repair the handlers and redrive what is parked, discard what is not needed, or raise the cap", name.escape_debug(), stream.escape_debug()
    )]
    ParkedFull {
        /// The event's id.
        event: EventId,
        /// Its wire name.
        name: String,
        /// Its global position.
        position: GlobalPosition,
        /// Its stream.
        stream: String,
        /// Which cap is reached.
        cap: String,
    },
    /// A handler does not come back, and cannot be cut off. Its thread, and the transaction that it
    /// has open, are lost to this process: restart it.
    #[error(
        "stalled: handler `{method}` has not come back from event {event} `{}` at position {position} of stream `{}` within {limit:?}, and cannot be cut off; restart the process", name.escape_debug(), stream.escape_debug()
    )]
    Stalled {
        /// The handler.
        method: &'static str,
        /// The event's id.
        event: EventId,
        /// Its wire name.
        name: String,
        /// Its global position.
        position: GlobalPosition,
        /// Its stream.
        stream: String,
        /// How long it may take.
        limit: std::time::Duration,
    },
    /// It was paused, and a run that is to end does not wait until somebody resumes it.
    #[error(
        "paused: it stands still until it is resumed, by `runtime.resume` or `projection resume`"
    )]
    Paused,
    /// The storage or the source failed for good.
    #[error(transparent)]
    Store(StoreError),
    /// A table of declared rows is not as declared.
    #[error("{what}")]
    Table {
        /// Which table, what differs, and the way out.
        what: String,
    },
}

/// Projectors halted.
#[derive(Debug, thiserror::Error)]
#[error("{}", list_halted(halted))]
pub struct RunError {
    pub(crate) halted: Vec<Halted>,
}

impl RunError {
    pub(crate) fn new(mut halted: Vec<Halted>) -> Self {
        halted.sort_by(|a, b| a.projector.cmp(&b.projector));
        Self { halted }
    }

    /// The projectors that halted, by name.
    #[must_use]
    pub fn halted(&self) -> &[Halted] {
        &self.halted
    }
}

/// One projector that halted, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("projector `{projector}` halted: {}", chain(&**reason))]
#[non_exhaustive]
pub struct Halted {
    /// The projector.
    pub projector: String,
    /// Why.
    pub reason: std::sync::Arc<HaltReason>,
}

/// A rebuild was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// Its owner was asked, and did not do it; or this program may not do it in the owner's place.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The projector halted while it was rebuilt.
    #[error(transparent)]
    Halted(#[from] Halted),
    /// The read model is in the projector's fields: it is replayed at each start.
    #[error(
        "projector `{projector}` keeps its read model in process: it is replayed at each start, and there is nothing to rebuild"
    )]
    InProcess {
        /// The projector.
        projector: String,
    },
    /// The projector is live: it has nothing to rebuild from.
    #[error(
        "projector `{projector}` is live: it begins with what comes after its start, so there is nothing to rebuild; start the process anew, and drop its tables, if it has any, to begin with an empty read model"
    )]
    Live {
        /// The projector.
        projector: String,
    },
    /// The projector cannot empty its read model.
    #[error(
        "projector `{projector}` has no `#[reset]` method, so nothing empties its read model; add one"
    )]
    NoReset {
        /// The projector.
        projector: String,
    },
    /// There is no such projector.
    #[error(transparent)]
    Unknown(#[from] UnknownProjector),
}

fn list_halted(halted: &[Halted]) -> String {
    match halted {
        [one] => one.to_string(),
        _ => {
            let lines: String = halted.iter().map(|one| format!("\n  - {one}")).collect();
            format!("{} projectors halted:{lines}", halted.len())
        }
    }
}
