//! The rows that an engine keeps between batches.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use super::{Start, apply::Failure};
use crate::{
    CheckpointKey, CheckpointWrite, GlobalPosition, Handlers, Storage,
    projector::SessionOf,
    rows::{Beginning, DeclaredTable, RowSets, RowsError},
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
    /// Those of a session that is about to commit: right only once it has.
    unsure: RowSets,
    bound: usize,
    batch: u64,
    used: Arc<RowUse>,
}

impl KeptRows {
    pub(super) fn of<P: Handlers>(used: Arc<RowUse>) -> Self {
        let bound = usize::try_from(P::OPTIONS.row_bytes).unwrap_or(usize::MAX);
        let (sets, unsure) = (RowSets::default(), RowSets::default());
        Self { tables: P::tables(), sets, unsure, bound, batch: 0, used }
    }

    /// The tables of the projector.
    pub(super) fn tables(&self) -> &[DeclaredTable] {
        &self.tables
    }

    /// Gives them to a session, for one batch. `by_event` has them written after each event.
    pub(super) fn lend<S: Storage>(&mut self, session: &mut S::Session, by_event: bool) {
        if self.tables.is_empty() {
            return;
        }
        // A commit whose end nobody has waited for may have failed.
        self.unsure = RowSets::default();
        if let Some(rows) = S::rows(session) {
            self.batch += 1;
            rows.take_over(self.sets.take());
            rows.declare(&self.tables);
            rows.begin_batch(self.batch, if by_event { 0 } else { self.bound });
        }
    }

    /// Takes them back from a session that is about to commit.
    pub(super) fn take_back<S: Storage>(&mut self, session: &mut S::Session) {
        if let Some(rows) = S::rows(session) {
            self.unsure = rows.take();
        }
    }

    /// Takes them back from a session that does not commit, without what is in them, to begin again
    /// with what was missed.
    pub(super) fn restart<S: Storage>(&mut self, session: &mut S::Session) {
        if let Some(rows) = S::rows(session) {
            self.sets = rows.take();
            self.sets.restart();
        }
    }

    /// The session that they were taken back from has committed.
    pub(super) fn committed(&mut self) {
        self.sets = std::mem::take(&mut self.unsure);
        self.sets.committed(self.bound);
        self.publish();
    }

    /// The session that had them did not commit, or nobody knows whether it did.
    pub(super) fn forget(&mut self) {
        (self.sets, self.unsure) = (RowSets::default(), RowSets::default());
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
    start: &Start,
) -> Result<(), RowsError> {
    match P::Storage::rows(session) {
        Some(rows) => rows.prepare(&P::tables(), &owner(&start.write.key), beginning(start)),
        None => Ok(()),
    }
}

fn beginning(start: &Start) -> Beginning {
    let CheckpointWrite { previous, next, .. } = &start.write;
    match start.reset {
        true => Beginning::Rebuild,
        false if previous.is_none() || next.position == GlobalPosition::BEGINNING => {
            Beginning::First
        }
        false => Beginning::Later,
    }
}

/// The name that tables are recorded under: projectors of two applications may share one.
fn owner(CheckpointKey { namespace, projector, .. }: &CheckpointKey) -> String {
    if namespace.is_empty() { projector.clone() } else { format!("{namespace}/{projector}") }
}

/// As [`prepare`], on a storage behind a network.
pub(super) async fn prepare_async<P: Handlers>(
    session: &mut SessionOf<P>,
    start: &Start,
) -> Result<(), RowsError> {
    let owner = owner(&start.write.key);
    match P::Storage::rows(session) {
        Some(rows) => rows.prepare_async(&P::tables(), &owner, beginning(start)).await,
        None => Ok(()),
    }
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
