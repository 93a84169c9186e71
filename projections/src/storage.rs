//! Where read models are kept: [`Storage`] and its two kinds, blocking and async.

use std::{future::Future, sync::Arc};

use jiff::Timestamp;

use crate::{
    __private::Execution,
    BoxError, Checkpoint, CheckpointKey, CheckpointWrite, CommitError, Letter, LetterQuery,
    ParkedKey, Parking, PresenceStore, RequestStore, SnapshotStore, StoreError, StoreErrorKind,
    Verdict,
    engine::{BoxFuture, Interrupt},
    inline::Appends,
    read::RowReads,
    rows::{RowSets, RowStorage},
};

/// A place that holds read models and their checkpoints, and changes both in one transaction.
///
/// An implementation also implements [`BlockingStorage`] or [`AsyncStorage`] and says which by
/// [`Execution`](Self::Execution). The runtime calls it; `projections::testing` has the suite that
/// an implementation must pass. Values are cheap handles: the builder keeps one and every runner
/// gets a clone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a storage",
    label = "`{Self}` does not implement `Storage`",
    note = "`storage` takes a type that implements `projections::Storage`, such as `projections::sqlite::Sqlite`"
)]
pub trait Storage: Clone + Send + Sync + 'static {
    /// An open transaction and what it runs on. Dropping it rolls back.
    type Session: Send + 'static;
    /// [`Blocking`] or [`Async`].
    type Execution: Execution<Self>;
    /// The storage's name in messages: `Sqlite`.
    const LABEL: &'static str;
    /// What a handler takes by `&mut`, in messages: `SqliteTx<'_>`. Empty where that is not said.
    const TRANSACTION: &'static str = "";

    /// Names the place for people, without passwords: `SQLite read.db`.
    fn label(&self) -> String;

    /// Tells whether the session is still in the transaction that it began, and whether the
    /// storage itself has failed in it. The runner asks after every handler.
    ///
    /// # Errors
    /// Says what the handler, or the storage, did to the transaction.
    fn check(session: &mut Self::Session) -> Result<(), SessionFault> {
        let _ = session;
        Ok(())
    }

    /// Says what an error of the storage's driver, returned by a handler or one of its causes, means
    /// for the event; `None` where that is for others to say.
    fn verdict(error: &(dyn std::error::Error + 'static)) -> Option<Verdict> {
        let _ = error;
        None
    }

    /// Returns the tables of rows, for readers, where the storage has such.
    fn row_reads(&self) -> Option<Arc<dyn RowReads>> {
        None
    }

    /// Returns what tells of commits by anybody, in this process or another, for those who wait for
    /// a projector that another process runs. They look at the checkpoints after each, all of them
    /// once; without it they look about once a second.
    fn changes(&self) -> Option<Box<dyn Changes>> {
        None
    }

    /// Returns the place for snapshots of read models in process, where the storage has such: it can
    /// then be given to [`Builder::checkpoints`](crate::Builder::checkpoints).
    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        None
    }

    /// Returns the place where processes say which projectors they run by themselves, where the
    /// storage has such: it can then be given to
    /// [`Builder::checkpoints`](crate::Builder::checkpoints).
    fn presences(&self) -> Option<Arc<dyn PresenceStore>> {
        None
    }

    /// Returns the place for requests to the owners of its projectors, where the storage has such: its
    /// `commit` then writes their answers.
    fn requests(&self) -> Option<Arc<dyn RequestStore>> {
        None
    }

    /// Returns the appends of the event store in the storage's database, where inline projectors can
    /// take part in them.
    fn inline(&self) -> Option<Arc<dyn Appends<Self::Session>>> {
        None
    }

    /// Returns the session's tables for rows, where the storage has such: it then implements
    /// [`RowStorage`](crate::rows::RowStorage), too.
    fn rows(session: &mut Self::Session) -> Option<&mut RowSets> {
        let _ = session;
        None
    }
}

/// Tells of commits to a storage; see [`Storage::changes`].
///
/// A storage that can be watched implements it; the runtime calls it, while somebody waits.
pub trait Changes: Send {
    /// Waits until something may have been committed since this was made, or since the last call
    /// returned. It may return early, but misses nothing.
    ///
    /// # Errors
    /// When the storage cannot be watched. It is watched anew about a second later.
    ///
    /// # Cancel safety
    /// Cancel safe: what a dropped call has not told, the next one tells.
    fn changed(&mut self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// The execution of a [`BlockingStorage`]: each runner has a thread of its own.
#[derive(Clone, Copy, Debug)]
pub enum Blocking {}

/// The execution of an [`AsyncStorage`]: runners are tasks.
#[derive(Clone, Copy, Debug)]
pub enum Async {}

/// A storage whose calls block, such as SQLite. They run on threads of their own.
pub trait BlockingStorage: Storage<Execution = Blocking> {
    /// Begins a transaction, waiting for its turn where writers queue.
    ///
    /// # Errors
    /// Fails when the storage cannot be reached or stays busy.
    fn begin(&self) -> Result<Self::Session, StoreError>;

    /// Creates what the storage needs for itself, the checkpoints' table, where it is missing.
    ///
    /// # Errors
    /// Fails when it cannot be created, or was made by a newer version of this library.
    fn setup(&self, session: &mut Self::Session) -> Result<(), StoreError>;

    /// Returns what stops a statement that the transaction runs, from another thread: for a handler
    /// that takes too long. It does nothing where none runs.
    fn interrupt(&self, session: &Self::Session) -> Option<Interrupt> {
        let _ = session;
        None
    }

    /// Reads a checkpoint inside the transaction.
    ///
    /// # Errors
    /// Fails when it cannot be read.
    fn load(
        &self,
        session: &mut Self::Session,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError>;

    /// Removes what the library itself keeps of this read model beside the checkpoint, its letters
    /// and their counts, as part of a rebuild.
    ///
    /// # Errors
    /// Fails when it cannot be removed.
    fn reset(&self, session: &mut Self::Session, key: &CheckpointKey) -> Result<(), StoreError>;

    /// Reads which keys are parked, inside the transaction.
    ///
    /// # Errors
    /// Fails when they cannot be read.
    fn parked(
        &self,
        session: &mut Self::Session,
        key: &CheckpointKey,
    ) -> Result<Vec<ParkedKey>, StoreError>;

    /// Compares and sets the checkpoint, writes the letters, and commits. It returns once all are
    /// durable to the degree that the storage states.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when the stored checkpoint is not as expected, with nothing
    /// committed; [`CommitError::Refused`] when the storage refuses what handlers have written,
    /// with nothing committed; [`CommitError::Store`] when the commit failed or its outcome is
    /// unknown.
    fn commit(&self, session: Self::Session, write: &CheckpointWrite) -> Result<(), CommitError>;

    /// Commits the read model alone: that of a [live](crate::Mode::Live) projector, which has no
    /// checkpoint. No checkpoint is read or written.
    ///
    /// # Errors
    /// Fails when the commit failed or its outcome is unknown.
    fn commit_alone(&self, session: Self::Session) -> Result<(), StoreError>;

    /// Rolls back.
    ///
    /// # Errors
    /// Fails when the storage cannot be reached; the transaction is gone then, too.
    fn rollback(&self, session: Self::Session) -> Result<(), StoreError>;

    /// Sets a savepoint in the transaction, in place of the one before. False where the storage has
    /// no such thing: where events keep failing, each of them then costs more.
    ///
    /// # Errors
    /// Fails when the storage cannot be reached.
    fn savepoint(&self, session: &mut Self::Session) -> Result<bool, StoreError> {
        let _ = session;
        Ok(false)
    }

    /// Undoes what the transaction has written since the last savepoint, which stays.
    ///
    /// # Errors
    /// Fails when the storage cannot be reached, or has no savepoint.
    fn back_to_savepoint(&self, session: &mut Self::Session) -> Result<(), StoreError> {
        let _ = session;
        Err(StoreError::new(
            StoreErrorKind::Other,
            "go back to a savepoint, of which there is none",
        ))
    }

    /// Reads every checkpoint of a namespace, outside any transaction. A storage that was never
    /// set up has none.
    ///
    /// # Errors
    /// Fails when the storage cannot be read.
    fn checkpoints(&self, namespace: &str) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError>;

    /// Returns the time by the storage's own clock, by which the age of a checkpoint's last
    /// `heartbeat_at` is told: that of this machine, unless the storage is elsewhere and writes its
    /// own time there.
    ///
    /// # Errors
    /// Fails when the storage cannot be asked.
    fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::now())
    }

    /// Reads letters, outside any transaction. A storage that was never set up has none.
    ///
    /// # Errors
    /// Fails when the storage cannot be read.
    fn letters(&self, key: &CheckpointKey, query: &LetterQuery) -> Result<Vec<Letter>, StoreError>;

    /// Counts what is parked, outside any transaction.
    ///
    /// # Errors
    /// Fails when the storage cannot be read.
    fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError>;
}

/// A storage behind a network, whose calls are futures. The methods are those of
/// [`BlockingStorage`], and each is dropped only together with its session.
#[allow(missing_docs)] // documented on `BlockingStorage`, method by method
pub trait AsyncStorage: Storage<Execution = Async, Session: Sync> {
    fn begin(&self) -> impl Future<Output = Result<Self::Session, StoreError>> + Send;

    fn setup(
        &self,
        session: &mut Self::Session,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    fn load(
        &self,
        session: &mut Self::Session,
        key: &CheckpointKey,
    ) -> impl Future<Output = Result<Option<Checkpoint>, StoreError>> + Send;

    fn reset(
        &self,
        session: &mut Self::Session,
        key: &CheckpointKey,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    fn parked(
        &self,
        session: &mut Self::Session,
        key: &CheckpointKey,
    ) -> impl Future<Output = Result<Vec<ParkedKey>, StoreError>> + Send;

    fn commit(
        &self,
        session: Self::Session,
        write: &CheckpointWrite,
    ) -> impl Future<Output = Result<(), CommitError>> + Send;

    fn commit_alone(
        &self,
        session: Self::Session,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    fn rollback(
        &self,
        session: Self::Session,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    fn checkpoints(
        &self,
        namespace: &str,
    ) -> impl Future<Output = Result<Vec<(CheckpointKey, Checkpoint)>, StoreError>> + Send;

    fn now(&self) -> impl Future<Output = Result<Timestamp, StoreError>> + Send {
        std::future::ready(Ok(Timestamp::now()))
    }

    fn letters(
        &self,
        key: &CheckpointKey,
        query: &LetterQuery,
    ) -> impl Future<Output = Result<Vec<Letter>, StoreError>> + Send;

    fn parking(
        &self,
        key: &CheckpointKey,
    ) -> impl Future<Output = Result<Parking, StoreError>> + Send;
}

/// What a storage found of its session after a handler had run.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionFault {
    /// The handler ended the transaction: the event's fault.
    LeftTransaction,
    /// The storage failed: an outage, not the event's fault.
    Storage(StoreError),
}

/// What a handler of a storage's projectors may take by `&mut`: a view of the session.
///
/// A storage implements it for its transaction type; generated code calls it.
/// `SqliteTx<'_>` implements `ParameterMut<Sqlite>`.
pub trait ParameterMut<S: Storage> {
    /// The parameter's type for one call.
    type View<'a>;

    /// Makes the view. A handler may take several, so the session is shared between them.
    fn view(session: &S::Session) -> Self::View<'_>;
}

/// The storage of a projector that names none: its own fields, in every process.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

/// What the handlers of a projector in process work on beside its fields: its rows.
#[derive(Debug)]
pub struct InProcessSession {
    pub(crate) rows: RowSets,
}

impl RowStorage for InProcess {
    fn row_sets(session: &InProcessSession) -> &RowSets {
        &session.rows
    }
}

impl Storage for InProcess {
    type Session = InProcessSession;
    type Execution = InProcess;
    const LABEL: &'static str = "in process";

    fn label(&self) -> String {
        Self::LABEL.to_owned()
    }

    fn rows(session: &mut InProcessSession) -> Option<&mut RowSets> {
        Some(&mut session.rows)
    }
}

/// Wraps what a handler or a hook returned as an error.
pub(crate) type HookResult = Result<(), BoxError>;
