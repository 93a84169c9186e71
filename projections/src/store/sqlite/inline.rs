//! Inline projectors: which are active, and how an append runs them in its transaction.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use rusqlite::{Connection, Row, params};

use super::{
    checkpoint, error::store_error, file::File, guard::Guard, read, schema, storage::SqliteSession,
    writer::Turn,
};
use crate::{
    AppendError, Checkpoint, CheckpointKey, CheckpointWrite, Filter, Fingerprint, Page, ReadError,
    ReadRequest, RecordedState, Scanned, StoreError, StoreErrorKind,
    inline::{Appends, Database, Fault, Outcome, Participant, Writes},
};

type Member = dyn Participant<SqliteSession>;

/// The projectors that the appends of this process can run, while their runtimes live.
#[derive(Default)]
pub(super) struct Members(Mutex<Vec<Weak<Member>>>);

impl Members {
    fn join(&self, member: &Arc<Member>) {
        let mut members = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        members.retain(|member| member.strong_count() > 0);
        members.push(Arc::downgrade(member));
    }

    fn of(&self, key: &CheckpointKey) -> Vec<Arc<Member>> {
        let members = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = members.iter().filter_map(Weak::upgrade);
        alive.filter(|member| member.key() == key).collect()
    }
}

impl std::fmt::Debug for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Members")
    }
}

/// The appends to a file, for the runtime.
pub(super) struct FileAppends {
    pub(super) file: Arc<File>,
    /// Whether the storage was made by the event store.
    pub(super) shared: bool,
}

impl Appends<SqliteSession> for FileAppends {
    fn database(&self) -> Option<Database> {
        self.shared.then(|| Database::new(Arc::clone(&self.file)))
    }

    fn join(&self, projector: Arc<Member>) {
        self.file.members().join(&projector);
    }

    fn read(
        &self,
        session: &mut SqliteSession,
        request: ReadRequest<'_>,
    ) -> Result<Page, ReadError> {
        session.own(|connection, label| read::page(connection, label, request))
    }

    fn head(&self, session: &mut SqliteSession) -> Result<Option<Scanned>, StoreError> {
        session.own(|connection, label| {
            read::head(connection).map_err(|error| store_error("read", label, error))
        })
    }

    fn active(
        &self,
        session: &mut SqliteSession,
        key: &CheckpointKey,
    ) -> Result<Option<Fingerprint>, StoreError> {
        let all = session.own(list)?;
        Ok(all.into_iter().find(|active| active.key == *key).map(|active| active.code))
    }
}

/// A projector that every append must run.
struct Active {
    key: CheckpointKey,
    version: u32,
    code: Fingerprint,
}

/// Records, in the transaction of a checkpoint, whether appends run its projector.
pub(super) fn record(
    connection: &Connection,
    label: &str,
    guard: &Guard,
    write: &CheckpointWrite,
) -> Result<(), StoreError> {
    let failed = |error| store_error("write the inline projectors to", label, error);
    let CheckpointKey { namespace, projector, .. } = &write.key;
    if let Some(code) = write.inline {
        schema::create_inline(connection, label)?;
        let sql = "INSERT INTO main.projections_inline (namespace, projector, version, \
                   fingerprint_algorithm, fingerprint) VALUES (?1, ?2, ?3, ?4, ?5) \
                   ON CONFLICT (namespace, projector) DO UPDATE SET version = excluded.version, \
                   fingerprint_algorithm = excluded.fingerprint_algorithm, \
                   fingerprint = excluded.fingerprint";
        let (version, hash) = (write.next.version, code.hash.cast_signed());
        let values = params![namespace, projector, version, code.algorithm, hash];
        return connection
            .prepare_cached(sql)
            .and_then(|mut s| s.execute(values))
            .map(drop)
            .map_err(failed);
    }
    if guard.has_no_inline() {
        return Ok(());
    }
    if !schema::has_inline(connection, label)? {
        guard.set_no_inline();
        return Ok(());
    }
    let sql = "DELETE FROM main.projections_inline WHERE namespace = ?1 AND projector = ?2";
    let deleted =
        connection.prepare_cached(sql).and_then(|mut s| s.execute([namespace, projector]));
    deleted.map(drop).map_err(failed)
}

fn list(connection: &Connection, label: &str) -> Result<Vec<Active>, StoreError> {
    if !schema::has_inline(connection, label)? {
        return Ok(Vec::new());
    }
    let active = |row: &Row<'_>| {
        Ok(Active {
            key: CheckpointKey::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?),
            version: row.get(2)?,
            code: Fingerprint {
                algorithm: row.get(3)?,
                hash: row.get::<_, i64>(4)?.cast_unsigned(),
            },
        })
    };
    let select = || {
        connection
            .prepare_cached(
                "SELECT namespace, projector, version, fingerprint_algorithm, fingerprint \
                 FROM main.projections_inline ORDER BY namespace, projector",
            )?
            .query_map([], active)?
            .collect::<rusqlite::Result<_>>()
    };
    select().map_err(|error| store_error("read the inline projectors of", label, error))
}

/// The inline projectors of one append, each of which this program can run. Unless the append is
/// known to have committed, they forget what they keep in memory.
pub(super) struct Running {
    members: Vec<Arc<Member>>,
    /// Where the log ended before.
    head: Option<Scanned>,
    committed: bool,
}

impl Running {
    /// Finds those that are active, before anything is stored.
    pub(super) fn find(file: &File, connection: &Connection) -> Result<Option<Self>, AppendError> {
        let label = file.label();
        let active = list(connection, label)?;
        if active.is_empty() {
            return Ok(None);
        }
        // The checkpoints may be those of before, where no projector has started since.
        schema::create_checkpoints(connection, label)?;
        let members =
            active.iter().map(|active| member(file, active)).collect::<Result<Vec<_>, _>>()?;
        let head = read::head(connection).map_err(|error| store_error("read", label, error))?;
        Ok(Some(Self { members, head, committed: false }))
    }

    /// Runs them over the events that were stored in this transaction.
    pub(super) fn run(&self, turn: Turn, page: &Page, writes: Writes) -> Result<Turn, Fault> {
        let mut session = SqliteSession::of(turn)?;
        for member in &self.members {
            self.run_one(&**member, &mut session, page, writes)?;
        }
        Ok(session.into_turn()?)
    }

    fn run_one(
        &self,
        member: &Member,
        session: &mut SqliteSession,
        page: &Page,
        writes: Writes,
    ) -> Result<(), Fault> {
        let stored = stored(session, member.key())?;
        if stored.seen() == self.head {
            return apply(member, session, stored, page, writes).map(drop);
        }
        // A program that does not know of inline projectors has stored events. Those come first.
        let everything = Filter::all();
        let mut stored = stored;
        loop {
            let request = ReadRequest::new(stored.scanned, &everything).verifying(stored.seen());
            let page = session.own(|connection, label| read::page(connection, label, request));
            let page = page.map_err(|error| not_read(member.key(), error))?;
            if page.scanned().is_none() {
                return Ok(());
            }
            stored = apply(member, session, stored, &page, writes)?;
        }
    }

    /// The append is known to have committed.
    pub(super) fn committed(mut self) {
        self.committed = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let outcome = if self.committed { Outcome::Committed } else { Outcome::Lost };
        self.members.iter().for_each(|member| member.ended(outcome));
    }
}

/// Applies a page and writes its checkpoint, which it returns.
fn apply(
    member: &Member,
    session: &mut SqliteSession,
    stored: Checkpoint,
    page: &Page,
    writes: Writes,
) -> Result<Checkpoint, Fault> {
    let write = member.apply(session, stored, page, writes)?;
    let is_as_read = session.own(|connection, label| {
        checkpoint::compare_and_set(connection, &write)
            .map_err(|error| store_error("write the checkpoint to", label, error))
    })?;
    match is_as_read {
        true => Ok(write.next),
        false => Err(damaged(&write.key, "its checkpoint changed within one transaction").into()),
    }
}

fn stored(session: &mut SqliteSession, key: &CheckpointKey) -> Result<Checkpoint, Fault> {
    let stored = session.own(|connection, label| {
        checkpoint::load(connection, key)
            .map_err(|error| store_error("read the checkpoint from", label, error))
    })?;
    match stored {
        Some(stored) if stored.state == RecordedState::Inline => Ok(stored),
        _ => Err(damaged(
            key,
            "the checkpoint beside it is missing or says otherwise; without a backup, delete its row in `projections_inline` and rebuild the projector",
        )
        .into()),
    }
}

fn damaged(key: &CheckpointKey, what: &str) -> StoreError {
    let doing = format!("run projector `{}` in the append: {what}", full_name(key));
    StoreError::new(StoreErrorKind::Corrupt, doing)
}

fn not_read(key: &CheckpointKey, error: ReadError) -> AppendError {
    match error {
        ReadError::Store(error) => error.into(),
        diverged => AppendError::NotRun {
            projector: full_name(key),
            reason: format!("{diverged}; restore the log, or rebuild the projector"),
        },
    }
}

/// Finds the projector in this process, in the code that is recorded.
fn member(file: &File, active: &Active) -> Result<Arc<Member>, AppendError> {
    let members = file.members().of(&active.key);
    let runs = |member: &&Arc<Member>| {
        member.version() == active.version && member.fingerprint() == active.code
    };
    if let Some(member) = members.iter().find(runs) {
        return Ok(Arc::clone(member));
    }
    let reason = match members.first() {
        None => "this program does not have it: append through a program whose runtime is built with it, or run the projector with `mode = \"async\"`".to_owned(),
        Some(other) => format!(
            "this program has other code of it (version {}, code {}; recorded is version {}, code {}): append through the program that ran it last, or run this one's projections, which takes it over",
            other.version(),
            other.fingerprint(),
            active.version,
            active.code
        ),
    };
    Err(AppendError::NotRun { projector: full_name(&active.key), reason })
}

fn full_name(CheckpointKey { namespace, projector, .. }: &CheckpointKey) -> String {
    if namespace.is_empty() { projector.clone() } else { format!("{namespace}/{projector}") }
}
