//! How a run ended, recorded beside the read model for whoever asks later.

use std::sync::Arc;

use jiff::Timestamp;

use super::{end::End, runner::Runner, status::State};
use crate::{Checkpoint, CheckpointWrite, HaltReason, Halted, RecordedState, error::chain};

impl Runner {
    /// Records how the run ended, in the storage where this runner still owns the checkpoint.
    pub(super) async fn end(&mut self, ended: Result<(), HaltReason>) -> Result<(), Halted> {
        let halted = ended
            .err()
            .map(|reason| Halted { projector: self.name.clone(), reason: Arc::new(reason) });
        if let Some(halted) = &halted {
            self.record_halt(&halted.reason).await;
        }
        self.disown();
        self.shared.live.send_modify(|live| {
            live.running = false;
            live.state = Some(halted.as_ref().map_or(State::Stopped, |h| State::of(&h.reason)));
            live.last_error = halted.as_ref().map(|halted| chain(&*halted.reason));
            live.halted.clone_from(&halted);
        });
        match halted {
            None => Ok(()),
            Some(halted) => {
                tracing::error!(projector = &*self.name, "{halted}");
                Err(halted)
            }
        }
    }

    async fn record_halt(&mut self, reason: &HaltReason) {
        let recorded = match (&self.own, reason) {
            // Its thread may hold the storage for ever.
            (_, HaltReason::Stalled { .. }) => return,
            (Some(_), HaltReason::Paused) => self.record(RecordedState::Paused, None).await,
            (Some(_), reason) => self.record(RecordedState::Halted, Some(chain(reason))).await,
            (None, HaltReason::Hook { .. }) => self.record_failed_start(chain(reason)).await,
            // Whoever asks for the status finds the others out by the same checks.
            (None, _) => return,
        };
        if let Err(End::Outage(error)) = recorded {
            let (projector, error) = (&*self.name, chain(&error));
            tracing::warn!(projector, error, "the halt could not be recorded");
        }
    }

    /// A start that failed owns nothing; it leaves word only where nobody else runs the projector.
    async fn record_failed_start(&mut self, error: String) -> Result<(), End> {
        let Some(stored) = self.engine.load(&self.key).await? else { return Ok(()) };
        if !matches!(stored.state, RecordedState::Stopped | RecordedState::Halted) {
            return Ok(());
        }
        let next = Checkpoint {
            state: RecordedState::Halted,
            last_error: Some(error),
            heartbeat_at: Timestamp::now(),
            ..stored.clone()
        };
        let write = CheckpointWrite::new(self.key.clone(), Some((&stored).into()), next);
        Ok(self.engine.save(write).await?)
    }

    pub(super) async fn record(
        &mut self,
        state: RecordedState,
        error: Option<String>,
    ) -> Result<(), End> {
        let own = self.owned_mut()?;
        // What is paused is so until somebody resumes it.
        let stays = state == RecordedState::Stopped && own.next.state == RecordedState::Paused;
        own.next.state = if stays { RecordedState::Paused } else { state };
        own.next.last_error = error;
        own.next.lease = None;
        self.save().await
    }
}
