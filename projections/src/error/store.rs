//! What goes wrong in stores: reading, committing, appending.

use std::{borrow::Cow, error::Error as StdError, fmt};

use super::{BoxError, HandleError, chain};
use crate::{EncodeError, EventId, Expected, GlobalPosition, StreamPosition};

/// What went wrong in a store, as far as a caller can act on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Another writer holds the store; trying again helps.
    Busy,
    /// What is stored is damaged, or is not a store at all.
    Corrupt,
    /// The disk or a limit is full; trying again helps once there is room.
    Full,
    /// Reading or writing failed below the store.
    Io,
    /// The store was made by a newer version of this library.
    Newer,
    /// The store does not exist or may not be opened.
    NotOpened,
    /// Anything else: a bug, or a statement that the store refused.
    Other,
    /// The store may only be read.
    ReadOnly,
    /// The store cannot be reached for now; trying again helps.
    Unavailable,
}

/// An event store or a storage failed.
///
/// The driver's error stays opaque behind [`source`](StdError::source).
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    doing: Cow<'static, str>,
    source: Option<BoxError>,
}

impl StoreError {
    /// Makes an error: `doing` completes "cannot ...", and names the store.
    #[must_use]
    pub fn new(kind: StoreErrorKind, doing: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, doing: doing.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The same error once more, for another who waits for the same answer. Its causes become a text.
    pub(crate) fn share(&self) -> Self {
        let causes = self.source.as_ref().map(|source| chain(&**source).into());
        Self { kind: self.kind, doing: self.doing.clone(), source: causes }
    }

    /// Tells whether trying again may help without anyone changing the program or the data.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            StoreErrorKind::Busy
                | StoreErrorKind::Full
                | StoreErrorKind::Io
                | StoreErrorKind::Unavailable
        )
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.doing)
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// A page could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The log no longer holds an event where it was: it went back in time, or is another log.
    #[error("the log no longer holds event {event} at position {position}")]
    Diverged {
        /// Where the event was.
        position: GlobalPosition,
        /// The event.
        event: EventId,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A commit did not happen, or may not have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The stored checkpoint is not the expected one. Nothing was committed.
    #[error("the stored checkpoint is not the one that this owner wrote")]
    Conflict,
    /// The storage refuses what handlers have written, such as a row that another one must stand
    /// beside. Nothing was committed.
    #[error("the commit was refused")]
    Refused(#[source] BoxError),
    /// The commit failed, or nobody knows.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An append was refused, failed, or may have happened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The stream does not end where it was expected to. Nothing was stored.
    #[error("stream `{}` is at position {actual}, expected {expected}", stream.escape_debug())]
    Conflict {
        /// The stream.
        stream: String,
        /// Where it should end.
        expected: Expected,
        /// Where it ends.
        actual: StreamPosition,
    },
    /// An event could not be encoded. Nothing was stored.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// An event id is stored already, with other content. Nothing was stored.
    #[error("event id {id} is stored already, with other content")]
    IdReused {
        /// The id.
        id: EventId,
    },
    /// The request is not one that a store may take. Nothing was stored.
    #[error("{reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
    /// An event names no domain. Nothing was stored.
    #[error(
        "event `{event}` has no domain: append it with `.domain(..)`, or say `#[event(domain = \"..\")]`"
    )]
    NoDomain {
        /// The event's wire name.
        event: String,
    },
    /// A projector runs inline in this store, and this program cannot run it. Nothing was stored.
    #[error("projector `{}` runs in the transaction of each append, and {reason}", projector.escape_debug())]
    NotRun {
        /// The projector, with its namespace, if it has one.
        projector: String,
        /// Why this program cannot run it, and what to do.
        reason: String,
    },
    /// An inline projector cannot apply an event. Nothing was stored; the same append fails again
    /// until the projector, its read model or the event is another one.
    #[error("inline projector `{projector}` cannot apply event {event} `{}` of stream `{}`; nothing was stored", name.escape_debug(), stream.escape_debug())]
    Projector {
        /// The projector.
        projector: String,
        /// The event's id.
        event: EventId,
        /// Its wire name.
        name: String,
        /// Its stream.
        stream: String,
        /// Why.
        #[source]
        source: Box<HandleError>,
    },
    /// The store failed. Nothing was stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store failed while committing: the outcome is unknown. Repeating the append with the
    /// same events settles it.
    #[error(
        "the outcome of the append is unknown; repeat it with the same event ids ({})",
        list(ids)
    )]
    Unknown {
        /// The ids of the events.
        ids: Vec<EventId>,
        /// What failed.
        source: StoreError,
    },
}

impl AppendError {
    /// Makes an [`Invalid`](Self::Invalid).
    #[must_use]
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { reason: reason.into() }
    }
}

fn list(ids: &[EventId]) -> String {
    // A chunk of an import has thousands; the error's field has them all.
    const SHOWN: usize = 3;
    let shown: Vec<_> = ids.iter().take(SHOWN).map(ToString::to_string).collect();
    match ids.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
