//! Reading the state of in-process projectors.

use std::{any::TypeId, sync::Arc, time::Duration};

use tokio::{sync::RwLock, time::Instant};

use super::{Runtime, slot::Slot};
use crate::{AccessError, EventSource, GlobalPosition, engine::State};

/// A closure that holds the writer up for longer than this is logged.
const SLOW: Duration = Duration::from_millis(100);

impl<S: EventSource> Runtime<S> {
    /// Reads the state of an in-process projector. It shows whole batches only, and holds the
    /// projector up for as long as `look` runs.
    ///
    /// # Errors
    /// When `P` is not a projector of this runtime that keeps its read model in process, or is
    /// several: [`read_named`](Self::read_named) says which.
    ///
    /// # Cancel safety
    /// Cancel safe: `look` runs to its end or not at all.
    pub async fn read<P: 'static, R>(&self, look: impl FnOnce(&P) -> R) -> Result<R, AccessError> {
        self.read_at::<P, R>(|projector, _| look(projector)).await
    }

    /// As [`read`](Self::read), with the position of the last event that the state shows.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    /// # Cancel safety
    /// As [`read`](Self::read).
    pub async fn read_at<P: 'static, R>(
        &self,
        look: impl FnOnce(&P, GlobalPosition) -> R,
    ) -> Result<R, AccessError> {
        let mut slots = self.inner.slots.iter().filter(|slot| is_of::<P>(slot));
        let first = slots.next();
        if slots.next().is_some() {
            return Err(AccessError::Several { type_name: std::any::type_name::<P>() });
        }
        read_slot(first, look).await
    }

    /// As [`read_at`](Self::read_at), of the instance that was given to the builder under a name.
    ///
    /// # Errors
    /// When no projector of this name is a `P` that keeps its read model in process.
    ///
    /// # Cancel safety
    /// As [`read`](Self::read).
    pub async fn read_named<P: 'static, R>(
        &self,
        name: &str,
        look: impl FnOnce(&P, GlobalPosition) -> R,
    ) -> Result<R, AccessError> {
        let named = |slot: &&Arc<Slot>| slot.name == name && is_of::<P>(slot);
        read_slot(self.inner.slots.iter().find(named), look).await
    }
}

fn is_of<P: 'static>(slot: &Slot) -> bool {
    (slot.registration.type_id)() == TypeId::of::<P>()
}

async fn read_slot<P: 'static, R>(
    slot: Option<&Arc<Slot>>,
    look: impl FnOnce(&P, GlobalPosition) -> R,
) -> Result<R, AccessError> {
    let found = slot.and_then(|slot| {
        let state = slot.state.as_ref()?.downcast_ref::<RwLock<State<P>>>()?;
        Some((slot, state))
    });
    let Some((slot, state)) = found else {
        return Err(AccessError::NotHere { type_name: std::any::type_name::<P>() });
    };
    let guard = state.read().await;
    let began = Instant::now();
    let result = look(&guard.projector, guard.position);
    drop(guard);
    warn_if_slow(&slot.name, began.elapsed());
    Ok(result)
}

/// Says that a read has held a projector in process up, where it did so for long.
pub(crate) fn warn_if_slow(projector: &str, held: Duration) {
    if held > SLOW {
        tracing::warn!(projector, ?held, "a read held the projector up");
    }
}
