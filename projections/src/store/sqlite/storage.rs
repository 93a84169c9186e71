//! [`Sqlite`]: read models in a file, with their checkpoints.

use std::{fmt, marker::PhantomData, path::Path, sync::Arc};

use parking_lot::Mutex;
use rusqlite::Connection;

use super::{
    SqliteOptions, SqliteTx, checkpoint,
    error::{store_error, verdict},
    file::File,
    guard::Guard,
    inline::{self, FileAppends},
    letters,
    presences::SqlitePresences,
    requests::{self, SqliteRequests},
    rows::SqliteRows,
    schema,
    snapshots::SqliteSnapshots,
    watch::Commits,
    writer::{self, InUse, Turn, Uncommitted},
};
use crate::{
    Blocking, BlockingStorage, Changes, Checkpoint, CheckpointKey, CheckpointWrite, CommitError,
    Letter, LetterQuery, ParameterMut, ParkedKey, Parking, PresenceStore, RequestStore,
    SessionFault, SnapshotStore, Storage, StoreError, StoreErrorKind, Verdict,
    engine::{BoxFuture, Interrupt},
    inline::Appends,
    read::RowReads,
    rows::{RowSets, RowStorage},
};

/// The marker of the one database that most applications have.
#[derive(Clone, Copy, Debug)]
pub enum Main {}

/// A storage for read models in an SQLite file.
///
/// An application that keeps read models in a second file marks that one with a type of its own:
///
/// ```
/// use projections::sqlite::Sqlite;
///
/// enum Reporting {}
///
/// # fn main() -> Result<(), projections::StoreError> {
/// # let folder = tempfile::tempdir().expect("a temporary folder");
/// # let path = folder.path().join("reporting.db");
/// let reporting: Sqlite<Reporting> = Sqlite::open(path)?.marked();
/// # Ok(())
/// # }
/// ```
///
/// Its projectors then say `storage = Sqlite<Reporting>`. See the
/// [module's documentation](super) for what it guarantees.
pub struct Sqlite<M = Main> {
    file: Arc<File>,
    options: SqliteOptions,
    /// Whether the event store of the file has made it.
    of_event_store: bool,
    marker: PhantomData<fn() -> M>,
}

impl Sqlite {
    /// Opens a file; a missing one is created. Its tables are created when a projector starts.
    ///
    /// # Errors
    /// Fails when the file is not a database, may not be opened or written, or was made by a
    /// newer version of this library.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path.as_ref(), SqliteOptions::new())
    }

    pub(super) fn open_with(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let storage = Self::of_file(File::open(path, options)?, options);
        storage.read(|connection| schema::check_versions(connection, storage.file.label()))?;
        Ok(storage)
    }
}

impl<M> Sqlite<M> {
    pub(super) fn of_file(file: Arc<File>, options: SqliteOptions) -> Self {
        Self { file, options, of_event_store: false, marker: PhantomData }
    }

    pub(super) fn of_event_store(file: Arc<File>, options: SqliteOptions) -> Self {
        Self { of_event_store: true, ..Self::of_file(file, options) }
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub(super) fn options(&self) -> SqliteOptions {
        self.options
    }

    /// Gives the storage another type, so that a runtime can have two.
    #[must_use]
    pub fn marked<N>(self) -> Sqlite<N> {
        let of_event_store = self.of_event_store;
        Sqlite { of_event_store, ..Sqlite::of_file(self.file, self.options) }
    }

    /// Opens a connection that can only read, for the application's own queries. It is the
    /// caller's, and sees whole batches only.
    ///
    /// # Errors
    /// Fails when the file cannot be opened.
    pub fn connect(&self) -> Result<Connection, StoreError> {
        self.file.connect_reader(self.options)
    }

    /// Returns the size of the write-ahead log in bytes; 0 where there is none.
    #[must_use]
    pub fn wal_bytes(&self) -> u64 {
        self.file.wal_bytes()
    }

    fn read<T>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.file.read(self.options, look)
    }
}

impl<M> Clone for Sqlite<M> {
    fn clone(&self) -> Self {
        let of_event_store = self.of_event_store;
        Self { of_event_store, ..Self::of_file(Arc::clone(&self.file), self.options) }
    }
}

impl<M> fmt::Debug for Sqlite<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("file", &self.file.label()).finish_non_exhaustive()
    }
}

/// An open transaction on a file. Dropping it rolls back.
#[derive(Debug)]
pub struct SqliteSession {
    // Before `turn`, which gives the connection back when it is dropped.
    rows: RowSets,
    turn: Turn,
    fault: Mutex<Fault>,
    has_savepoint: bool,
}

/// Whether a [`SqliteTx`] met a failure of the storage.
#[derive(Debug)]
enum Fault {
    None,
    Met(StoreError),
    /// It was told to the runner already.
    Told,
}

impl SqliteSession {
    /// Lets handlers into a transaction that has just begun, or is an append's.
    pub(super) fn of(turn: Turn) -> Result<Self, StoreError> {
        let access = SqliteRows::of(&turn)?;
        turn.admit_handlers(true);
        let rows = RowSets::blocking(Arc::new(access));
        Ok(Self { rows, turn, fault: Mutex::new(Fault::None), has_savepoint: false })
    }

    /// Ends what handlers may do, before a commit.
    pub(super) fn into_turn(mut self) -> Result<Turn, StoreError> {
        self.unharmed()?;
        let Self { turn, .. } = self;
        turn.admit_handlers(false);
        Ok(turn)
    }

    /// Makes sure that no statement of the transaction has met a failure of the storage.
    fn unharmed(&mut self) -> Result<(), StoreError> {
        match std::mem::replace(self.fault.get_mut(), Fault::None) {
            Fault::None => Ok(()),
            Fault::Met(error) => Err(error),
            Fault::Told => Err(failed_before(self.turn.label())),
        }
    }

    #[inline]
    pub(super) fn connection(&self) -> InUse<'_> {
        self.turn.connection()
    }

    /// Keeps the first failure, of which the others are consequences.
    pub(super) fn remember(&self, error: rusqlite::Error) {
        self.keep(store_error("write to", self.turn.label(), error));
    }

    fn keep(&self, error: StoreError) {
        let mut fault = self.fault.lock();
        if matches!(*fault, Fault::None) {
            *fault = Fault::Met(error);
        }
    }

    pub(super) fn guard(&self) -> &Arc<Guard> {
        self.turn.guard()
    }

    /// Returns why the last statement was not authorized, where there is more to say than usual.
    pub(super) fn take_denied(&self) -> Option<String> {
        self.guard().take_denied()
    }

    /// Writes the rows that a query could see.
    #[inline]
    pub(super) fn flush_rows(&self) {
        if !self.rows.is_empty()
            && let Err(error) = self.rows.flush_before_query()
        {
            self.rows.failed(error);
        }
    }

    /// Runs statements of the library's own, between those of handlers.
    pub(super) fn own<T>(&mut self, work: impl FnOnce(&Connection, &str) -> T) -> T {
        self.turn.admit_handlers(false);
        let outcome = work(&self.turn.connection(), self.turn.label());
        self.turn.admit_handlers(true);
        outcome
    }
}

impl<M: 'static> Storage for Sqlite<M> {
    type Session = SqliteSession;
    type Execution = Blocking;
    const LABEL: &'static str = "Sqlite";
    const TRANSACTION: &'static str = "SqliteTx<'_>";

    fn label(&self) -> String {
        self.file.label().to_owned()
    }

    fn verdict(error: &(dyn std::error::Error + 'static)) -> Option<Verdict> {
        verdict(error.downcast_ref()?)
    }

    fn row_reads(&self) -> Option<Arc<dyn RowReads>> {
        Some(self.reads())
    }

    fn changes(&self) -> Option<Box<dyn Changes>> {
        let (file, options) = (Arc::clone(&self.file), self.options);
        let commits = file.watch().commits();
        Some(Box::new(SqliteChanges { file, options, commits }))
    }

    fn presences(&self) -> Option<Arc<dyn PresenceStore>> {
        Some(SqlitePresences::of(&self.file, self.options))
    }

    fn requests(&self) -> Option<Arc<dyn RequestStore>> {
        Some(SqliteRequests::of(&self.file, self.options))
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        Some(SqliteSnapshots::of(&self.file, self.options))
    }

    fn inline(&self) -> Option<Arc<dyn Appends<SqliteSession>>> {
        let (file, shared) = (Arc::clone(&self.file), self.of_event_store);
        self.file.holds_events().then(|| Arc::new(FileAppends { file, shared }) as _)
    }

    #[inline]
    fn check(session: &mut SqliteSession) -> Result<(), SessionFault> {
        let fault = session.fault.get_mut();
        if let Fault::Met(_) = fault
            && let Fault::Met(error) = std::mem::replace(fault, Fault::Told)
        {
            return Err(SessionFault::Storage(error));
        }
        if session.turn.is_intact() { Ok(()) } else { Err(SessionFault::LeftTransaction) }
    }

    #[inline]
    fn rows(session: &mut SqliteSession) -> Option<&mut RowSets> {
        Some(&mut session.rows)
    }
}

impl<M: 'static> RowStorage for Sqlite<M> {
    #[inline]
    fn row_sets(session: &SqliteSession) -> &RowSets {
        &session.rows
    }
}

impl<M: 'static> BlockingStorage for Sqlite<M> {
    fn begin(&self) -> Result<SqliteSession, StoreError> {
        SqliteSession::of(Turn::begin(&self.file, self.options)?)
    }

    fn setup(&self, session: &mut SqliteSession) -> Result<(), StoreError> {
        session.own(schema::create_checkpoints)
    }

    fn interrupt(&self, session: &SqliteSession) -> Option<Interrupt> {
        let handle = session.connection().get_interrupt_handle();
        Some(Box::new(move || handle.interrupt()))
    }

    fn reset(&self, session: &mut SqliteSession, key: &CheckpointKey) -> Result<(), StoreError> {
        session.own(|connection, label| letters::reset(connection, label, key))
    }

    fn parked(
        &self,
        session: &mut SqliteSession,
        key: &CheckpointKey,
    ) -> Result<Vec<ParkedKey>, StoreError> {
        session.own(|connection, label| letters::parked(connection, label, key))
    }

    fn load(
        &self,
        session: &mut SqliteSession,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        session.own(|connection, label| {
            checkpoint::load(connection, key)
                .map_err(|error| store_error("read the checkpoint from", label, error))
        })
    }

    fn commit(
        &self,
        mut session: SqliteSession,
        write: &CheckpointWrite,
    ) -> Result<(), CommitError> {
        session.unharmed()?;
        let guard = Arc::clone(session.guard());
        let is_as_expected = session.own(|connection, label| {
            let is_as_expected = checkpoint::compare_and_set(connection, write)
                .map_err(|error| store_error("write the checkpoint to", label, error))?;
            let is_first = match &write.answer {
                Some(answer) if is_as_expected => requests::answer(connection, label, answer)?,
                _ => is_as_expected,
            };
            if is_first {
                inline::record(connection, label, &guard, write)?;
                letters::write(connection, label, &write.key, &write.letters)?;
            }
            Ok::<_, StoreError>(is_first)
        })?;
        if !is_as_expected {
            return Err(CommitError::Conflict);
        }
        session.turn.commit().map_err(Into::into)
    }

    fn commit_alone(&self, mut session: SqliteSession) -> Result<(), StoreError> {
        session.unharmed()?;
        session.turn.commit().map_err(Uncommitted::into_error)
    }

    fn rollback(&self, session: SqliteSession) -> Result<(), StoreError> {
        let SqliteSession { rows, turn, .. } = session;
        // Where the connection has to be given up, nothing else may hold it.
        drop(rows);
        turn.rollback()
    }

    fn savepoint(&self, session: &mut SqliteSession) -> Result<bool, StoreError> {
        let is_first = !std::mem::replace(&mut session.has_savepoint, true);
        session.own(|connection, label| {
            writer::set_savepoint(connection, is_first)
                .map(|()| true)
                .map_err(|error| store_error("set a savepoint in", label, error))
        })
    }

    fn back_to_savepoint(&self, session: &mut SqliteSession) -> Result<(), StoreError> {
        session.own(|connection, label| {
            writer::back_to_savepoint(connection)
                .map_err(|error| store_error("go back to a savepoint in", label, error))
        })
    }

    fn checkpoints(&self, namespace: &str) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        self.read(|connection| {
            let label = self.file.label();
            let kind = schema::checkpoints(connection, label)?;
            if kind == schema::Checkpoints::Missing {
                return Ok(Vec::new());
            }
            checkpoint::list(connection, namespace, kind)
                .map_err(|error| store_error("read the checkpoints from", label, error))
        })
    }

    fn letters(&self, key: &CheckpointKey, query: &LetterQuery) -> Result<Vec<Letter>, StoreError> {
        self.read(|connection| letters::read(connection, self.file.label(), key, query))
    }

    fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError> {
        self.read(|connection| letters::parking(connection, self.file.label(), key))
    }
}

impl<M: 'static> ParameterMut<Sqlite<M>> for SqliteTx<'_> {
    type View<'a> = SqliteTx<'a>;

    #[inline]
    fn view(session: &SqliteSession) -> SqliteTx<'_> {
        SqliteTx::new(session)
    }
}

/// The commits to a file, by anybody.
struct SqliteChanges {
    // Before `file`: whoever waits for it goes before it does.
    commits: Commits,
    file: Arc<File>,
    options: SqliteOptions,
}

impl Changes for SqliteChanges {
    fn changed(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        let Self { commits, file, options } = self;
        let connect = || file.connect_reader(*options);
        Box::pin(file.watch().committed(commits, file.label(), connect))
    }
}

fn failed_before(label: &str) -> StoreError {
    let doing = format!("commit to {label}: a statement of the transaction had failed");
    StoreError::new(StoreErrorKind::Unavailable, doing)
}
