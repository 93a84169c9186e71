//! The rows that an engine keeps between batches.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use super::apply::Failure;
use crate::{
    CheckpointKey, Handlers, Storage,
    projector::SessionOf,
    rows::{DeclaredTable, RowSets, RowsError},
};

/// What the rows in memory take, for the status.
#[derive(Debug, Default)]
pub struct RowUse {
    pub(crate) rows: AtomicUsize,
    pub(crate) bytes: AtomicUsize,
}

/// The rows of one projector that stay in memory, while no session has them.
///
/// They are right for as long as nobody else writes the tables: whatever ends a run, a transaction
/// or the ownership otherwise than by a commit makes them be forgotten.
pub(super) struct KeptRows {
    tables: Vec<DeclaredTable>,
    sets: RowSets,
    bound: usize,
    batch: u64,
    used: Arc<RowUse>,
}

impl KeptRows {
    pub(super) fn of<P: Handlers>(used: Arc<RowUse>) -> Self {
        let bound = usize::try_from(P::OPTIONS.row_bytes).unwrap_or(usize::MAX);
        Self { tables: P::tables(), sets: RowSets::default(), bound, batch: 0, used }
    }

    /// Gives them to a session, for one batch. `by_event` has them written after each event.
    pub(super) fn lend<S: Storage>(&mut self, session: &mut S::Session, by_event: bool) {
        if self.tables.is_empty() {
            return;
        }
        if let Some(rows) = S::rows(session) {
            self.batch += 1;
            rows.take_over(self.sets.take());
            rows.declare(&self.tables);
            rows.begin_batch(self.batch, if by_event { 0 } else { self.bound });
        }
    }

    /// Takes them out of a session that is about to commit. Until it has, they are nobody's: where
    /// the commit panics, they must not be left here.
    pub(super) fn take_out<S: Storage>(session: &mut S::Session) -> RowSets {
        S::rows(session).map(RowSets::take).unwrap_or_default()
    }

    /// The session that they were taken out of has committed.
    pub(super) fn committed(&mut self, sets: RowSets) {
        self.sets = sets;
        self.sets.committed(self.bound);
        self.publish();
    }

    /// The session that had them did not commit, or nobody knows whether it did.
    pub(super) fn forget(&mut self) {
        self.sets = RowSets::default();
        self.publish();
    }

    fn publish(&mut self) {
        if !self.tables.is_empty() {
            self.used.show(&mut self.sets);
        }
    }
}

impl RowUse {
    pub(super) fn show(&self, sets: &mut RowSets) {
        self.rows.store(sets.count(), Relaxed);
        self.bytes.store(sets.bytes(), Relaxed);
    }
}

/// Creates or checks the tables of a projector, or makes them anew; then its hooks may use them.
pub(super) fn prepare<P: Handlers>(
    session: &mut SessionOf<P>,
    key: &CheckpointKey,
    reset: bool,
) -> Result<(), RowsError> {
    match P::Storage::rows(session) {
        Some(rows) => rows.prepare(&P::tables(), &owner(key), reset),
        None => Ok(()),
    }
}

/// The name that tables are recorded under: projectors of two applications may share one.
fn owner(CheckpointKey { namespace, projector, .. }: &CheckpointKey) -> String {
    if namespace.is_empty() { projector.clone() } else { format!("{namespace}/{projector}") }
}

/// Writes the rows that the events up to `last` have changed.
pub(super) fn flush<P: Handlers>(last: usize, session: &mut SessionOf<P>) -> Result<(), Failure> {
    let Some(rows) = P::Storage::rows(session) else { return Ok(()) };
    rows.flush().map_err(|error| refused(last, error))
}

/// What rows that a table refused make of a batch.
pub(super) fn refused(last: usize, error: RowsError) -> Failure {
    match error {
        RowsError::Store(error) => Failure::Store(error),
        RowsError::Refused(source) => Failure::Refused(last, source),
        RowsError::Differs(what) => Failure::Refused(last, what.into()),
    }
}
