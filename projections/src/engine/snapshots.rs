//! When snapshots of a read model in process are taken, and what becomes of them.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{task::JoinHandle, time::Instant};

use super::apply::message;
use crate::{
    CheckpointKey, GlobalPosition, Handlers, Projector, StoreError,
    error::chain,
    rows::RowSets,
    snapshot::{Record, SnapshotCode, SnapshotStore},
};

/// A snapshot is due after so many events, or after this time if there was any.
const EVENTS: u64 = 10_000;
const TIME: Duration = Duration::from_secs(10);
/// Serialising takes the projector at most this part of its time: a twentieth.
const SHARE: u32 = 20;

/// Where a projector's snapshots go.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct SnapshotPlace {
    pub(crate) store: Arc<dyn SnapshotStore>,
    pub(crate) key: CheckpointKey,
}

/// What is known of a projector's snapshots, for the status.
#[derive(Debug, Default)]
pub struct SnapshotUse(Mutex<Known>);

/// What is known of the snapshots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Where the last one is that was saved or read.
    pub(crate) position: Option<GlobalPosition>,
    /// Why the last one was not used, or not saved.
    pub(crate) fault: Option<String>,
}

impl SnapshotUse {
    pub(crate) fn known(&self) -> Known {
        self.0.lock().clone()
    }

    fn saved(&self, position: GlobalPosition) {
        *self.0.lock() = Known { position: Some(position), fault: None };
    }

    pub(super) fn restored(&self, position: GlobalPosition) {
        self.0.lock().position = Some(position);
    }

    pub(super) fn failed(&self, projector: &str, what: String) {
        tracing::warn!(projector, "{what}");
        let mut known = self.0.lock();
        known.fault = Some(what);
    }
}

/// The snapshots of one projector.
pub(super) struct Snapshots<P> {
    place: SnapshotPlace,
    code: SnapshotCode<P>,
    used: Arc<SnapshotUse>,
    /// Events since the last one.
    events: u64,
    taken_at: Instant,
    /// How long serialising took.
    cost: Duration,
    /// How far the last one had looked.
    scanned: Option<GlobalPosition>,
    /// One that is on its way to its place. A newer one waits.
    writing: Option<JoinHandle<Result<(), StoreError>>>,
}

impl<P: Projector + Handlers> Snapshots<P> {
    pub(super) fn new(place: SnapshotPlace, code: SnapshotCode<P>, used: Arc<SnapshotUse>) -> Self {
        Self {
            place,
            code,
            used,
            events: 0,
            taken_at: Instant::now(),
            cost: Duration::ZERO,
            scanned: None,
            writing: None,
        }
    }

    pub(super) fn code(&self) -> SnapshotCode<P> {
        self.code
    }

    pub(super) fn used(&self) -> &SnapshotUse {
        &self.used
    }

    /// Reads the one that is there.
    pub(super) async fn load(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.place.store.load(&self.place.key).await
    }

    /// Counts what was applied.
    pub(super) fn applied(&mut self, events: usize) {
        self.events += events as u64;
    }

    /// The state is what the snapshot in its place says, which looked so far.
    pub(super) fn restored(&mut self, scanned: GlobalPosition) {
        (self.events, self.scanned) = (0, Some(scanned));
        self.taken_at = Instant::now();
    }

    /// Tells whether one is to be taken now, of a state that has looked so far.
    pub(super) fn is_due(&self, scanned: GlobalPosition) -> bool {
        let passed = self.taken_at.elapsed();
        let is_wanted = self.events >= EVENTS || (passed >= TIME && self.scanned != Some(scanned));
        is_wanted && passed >= self.cost * SHARE && self.is_idle()
    }

    /// Tells whether the state was saved as it is.
    pub(super) fn is_saved(&self, scanned: GlobalPosition) -> bool {
        self.scanned == Some(scanned) && self.writing.is_none()
    }

    /// Tells whether there is no snapshot yet that says where it began.
    pub(super) fn is_unpinned(&self) -> bool {
        self.scanned.is_none()
    }

    fn is_idle(&self) -> bool {
        self.writing.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Serialises a state; where that fails there is none.
    pub(super) fn take(
        &mut self,
        projector: &P,
        rows: &RowSets,
        places: (&crate::Checkpoint, &crate::Checkpoint),
    ) -> Option<Vec<u8>> {
        let (place, origin) = places;
        let began = std::time::Instant::now();
        let code = self.code;
        // Where a field's own `Serialize` panics, the state is whole: it is only looked at.
        let written = catch_unwind(AssertUnwindSafe(|| {
            Record::write(code, place, origin, projector, rows).map_err(|error| error.to_string())
        }));
        self.cost = began.elapsed();
        self.taken_at = Instant::now();
        self.events = 0;
        self.scanned = Some(place.scanned);
        match written.unwrap_or_else(|panic| Err(panicked(&*panic))) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let what = format!("the state cannot be saved as a snapshot: {error}");
                self.used.failed(&self.place.key.projector, what);
                None
            }
        }
    }

    /// Puts a snapshot into its place, beside the projector's own work.
    pub(super) fn save_beside(&mut self, bytes: Vec<u8>, position: GlobalPosition) {
        let (place, used) = (self.place.clone(), Arc::clone(&self.used));
        self.writing = Some(tokio::spawn(async move { place.save(bytes, position, &used).await }));
    }

    /// Puts a snapshot into its place, and waits for that, and for the one before.
    pub(super) async fn save(
        &mut self,
        bytes: Vec<u8>,
        position: GlobalPosition,
    ) -> Result<(), StoreError> {
        self.settle().await;
        let saved = self.place.save(bytes, position, &self.used).await;
        if saved.is_err() {
            self.scanned = None;
        }
        saved
    }

    /// Waits for the one that is on its way.
    pub(super) async fn settle(&mut self) {
        if let Some(writing) = self.writing.take()
            && !matches!(writing.await, Ok(Ok(())))
        {
            self.scanned = None;
        }
    }
}

impl SnapshotPlace {
    async fn save(
        &self,
        bytes: Vec<u8>,
        position: GlobalPosition,
        used: &SnapshotUse,
    ) -> Result<(), StoreError> {
        let saved = self.store.save(&self.key, bytes).await;
        match &saved {
            Ok(()) => used.saved(position),
            Err(error) => {
                let what = format!("the snapshot could not be saved: {}", chain(error));
                used.failed(&self.key.projector, what);
            }
        }
        saved
    }
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    format!("it panicked: {}", message(panic))
}
