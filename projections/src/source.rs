//! Where events come from: [`EventSource`], and where they are put: [`EventStore`].

use std::{borrow::Cow, collections::BTreeMap, fmt, future::Future, sync::Arc};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    AppendError, EventId, GlobalPosition, NewEvent, Page, PresenceStore, ReadError, Scanned,
    SnapshotStore, StoreError, StoreId, StreamPosition, Token, inline::Database,
};

/// A log of events in one total order, read a page at a time.
///
/// The stores of this crate implement it, and a user may; `projections::testing` has the suite
/// that an implementation must pass. The runtime calls it: every runner reads its own pages.
///
/// A source never hands out a position while an append that is still running may fill a lower one.
pub trait EventSource: Send + Sync + 'static {
    /// Returns the store's identity, which never changes.
    fn store_id(&self) -> StoreId;

    /// Names the store for people, without passwords: `SQLite events.db`.
    fn label(&self) -> String;

    /// Returns the last event below which nothing can still appear, `None` for an empty log.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    fn head(&self) -> impl Future<Output = Result<Option<Scanned>, StoreError>> + Send;

    /// Reads the matching events after a place. A page may hold fewer events than asked for, or
    /// none, and still move on: [`Page::scanned`] says how far it looked, and is `None` only where
    /// the log ends at `request.after`.
    ///
    /// # Errors
    /// [`ReadError::Diverged`] when `request.verify` is not in the log (it is checked in the same
    /// snapshot as the events are read), else when the store cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    fn read(
        &self,
        request: ReadRequest<'_>,
    ) -> impl Future<Output = Result<Page, ReadError>> + Send;

    /// Counts the matching events after `after`, up to and including `up_to`.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    fn count(
        &self,
        filter: &Filter,
        after: GlobalPosition,
        up_to: GlobalPosition,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Waits until there may be an event after this position. It may return early.
    ///
    /// # Errors
    /// Fails when the store cannot be watched.
    ///
    /// # Cancel safety
    /// Cancel safe: a dropped wait forgets nothing, because the next one compares positions again.
    fn wait(&self, after: GlobalPosition) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Returns the time by the store's own clock, the one that writes `recorded_at`.
    ///
    /// # Errors
    /// Fails when the store cannot be asked.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    fn now(&self) -> impl Future<Output = Result<Timestamp, StoreError>> + Send {
        std::future::ready(Ok(Timestamp::now()))
    }

    /// Returns the place for snapshots of read models in process, where the store has such; else
    /// [`Builder::checkpoints`](crate::Builder::checkpoints) names one.
    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        None
    }

    /// Returns the place where processes say which projectors they run by themselves, where the store
    /// has such; else [`Builder::checkpoints`](crate::Builder::checkpoints) names one.
    fn presences(&self) -> Option<Arc<dyn PresenceStore>> {
        None
    }

    /// Returns an import that was begun and not finished, for `status`; see [`EventStore::import`].
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    fn unfinished_imports(
        &self,
    ) -> impl Future<Output = Result<Vec<ImportProgress>, StoreError>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// Returns the database whose appends run inline projectors, where they do.
    fn database(&self) -> Option<Database> {
        None
    }
}

/// A source that can be appended to.
///
/// # What an implementation guarantees
/// An append is atomic; its events stand together in its stream and in the global order; event ids
/// are unique in the store, and an append with ids that are there already returns the first
/// receipt when the content is the same, and [`AppendError::IdReused`] when it is not.
pub trait EventStore: EventSource {
    /// Appends events to a stream. It returns once they are durable.
    ///
    /// # Errors
    /// [`AppendError`] says whether the events are stored; only [`AppendError::Unknown`] leaves it
    /// open, and repeating the same request then settles it.
    ///
    /// # Cancel safety
    /// A dropped append may or may not have happened; repeating the same request is safe.
    fn append(
        &self,
        request: AppendRequest,
    ) -> impl Future<Output = Result<Receipt, AppendError>> + Send;

    /// Appends one chunk of an import: events of any streams, in order, each after the last of its
    /// stream, with the chunk's place in the file, in one transaction. Events whose ids are there
    /// already are passed over.
    ///
    /// # Errors
    /// As [`append`](Self::append); none of the chunk is stored then.
    ///
    /// # Cancel safety
    /// A dropped call may or may not have happened; repeating the same chunk is safe.
    fn import(
        &self,
        chunk: ImportChunk,
    ) -> impl Future<Output = Result<ImportReceipt, AppendError>> + Send;
}

/// What an [`EventSource::read`] is asked for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ReadRequest<'a> {
    /// Events after this position.
    pub after: GlobalPosition,
    /// The event that must still be where it was, else the log has gone back in time.
    pub verify: Option<Scanned>,
    /// Which events.
    pub filter: &'a Filter,
    /// At most this many events.
    pub max_events: usize,
    /// At most about this many bytes of payload: the event that reaches it is the last.
    pub max_bytes: usize,
}

impl<'a> ReadRequest<'a> {
    /// Asks for matching events after a position: at most 1,000, of at most about 4 MiB.
    #[must_use]
    pub fn new(after: GlobalPosition, filter: &'a Filter) -> Self {
        Self { after, verify: None, filter, max_events: 1_000, max_bytes: 4 << 20 }
    }

    /// Asks the source to check first that this event is still where it was.
    #[must_use]
    pub fn verifying(mut self, seen: Option<Scanned>) -> Self {
        self.verify = seen;
        self
    }

    /// Sets how many events and bytes at most.
    #[must_use]
    pub fn at_most(mut self, events: usize, bytes: usize) -> Self {
        self.max_events = events;
        self.max_bytes = bytes;
        self
    }
}

/// Which events a reader wants: those of `events`, those of whole `domains`, or `all`; in any case
/// without those in `except`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Filter {
    /// Every event.
    pub all: bool,
    /// Every event of these domains.
    pub domains: Vec<Cow<'static, str>>,
    /// The events of these (domain, wire name) pairs.
    pub events: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// None of these (domain, wire name) pairs, whatever else is asked for.
    pub except: Vec<(Cow<'static, str>, Cow<'static, str>)>,
}

impl Filter {
    /// Every event.
    #[must_use]
    pub fn all() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// Nothing yet; add to it.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds every event of a domain.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<Cow<'static, str>>) -> Self {
        self.domains.push(domain.into());
        self
    }

    /// Adds the events of one wire name in one domain.
    #[must_use]
    pub fn event(
        mut self,
        domain: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.events.push((domain.into(), name.into()));
        self
    }

    /// Leaves out the events of one wire name in one domain.
    #[must_use]
    pub fn except(
        mut self,
        domain: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.except.push((domain.into(), name.into()));
        self
    }

    /// Tells whether an event of this domain and wire name is wanted.
    #[must_use]
    pub fn matches(&self, domain: &str, name: &str) -> bool {
        let among = |pairs: &[(Cow<'_, str>, Cow<'_, str>)]| {
            pairs.iter().any(|(d, n)| d == domain && n == name)
        };
        (self.all || self.domains.iter().any(|d| d == domain) || among(&self.events))
            && !among(&self.except)
    }

    /// Tells whether no event can match.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.domains.is_empty() && self.events.is_empty()
    }
}

/// What the last position of a stream must be for an append to happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Expected {
    /// Whatever it is.
    Any,
    /// The stream ends at this position.
    At(StreamPosition),
    /// The stream has no event.
    NoStream,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any position"),
            Self::At(position) => write!(f, "position {position}"),
            Self::NoStream => f.write_str("no stream"),
        }
    }
}

/// Events to append to one stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AppendRequest {
    /// The stream.
    pub stream: String,
    /// Where it must end.
    pub expected: Expected,
    /// The events, each with a domain.
    pub events: Vec<NewEvent>,
}

impl AppendRequest {
    /// Longest stream, domain and event name, in bytes.
    pub const MAX_NAME_BYTES: usize = 512;

    /// Makes a request.
    #[must_use]
    pub fn new(stream: impl Into<String>, expected: Expected, events: Vec<NewEvent>) -> Self {
        Self { stream: stream.into(), expected, events }
    }

    /// Checks what no store may take: an empty request, a stream, domain or event name that is
    /// empty, over 512 bytes or holds a NUL, an event without a domain, or metadata that is not a
    /// JSON object. Stores call it first.
    ///
    /// # Errors
    /// Says what is wrong, and with which event.
    pub fn validate(&self) -> Result<(), AppendError> {
        check_name("stream", &self.stream)?;
        if self.events.is_empty() {
            return Err(AppendError::invalid("an append needs at least one event"));
        }
        self.events.iter().try_for_each(check_event)
    }
}

pub(crate) fn check_event(event: &NewEvent) -> Result<(), AppendError> {
    check_name("event type", &event.name)?;
    match &event.domain {
        Some(domain) => check_name("domain", domain)?,
        None => return Err(AppendError::NoDomain { event: event.name.to_string() }),
    }
    if event.version == 0 {
        let reason = format!("the version of event `{}` is 0; versions begin at 1", event.name);
        return Err(AppendError::invalid(reason));
    }
    let is_object = |text: &str| serde_json::from_str::<JsonObject>(text).is_ok();
    match &event.metadata {
        Some(metadata) if !is_object(metadata) => Err(AppendError::invalid(format!(
            "the metadata of event `{}` is not a JSON object",
            event.name
        ))),
        _ => Ok(()),
    }
}

pub(crate) fn check_name(what: &str, name: &str) -> Result<(), AppendError> {
    let limit = AppendRequest::MAX_NAME_BYTES;
    let fault = if name.is_empty() {
        "is empty".to_owned()
    } else if name.len() > limit {
        format!("is {} bytes long; at most {limit} are allowed", name.len())
    } else if name.contains('\0') {
        "holds a NUL character".to_owned()
    } else {
        return Ok(());
    };
    Err(AppendError::invalid(format!("the {what} {fault}")))
}

/// Any JSON object, whose content is not looked at.
type JsonObject = std::collections::HashMap<String, serde::de::IgnoredAny>;

/// What an append returned: where its events are.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Receipt {
    /// The store that holds them.
    pub store: StoreId,
    /// The stream.
    pub stream: String,
    /// Position of the first event.
    pub first: GlobalPosition,
    /// Position of the last event.
    pub last: GlobalPosition,
    /// Where the stream ends now: the index of the last event in it.
    pub stream_position: StreamPosition,
    /// What handlers have returned, by projector; only of appends that wait.
    results: BTreeMap<String, Vec<Value>>,
}

impl Receipt {
    /// Makes a receipt; event stores do.
    #[must_use]
    pub fn new(
        store: StoreId,
        stream: impl Into<String>,
        first: GlobalPosition,
        last: GlobalPosition,
        stream_position: StreamPosition,
    ) -> Self {
        let results = BTreeMap::new();
        Self { store, stream: stream.into(), first, last, stream_position, results }
    }

    /// Returns what the handlers of a projector have returned for the events, in the order of the
    /// events: the `T` of each handler that returns `Result<T, E>`. Those that return `()` or
    /// `Result<(), E>` give nothing.
    ///
    /// There are values only where the append waited for the projector
    /// ([`Append::sync`](crate::Append::sync)) and it ran in this process. Elsewhere it has applied
    /// the events all the same, and this is empty; so it is where the same events had been applied
    /// before, and where the answer to the commit was lost and what it stored was found later.
    #[must_use]
    pub fn results(&self, projector: &str) -> &[Value] {
        self.results.get(projector).map(Vec::as_slice).unwrap_or_default()
    }

    /// As [`results`](Self::results), read as a type.
    ///
    /// # Errors
    /// When one of them is no `T`.
    pub fn results_as<T: DeserializeOwned>(
        &self,
        projector: &str,
    ) -> Result<Vec<T>, serde_json::Error> {
        self.results(projector).iter().map(T::deserialize).collect()
    }

    /// Adds what a projector has returned.
    pub(crate) fn add_results(&mut self, projector: &str, values: Vec<Value>) {
        if !values.is_empty() {
            self.results.insert(projector.to_owned(), values);
        }
    }

    /// Returns what a caller hands to [`Runtime::wait_for`](crate::Runtime::wait_for), in this
    /// process or in another.
    #[must_use]
    pub fn token(&self) -> Token {
        Token::new(self.store, self.first, self.last, self.stream.clone())
    }
}

/// One chunk of an import.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImportChunk {
    /// The stream of each event, and the event, in file order.
    pub events: Vec<(String, NewEvent)>,
    /// Where the file is after this chunk.
    pub progress: ImportProgress,
}

impl ImportChunk {
    /// Makes a chunk.
    #[must_use]
    pub fn new(events: Vec<(String, NewEvent)>, progress: ImportProgress) -> Self {
        Self { events, progress }
    }
}

/// How far an import has come.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // what is stored, all of it
pub struct ImportProgress {
    /// Names the import across repeats: the id of its first event.
    pub import: EventId,
    /// What the file was called, for people.
    pub file: String,
    /// Lines that are stored.
    pub lines: u64,
    /// Lines in the file.
    pub total: u64,
}

/// What an import of a chunk did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // two counts
pub struct ImportReceipt {
    /// Events that were stored now.
    pub stored: u64,
    /// Events that were there before.
    pub known: u64,
}
