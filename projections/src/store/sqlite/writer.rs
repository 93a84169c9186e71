//! The one writing connection of a file in this process, and the queue in front of it.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use parking_lot::{ReentrantMutex, ReentrantMutexGuard};
use rusqlite::Connection;

use super::{
    error::{is_refusal, store_error},
    file::File,
    guard::Guard,
    options::SqliteOptions,
    rows::Plans,
};
use crate::{CommitError, StoreError, StoreErrorKind};

/// What begins and ends each transaction is prepared once. A handler that runs such a statement
/// must not meet these, which were let through: hence their own texts.
const BEGIN: &str = "BEGIN IMMEDIATE -- the library's own";
pub(super) const COMMIT: &str = "COMMIT -- the library's own";

/// Of the library: handlers may set their own inside it.
const SAVEPOINT: &str = "SAVEPOINT projections_batch";
const RELEASE: &str = "RELEASE projections_batch";
const BACK_TO_SAVEPOINT: &str = "ROLLBACK TO projections_batch";

/// Sets the savepoint of a transaction, in place of the one before, if there is one.
pub(super) fn set_savepoint(connection: &Connection, is_first: bool) -> rusqlite::Result<()> {
    if !is_first {
        run(connection, RELEASE)?;
    }
    run(connection, SAVEPOINT)
}

/// Undoes what was written since the savepoint.
pub(super) fn back_to_savepoint(connection: &Connection) -> rusqlite::Result<()> {
    run(connection, BACK_TO_SAVEPOINT)
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// Whose turn it is, first come, first served, and the connection while nobody has it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    line: Mutex<Line>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Line {
    /// Tickets in order of arrival; the first one has the turn.
    tickets: VecDeque<u64>,
    next: u64,
    /// The thread that has the turn, for messages.
    holder: String,
    /// `None` while somebody writes, and after a connection had to be given up.
    writer: Option<Writer>,
}

/// A connection that several views of one transaction use, all of them on one thread.
pub(super) type SharedConnection = Arc<ReentrantMutex<Connection>>;

/// A connection in use.
pub(super) type InUse<'a> = ReentrantMutexGuard<'a, Connection>;

/// The writing connection.
#[derive(Debug)]
pub(super) struct Writer {
    /// Shared with the rows of the open transaction, which are loaded while a handler has it.
    connection: SharedConnection,
    guard: Arc<Guard>,
    plans: Arc<Plans>,
    durable: bool,
}

impl Writer {
    pub(super) fn new(mut connection: Connection) -> rusqlite::Result<Self> {
        let guard = Guard::install(&mut connection)?;
        connection.set_prepared_statement_cache_capacity(512);
        connection.execute_batch("PRAGMA synchronous = NORMAL")?;
        let connection = Arc::new(ReentrantMutex::new(connection));
        Ok(Self { connection, guard, plans: Arc::default(), durable: false })
    }

    fn connection(&self) -> InUse<'_> {
        self.connection.lock()
    }

    fn roll_back(&self) -> rusqlite::Result<()> {
        self.guard.admit_handlers(false);
        let connection = self.connection();
        if connection.is_autocommit() {
            return Ok(());
        }
        connection.execute_batch("ROLLBACK")
    }

    /// Every commit of an event store's file is synced before it is acknowledged.
    fn set_durable(&mut self, durable: bool) -> rusqlite::Result<()> {
        if self.durable != durable {
            let batch = if durable {
                "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON"
            } else {
                "PRAGMA synchronous = NORMAL; PRAGMA fullfsync = OFF"
            };
            self.connection().execute_batch(batch)?;
            self.durable = durable;
        }
        Ok(())
    }
}

impl Queue {
    pub(super) fn new(writer: Writer) -> Self {
        let line = Line { writer: Some(writer), ..Line::default() };
        Self { line: Mutex::new(line), moved: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        // Nothing panics while it is held.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many stand in line behind the one that has the turn.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().tickets.len().saturating_sub(1)
    }

    /// Waits for the turn and takes the connection with it.
    fn enter(&self, label: &str, options: SqliteOptions) -> Result<Option<Writer>, StoreError> {
        let deadline = Instant::now() + options.queue_timeout;
        let mut line = self.lock();
        let ticket = line.next;
        line.next += 1;
        line.tickets.push_back(ticket);
        while line.tickets.front() != Some(&ticket) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                line.tickets.retain(|other| *other != ticket);
                self.moved.notify_all();
                return Err(still_waiting(label, &line.holder, options));
            }
            line = self.moved.wait_timeout(line, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        line.holder = std::thread::current().name().unwrap_or("unnamed").to_owned();
        Ok(line.writer.take())
    }

    /// Gives the turn to the next in line.
    fn leave(&self, writer: Option<Writer>) {
        let mut line = self.lock();
        line.writer = writer;
        line.tickets.pop_front();
        drop(line);
        self.moved.notify_all();
    }
}

fn still_waiting(label: &str, holder: &str, options: SqliteOptions) -> StoreError {
    let doing = format!(
        "write to {label}: waited {:?} behind the thread `{holder}` of this process; try again, or raise `queue_timeout`",
        options.queue_timeout
    );
    StoreError::new(StoreErrorKind::Busy, doing)
}

/// A turn to write: the connection with an open transaction. Dropping it rolls back.
#[derive(Debug)]
pub(super) struct Turn {
    file: Arc<File>,
    /// `Some` from the end of `begin` until it is dropped.
    writer: Option<Writer>,
}

/// A commit that did not happen, or may not have.
pub(super) enum Uncommitted {
    Certain(StoreError),
    /// What the transaction holds cannot be committed: a deferred constraint.
    Refused(StoreError),
    Unknown(StoreError),
}

impl Uncommitted {
    pub(super) fn into_error(self) -> StoreError {
        match self {
            Self::Certain(error) | Self::Refused(error) | Self::Unknown(error) => error,
        }
    }
}

impl From<Uncommitted> for CommitError {
    fn from(uncommitted: Uncommitted) -> Self {
        match uncommitted {
            Uncommitted::Refused(error) => Self::Refused(error.into()),
            other => Self::Store(other.into_error()),
        }
    }
}

impl Turn {
    /// Waits for the turn and begins a transaction that may write from its first statement on, so
    /// that it never fails half-way because another process came first.
    pub(super) fn begin(file: &Arc<File>, options: SqliteOptions) -> Result<Self, StoreError> {
        Self::begin_with(file, options, file.holds_events())
    }

    /// As [`begin`](Self::begin), with a commit that is synced.
    pub(super) fn begin_durable(
        file: &Arc<File>,
        options: SqliteOptions,
    ) -> Result<Self, StoreError> {
        Self::begin_with(file, options, true)
    }

    fn begin_with(
        file: &Arc<File>,
        options: SqliteOptions,
        durable: bool,
    ) -> Result<Self, StoreError> {
        let writer = file.queue().enter(file.label(), options)?;
        // From here on dropping `turn` gives the turn back.
        let mut turn = Self { file: Arc::clone(file), writer };
        file.check_in_place()?;
        if turn.writer.is_none() {
            turn.writer = Some(file.connect_writer(options)?);
        }
        let failed = |error| store_error("write to", file.label(), error);
        turn.writer_mut().set_durable(durable).map_err(failed)?;
        let writer = turn.writer();
        writer.guard.reset(file.holds_events());
        run(&writer.connection(), BEGIN).map_err(failed)?;
        Ok(turn)
    }

    fn writer(&self) -> &Writer {
        match &self.writer {
            Some(writer) => writer,
            None => unreachable!("`begin` sets it, and only `drop` takes it"),
        }
    }

    fn writer_mut(&mut self) -> &mut Writer {
        match &mut self.writer {
            Some(writer) => writer,
            None => unreachable!("`begin` sets it, and only `drop` takes it"),
        }
    }

    #[inline]
    pub(super) fn connection(&self) -> InUse<'_> {
        self.writer().connection()
    }

    pub(super) fn guard(&self) -> &Arc<Guard> {
        &self.writer().guard
    }

    /// Returns what rows load and write through.
    pub(super) fn shared(&self) -> SharedConnection {
        Arc::clone(&self.writer().connection)
    }

    /// Returns the statements of rows on this connection.
    pub(super) fn plans(&self) -> Arc<Plans> {
        Arc::clone(&self.writer().plans)
    }

    pub(super) fn label(&self) -> &str {
        self.file.label()
    }

    /// Says whether the statements that follow are a handler's.
    pub(super) fn admit_handlers(&self, handlers: bool) {
        self.writer().guard.admit_handlers(handlers);
    }

    /// Tells whether the transaction is still the one that was begun.
    #[inline]
    pub(super) fn is_intact(&self) -> bool {
        let writer = self.writer();
        !writer.guard.left() && !writer.connection().is_autocommit()
    }

    /// Commits, and makes sure that it was a commit of the transaction that was begun.
    pub(super) fn commit(self) -> Result<(), Uncommitted> {
        self.commit_and(|| {})
    }

    /// As [`commit`](Self::commit); what is to be done then is done before the next writer's turn.
    pub(super) fn commit_and(self, then: impl FnOnce()) -> Result<(), Uncommitted> {
        let Writer { guard, .. } = self.writer();
        let connection = self.connection();
        let failed = |error| store_error("commit to", self.label(), error);
        if !self.is_intact() {
            return Err(Uncommitted::Certain(ended(self.label())));
        }
        guard.admit_handlers(false);
        guard.admit_commit(true);
        let outcome = run(&connection, COMMIT);
        let let_through = guard.admit_commit(false);
        match outcome {
            Ok(()) if let_through && !guard.left() && connection.is_autocommit() => {
                then();
                Ok(())
            }
            Ok(()) => Err(Uncommitted::Certain(ended(self.label()))),
            Err(error) if !connection.is_autocommit() && is_refusal(&error) => {
                Err(Uncommitted::Refused(failed(error)))
            }
            // The transaction is still open, and is rolled back with the turn.
            Err(error) if !connection.is_autocommit() => Err(Uncommitted::Certain(failed(error))),
            // The commit's last record may have reached the disk.
            Err(error) => Err(Uncommitted::Unknown(failed(error))),
        }
    }

    /// Rolls back.
    pub(super) fn rollback(self) -> Result<(), StoreError> {
        self.writer().roll_back().map_err(|error| store_error("roll back in", self.label(), error))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let writer = self.writer.take().filter(|writer| {
            // A connection that cannot roll back is closed, which ends its transaction; the next
            // turn opens another one.
            let _ = writer.roll_back();
            writer.connection().is_autocommit()
        });
        self.file.queue().leave(writer);
    }
}

fn ended(label: &str) -> StoreError {
    let doing = format!("commit to {label}: the transaction was ended before");
    StoreError::new(StoreErrorKind::Other, doing)
}
