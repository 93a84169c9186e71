//! Who runs a projector that several processes have: one owns it, the others stand by.
//!
//! A runner that stands by looks at the checkpoint after each commit. It takes over at once where
//! the owner has released it, and else when it has itself seen the row unchanged for the whole
//! lease, by its own monotonic clock. What time a row says decides nothing.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use super::{
    end::End,
    runner::{Goal, Runner, Stop},
    start::Refusal,
    status::State,
    storages::Storages,
};
use crate::{
    Changes, Checkpoint, GlobalPosition, HaltReason, Lease, OwnerId, StoreError, lease::is_over,
};

/// A lease that the builder does not set.
pub(super) const DEFAULT_LEASE: Duration = Duration::from_secs(10);
/// What a storage takes to commit must be little beside a lease.
pub(super) const SHORTEST_LEASE: Duration = Duration::from_millis(100);
/// Where a storage does not tell of commits, and in case that it missed one, it is looked at this
/// often.
const POLL: Duration = Duration::from_secs(1);
/// After a look it is not looked again for so long, however much is committed.
const PACE: Duration = Duration::from_millis(50);

/// As what a runner owns its projector.
#[derive(Clone)]
pub(crate) struct Ownership {
    pub(crate) owner: OwnerId,
    pub(crate) lease: Duration,
    /// Where others are looked at.
    pub(crate) storages: Arc<Storages>,
}

/// What a runner has come to that asked for its projector.
pub(super) enum Claim {
    /// It is its own, or the appends'.
    Owned,
    /// It was stopped, or another owner has come as far as it was to.
    Done,
}

/// An owner that is watched.
pub(super) struct Watched {
    epoch: u64,
    owner: OwnerId,
    beat: u64,
    /// When it is taken for dead unless it changes; `None` for a lease without an end.
    lapses_at: Option<Instant>,
}

impl Runner {
    /// What a start of this runner takes.
    pub(super) fn lease(&self) -> Option<Lease> {
        let Ownership { owner, lease, .. } = self.ownership;
        (!self.registration.is_per_process()).then(|| Lease::new(owner, lease))
    }

    /// Tells whether a checkpoint, which was read after `read_at`, is of another owner who may be
    /// alive.
    pub(super) fn is_taken(&mut self, stored: &Checkpoint, read_at: Instant) -> bool {
        let other = stored.lease.as_ref().filter(|lease| lease.owner != self.ownership.owner);
        match other {
            Some(lease) if !is_over(lease.owner, &self.key) => {
                self.lapses_at(stored.epoch, lease).is_none_or(|lapses_at| read_at < lapses_at)
            }
            _ => false,
        }
    }

    /// When an owner is taken for dead unless it changes.
    fn lapses_at(&mut self, epoch: u64, lease: &Lease) -> Option<Instant> {
        let Lease { owner, time, beat, .. } = *lease;
        let is_as_before =
            |known: &&Watched| (known.epoch, known.owner, known.beat) == (epoch, owner, beat);
        if let Some(known) = self.watched.as_ref().filter(is_as_before) {
            return known.lapses_at;
        }
        self.failures = 0;
        // The two programs may have been told different leases.
        let lapses_at = Instant::now().checked_add(time.max(self.ownership.lease));
        self.watched = Some(Watched { epoch, owner, beat, lapses_at });
        lapses_at
    }

    /// Waits until the projector may be free. True where there is nothing left to do: the run was
    /// stopped, or another owner has come as far as it was to.
    pub(super) async fn stand_by(
        &mut self,
        goal: Goal,
        head: Option<GlobalPosition>,
        stop: &mut Stop,
    ) -> Result<bool, End> {
        let mut changes = self.ownership.storages.changes(self.storage());
        loop {
            let read_at = Instant::now();
            let Some(stored) = self.look().await? else { return Ok(false) };
            if !self.is_taken(&stored, read_at) {
                return Ok(false);
            }
            if goal == Goal::Asked {
                return Ok(true); // it was free a moment ago; its owner is asked
            }
            self.publish_other(&stored);
            let is_same_log = stored.store == self.source.store_id();
            let has_arrived = |head| is_same_log && stored.scanned >= head;
            if *stop.borrow() || (goal != Goal::Forever && head.is_some_and(has_arrived)) {
                return Ok(true);
            }
            let poll_at = Instant::now() + POLL;
            let lapses_at = self.watched.as_ref().and_then(|known| known.lapses_at);
            let is_told = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => false,
                () = sleep_until(lapses_at.map_or(poll_at, |at| at.min(poll_at))) => false,
                told = changed(&mut changes) => {
                    if told.is_err() {
                        changes = None;
                    }
                    true
                }
            };
            match is_told {
                true => sleep(PACE).await,
                false if changes.is_none() => {
                    changes = self.ownership.storages.changes(self.storage());
                }
                false => {}
            }
        }
    }

    /// Waits while newer code has the projector; false where the run was stopped. A run that is to
    /// end does not wait: this code can do nothing for it.
    pub(super) async fn stand_aside(
        &mut self,
        goal: Goal,
        reason: String,
        stop: &mut Stop,
    ) -> Result<bool, HaltReason> {
        if goal != Goal::Forever {
            return Err(HaltReason::StaleCode { reason });
        }
        self.disown();
        let projector = &*self.name;
        tracing::warn!(projector, "standing by as stale code: {reason}");
        self.shared.live.send_modify(|live| {
            live.state = Some(State::StaleCode);
            live.last_error = Some(reason);
        });
        loop {
            tokio::select! {
                stopped = stop.wait_for(|stop| *stop) => return Ok(stopped.is_err()),
                () = sleep(POLL) => {}
            }
            // What cannot be read now is read again.
            let Ok(stored) = self.look().await else { continue };
            let may_stand = stored.map(|stored| self.candidate().stands_aside(&stored));
            if !matches!(may_stand, Some(Err(Refusal::StandAside(_)))) {
                return Ok(true);
            }
        }
    }

    /// Reads the stored checkpoint without a transaction, which an owner could hold up.
    async fn look(&mut self) -> Result<Option<Checkpoint>, StoreError> {
        self.ownership.storages.checkpoint(self.storage(), &self.key).await
    }

    fn storage(&self) -> std::any::TypeId {
        (self.registration.storage_type)().0
    }

    fn publish_other(&self, stored: &Checkpoint) {
        if stored.store != self.source.store_id() {
            return;
        }
        self.shared.live.send_modify(|live| {
            live.owns = false;
            live.stands_by = true;
            live.state = Some(State::CatchingUp);
            live.last_error = None;
            (live.position, live.scanned) = (stored.position, stored.scanned);
        });
    }
}

async fn changed(changes: &mut Option<Box<dyn Changes>>) -> Result<(), StoreError> {
    match changes {
        Some(changes) => changes.changed().await,
        None => std::future::pending().await,
    }
}
