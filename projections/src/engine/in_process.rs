//! The engine of projectors without storage: their fields are the read model.
//!
//! Fields have no transaction. After a failed handler the state is thrown away, and with it the
//! position: the runner then replays up to the failing event, from a snapshot where there is one.
//! With `rollback = "clone"` it goes back to a copy that was made before the batch.

use std::{
    any::Any,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use jiff::Timestamp;
use tokio::sync::{RwLock, RwLockWriteGuard};

use super::{
    Applied, Aside, Batch, BoxFuture, Engine, Execution, Make, SnapshotPlace, SnapshotUse, Start,
    StartError, apply, reads::InProcessReads, rows::RowUse, snapshots::Snapshots, stages::Stage,
};
use crate::{
    Checkpoint, CheckpointKey, CheckpointWrite, CommitError, GlobalPosition, Handlers, InProcess,
    InProcessSession, Letter, LetterQuery, ParkedKey, Parking, Projector, RecordedState, StartFrom,
    StoreError,
    letters::{LetterBox, Letters},
    read::RowReads,
    registry::StorageKind,
    rows::RowSets,
    snapshot::{Record, Unusable},
};

impl Execution<InProcess> for InProcess {
    const KIND: StorageKind = StorageKind::InProcess;

    fn engine<P>(_storage: InProcess, name: &str, make: Make<P>) -> Box<dyn Engine>
    where
        P: Projector<Storage = InProcess> + Handlers + Send + Sync + 'static,
    {
        let rows = RowSets::in_memory(&P::tables());
        let state = State {
            projector: make(),
            session: InProcessSession { rows },
            position: GlobalPosition::BEGINNING,
            erased: 0,
        };
        Box::new(InProcessEngine {
            name: name.to_owned(),
            state: Arc::new(RwLock::new(state)),
            make,
            origin: None,
            checkpoint: None,
            used: Arc::default(),
            snapshots: None,
            missing: Missing::Nothing,
            restored: None,
            letters: Arc::default(),
        })
    }

    fn checkpoints<'a>(
        _storage: &'a InProcess,
        _namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(CheckpointKey, Checkpoint)>, StoreError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn now(_storage: &InProcess) -> BoxFuture<'_, Result<Timestamp, StoreError>> {
        Box::pin(std::future::ready(Ok(Timestamp::now())))
    }

    // They are in the engine, whose letter box is asked instead.
    fn letters<'a>(
        _: &'a InProcess,
        _: &'a CheckpointKey,
        _: &'a LetterQuery,
    ) -> BoxFuture<'a, Result<Vec<Letter>, StoreError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn parking<'a>(
        _: &'a InProcess,
        _: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Parking, StoreError>> {
        Box::pin(std::future::ready(Ok(Parking::default())))
    }
}

/// A read model in process, and the last event in it.
pub(crate) struct State<P> {
    pub(crate) projector: P,
    /// The rows of its tables.
    pub(crate) session: InProcessSession,
    pub(crate) position: GlobalPosition,
    /// How many erased events it has passed since it was made, or restored.
    erased: u64,
}

impl<P> State<P> {
    fn clear(&mut self, make: &Make<P>) {
        self.projector = make();
        self.session.rows.clear();
        self.position = GlobalPosition::BEGINNING;
        self.erased = 0;
    }
}

struct InProcessEngine<P> {
    name: String,
    state: Arc<RwLock<State<P>>>,
    make: Make<P>,
    /// The checkpoint of the first start, which holds the places of what begins `from = "now"`.
    origin: Option<Checkpoint>,
    checkpoint: Option<Checkpoint>,
    used: Arc<RowUse>,
    snapshots: Option<Snapshots<P>>,
    missing: Missing,
    /// The state is of a snapshot that no start has taken over yet; the origin is what it was before.
    restored: Option<Option<Checkpoint>>,
    /// What the state lacks.
    letters: Arc<LetterBox>,
}

/// What a snapshot may stand for.
#[derive(Clone, Copy, Debug)]
enum Missing {
    /// The state is here.
    Nothing,
    /// It is the first start in this process.
    Everything,
    /// The state that had come so far was thrown away.
    UpTo(GlobalPosition),
}

impl<P> InProcessEngine<P>
where
    P: Projector<Storage = InProcess> + Handlers + Send + Sync + 'static,
{
    fn keep(&mut self, write: CheckpointWrite) {
        if !write.letters.is_empty() {
            self.letters.open().write(&write.letters);
        }
        self.checkpoint = Some(write.next);
    }

    /// Whether a snapshot would hold what the log says. Letters are gone with the process, so what
    /// is parked would be missing for good.
    fn is_whole(&self) -> bool {
        self.letters.open().parking().letters == 0
    }

    /// Applies under the write lock, so that a reader sees whole batches only.
    async fn run(&mut self, batch: &Batch) -> Applied {
        let letters = Arc::clone(&self.letters);
        let mut attempt = self.attempt().await;
        let State { projector, session, .. } = &mut *attempt.state;
        // A loop without awaits is compiled better, so it runs wherever no handler needs one.
        let applied = match apply::is_async::<P>() {
            true => {
                let handlers = apply::apply_async(projector, batch, session);
                batch.timed_async(Stage::Handle, handlers).await
            }
            false => batch.timed(Stage::Handle, || apply::apply(projector, batch, session)),
        };
        match applied {
            Ok(()) => {
                session.rows.committed(usize::MAX);
                if !session.rows.is_empty() {
                    attempt.used.show(&mut session.rows);
                }
                attempt.state.position = batch.write.next.position;
                attempt.state.erased += batch.erased.load(Relaxed);
                letters.open().set_erased(attempt.state.erased);
                attempt.whole = true;
                Applied::Committed(Aside::default())
            }
            Err(failure) => failure.into_applied(batch),
        }
    }

    /// Takes the state, to change it as a whole or not at all.
    async fn attempt(&mut self) -> Attempt<'_, P> {
        let state = self.state.write().await;
        let copy = P::COPY.map(|copy| copy(&state.projector));
        Attempt {
            state,
            copy,
            make: &self.make,
            origin: &self.origin,
            checkpoint: &mut self.checkpoint,
            missing: &mut self.missing,
            used: &self.used,
            whole: false,
            all: false,
        }
    }

    /// Puts a snapshot in the place of state that is not here, where there is one that can be used.
    async fn restore(&mut self) -> Result<(), StoreError> {
        let (Some(snapshots), missing) = (&mut self.snapshots, self.missing) else { return Ok(()) };
        let up_to = match missing {
            Missing::Nothing => return Ok(()),
            Missing::Everything => None,
            Missing::UpTo(position) => Some(position),
        };
        snapshots.settle().await;
        let bytes = snapshots.load().await?;
        self.missing = Missing::Nothing;
        let Some(bytes) = bytes else { return Ok(()) };
        let record = match Record::read(&bytes) {
            Ok(record) => record,
            Err(unusable) => {
                self.refuse(&unusable);
                return Ok(());
            }
        };
        // Another process may have saved what failed here.
        if let Err(unusable) = self.use_snapshot(record, up_to).await {
            self.refuse(&unusable);
        }
        Ok(())
    }

    async fn use_snapshot(
        &mut self,
        record: Record<'_>,
        up_to: Option<GlobalPosition>,
    ) -> Result<(), Unusable> {
        let Some(snapshots) = &mut self.snapshots else { return Ok(()) };
        let place = record.place.checkpoint::<P>()?;
        if up_to.is_some_and(|up_to| place.position > up_to) {
            return Ok(());
        }
        let mut origin = record.origin.checkpoint::<P>()?;
        origin.effects_mark = place.effects_mark;
        let mut rows = RowSets::in_memory(&P::tables());
        let mut projector = (self.make)();
        let restored = record.restore(snapshots.code(), &mut projector, &mut rows);
        let before = self.origin.clone();
        self.origin.get_or_insert_with(|| origin.clone());
        // Of other code the places are right, and the state is not.
        if let Err(unusable @ Unusable::OtherCode { .. }) = restored {
            if self.checkpoint.is_none() {
                self.checkpoint = Some(origin);
                self.restored = Some(before);
            }
            return Err(unusable);
        }
        restored?;
        let mut state = self.state.write().await;
        rows.committed(usize::MAX);
        state.projector = projector;
        state.session.rows = rows;
        state.position = place.position;
        drop(state);
        snapshots.restored(place.scanned);
        snapshots.used().restored(place.position);
        tracing::info!(
            projector = &*self.name,
            position = place.position.get(),
            "going on from a snapshot"
        );
        let effects_mark = self.checkpoint.as_ref().map(|known| known.effects_mark);
        self.checkpoint = Some(Checkpoint {
            effects_mark: place.effects_mark.max(effects_mark.unwrap_or_default()),
            ..place
        });
        self.restored = Some(before);
        Ok(())
    }

    fn refuse(&self, why: &(impl std::fmt::Display + ?Sized)) {
        if let Some(snapshots) = &self.snapshots {
            let what = format!("{why}; it is not used, and the log is replayed");
            snapshots.used().failed(&self.name, what);
        }
    }

    /// Takes a snapshot where one is due, and lets it be written.
    async fn snapshot_if_due(&mut self) {
        let (Some(snapshots), Some(checkpoint)) = (&self.snapshots, &self.checkpoint) else {
            return;
        };
        if !snapshots.is_due(checkpoint.scanned) {
            return;
        }
        if let Some((snapshots, bytes, position)) = self.take_snapshot().await {
            snapshots.settle().await;
            snapshots.save_beside(bytes, position);
        }
    }

    /// Takes a snapshot unless there is one of the state as it is, and waits until it is written.
    async fn snapshot_now(&mut self) -> Result<(), StoreError> {
        let (Some(snapshots), Some(checkpoint)) = (&mut self.snapshots, &self.checkpoint) else {
            return Ok(());
        };
        snapshots.settle().await;
        if snapshots.is_saved(checkpoint.scanned) {
            return Ok(());
        }
        match self.take_snapshot().await {
            Some((snapshots, bytes, position)) => snapshots.save(bytes, position).await,
            None => Ok(()),
        }
    }

    async fn take_snapshot(&mut self) -> Option<(&mut Snapshots<P>, Vec<u8>, GlobalPosition)> {
        if !self.is_whole() {
            return None;
        }
        let snapshots = self.snapshots.as_mut()?;
        let (place, origin) = (self.checkpoint.as_ref()?, self.origin.as_ref()?);
        // Readers may look meanwhile.
        let state = self.state.read().await;
        let bytes = snapshots.take(&state.projector, &state.session.rows, (place, origin))?;
        Some((snapshots, bytes, place.position))
    }

    /// Whether a place of its own must be kept from the first moment on.
    fn begins_now() -> bool {
        P::OPTIONS.from == StartFrom::Now
            || P::ROUTES.iter().any(|route| route.from == StartFrom::Now)
    }
}

/// State on its way to other state. Unless it came to its end, the state goes back to its copy, or is
/// thrown away, and the position is that of the first start: also when the future is dropped between
/// two events.
struct Attempt<'a, P: Projector> {
    state: RwLockWriteGuard<'a, State<P>>,
    copy: Option<P>,
    make: &'a Make<P>,
    origin: &'a Option<Checkpoint>,
    checkpoint: &'a mut Option<Checkpoint>,
    missing: &'a mut Missing,
    used: &'a RowUse,
    whole: bool,
    /// Nothing is to be kept, although it is whole.
    all: bool,
}

impl<P: Projector> Drop for Attempt<'_, P> {
    fn drop(&mut self) {
        if self.whole {
            return;
        }
        if P::IS_STATELESS && !self.all {
            // All that it has changed are rows, and they know what they were.
            self.state.session.rows.roll_back();
        } else if let Some(copy) = self.copy.take() {
            self.state.projector = copy;
            self.state.session.rows.roll_back();
        } else {
            self.state.clear(self.make);
            let done = self.checkpoint.take();
            if let Some(done) = &done {
                *self.missing = Missing::UpTo(done.position);
            }
            let effects_mark = done.map(|done| done.effects_mark).unwrap_or_default();
            *self.checkpoint =
                self.origin.clone().map(|origin| Checkpoint { effects_mark, ..origin });
        }
    }
}

impl<P> Engine for InProcessEngine<P>
where
    P: Projector<Storage = InProcess> + Handlers + Send + Sync + 'static,
{
    fn load<'a>(
        &'a mut self,
        _key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Checkpoint>, StoreError>> {
        Box::pin(async move {
            self.restore().await?;
            Ok(self.checkpoint.clone())
        })
    }

    fn start(&mut self, start: Start) -> BoxFuture<'_, Result<(), StartError>> {
        Box::pin(async move {
            let letters = Arc::clone(&self.letters);
            let mut attempt = self.attempt().await;
            if start.reset {
                attempt.state.clear(attempt.make);
                *letters.open() = Letters::default();
            }
            let State { projector, session, .. } = &mut *attempt.state;
            for (call, kind) in apply::hooks::<P>(false) {
                apply::hook_async(projector, call, kind, session).await?;
            }
            session.rows.committed(usize::MAX);
            attempt.whole = true;
            drop(attempt);
            self.origin.get_or_insert_with(|| start.write.next.clone());
            self.restored = None;
            self.keep(start.write);
            if Self::begins_now() && self.snapshots.as_ref().is_some_and(Snapshots::is_unpinned) {
                self.snapshot_now().await?;
            }
            Ok(())
        })
    }

    fn apply(&mut self, batch: Batch) -> BoxFuture<'_, Applied> {
        Box::pin(async move {
            let applied = self.run(&batch).await;
            if matches!(applied, Applied::Committed(_)) {
                self.keep(batch.write);
                if let Some(snapshots) = &mut self.snapshots {
                    snapshots.applied(batch.events.len());
                    self.snapshot_if_due().await;
                }
            }
            applied
        })
    }

    fn save(&mut self, write: CheckpointWrite) -> BoxFuture<'_, Result<(), CommitError>> {
        let ends = matches!(write.next.state, RecordedState::Stopped | RecordedState::Halted);
        self.keep(write);
        Box::pin(async move {
            if ends {
                // It is told where the status is asked for; the log has everything, so the end is
                // a clean one all the same.
                let _ = self.snapshot_now().await;
            } else {
                self.snapshot_if_due().await;
            }
            Ok(())
        })
    }

    fn parked(&mut self) -> Vec<ParkedKey> {
        self.letters.open().parked()
    }

    fn letters<'a>(
        &'a mut self,
        _: &'a CheckpointKey,
        query: LetterQuery,
    ) -> BoxFuture<'a, Result<Vec<Letter>, StoreError>> {
        Box::pin(std::future::ready(Ok(self.letters.open().read(&query))))
    }

    fn letter_box(&self) -> Option<Arc<LetterBox>> {
        Some(Arc::clone(&self.letters))
    }

    fn throw_away(&mut self, after: GlobalPosition) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let mut attempt = self.attempt().await;
            attempt.copy = None;
            attempt.all = true;
            drop(attempt);
            if let Missing::UpTo(position) = &mut self.missing {
                *position = after.min(*position);
            }
            true
        })
    }

    fn discard(&mut self, why: &str) -> BoxFuture<'_, bool> {
        let Some(before) = self.restored.take() else { return Box::pin(std::future::ready(false)) };
        self.refuse(why);
        self.checkpoint = before.clone();
        self.origin = before;
        Box::pin(async move {
            self.state.write().await.clear(&self.make);
            true
        })
    }

    fn keep_snapshots(&mut self, place: SnapshotPlace) -> Option<Arc<SnapshotUse>> {
        let used = Arc::<SnapshotUse>::default();
        self.snapshots = Some(Snapshots::new(place, P::SNAPSHOT?, Arc::clone(&used)));
        self.missing = Missing::Everything;
        Some(used)
    }

    fn kept(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    fn state(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(Arc::clone(&self.state) as _)
    }

    fn row_use(&self) -> Option<Arc<RowUse>> {
        Some(Arc::clone(&self.used))
    }

    fn row_reads(&self) -> Option<Arc<dyn RowReads>> {
        let (name, state) = (self.name.clone(), Arc::clone(&self.state));
        Some(Arc::new(InProcessReads { name, state }))
    }
}
