//! Rebuilding a read model in place: by its runner in this process, by the process that owns it, or
//! by this one where nobody does.

use std::sync::Arc;

use tokio::sync::watch;

use super::{
    Inner, Runtime, drive,
    redrive::Order,
    requests::{Code, Command},
    runner::Goal,
    slot::Slot,
    start::{Candidate, Refusal},
    status::State,
};
use crate::{
    Checkpoint, EventSource, HaltReason, Halted, RebuildError, RecordedState, lease::is_over,
};

impl<S: EventSource> Runtime<S> {
    /// Empties a read model and reads the log again from its first event, also where the projector
    /// says `from = "now"`, up to its head as of now; handlers that say it keep their place.
    ///
    /// Whoever owns the projector does it between two batches, and goes on: its runner in this
    /// process, or the process that runs it, with that one's code. Where nobody does, this process
    /// does it, with this program's code. A paused projector is resumed by it.
    ///
    /// # Errors
    /// When there is no such projector, when it has nothing that empties it, when newer code has it,
    /// or when it halts.
    ///
    /// # Cancel safety
    /// The read model and its checkpoint are emptied in one transaction. A call that is dropped
    /// before is withdrawn, unless another process was asked; after it, the next run goes on with
    /// the rebuild.
    pub async fn rebuild(&self, projector: &str) -> Result<(), RebuildError> {
        self.rebuild_by(projector, Code::This).await
    }

    pub(crate) async fn rebuild_by(&self, name: &str, code: Code) -> Result<(), RebuildError> {
        let slot = self.inner.slot(name)?;
        check_kind(slot)?;
        let stored = self.inner.storages.checkpoint(slot.storage(), &slot.key).await;
        let stored = stored.map_err(|error| halted(slot, HaltReason::Store(error)))?;
        if let Some(stored) = &stored {
            let is_taken = self.inner.is_taken_elsewhere(slot, stored)?;
            if is_taken {
                self.inner.command(slot, Command::Rebuild, &Order::default(), code).await?;
                let (_stop, stopped) = watch::channel(false);
                let (slot, source) = (Arc::clone(slot), Arc::clone(&self.inner.erased));
                return Ok(drive(slot, source, Goal::Head, stopped).await?);
            }
            let is_owned = stored.lease.is_some() || stored.state == RecordedState::Inline;
            if code == Code::Same && !is_owned {
                self.inner.candidate(slot).is_of_this_code(stored)?;
            }
        }
        self.rebuild_here(slot).await
    }

    async fn rebuild_here(&self, slot: &Arc<Slot>) -> Result<(), RebuildError> {
        let (_stop, stopped) = watch::channel(false);
        loop {
            // Whichever comes first: its runner does it, or there is none any longer. A request
            // that is dropped is withdrawn.
            tokio::select! {
                biased;
                answer = slot.shared.ask_rebuild() => {
                    if answer.is_ok() {
                        let (slot, source) = (Arc::clone(slot), Arc::clone(&self.inner.erased));
                        return Ok(drive(slot, source, Goal::Head, stopped).await?);
                    }
                }
                mut runner = Arc::clone(&slot.runner).lock_owned() => {
                    return Ok(runner.run(Goal::Head, true, stopped).await?);
                }
            }
        }
    }
}

impl<S> Inner<S> {
    pub(super) fn candidate<'a>(&'a self, slot: &'a Slot) -> Candidate<'a> {
        let Slot { registration, key, .. } = slot;
        Candidate { source: &self.erased, registration, key, lease: None }
    }

    /// Tells whether somebody else owns the projector, as far as is known, and this is no newer code,
    /// which would wait for nobody.
    ///
    /// # Errors
    /// When newer code owns it.
    fn is_taken_elsewhere(&self, slot: &Slot, stored: &Checkpoint) -> Result<bool, RebuildError> {
        let candidate = self.candidate(slot);
        let lease = stored.lease.as_ref();
        let owner = lease.filter(|lease| lease.owner != self.ownership.owner);
        let is_taken = owner.is_some_and(|lease| !is_over(lease.owner, &slot.key));
        let runs_aside = slot.shared.live.borrow().state == Some(State::StaleCode);
        match candidate.stands_aside(stored) {
            Err(Refusal::StandAside(reason)) if is_taken || runs_aside => {
                Err(halted(slot, HaltReason::StaleCode { reason }).into())
            }
            _ => Ok(is_taken && candidate.rebuilds(stored).is_none()),
        }
    }
}

fn check_kind(slot: &Slot) -> Result<(), RebuildError> {
    let projector = || slot.name.clone();
    if slot.registration.is_live() {
        return Err(RebuildError::Live { projector: projector() });
    }
    if slot.registration.is_in_process() {
        return Err(RebuildError::InProcess { projector: projector() });
    }
    if !slot.registration.can_reset() {
        return Err(RebuildError::NoReset { projector: projector() });
    }
    Ok(())
}

fn halted(slot: &Slot, reason: HaltReason) -> Halted {
    Halted { projector: slot.name.clone(), reason: Arc::new(reason) }
}
