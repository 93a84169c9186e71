//! Waiting for a projector to come as far as a position.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Inner, Runtime,
    slot::{Live, Slot},
    status,
};
use crate::{Checkpoint, EventSource, GlobalPosition, Halted, StoreError, Token, WaitError};

/// Where another process runs the projector, its checkpoint is looked at this often.
const POLL: Duration = Duration::from_millis(20);

impl<S: EventSource> Runtime<S> {
    /// Waits until a projector has applied the events of a token, in this process or another.
    ///
    /// Where the projector runs in this process the wait is woken by its commits; where another
    /// process runs it, its checkpoint is looked at every 20 ms, and a scanned position that no
    /// event matched is seen within a second.
    ///
    /// # Errors
    /// When the token is of another store, there is no such projector, it has halted before the
    /// events, or the time is up: the events are stored all the same.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn wait_for(
        &self,
        projector: &str,
        token: &Token,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        self.inner.check_token(token)?;
        let slot = self.slot(projector)?;
        self.inner.wait_within(slot, token.last(), timeout).await
    }
}

impl<S: EventSource> Inner<S> {
    /// Makes sure that a token is of the events that the runtime reads.
    pub(super) fn check_token(&self, token: &Token) -> Result<(), WaitError> {
        let store = self.source.store_id();
        match token.store() == store {
            true => Ok(()),
            false => Err(WaitError::ForeignToken { token: token.store(), store }),
        }
    }
}

impl<S> Inner<S> {
    /// Waits until a projector has come as far as a position, in this process or another.
    pub(super) async fn wait_within(
        &self,
        slot: &Arc<Slot>,
        position: GlobalPosition,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let began = Instant::now();
        if let Ok(outcome) = tokio::time::timeout(timeout, self.wait(slot, position)).await {
            return outcome;
        }
        let live = slot.shared.live.borrow().clone();
        let (at, _) = self.look_at(slot, &live).await?;
        Err(WaitError::TimedOut {
            projector: slot.name.clone(),
            at,
            wanted: position,
            behind: position.get().saturating_sub(at.get()),
            waited: began.elapsed(),
            here: live.running,
        })
    }

    async fn wait(&self, slot: &Arc<Slot>, position: GlobalPosition) -> Result<(), WaitError> {
        let mut changes = slot.shared.live.subscribe();
        loop {
            let live = changes.borrow_and_update().clone();
            let (scanned, stored) = self.look_at(slot, &live).await?;
            if scanned >= position {
                return Ok(());
            }
            if live.ended_badly(stored.as_ref())
                && let Some(halted) = live.halted
            {
                return Err(halted.into());
            }
            // The sender lives in the slot, so a change never fails.
            match live.owns {
                true => drop(changes.changed().await),
                false => drop(tokio::time::timeout(POLL, changes.changed()).await),
            }
        }
    }

    /// How far a projector has looked, by its runner here or else by its stored checkpoint.
    async fn look_at(
        &self,
        slot: &Slot,
        live: &Live,
    ) -> Result<(GlobalPosition, Option<Checkpoint>), StoreError> {
        if live.owns || slot.registration.is_per_process() {
            return Ok((live.scanned, None));
        }
        let stored = status::stored(slot, &self.storages).await?;
        let scanned = stored.as_ref().map_or(GlobalPosition::BEGINNING, |stored| stored.scanned);
        Ok((scanned, stored))
    }
}

/// Waits until a projector that runs in this process has come as far, or has halted. One that ends
/// before is waited for: whoever runs it next carries it on.
pub(super) async fn reach(slot: &Slot, position: GlobalPosition) -> Result<(), Halted> {
    let mut live = slot.shared.live.subscribe();
    // The sender lives in the slot, so the wait never fails.
    let has_ended = |live: &Live| live.halted.is_some() || live.has_reached(position);
    let ended = live.wait_for(has_ended).await;
    match ended.ok().and_then(|live| live.halted.clone()) {
        Some(halted) => Err(halted),
        None => Ok(()),
    }
}
