//! [`Slot`]: one projector of a runtime, and what others may see of it while it runs.

use std::{
    any::{Any, TypeId},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tokio::sync::{Mutex as AsyncMutex, Notify, oneshot, watch};

use super::{
    dead_letters::Handled,
    inline::Joined,
    observe::Observed,
    redrive::{Asked, Order},
    runner::Runner,
    status::{RowMemory, SnapshotStatus, State},
};
use crate::{
    Checkpoint, CheckpointKey, GlobalPosition, Halted, Registration,
    engine::{Known, Progress, RowUse, SnapshotPlace, SnapshotUse},
    letters::LetterBox,
    read::RowReads,
    values::Wanted,
};

/// One projector of a runtime.
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) registration: Registration,
    pub(crate) key: CheckpointKey,
    /// Held by whoever runs the projector in this process.
    pub(crate) runner: Arc<AsyncMutex<Runner>>,
    /// In-process state, for readers.
    pub(crate) state: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) shared: Arc<Shared>,
    /// What its rows take in memory, where it has tables.
    pub(crate) row_use: Option<Arc<RowUse>>,
    /// What is known of its snapshots, where it has such.
    pub(crate) snapshots: Option<Arc<SnapshotUse>>,
    /// Where they are.
    pub(crate) snapshot_place: Option<SnapshotPlace>,
    /// What is parked of a read model in process.
    pub(crate) letters: Option<Arc<LetterBox>>,
    /// Its tables, for readers.
    pub(crate) reads: Option<Arc<dyn RowReads>>,
    /// Keeps the projector known to the appends of this process, where it is inline.
    pub(crate) _joined: Option<Joined>,
}

impl Slot {
    /// The type of its storage.
    pub(crate) fn storage(&self) -> TypeId {
        (self.registration.storage_type)().0
    }

    /// What is known of its snapshots.
    pub(crate) fn snapshot(&self) -> Option<SnapshotStatus> {
        let Known { position, fault } = self.snapshots.as_ref()?.known();
        Some(SnapshotStatus { position, fault })
    }

    /// What its rows take in memory, as of its last batch.
    pub(crate) fn row_memory(&self) -> Option<RowMemory> {
        let used = self.row_use.as_ref()?;
        let bound = self.registration.options.row_bytes;
        Some(RowMemory {
            rows: used.rows.load(Relaxed),
            bytes: used.bytes.load(Relaxed),
            bound: (!self.registration.is_in_process()).then_some(bound),
        })
    }
}

/// What a runner shares with those who watch it or ask something of it.
pub(crate) struct Shared {
    pub(crate) live: watch::Sender<Live>,
    pub(crate) rebuilds: Mutex<Vec<oneshot::Sender<()>>>,
    orders: Mutex<Vec<Asked>>,
    pub(crate) asked: Notify,
    /// Whether there may be a request in the storage that is not known yet.
    requests: AtomicBool,
    /// Which event of a batch is at work.
    pub(crate) progress: Arc<Progress>,
    /// The events whose handlers' values somebody waits for.
    pub(crate) wanted: Arc<Wanted>,
    /// What others see of it.
    pub(crate) observed: Observed,
}

/// A runner as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// Whether the projector runs in this process.
    pub(crate) running: bool,
    /// Whether its runner holds the stored checkpoint. Else `position` and `scanned` are what a run
    /// knew last, which may be so no longer.
    pub(crate) owns: bool,
    /// Whether its runner waits for another owner to go, whose place `position` and `scanned` are.
    pub(crate) stands_by: bool,
    /// Whether the appends run it, so that whatever is stored is applied.
    pub(crate) inline: bool,
    /// The epoch that the last run had; 0 where it had none.
    pub(crate) epoch: u64,
    /// What it does, or how its last run ended; `None` before its first.
    pub(crate) state: Option<State>,
    pub(crate) position: GlobalPosition,
    pub(crate) scanned: GlobalPosition,
    pub(crate) last_error: Option<String>,
    /// How many events are parked, or wait.
    pub(crate) letters: u64,
    pub(crate) halted: Option<Halted>,
}

impl Live {
    /// Tells whether the projector has come as far, as its runner in this process knows.
    pub(crate) fn has_reached(&self, position: GlobalPosition) -> bool {
        self.inline || ((self.owns || self.stands_by) && self.scanned >= position)
    }

    /// Tells whether the last run halted, and the stored checkpoint shows nobody who has started
    /// the projector since.
    pub(crate) fn ended_badly(&self, stored: Option<&Checkpoint>) -> bool {
        let is_another = |stored: &Checkpoint| self.epoch > 0 && stored.epoch > self.epoch;
        self.halted.is_some() && !stored.is_some_and(is_another)
    }
}

impl Shared {
    pub(crate) fn new(observed: Observed) -> Self {
        let live = Live {
            running: false,
            owns: false,
            stands_by: false,
            inline: false,
            epoch: 0,
            state: None,
            position: GlobalPosition::BEGINNING,
            scanned: GlobalPosition::BEGINNING,
            last_error: None,
            letters: 0,
            halted: None,
        };
        Self {
            live: watch::Sender::new(live),
            rebuilds: Mutex::default(),
            orders: Mutex::default(),
            asked: Notify::new(),
            requests: AtomicBool::new(false),
            progress: Arc::default(),
            wanted: Arc::default(),
            observed,
        }
    }

    /// Asks the runner to rebuild between two batches; it answers once the read model is empty.
    pub(crate) fn ask_rebuild(&self) -> oneshot::Receiver<()> {
        let (answer, answered) = oneshot::channel();
        lock(&self.rebuilds).push(answer);
        self.asked.notify_one();
        answered
    }

    /// Asks the runner to do something about letters.
    pub(crate) fn order(&self, order: Order) -> oneshot::Receiver<Handled> {
        let (answer, answered) = oneshot::channel();
        lock(&self.orders).push(Asked { order, answer });
        self.asked.notify_one();
        answered
    }

    /// Takes what those ask for who still wait for it.
    pub(crate) fn take_orders(&self) -> Vec<Asked> {
        let mut asked = std::mem::take(&mut *lock(&self.orders));
        asked.retain(|asked| !asked.answer.is_closed());
        asked
    }

    /// Has the runner look for requests in its storage.
    pub(crate) fn look_for_requests(&self) {
        self.requests.store(true, Relaxed);
        self.asked.notify_one();
    }

    /// Tells, once, that it was told to.
    pub(crate) fn is_told_of_requests(&self) -> bool {
        self.requests.swap(false, Relaxed)
    }

    /// Whether there may be something that the runner was asked for.
    pub(crate) fn is_asked(&self) -> bool {
        self.requests.load(Relaxed)
            || !lock(&self.rebuilds).is_empty()
            || !lock(&self.orders).is_empty()
    }

    /// Takes the requests of those who still wait for them.
    pub(crate) fn take_rebuilds(&self) -> Vec<oneshot::Sender<()>> {
        let mut asked = std::mem::take(&mut *lock(&self.rebuilds));
        asked.retain(|answer| !answer.is_closed());
        asked
    }
}

/// Locks a list that is only pushed to and taken from, so a panic leaves it whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
