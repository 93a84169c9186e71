//! [`MemoryStorage`]: an async, transactional storage whose failures are scripted.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::watch;

use self::{
    rows::{Check, MemoryRows},
    script::{Outcome, Script},
    session::Contents,
};
pub use self::{
    script::Call,
    session::{MemorySession, MemoryTx},
};
use crate::{
    Async, AsyncStorage, Changes, Checkpoint, CheckpointKey, CheckpointWrite, CommitError, Letter,
    LetterQuery, ParameterMut, ParkedKey, Parking, PresenceStore, Previous, RequestStore,
    SnapshotStore, Storage, StoreError, StoreErrorKind,
    engine::BoxFuture,
    letters::Letters,
    presence::MemoryPresences,
    requests::MemoryRequests,
    rows::{OwnedValue, RowSets, RowStorage},
    snapshot::MemorySnapshots,
};

mod rows;
mod script;
mod session;
mod table;

/// Versions that [`MemoryStorage::set_back`] can return to.
const KEPT_VERSIONS: usize = 256;

/// An async storage in memory, for tests: tables of JSON values, and checkpoints.
///
/// It keeps the rules of a database: one writer at a time, rows and checkpoint become visible
/// together, a transaction that is dropped leaves nothing. What can go wrong with a database is
/// scripted: the nth call [fails](Self::fail), the nth commit [happens and reports
/// failure](Self::commit_and_fail) or [reports success and did not happen](Self::pretend_to_commit),
/// and committed work [is lost again](Self::set_back). Clones share everything.
///
/// A handler takes [`&mut MemoryTx<'_>`](MemoryTx), or [`&mut Rows<T>`](crate::Rows), whose tables
/// it keeps as a storage behind a network does: [`stored_rows`](Self::stored_rows) shows them, and
/// [`row_calls`](Self::row_calls) counts the queries.
///
/// ```
/// use projections::{AsyncStorage, StoreErrorKind, testing::{Call, MemoryStorage}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let storage = MemoryStorage::new();
/// let session = storage.begin().await?;
/// let mut tx = session.tx();
/// tx.set("totals", "alice", 7);
/// assert_eq!(tx.get("totals", "alice"), Some(7.into()));
/// drop(tx);
/// storage.rollback(session).await?;
/// assert!(storage.rows("totals").is_empty());
///
/// storage.fail(Call::Begin, 1, StoreErrorKind::Unavailable);
/// assert!(storage.begin().await.is_err());
/// assert!(storage.begin().await.is_ok());
/// assert_eq!(storage.calls(Call::Begin), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryStorage {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Held by the one open session.
    writer: Arc<tokio::sync::Mutex<()>>,
    committed: Mutex<Committed>,
    script: Mutex<Script>,
    checks: Mutex<BTreeMap<String, Vec<Check>>>,
    snapshots: MemorySnapshots,
    presences: MemoryPresences,
    requests: MemoryRequests,
}

/// What is committed now, and before.
#[derive(Default)]
struct Committed {
    now: Contents,
    before: Vec<Contents>,
    /// Raised by everything that changes `now`, so that a session can tell that its base is gone.
    version: u64,
    /// The version, for those who wait for the next one.
    raised: watch::Sender<u64>,
}

impl MemoryStorage {
    /// Makes an empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the committed rows of a table, by key.
    #[must_use]
    pub fn rows(&self, table: &str) -> BTreeMap<String, Value> {
        self.committed().now.rows(table)
    }

    /// Makes the `nth` such call from now on fail without doing anything; 1 is the next one.
    pub fn fail(&self, call: Call, nth: u64, kind: StoreErrorKind) {
        self.script().add(call, nth, Outcome::Fail(kind));
    }

    /// Makes the `nth` commit from now on happen and report failure, as where the connection is
    /// lost before the answer; 1 is the next one.
    pub fn commit_and_fail(&self, nth: u64) {
        self.script().add(Call::Commit, nth, Outcome::CommitAndFail);
    }

    /// Makes the `nth` commit from now on report success without happening, as where a server
    /// that did not write to disk fails over; 1 is the next one.
    pub fn pretend_to_commit(&self, nth: u64) {
        self.script().add(Call::Commit, nth, Outcome::Pretend);
    }

    /// Takes the last commits back, rows and checkpoints, as where a backup is restored: at most
    /// all of them, or 256. A session that is open then cannot commit. Returns how many it were.
    pub fn set_back(&self, commits: usize) -> usize {
        let mut committed = self.committed();
        let kept = committed.before.len().saturating_sub(commits);
        let taken_back = committed.before.split_off(kept);
        if let Some(earlier) = taken_back.first() {
            committed.now = earlier.clone();
            committed.raise();
        }
        taken_back.len()
    }

    /// Returns how often a call was made, failures included.
    #[must_use]
    pub fn calls(&self, call: Call) -> u64 {
        self.script().count(call)
    }

    /// Returns how often a call was made for the rows of a table, failures included.
    #[must_use]
    pub fn row_calls(&self, call: Call, table: &str) -> u64 {
        self.script().count_of(call, table)
    }

    /// Returns the committed rows of a declared table in their stored form, in the order of their
    /// keys.
    #[must_use]
    pub fn stored_rows(&self, table: &str) -> Vec<Vec<OwnedValue>> {
        let committed = self.committed();
        committed.now.row_tables.get(table).map(|table| table.all()).unwrap_or_default()
    }

    /// Has a declared table refuse the rows of which `is_allowed` is false, as where an application
    /// has added a `CHECK` to it.
    pub fn check_rows(
        &self,
        table: &str,
        is_allowed: impl Fn(&[OwnedValue]) -> bool + Send + Sync + 'static,
    ) {
        let mut checks = self.shared.checks.lock().unwrap_or_else(PoisonError::into_inner);
        checks.entry(table.to_owned()).or_default().push(Arc::new(is_allowed));
    }

    /// Counts a call for the rows of a table, which can only succeed or fail.
    fn attempt_rows(&self, call: Call, table: &str) -> Result<(), StoreError> {
        match self.script().next_of(call, table) {
            Outcome::Fail(kind) => Err(scripted(kind, call)),
            Outcome::CommitAndFail | Outcome::Pretend | Outcome::Succeed => Ok(()),
        }
    }

    fn checks(&self, table: &str) -> Vec<Check> {
        let checks = self.shared.checks.lock().unwrap_or_else(PoisonError::into_inner);
        checks.get(table).cloned().unwrap_or_default()
    }

    /// Counts a call and says how it is to end.
    fn next(&self, call: Call) -> Outcome {
        self.script().next(call)
    }

    /// Counts a call that can only succeed or fail.
    fn attempt(&self, call: Call) -> Result<(), StoreError> {
        match self.next(call) {
            Outcome::Fail(kind) => Err(scripted(kind, call)),
            Outcome::CommitAndFail | Outcome::Pretend | Outcome::Succeed => Ok(()),
        }
    }

    /// Commits a session, as the test asked for.
    fn commit_if<E: From<StoreError>>(
        &self,
        session: MemorySession,
        complete: impl FnOnce(&mut Contents) -> Result<(), E>,
    ) -> Result<(), E> {
        let outcome = self.next(Call::Commit);
        match outcome {
            Outcome::Fail(kind) => return Err(scripted(kind, Call::Commit).into()),
            Outcome::Pretend => return Ok(()),
            Outcome::CommitAndFail | Outcome::Succeed => {}
        }
        let mut committed = self.committed();
        if committed.version != session.version {
            return Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "commit to the storage in memory: it was set back under the transaction",
            )
            .into());
        }
        let mut contents = session.contents.lock();
        complete(&mut contents)?;
        committed.replace(std::mem::take(&mut contents));
        match outcome {
            Outcome::CommitAndFail => {
                Err(scripted(StoreErrorKind::Unavailable, Call::Commit).into())
            }
            _ => Ok(()),
        }
    }

    // A poisoned lock is taken all the same: what it guards is replaced whole.
    fn committed(&self) -> MutexGuard<'_, Committed> {
        self.shared.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage")
            .field("version", &self.committed().version)
            .finish_non_exhaustive()
    }
}

impl Storage for MemoryStorage {
    type Session = MemorySession;
    type Execution = Async;
    const LABEL: &'static str = "MemoryStorage";
    const TRANSACTION: &'static str = "MemoryTx<'_>";

    fn label(&self) -> String {
        "memory".to_owned()
    }

    fn changes(&self) -> Option<Box<dyn Changes>> {
        Some(Box::new(MemoryChanges(self.committed().raised.subscribe())))
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        Some(Arc::new(self.shared.snapshots.clone()))
    }

    fn presences(&self) -> Option<Arc<dyn PresenceStore>> {
        Some(Arc::new(self.shared.presences.clone()))
    }

    fn requests(&self) -> Option<Arc<dyn RequestStore>> {
        Some(Arc::new(self.shared.requests.clone()))
    }

    fn rows(session: &mut MemorySession) -> Option<&mut RowSets> {
        Some(&mut session.rows)
    }
}

/// The commits to a storage in memory.
struct MemoryChanges(watch::Receiver<u64>);

impl Changes for MemoryChanges {
    fn changed(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            self.0.changed().await.map_err(|closed| {
                let doing = "watch the storage in memory: all of its handles are gone";
                StoreError::new(StoreErrorKind::Other, doing).with_source(closed)
            })
        })
    }
}

impl RowStorage for MemoryStorage {
    fn row_sets(session: &MemorySession) -> &RowSets {
        &session.rows
    }
}

impl AsyncStorage for MemoryStorage {
    async fn begin(&self) -> Result<MemorySession, StoreError> {
        self.attempt(Call::Begin)?;
        let writer = Arc::clone(&self.shared.writer).lock_owned().await;
        let committed = self.committed();
        let contents = Arc::new(parking_lot::Mutex::new(committed.now.clone()));
        let rows = RowSets::network(Arc::new(MemoryRows::new(self, &contents)));
        Ok(MemorySession::new(contents, rows, committed.version, writer))
    }

    async fn setup(&self, _session: &mut MemorySession) -> Result<(), StoreError> {
        self.attempt(Call::Setup)
    }

    async fn load(
        &self,
        session: &mut MemorySession,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.attempt(Call::Load)?;
        Ok(session.contents.lock().checkpoints.get(key).cloned())
    }

    async fn reset(
        &self,
        session: &mut MemorySession,
        key: &CheckpointKey,
    ) -> Result<(), StoreError> {
        self.attempt(Call::Reset)?;
        session.contents.lock().letters.remove(key);
        Ok(())
    }

    async fn parked(
        &self,
        session: &mut MemorySession,
        key: &CheckpointKey,
    ) -> Result<Vec<ParkedKey>, StoreError> {
        let contents = session.contents.lock();
        Ok(contents.letters.get(key).map(Letters::parked).unwrap_or_default())
    }

    async fn commit(
        &self,
        session: MemorySession,
        write: &CheckpointWrite,
    ) -> Result<(), CommitError> {
        self.commit_if(session, |contents| {
            let checkpoints = &mut contents.checkpoints;
            if checkpoints.get(&write.key).map(Previous::from) != write.previous {
                return Err(CommitError::Conflict);
            }
            if let Some(answer) = &write.answer {
                if !self.shared.requests.waits(answer.id) {
                    return Err(CommitError::Conflict);
                }
                self.shared.requests.answer(answer);
            }
            checkpoints.insert(write.key.clone(), write.next.clone());
            if !write.letters.is_empty() {
                contents.letters.entry(write.key.clone()).or_default().write(&write.letters);
            }
            Ok(())
        })
    }

    async fn commit_alone(&self, session: MemorySession) -> Result<(), StoreError> {
        self.commit_if(session, |_| Ok(()))
    }

    async fn rollback(&self, session: MemorySession) -> Result<(), StoreError> {
        drop(session);
        self.attempt(Call::Rollback)
    }

    async fn checkpoints(
        &self,
        namespace: &str,
    ) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        self.attempt(Call::Checkpoints)?;
        let committed = self.committed();
        let all = committed.now.checkpoints.iter();
        let own = all.filter(|(key, _)| key.namespace == namespace);
        Ok(own.map(|(key, checkpoint)| (key.clone(), checkpoint.clone())).collect())
    }

    async fn letters(
        &self,
        key: &CheckpointKey,
        query: &LetterQuery,
    ) -> Result<Vec<Letter>, StoreError> {
        self.attempt(Call::Letters)?;
        let committed = self.committed();
        Ok(committed.now.letters.get(key).map(|letters| letters.read(query)).unwrap_or_default())
    }

    async fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError> {
        self.attempt(Call::Letters)?;
        let committed = self.committed();
        Ok(committed.now.letters.get(key).map(Letters::parking).unwrap_or_default())
    }
}

impl ParameterMut<MemoryStorage> for MemoryTx<'_> {
    type View<'a> = MemoryTx<'a>;

    fn view(session: &MemorySession) -> MemoryTx<'_> {
        session.tx()
    }
}

impl Committed {
    fn replace(&mut self, contents: Contents) {
        let earlier = std::mem::replace(&mut self.now, contents);
        if self.before.len() == KEPT_VERSIONS {
            self.before.remove(0);
        }
        self.before.push(earlier);
        self.raise();
    }

    fn raise(&mut self) {
        self.version += 1;
        self.raised.send_replace(self.version);
    }
}

fn scripted(kind: StoreErrorKind, call: Call) -> StoreError {
    StoreError::new(kind, format!("{call} in the storage in memory: the test asked for a failure"))
}
