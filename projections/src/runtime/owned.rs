//! [`Owned`]: the checkpoint that a runner owns, and when it is written though nothing is applied.

use std::time::Duration;

use tokio::time::Instant;

use super::{end::End, runner::Runner};
use crate::{Answer, Checkpoint, CheckpointWrite, Previous, RecordedState};

/// A scanned position that no event matched is saved this often.
const SAVE_SCANNED: Duration = Duration::from_secs(1);
/// A checkpoint that this runner owns.
pub(super) struct Owned {
    pub(super) next: Checkpoint,
    pub(super) stored: Previous,
    /// When it was last written: the time before that write, so that whoever watches began later.
    pub(super) renewed_at: Instant,
    pub(super) dirty: bool,
}

impl Owned {
    pub(super) fn new(stored: Checkpoint, renewed_at: Instant) -> Self {
        Self { stored: (&stored).into(), next: stored, renewed_at, dirty: false }
    }
}

impl Runner {
    pub(super) async fn save_if_due(&mut self) -> Result<(), End> {
        match self.due(self.owned()?) <= Instant::now() {
            true => self.save().await,
            false => Ok(()),
        }
    }

    /// When the checkpoint is to be written, even though nothing is applied.
    pub(super) fn due(&self, own: &Owned) -> Instant {
        let heartbeat = self.ownership.lease / 3;
        own.renewed_at + if own.dirty { SAVE_SCANNED.min(heartbeat) } else { heartbeat }
    }

    /// Before a batch: an owner that has been silent for half its lease makes sure that it still is
    /// the owner.
    pub(super) async fn hold(&mut self) -> Result<(), End> {
        let is_late = self.owned()?.renewed_at.elapsed() >= self.ownership.lease / 2;
        match is_late && !self.registration.is_per_process() {
            true => self.save().await,
            false => Ok(()),
        }
    }

    pub(super) async fn save(&mut self) -> Result<(), End> {
        self.save_with(None).await
    }

    /// Saves the checkpoint, in one transaction with the answer to a request.
    pub(super) async fn save_with(&mut self, answer: Option<Answer>) -> Result<(), End> {
        let began = Instant::now();
        let own = self.owned_mut()?;
        own.next.renew();
        let (stored, next) = (own.stored, own.next.clone());
        let mut write = CheckpointWrite::new(self.key.clone(), Some(stored), next.clone());
        write.answer = answer;
        self.engine.save(write).await?;
        self.own = Some(Owned::new(next, began));
        self.recovered();
        Ok(())
    }

    pub(super) fn set_state(&mut self, state: RecordedState) -> Result<(), End> {
        self.owned_mut()?.next.state = state;
        Ok(())
    }

    pub(super) fn owned(&self) -> Result<&Owned, End> {
        self.own.as_ref().ok_or(End::Reload)
    }

    pub(super) fn owned_mut(&mut self) -> Result<&mut Owned, End> {
        self.own.as_mut().ok_or(End::Reload)
    }
}
