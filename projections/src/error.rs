//! Every public error: one type for each thing that a caller does.

mod wait;

use std::{borrow::Cow, error::Error as StdError, fmt};

use crate::{
    CommandError, EncodeError, EventId, Expected, GlobalPosition, StreamPosition, read::QueryError,
};

pub use self::wait::{SyncError, WaitError};

/// Any error that a handler or a codec may return.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// Any error of this crate, for a `main` that uses `?`.
///
/// `Debug` writes the message and its causes, because that is what a `main` prints that returns it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An append was refused or failed.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The runtime could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A read model could not be read through this runtime.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Rows could not be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A rebuild was refused or failed.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    /// Projectors halted.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A store could not be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An append was not stored, or was and is not applied by all who were waited for.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// A wait failed.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(self))
    }
}

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

/// An event could not be handled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// Its payload is not what the handler's event type says.
    #[error("the payload cannot be decoded as `{event}`{}", borrowing(&**source))]
    Decode {
        /// The wire name of the handler's event.
        event: &'static str,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
    /// The handler returned an error.
    #[error("handler `{method}` failed")]
    Failed {
        /// The handler.
        method: &'static str,
        /// Its error.
        #[source]
        source: BoxError,
    },
    /// The handler ended the transaction that it was given.
    #[error(
        "handler `{method}` left its transaction: a handler may not commit, roll back or begin one"
    )]
    LeftTransaction {
        /// The handler.
        method: &'static str,
    },
    /// The generated table and `match` do not fit: a bug in this library.
    #[error("no handler has route {route}")]
    NoRoute {
        /// The route.
        route: u32,
    },
    /// The handler panicked.
    #[error("handler `{method}` panicked: {message}")]
    Panicked {
        /// The handler.
        method: &'static str,
        /// The panic's message.
        message: String,
    },
    /// What the event's handler wrote was refused when it was to be committed.
    #[error("what its handler wrote was refused at the commit")]
    Refused {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The handler left a row that cannot be stored.
    #[error("handler `{method}` left a row that cannot be stored")]
    Rows {
        /// The handler.
        method: &'static str,
        /// Which row, and why.
        #[source]
        source: BoxError,
    },
    /// The handler took too long, and was cut off.
    #[error("handler `{method}` did not come back within {limit:?}, which is its `timeout`")]
    TimedOut {
        /// The handler.
        method: &'static str,
        /// How long it may take.
        limit: std::time::Duration,
    },
    /// No handler takes the event, and the projector says `unregistered = "error"`.
    #[error("no handler takes `{event}` of domain `{domain}`; handled are {handled}")]
    Unregistered {
        /// The event's wire name.
        event: String,
        /// Its domain.
        domain: String,
        /// What the projector handles.
        handled: String,
    },
}

impl HandleError {
    pub(crate) fn no_route(route: u32) -> Self {
        Self::NoRoute { route }
    }
}

/// Every fault found while building a runtime.
#[derive(Debug, thiserror::Error)]
#[error("the runtime cannot be built: {}", numbered(faults))]
pub struct BuildError {
    pub(crate) faults: Vec<BuildFault>,
}

impl BuildError {
    /// The faults, in a stable order.
    #[must_use]
    pub fn faults(&self) -> &[BuildFault] {
        &self.faults
    }
}

/// One thing that is wrong with a runtime's wiring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildFault {
    /// A projector cannot run in the transaction of the append.
    #[error("projector `{projector}` says `mode = \"inline\"`, but {reason}")]
    CannotRunInline {
        /// The projector.
        projector: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// Two projectors have one name.
    #[error("two projectors are called `{name}`: {first} and {second}; rename one")]
    DuplicateName {
        /// The name.
        name: String,
        /// Type and place of one.
        first: String,
        /// Type and place of the other.
        second: String,
    },
    /// Two resources of one type were given.
    #[error("two resources of type `{resource}` were given; wrap one in a type of its own")]
    DuplicateResource {
        /// The type.
        resource: &'static str,
    },
    /// Two storages of one type were given.
    #[error(
        "two storages of type `{storage}` were given; a marker type makes a second one: `Sqlite<Reporting>`"
    )]
    DuplicateStorage {
        /// The storage's type, without its path.
        storage: String,
    },
    /// A projector named in `.expect([..])` is not there.
    #[error(
        "projector `{name}` is expected but not linked in; name its crate in the binary: `use its_crate as _;`"
    )]
    Expected {
        /// The name.
        name: String,
    },
    /// A projector asks for a resource that was not given.
    #[error(
        "projector `{projector}` needs a resource of type `{resource}`: give it with `.resource(..)`"
    )]
    MissingResource {
        /// The projector.
        projector: String,
        /// The type.
        resource: &'static str,
    },
    /// A projector writes to a storage that was not given.
    #[error("projector `{projector}` writes to `{storage}`: give it with `.storage(..)`")]
    MissingStorage {
        /// The projector.
        projector: String,
        /// The storage's type, without its path.
        storage: String,
    },
    /// There is nothing to run.
    #[error(
        "there is no projector to run; one linked from another crate needs `use its_crate as _;` in the binary"
    )]
    NoProjectors,
    /// A projector says `snapshot`, and there is no place for snapshots.
    #[error(
        "projector `{projector}` says `snapshot`, but {place} has no place for snapshots: give a storage that has one, such as `Sqlite`, with `.checkpoints(..)`"
    )]
    NoSnapshots {
        /// The projector.
        projector: String,
        /// The event store, or the storage that was given.
        place: String,
    },
    /// A wire name of a domain stands for two event types.
    #[error(
        "`{name}` of domain `{domain}` is the wire name of two event types: {first} and {second}"
    )]
    SharedName {
        /// The wire name.
        name: &'static str,
        /// The domain.
        domain: &'static str,
        /// One type.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Two projectors, or two types of rows of one, write to one table. Rows stay in memory between
    /// batches, so a table has one writer.
    #[error(
        "table `{table}` of `{storage}` is written by {first} and {second}: a table has one writer; give one of them another name with `#[read_model(table = ..)]`"
    )]
    SharedTable {
        /// The table.
        table: &'static str,
        /// The storage's type, without its path.
        storage: String,
        /// A projector, and its type of rows.
        first: String,
        /// The other.
        second: String,
    },
    /// A name given to `.only([..])` is not a projector's.
    #[error("there is no projector `{name}`; there are {known}")]
    UnknownProjector {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
}

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

/// A name that is no projector's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no projector `{}`; there are {known}", name.escape_debug())]
pub struct UnknownProjector {
    pub(crate) name: String,
    pub(crate) known: String,
}

/// A read model cannot be read through this runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The storage of the projector that keeps the rows has no readers.
    #[error("storage `{storage}` of projector `{projector}` has no readers of rows: ask it itself")]
    NoReaders {
        /// The projector.
        projector: String,
        /// The storage's type, without its path.
        storage: String,
    },
    /// No projector of this runtime takes the rows, or not by this name.
    #[error(
        "no projector of this runtime keeps rows of `{row}`, or not by this name: a handler keeps them that takes `&mut Rows<..>` of them"
    )]
    NoTable {
        /// The type of the rows.
        row: &'static str,
    },
    /// The type is not a projector of this runtime that keeps its read model in process.
    #[error("`{type_name}` is not an in-process projector of this runtime, or not by this name")]
    NotHere {
        /// The type.
        type_name: &'static str,
    },
    /// Several projectors of this runtime are of the type.
    #[error("several projectors are `{type_name}`: say which with `read_named`")]
    Several {
        /// The type.
        type_name: &'static str,
    },
    /// Several projectors of this runtime keep rows of the type.
    #[error("several projectors of this runtime keep rows of `{row}`: say which with `rows_of`")]
    SeveralTables {
        /// The type of the rows.
        row: &'static str,
    },
}

/// Writes an error and its causes on one line.
#[must_use]
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some drivers repeat their cause in their own text.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// A `&str` field cannot hold a text that is escaped in JSON, which users meet late.
fn borrowing(error: &dyn StdError) -> &'static str {
    match error.to_string().contains("expected a borrowed string") {
        true => {
            " (a `&str` field cannot hold an escaped text: make it `Cow<str>` with `#[serde(borrow)]`, or `String`)"
        }
        false => "",
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

fn numbered(faults: &[BuildFault]) -> String {
    match faults {
        [fault] => fault.to_string(),
        _ => {
            faults.iter().enumerate().map(|(n, fault)| format!("\n  {}. {fault}", n + 1)).collect()
        }
    }
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
