//! [`LiveMark`]: the trace that a live projector leaves on its storage.
//!
//! It has no checkpoint, so nothing else there says what it has written. Run with a checkpoint later,
//! it would write that once more.

use std::sync::Arc;

use super::end::End;
use crate::{
    Checkpoint, CheckpointKey, HaltReason, Registration, SnapshotStore, StartFrom, StoreError,
};

const MARK: &[u8] = b"written by a live projector";

/// Where a storage keeps the trace of a live projector, if it can.
pub(super) struct LiveMark(Option<Arc<dyn SnapshotStore>>);

impl LiveMark {
    pub(super) fn new(place: Option<Arc<dyn SnapshotStore>>) -> Self {
        Self(place)
    }

    /// Removes it.
    pub(super) async fn remove(&self, key: &CheckpointKey) -> Result<(), StoreError> {
        match &self.0 {
            Some(place) => place.remove(key).await,
            None => Ok(()),
        }
    }

    /// Before a start: leaves the trace of a live projector. Where another finds it, its start would
    /// write once more what the live one has written, and is refused; else tells whether the trace is
    /// there, to be removed once the start is committed.
    pub(super) async fn check(
        &self,
        key: &CheckpointKey,
        registration: &Registration,
        stored: Option<&Checkpoint>,
        rebuild: bool,
    ) -> Result<bool, End> {
        let Some(place) = &self.0 else { return Ok(false) };
        if registration.is_live() {
            if stored.is_none() {
                place.save(key, MARK.to_vec()).await?;
            }
            return Ok(false);
        }
        if place.load(key).await?.as_deref() != Some(MARK) {
            return Ok(false);
        }
        let begins_now = stored.is_none() && registration.options.from == StartFrom::Now;
        if rebuild || begins_now {
            return Ok(true);
        }
        let reason = "it was live, and what it wrote then would be written once more; rebuild the projector, or say `mode = \"live\"` again".to_owned();
        Err(HaltReason::StaleCode { reason }.into())
    }
}
