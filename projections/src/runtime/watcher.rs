//! [`Watcher`]: one look at a storage's checkpoints for all who wait for another process.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use super::storages::Storages;
use crate::{
    Changes, Checkpoint, CheckpointKey, StoreError, StoreErrorKind,
    engine::{catch_panic, message},
};

/// Where a storage does not tell of commits, and in case that it missed one, it is looked at this
/// often.
const POLL: Duration = Duration::from_secs(1);

/// The watchers of a runtime, one a storage.
pub(super) struct Watchers {
    storages: Arc<Storages>,
    namespace: String,
    watchers: Mutex<HashMap<TypeId, Arc<Watcher>>>,
}

impl Watchers {
    pub(super) fn new(storages: Arc<Storages>, namespace: String) -> Self {
        Self { storages, namespace, watchers: Mutex::default() }
    }

    /// Begins to look at the checkpoints of a storage.
    pub(super) fn join(&self, storage: TypeId) -> Looks {
        let mut watchers = lock(&self.watchers);
        let watcher = watchers.entry(storage).or_insert_with(|| {
            Arc::new(Watcher {
                storages: Arc::clone(&self.storages),
                storage,
                namespace: self.namespace.clone(),
                looks: watch::Sender::default(),
                demand: Mutex::default(),
                asked: Notify::new(),
            })
        });
        Looks::of(Arc::clone(watcher))
    }
}

/// Looks at the checkpoints of one storage after each commit, in a task of its own, while anybody
/// waits.
struct Watcher {
    storages: Arc<Storages>,
    storage: TypeId,
    namespace: String,
    looks: watch::Sender<Look>,
    demand: Mutex<Demand>,
    /// Wakes the task for those who have just come.
    asked: Notify,
}

#[derive(Default)]
struct Demand {
    is_running: bool,
    /// How many have come so far.
    came: u64,
}

/// What one look has found.
#[derive(Clone)]
pub(super) struct Look {
    /// How many had come when it began: what it has found is news to them.
    came: u64,
    found: Arc<Result<Vec<(CheckpointKey, Checkpoint)>, StoreError>>,
    /// When, by the storage's clock.
    pub(super) at: Timestamp,
}

impl Default for Look {
    fn default() -> Self {
        Self { came: 0, found: Arc::new(Ok(Vec::new())), at: Timestamp::UNIX_EPOCH }
    }
}

impl Look {
    /// The checkpoint of a projector.
    ///
    /// # Errors
    /// When the storage could not be read.
    pub(super) fn of(&self, key: &CheckpointKey) -> Result<Option<&Checkpoint>, StoreError> {
        match &*self.found {
            Ok(found) => Ok(found.iter().find(|(own, _)| own == key).map(|(_, stored)| stored)),
            Err(error) => Err(error.share()),
        }
    }
}

/// The looks of somebody who waits.
pub(super) struct Looks {
    watcher: Arc<Watcher>,
    looks: watch::Receiver<Look>,
    /// Looks that began before are of no use: the storage may have been set back since.
    came: u64,
}

impl Looks {
    fn of(watcher: Arc<Watcher>) -> Self {
        let (looks, came) = {
            let mut demand = watcher.demand();
            demand.came += 1;
            (watcher.looks.subscribe(), demand.came)
        };
        watcher.asked.notify_one();
        Self { watcher, looks, came }
    }

    /// Waits for the next look.
    pub(super) async fn next(&mut self) -> Look {
        loop {
            Watcher::keep_running(&self.watcher);
            // The sender lives in the watcher, so a change never fails.
            let _ = self.looks.changed().await;
            let look = self.looks.borrow_and_update().clone();
            if look.came >= self.came {
                return look;
            }
        }
    }
}

impl Watcher {
    fn demand(&self) -> MutexGuard<'_, Demand> {
        lock(&self.demand)
    }

    /// Starts the task where there is none: nobody has waited until now, or the tokio runtime is
    /// gone that it ran on.
    fn keep_running(this: &Arc<Self>) {
        let mut demand = this.demand();
        if !demand.is_running {
            demand.is_running = true;
            let running = Running { watcher: Arc::clone(this), is_over: false };
            tokio::spawn(running.run());
        }
    }

    /// Tells whether the task may end. Whoever comes from now on starts another one.
    fn is_left(&self) -> bool {
        // Whoever comes subscribes under this lock.
        let mut demand = self.demand();
        let is_left = self.looks.receiver_count() == 0;
        demand.is_running &= !is_left;
        is_left
    }

    async fn look(&self) {
        let came = self.demand().came;
        let found = catch_panic(self.storages.checkpoints(self.storage, &self.namespace)).await;
        let found = found.unwrap_or_else(|panic| {
            let doing = format!("read the checkpoints: the storage panicked: {}", message(&*panic));
            Err(StoreError::new(StoreErrorKind::Other, doing))
        });
        // Whose clock cannot be asked is shown by this machine's.
        let at = self.storages.now(self.storage).await.unwrap_or_else(|_| Timestamp::now());
        self.looks.send_replace(Look { came, found: Arc::new(found), at });
    }

    /// Waits until somebody has come who needs a look of his own.
    async fn newcomer(&self) {
        let came = self.looks.borrow().came;
        while self.demand().came == came {
            self.asked.notified().await;
        }
    }
}

/// The task, until it ends or is dropped with its tokio runtime.
struct Running {
    watcher: Arc<Watcher>,
    is_over: bool,
}

impl Running {
    async fn run(mut self) {
        let watcher = &*self.watcher;
        // Before the first look, so that a commit after it is told.
        let mut changes = watcher.storages.changes(watcher.storage);
        while !watcher.is_left() {
            watcher.look().await;
            tokio::select! {
                told = changed(&mut changes) => if told.is_err() {
                    changes = None;
                },
                () = watcher.newcomer() => {}
                () = watcher.looks.closed() => {}
                () = tokio::time::sleep(POLL) => if changes.is_none() {
                    changes = watcher.storages.changes(watcher.storage);
                },
            }
        }
        self.is_over = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Another one may run by now where this one has come to its end.
        if !self.is_over {
            self.watcher.demand().is_running = false;
            // Whoever waits starts another one.
            self.watcher.looks.send_modify(|_| {});
        }
    }
}

async fn changed(changes: &mut Option<Box<dyn Changes>>) -> Result<(), StoreError> {
    match changes {
        Some(changes) => changes.changed().await,
        None => std::future::pending().await,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
