//! Reading the declared rows of a runtime's projectors.

use std::{sync::Arc, time::Duration};

use super::{Inner, Runtime, slot::Slot};
use crate::{
    AccessError, EventSource, ReadModel, WaitError,
    engine::BoxFuture,
    read::{At, Reader, Waits},
};

impl<S: EventSource> Runtime<S> {
    /// Reads the rows of a table that a projector of this runtime keeps, in this process or
    /// another. See [`read`](crate::read) for what a reader can do.
    ///
    /// # Errors
    /// When no projector of this runtime keeps rows of this type, when several do
    /// ([`rows_of`](Self::rows_of) says which), or when its storage has no readers.
    pub fn rows<T: ReadModel>(&self) -> Result<Reader<T>, AccessError> {
        let mut slots = self.inner.slots.iter().filter(|slot| keeps::<T>(slot));
        let first = slots.next();
        if slots.next().is_some() {
            return Err(AccessError::SeveralTables { row: std::any::type_name::<T>() });
        }
        self.reader(first)
    }

    /// As [`rows`](Self::rows), of the projector with a name.
    ///
    /// # Errors
    /// When no projector of this name keeps rows of this type, or its storage has no readers.
    pub fn rows_of<T: ReadModel>(&self, projector: &str) -> Result<Reader<T>, AccessError> {
        let named = |slot: &&Arc<Slot>| slot.name == projector && keeps::<T>(slot);
        self.reader(self.inner.slots.iter().find(named))
    }

    fn reader<T: ReadModel>(&self, slot: Option<&Arc<Slot>>) -> Result<Reader<T>, AccessError> {
        let Some(slot) = slot else {
            return Err(AccessError::NoTable { row: std::any::type_name::<T>() });
        };
        let Some(reads) = &slot.reads else {
            return Err(AccessError::NoReaders {
                projector: slot.name.clone(),
                storage: slot.registration.storage_name(),
            });
        };
        let waits = SlotWaits { inner: Arc::clone(&self.inner), slot: Arc::clone(slot) };
        Ok(Reader::of_runtime(Arc::clone(reads), Arc::new(waits)))
    }
}

fn keeps<T: ReadModel>(slot: &Slot) -> bool {
    (slot.registration.tables)().iter().any(|table| table.is_of::<T>())
}

/// Waits for one projector of a runtime.
struct SlotWaits<S> {
    inner: Arc<Inner<S>>,
    slot: Arc<Slot>,
}

impl<S: EventSource> Waits for SlotWaits<S> {
    fn wait<'a>(&'a self, at: &'a At, within: Duration) -> BoxFuture<'a, Result<(), WaitError>> {
        Box::pin(async move {
            if let At::Token(token) = at {
                self.inner.check_token(token)?;
            }
            self.inner.wait_within(&self.slot, at.events(), within).await
        })
    }
}
