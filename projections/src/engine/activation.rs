//! [`Activation`]: the last batch before the appends run a projector themselves.

use std::sync::{Arc, atomic::AtomicU64};

use crate::{
    BatchPolicy, Checkpoint, CheckpointKey, CheckpointWrite, CommitError, Filter, Fingerprint,
    Previous, ReadRequest, RecordedState, StoreError, StoreErrorKind, runtime::routing::Routing,
};

use super::{Applied, Batch};

/// What the last batch needs to know. What is left of the log is read in the transaction that
/// applies it, in which nobody appends: so an activation comes to its end however busy the store is.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Activation {
    pub(crate) key: CheckpointKey,
    /// The checkpoint as the next write would store it.
    pub(crate) own: Checkpoint,
    pub(crate) stored: Previous,
    pub(crate) filter: Filter,
    pub(crate) routing: Routing,
    pub(crate) batch: BatchPolicy,
    pub(crate) code: Fingerprint,
}

/// What became of an activation.
#[derive(Debug)]
pub enum Activated {
    /// The appends run it from here on.
    Active(Checkpoint),
    /// There was more in the log than a batch takes; a batch of it is applied.
    Behind(Checkpoint),
    /// Nothing has happened: an event failed, or the log is another one. Whoever reads on sees it.
    NotNow,
    /// The stored checkpoint was not the expected one.
    Conflict,
    /// The storage failed; the outcome of a commit may be unknown.
    Store(StoreError),
}

impl Activation {
    pub(super) fn request(&self) -> ReadRequest<'_> {
        let bytes = usize::try_from(self.batch.bytes).unwrap_or(usize::MAX);
        let seen = self.own.seen();
        let request = ReadRequest::new(self.own.scanned, &self.filter).verifying(seen);
        request.at_most(self.batch.events as usize, bytes)
    }

    /// The batch of a page that was read in its transaction.
    pub(super) fn batch(&mut self, page: crate::Page) -> Batch {
        let mut next = self.own.clone();
        if let Some(last) = page.len().checked_sub(1) {
            next.position = page.record(last).position;
            next.effects_mark = next.effects_mark.max(next.position);
        }
        if let Some(scanned) = page.scanned() {
            (next.scanned, next.event_id) = (scanned.position, Some(scanned.id));
        }
        next.renew();
        Batch {
            targets: self.routing.targets(&page, self.own.effects_mark),
            events: 0..page.len(),
            effects_mark: self.own.effects_mark,
            write: CheckpointWrite::new(self.key.clone(), Some(self.stored), next),
            page,
            values: None,
            left_out: Vec::new(),
            erased: AtomicU64::default(),
            triage: None,
            redriven: false,
            progress: Arc::default(),
        }
    }

    /// Records that the appends run the projector once this is committed.
    pub(super) fn hand_over(&self, write: &mut CheckpointWrite) {
        write.next.state = RecordedState::Inline;
        write.next.lease = None;
        write.inline = Some(self.code);
    }
}

impl Activated {
    pub(super) fn of(committed: Result<(), CommitError>, write: CheckpointWrite) -> Self {
        match Applied::from(committed) {
            Applied::Conflict => Self::Conflict,
            Applied::Store(error) => Self::Store(error),
            // Whoever reads on finds the event.
            Applied::Refused(_) | Applied::Stalled(_) => Self::NotNow,
            _ if write.inline.is_some() => Self::Active(write.next),
            _ => Self::Behind(write.next),
        }
    }
}

pub(super) fn impossible() -> StoreError {
    StoreError::new(StoreErrorKind::Other, "run a projector inline on this storage")
}
