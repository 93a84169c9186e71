//! What this process says of the projectors that every process runs by itself, and what others do.

use std::{convert::Infallible, time::Duration};

use tokio::time::sleep;

use super::{
    Inner,
    lease::Ownership,
    slot::Slot,
    status::{Owner, State},
};
use crate::{Lease, Presence, StoreError, error::chain, lease::process_name};

/// A last word is waited for no longer than this.
const GOODBYE: Duration = Duration::from_secs(1);

impl<S> Inner<S> {
    /// Says again and again what the projectors of this process do, for as long as it is polled.
    pub(super) async fn keep_saying(&self) -> Infallible {
        let slots: Vec<_> =
            self.slots.iter().filter(|slot| slot.registration.is_per_process()).collect();
        let Some(place) = self.presences.as_deref().filter(|_| !slots.is_empty()) else {
            return std::future::pending().await;
        };
        let mut is_told = false;
        loop {
            let said: Vec<_> = slots.iter().map(|slot| present(slot, &self.ownership)).collect();
            match place.save(&said).await {
                Ok(()) => is_told = false,
                // The projectors go on without it.
                Err(error) if !is_told => {
                    is_told = true;
                    let error = chain(&error);
                    tracing::warn!(error, "other processes cannot see what this one runs");
                }
                Err(_) => {}
            }
            sleep(self.ownership.lease / 3).await;
        }
    }

    /// Says that this process runs nothing any longer. Where that fails, its silence says so.
    pub(super) async fn say_goodbye(&self) {
        let has_any = self.slots.iter().any(|slot| slot.registration.is_per_process());
        if let Some(place) = self.presences.as_deref().filter(|_| has_any) {
            let _ = tokio::time::timeout(GOODBYE, place.forget(self.ownership.owner)).await;
        }
    }

    /// Who runs a projector here, where every process runs it.
    pub(super) fn owner_here(&self, slot: &Slot) -> Option<Owner> {
        let runs = slot.registration.is_per_process() && slot.shared.live.borrow().running;
        runs.then(|| Owner { id: self.ownership.owner, process: process_name().to_owned() })
    }

    /// What other processes say of their projectors, by projector.
    pub(super) async fn others(&self) -> Result<Vec<(Presence, Duration)>, StoreError> {
        let has_any = self.slots.iter().any(|slot| slot.registration.is_per_process());
        match self.presences.as_deref().filter(|_| has_any) {
            Some(place) => {
                let mut said = place.list(&self.namespace).await?;
                said.retain(|(presence, _)| presence.lease.owner != self.ownership.owner);
                Ok(said)
            }
            None => Ok(Vec::new()),
        }
    }
}

fn present(slot: &Slot, ownership: &Ownership) -> Presence {
    let live = slot.shared.live.borrow().clone();
    let stall = slot.stall(&live, None);
    let state = match live.state.unwrap_or(State::CatchingUp) {
        _ if stall.is_some() => State::Stalled,
        State::CaughtUp | State::CatchingUp if live.letters > 0 => State::Parked,
        state => state,
    };
    Presence {
        key: slot.key.clone(),
        lease: Lease::new(ownership.owner, ownership.lease),
        state,
        position: live.position,
        scanned: live.scanned,
        last_error: stall.or(live.last_error),
    }
}
