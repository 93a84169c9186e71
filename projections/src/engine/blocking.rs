//! The engine of blocking storages: a thread that owns the projector and runs whole batches.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, mpsc},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{
    Activated, Activation, Applied, Batch, BoxFuture, Engine, Execution, Identity, Make, Moving,
    Progress, Start, StartError, activation,
    apply::{self, Failure},
    inline::InlineProjector,
    is_live,
    limit::{answered, watch},
    rows::{self, KeptRows, RowUse},
    stages::Stage,
};
use crate::{
    Blocking, BlockingStorage, Checkpoint, CheckpointKey, CheckpointWrite, CommitError,
    Fingerprint, Handlers, Letter, LetterQuery, ParkedKey, Parking, Projector, ReadError,
    ReadRequest, RecordedState, StoreError, StoreErrorKind, Verdict, inline::Database,
    read::RowReads, registry::StorageKind,
};

impl<S: BlockingStorage> Execution<S> for Blocking {
    const KIND: StorageKind = StorageKind::Blocking;

    fn engine<P>(storage: S, name: &str, make: Make<P>) -> Box<dyn Engine>
    where
        P: Projector<Storage = S> + Handlers + Send + Sync + 'static,
    {
        Box::new(BlockingEngine {
            name: name.to_owned(),
            storage,
            make,
            jobs: None,
            used: Arc::default(),
            parked: Vec::new(),
            watched: false,
        })
    }

    fn checkpoints<'a>(
        storage: &'a S,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(CheckpointKey, Checkpoint)>, StoreError>> {
        let (storage, namespace) = (storage.clone(), namespace.to_owned());
        Box::pin(async move {
            tokio::task::spawn_blocking(move || storage.checkpoints(&namespace))
                .await
                .unwrap_or_else(|error| Err(gone().with_source(error)))
        })
    }

    fn now(storage: &S) -> BoxFuture<'_, Result<Timestamp, StoreError>> {
        let storage = storage.clone();
        Box::pin(async move {
            tokio::task::spawn_blocking(move || storage.now())
                .await
                .unwrap_or_else(|error| Err(gone().with_source(error)))
        })
    }

    fn letters<'a>(
        storage: &'a S,
        key: &'a CheckpointKey,
        query: &'a LetterQuery,
    ) -> BoxFuture<'a, Result<Vec<Letter>, StoreError>> {
        let (storage, key, query) = (storage.clone(), key.clone(), query.clone());
        Box::pin(async move {
            tokio::task::spawn_blocking(move || storage.letters(&key, &query))
                .await
                .unwrap_or_else(|error| Err(gone().with_source(error)))
        })
    }

    fn parking<'a>(
        storage: &'a S,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Parking, StoreError>> {
        let (storage, key) = (storage.clone(), key.clone());
        Box::pin(async move {
            tokio::task::spawn_blocking(move || storage.parking(&key))
                .await
                .unwrap_or_else(|error| Err(gone().with_source(error)))
        })
    }
}

/// A handler whose statement was stopped has so long to come back.
const GRACE: Duration = Duration::from_millis(500);

struct BlockingEngine<S, P> {
    name: String,
    storage: S,
    make: Make<P>,
    jobs: Option<mpsc::Sender<Job<S, P>>>,
    used: Arc<RowUse>,
    parked: Vec<ParkedKey>,
    /// Whether the watchdog knows where its batches are.
    watched: bool,
}

/// A checkpoint, and the keys that are parked.
type Loaded = (Option<Checkpoint>, Vec<ParkedKey>);

type Job<S, P> = Box<dyn FnOnce(&mut Worker<S, P>) + Send>;

/// What the thread owns.
pub(super) struct Worker<S, P> {
    pub(super) storage: S,
    pub(super) projector: P,
    pub(super) rows: KeptRows,
    /// Where a live projector is.
    place: Option<Checkpoint>,
}

impl<S, P> BlockingEngine<S, P>
where
    S: BlockingStorage,
    P: Projector<Storage = S> + Handlers + Send + Sync + 'static,
{
    /// Runs a job on the thread, which is started with the first one.
    async fn call<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&mut Worker<S, P>) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job<S, P> = Box::new(move |worker| {
            // The receiver is gone only where the runner was dropped.
            let _ = answer.send(job(worker));
        });
        if self.jobs()?.send(job).is_err() {
            // The projector could not be made. The next call tries it on a new thread.
            self.jobs = None;
            return Err(gone());
        }
        answered.await.map_err(|_| gone())
    }

    /// Applies a batch. Where one event takes longer than the limit its statement is stopped; where
    /// that is of no use, the event's index comes back, and the thread does not.
    async fn apply_within(
        &mut self,
        mut batch: Batch,
        progress: &Arc<Progress>,
        limit: Duration,
    ) -> Result<Applied, usize> {
        if !self.watched {
            watch(progress, limit);
            self.watched = true;
        }
        let answer = self.call(move |worker| {
            let applied = worker.apply(&mut batch);
            (applied, batch)
        });
        let mut answer = pin!(answer);
        let mut stopped = None;
        let answer = loop {
            let late = match answered(progress, answer.as_mut()).await {
                Ok(answer) => break answer,
                Err(late) => late,
            };
            if !progress.interrupt(late) {
                continue;
            }
            stopped = Some(late.index());
            match tokio::time::timeout(GRACE, answer.as_mut()).await {
                Ok(answer) => break answer,
                Err(_) if progress.is_at(late) => return Err(late.index()),
                // It has come back, and those after it are at work.
                Err(_) => {}
            }
        };
        Ok(answer.map_or_else(Applied::Store, |(applied, batch)| match (applied, stopped) {
            // Whoever fails after it may do so because its statement was stopped.
            (Applied::Event(..), Some(index)) => {
                Applied::Event(index, apply::timed_out(&batch, index, limit))
            }
            (applied, _) => applied,
        }))
    }

    fn jobs(&mut self) -> Result<&mpsc::Sender<Job<S, P>>, StoreError> {
        if self.jobs.is_none() {
            self.jobs = Some(self.spawn()?);
        }
        self.jobs.as_ref().ok_or_else(gone)
    }

    fn spawn(&self) -> Result<mpsc::Sender<Job<S, P>>, StoreError> {
        let (jobs, queue) = mpsc::channel::<Job<S, P>>();
        let (storage, make) = (self.storage.clone(), Arc::clone(&self.make));
        let used = Arc::clone(&self.used);
        std::thread::Builder::new()
            .name(format!("project {}", self.name))
            .spawn(move || {
                let rows = KeptRows::of::<P>(used);
                let mut worker = Worker { storage, projector: make(), rows, place: None };
                for job in queue {
                    // A panic in a handler is caught closer to it; one in a storage ends the job,
                    // whose caller then finds the answer missing.
                    let _ = catch_unwind(AssertUnwindSafe(|| job(&mut worker)));
                }
            })
            .map_err(|error| {
                StoreError::new(StoreErrorKind::Unavailable, "start a storage's thread")
                    .with_source(error)
            })?;
        Ok(jobs)
    }
}

fn gone() -> StoreError {
    StoreError::new(
        StoreErrorKind::Other,
        "go on after a panic in the storage, or where the projector was made",
    )
}

impl<S, P> Engine for BlockingEngine<S, P>
where
    S: BlockingStorage,
    P: Projector<Storage = S> + Handlers + Send + Sync + 'static,
{
    fn load<'a>(
        &'a mut self,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Checkpoint>, StoreError>> {
        let key = key.clone();
        Box::pin(async move {
            let (checkpoint, parked) = self.call(move |worker| worker.load(&key)).await??;
            self.parked = parked;
            Ok(checkpoint)
        })
    }

    fn start(&mut self, start: Start) -> BoxFuture<'_, Result<(), StartError>> {
        Box::pin(async move { self.call(move |worker| worker.start(start)).await? })
    }

    fn apply(&mut self, batch: Batch) -> BoxFuture<'_, Applied> {
        let progress = Arc::clone(&batch.progress);
        let limit = P::OPTIONS.timeout;
        Box::pin(async move {
            match self.apply_within(batch, &progress, limit).await {
                Ok(applied) => applied,
                Err(index) => {
                    self.jobs = None;
                    Applied::Stalled(index)
                }
            }
        })
    }

    fn save(&mut self, write: CheckpointWrite) -> BoxFuture<'_, Result<(), CommitError>> {
        Box::pin(async move { self.call(move |worker| worker.save(write)).await? })
    }

    fn parked(&mut self) -> Vec<ParkedKey> {
        std::mem::take(&mut self.parked)
    }

    fn letters<'a>(
        &'a mut self,
        key: &'a CheckpointKey,
        query: LetterQuery,
    ) -> BoxFuture<'a, Result<Vec<Letter>, StoreError>> {
        let key = key.clone();
        let read = move |worker: &mut Worker<S, P>| worker.storage.letters(&key, &query);
        Box::pin(async move { self.call(read).await? })
    }

    fn verdict(&self, error: &(dyn std::error::Error + 'static)) -> Option<Verdict> {
        S::verdict(error)
    }

    fn row_reads(&self) -> Option<Arc<dyn RowReads>> {
        self.storage.row_reads()
    }

    fn state(&self) -> Option<Arc<dyn std::any::Any + Send + Sync>> {
        None
    }

    fn row_use(&self) -> Option<Arc<RowUse>> {
        Some(Arc::clone(&self.used))
    }

    fn database(&self) -> Option<Database> {
        self.storage.inline()?.database()
    }

    fn join_appends(&self, identity: Identity) -> Option<Arc<dyn std::any::Any + Send + Sync>> {
        let appends = self.storage.inline()?;
        let projector =
            Arc::new(InlineProjector::<P>::new(identity, &self.make, Arc::clone(&self.used)));
        appends.join(Arc::clone(&projector) as _);
        Some(projector)
    }

    fn active<'a>(
        &'a mut self,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Fingerprint>, StoreError>> {
        let key = key.clone();
        Box::pin(async move { self.call(move |worker| worker.active(&key)).await? })
    }

    fn activate(&mut self, activation: Activation) -> BoxFuture<'_, Activated> {
        Box::pin(async move {
            let activated = self.call(move |worker| worker.activate(activation));
            activated.await.unwrap_or_else(Activated::Store)
        })
    }
}

impl<S, P> Worker<S, P>
where
    S: BlockingStorage,
    P: Projector<Storage = S> + Handlers,
{
    fn load(&mut self, key: &CheckpointKey) -> Result<Loaded, StoreError> {
        if is_live::<P>() {
            self.rows.loaded(self.place.as_ref());
            return Ok((self.place.clone(), Vec::new()));
        }
        // Until it is read.
        self.rows.loaded(None);
        let mut session = self.storage.begin()?;
        let loaded = self.look(&mut session, key);
        // Nothing was meant to be kept: a start creates the tables with the first checkpoint.
        self.storage.rollback(session)?;
        let loaded = loaded?;
        self.rows.loaded(loaded.0.as_ref());
        Ok(loaded)
    }

    fn look(&self, session: &mut S::Session, key: &CheckpointKey) -> Result<Loaded, StoreError> {
        self.storage.setup(session)?;
        Ok((self.storage.load(session, key)?, self.storage.parked(session, key)?))
    }

    fn start(&mut self, start: Start) -> Result<(), StartError> {
        // What follows is of another epoch.
        self.rows.forget();
        let mut session = self.storage.begin()?;
        self.storage.setup(&mut session)?;
        let mut start = self.after_appends(&mut session, start)?;
        self.rows.prepare::<S>(&mut session, &start)?;
        self.rows.lend::<S>(&mut session, false);
        for (call, _) in apply::hooks::<P>(start.reset) {
            apply::hook(&mut self.projector, call, &mut session)?;
        }
        if let Some(rows) = S::rows(&mut session) {
            rows.flush()?;
        }
        if start.reset {
            self.storage.reset(&mut session, &start.write.key)?;
        }
        self.rows.write_start::<S>(&mut session, &mut start.write);
        self.commit(session, &start.write).map_err(StartError::Commit)?;
        self.rows.started();
        Ok(())
    }

    fn apply(&mut self, batch: &mut Batch) -> Applied {
        let outcome = self.attempt_leniently(batch);
        match outcome.unwrap_or_else(|| self.attempt(batch, false)) {
            // Which event's row it is shows when each event's rows are written by themselves.
            Err(Failure::Refused(..)) if batch.events.len() > 1 => self.attempt(batch, true),
            outcome => outcome,
        }
        .unwrap_or_else(|failure| failure.into_applied(batch))
    }

    fn attempt(&mut self, batch: &mut Batch, by_event: bool) -> Result<Applied, Failure> {
        let mut session = self.storage.begin().map_err(Failure::Store)?;
        self.rows.lend::<S>(&mut session, by_event);
        batch.progress.interruptible(self.storage.interrupt(&session));
        let handled =
            batch.timed(Stage::Handle, || apply::apply(&mut self.projector, batch, &mut session));
        let last = batch.events.end - 1;
        let applied = handled
            .and_then(|()| batch.timed(Stage::Write, || rows::flush::<P>(last, &mut session)));
        batch.progress.interruptible(None);
        if let Err(failure) = applied {
            // A failed roll-back leaves nothing behind either: the session is gone with it.
            let _ = self.storage.rollback(session);
            self.rows.forget();
            return Err(failure);
        }
        self.rows.take_back::<S>(&mut session, &mut batch.write);
        batch.count_erased();
        let committed = batch.timed(Stage::Commit, || self.commit(session, &batch.write));
        match &committed {
            // Another process that runs a live projector writes its tables, too.
            Ok(()) if !is_live::<P>() => self.rows.committed(),
            _ => self.rows.forget(),
        }
        Ok(committed.into())
    }

    /// Commits with the checkpoint. That of a live projector is in memory.
    pub(super) fn commit(
        &mut self,
        session: S::Session,
        write: &CheckpointWrite,
    ) -> Result<(), CommitError> {
        if !is_live::<P>() {
            return self.storage.commit(session, write);
        }
        self.storage.commit_alone(session)?;
        self.place = Some(write.next.clone());
        Ok(())
    }

    fn save(&mut self, mut write: CheckpointWrite) -> Result<(), CommitError> {
        self.rows.write_alone(&mut write);
        if is_live::<P>() {
            self.place = Some(write.next);
            return Ok(());
        }
        let session = self.storage.begin()?;
        self.storage.commit(session, &write)
    }

    /// Brings a start up to date with what appends have done since it was decided on. They would
    /// else come in between again and again.
    fn after_appends(
        &mut self,
        session: &mut S::Session,
        mut start: Start,
    ) -> Result<Start, CommitError> {
        let Some(moving) = start.moving.take() else { return Ok(start) };
        let Some(now) = self.storage.load(session, &start.write.key)? else { return Ok(start) };
        let decided_by = start.write.previous.map(|previous| previous.epoch);
        if decided_by != Some(now.epoch) || now.state != RecordedState::Inline {
            return Ok(start); // which is then refused
        }
        if !start.reset && now.scanned > moving.scanned {
            self.none_passed(session, &moving, &now)?;
        }
        self.rows.loaded(Some(&now));
        start.write.previous = Some((&now).into());
        let next = &mut start.write.next;
        next.effects_mark = next.effects_mark.max(now.effects_mark);
        if !start.reset {
            (next.position, next.scanned) = (now.position, now.scanned);
            next.event_id = now.event_id;
        }
        Ok(start)
    }

    /// Refuses a start, which is then decided once more, where appends have passed events meanwhile
    /// that it is the first to subscribe to.
    fn none_passed(
        &self,
        session: &mut S::Session,
        moving: &Moving,
        now: &Checkpoint,
    ) -> Result<(), CommitError> {
        for added in &moving.added {
            let appends = self.storage.inline().ok_or(CommitError::Conflict)?;
            let request = ReadRequest::new(moving.scanned, added).at_most(1, 1);
            let page = appends.read(session, request).map_err(|error| match error {
                ReadError::Store(error) => error.into(),
                _ => CommitError::Conflict,
            })?;
            let has_seen_all = page.scanned().is_some_and(|seen| seen.position >= now.scanned);
            if !page.is_empty() || !has_seen_all {
                return Err(CommitError::Conflict);
            }
        }
        Ok(())
    }

    fn active(&self, key: &CheckpointKey) -> Result<Option<Fingerprint>, StoreError> {
        let Some(appends) = self.storage.inline() else { return Ok(None) };
        let mut session = self.storage.begin()?;
        let active = appends.active(&mut session, key);
        self.storage.rollback(session)?;
        active
    }

    fn activate(&mut self, mut activation: Activation) -> Activated {
        let Some(appends) = self.storage.inline() else {
            return Activated::Store(activation::impossible());
        };
        let mut session = match self.storage.begin() {
            Ok(session) => session,
            Err(error) => return Activated::Store(error),
        };
        let read = appends
            .read(&mut session, activation.request())
            .and_then(|page| Ok((page, appends.head(&mut session)?)));
        let (page, head) = match read {
            Ok(read) => read,
            Err(ReadError::Diverged { .. }) => return Activated::NotNow,
            Err(ReadError::Store(error)) => return Activated::Store(error),
        };
        let mut batch = activation.batch(page);
        // One that appends run already is never taken away from them by reading on.
        if batch.write.next.seen() == head || activation.own.state == RecordedState::Inline {
            activation.hand_over(&mut batch.write);
        }
        if !batch.page.is_empty() {
            self.rows.lend::<S>(&mut session, false);
            let applied = apply::apply(&mut self.projector, &batch, &mut session)
                .and_then(|()| rows::flush::<P>(batch.events.end - 1, &mut session));
            if let Err(failure) = applied {
                self.rows.forget();
                return match failure {
                    Failure::Store(error) => Activated::Store(error),
                    _ => Activated::NotNow,
                };
            }
            self.rows.take_back::<S>(&mut session, &mut batch.write);
        } else {
            self.rows.write_alone(&mut batch.write);
        }
        batch.count_erased();
        let committed = self.storage.commit(session, &batch.write);
        if committed.is_ok() && !batch.page.is_empty() {
            self.rows.committed();
        }
        // The appends keep rows of their own.
        self.rows.forget();
        Activated::of(committed, batch.write)
    }
}
