//! What an event store and a storage share, so that projectors run in the transaction of an append:
//! `mode = "inline"`.
//!
//! An application needs none of this: it says `mode = "inline"` and gives the storage that its event
//! store makes, `.storage(events.read_models())`. A wrapper of an event store passes
//! [`EventSource::database`](crate::EventSource::database) on, a wrapper of a storage
//! [`Storage::inline`](crate::Storage::inline).

use std::{any::Any, fmt, sync::Arc};

use crate::{
    AppendError, Checkpoint, CheckpointKey, CheckpointWrite, Fingerprint, Page, ReadError,
    ReadRequest, Scanned, StoreError,
};

/// The database behind an event store and the storages that it makes.
///
/// Two values are the same where one transaction can write through both handles.
#[derive(Clone)]
pub struct Database(Arc<dyn Any + Send + Sync>);

impl Database {
    /// Names a database by what its handles share.
    pub fn new<T: Send + Sync + 'static>(shared: Arc<T>) -> Self {
        Self(shared)
    }

    /// Tells whether both are one database.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&Arc::as_ptr(&self.0)).finish()
    }
}

/// The appends of the event store in a storage's database, as the runtime sees them.
///
/// A storage that can take part in them returns it by [`Storage::inline`](crate::Storage::inline).
/// `Session` is the storage's.
pub trait Appends<Session>: Send + Sync {
    /// Returns the database, if the storage was made by its event store.
    fn database(&self) -> Option<Database>;

    /// Lets the appends of this process run a projector, for as long as somebody else holds it.
    fn join(&self, projector: Arc<dyn Participant<Session>>);

    /// Reads a page of the log inside a session's transaction.
    ///
    /// # Errors
    /// As [`EventSource::read`](crate::EventSource::read).
    fn read(&self, session: &mut Session, request: ReadRequest<'_>) -> Result<Page, ReadError>;

    /// Returns the last event of the log, inside a session's transaction.
    ///
    /// # Errors
    /// Fails when it cannot be read.
    fn head(&self, session: &mut Session) -> Result<Option<Scanned>, StoreError>;

    /// Returns the code that appends must run a projector with, where it is active.
    ///
    /// # Errors
    /// Fails when it cannot be read.
    fn active(
        &self,
        session: &mut Session,
        key: &CheckpointKey,
    ) -> Result<Option<Fingerprint>, StoreError>;
}

/// A projector that takes part in appends. The runtime makes it; a store's append calls it.
pub trait Participant<Session>: Send + Sync {
    /// The key of its checkpoint.
    fn key(&self) -> &CheckpointKey;

    /// Its version.
    fn version(&self) -> u32;

    /// The hash of its handlers.
    fn fingerprint(&self) -> Fingerprint;

    /// Applies events that follow a checkpoint to the read model, in the append's transaction, and
    /// returns the checkpoint to write in it. The page ends with the last event of the log, or is
    /// followed by others.
    ///
    /// # Errors
    /// The transaction is to be rolled back.
    fn apply(
        &self,
        session: &mut Session,
        stored: Checkpoint,
        page: &Page,
        writes: Writes,
    ) -> Result<CheckpointWrite, Fault>;

    /// The transaction of its last [`apply`](Self::apply) has ended.
    fn ended(&self, outcome: Outcome);
}

/// When changed rows are written to their tables.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_enums)] // there is no third
pub enum Writes {
    /// Once, after all events.
    Batched,
    /// After each event, which shows whose rows a table refuses.
    EventByEvent,
}

/// How an append's transaction ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_enums)] // there is no third
pub enum Outcome {
    /// It is known to have been committed.
    Committed,
    /// It was rolled back, or nobody knows.
    Lost,
}

/// Why an inline projector did not take an append's events.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The append fails.
    Append(Box<AppendError>),
    /// Which event is to blame shows when each one's rows are written by themselves.
    Unclear,
}

impl From<AppendError> for Fault {
    fn from(error: AppendError) -> Self {
        Self::Append(Box::new(error))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        AppendError::Store(error).into()
    }
}
