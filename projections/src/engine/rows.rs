//! The rows that an engine keeps between batches.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use super::{Start, apply::Failure};
use crate::{
    Checkpoint, CheckpointKey, CheckpointWrite, Handlers, Projector, Storage,
    projector::SessionOf,
    rows::{Beginning, DeclaredTable, RowSets, RowsError, TableDigests},
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
    /// What the rows of the tables add up to, as of the stored checkpoint.
    digests: TableDigests,
    /// The same, once a session has committed that is about to.
    unsure_digests: TableDigests,
    bound: usize,
    batch: u64,
    used: Arc<RowUse>,
}

impl KeptRows {
    pub(super) fn of<P: Projector + Handlers>(used: Arc<RowUse>) -> Self {
        let bound = usize::try_from(P::OPTIONS.row_bytes).unwrap_or(usize::MAX);
        let (sets, unsure) = (RowSets::default(), RowSets::default());
        let (digests, unsure_digests) = (TableDigests::default(), TableDigests::default());
        let tables = P::tables();
        Self { tables, sets, unsure, digests, unsure_digests, bound, batch: 0, used }
    }

    /// A stored checkpoint was read. What is stored may be older than what rows were kept from.
    pub(super) fn loaded(&mut self, stored: Option<&Checkpoint>) {
        self.forget();
        self.digests = stored.map(|stored| stored.tables.clone()).unwrap_or_default();
    }

    /// Creates or checks the tables, or makes them anew; then hooks may use them.
    pub(super) fn prepare<S: Storage>(
        &mut self,
        session: &mut S::Session,
        start: &Start,
    ) -> Result<(), RowsError> {
        let Some(rows) = S::rows(session) else { return Ok(()) };
        let (owner, beginning) = (owner(&start.write.key), beginning(start));
        self.unsure_digests.clone_from(&self.digests);
        rows.prepare(&self.tables, &owner, beginning, &mut self.unsure_digests)
    }

    /// As [`prepare`](Self::prepare), on a storage behind a network.
    pub(super) async fn prepare_async<S: Storage>(
        &mut self,
        session: &mut S::Session,
        start: &Start,
    ) -> Result<(), RowsError> {
        let Some(rows) = S::rows(session) else { return Ok(()) };
        let (owner, beginning) = (owner(&start.write.key), beginning(start));
        self.unsure_digests.clone_from(&self.digests);
        rows.prepare_async(&self.tables, &owner, beginning, &mut self.unsure_digests).await
    }

    /// The session of a start is about to commit; its rows are not kept.
    pub(super) fn write_start<S: Storage>(
        &mut self,
        session: &mut S::Session,
        write: &mut CheckpointWrite,
    ) {
        if let Some(rows) = S::rows(session) {
            rows.change_digests(&mut self.unsure_digests);
        }
        write.next.tables.clone_from(&self.unsure_digests);
    }

    /// The start has committed.
    pub(super) fn started(&mut self) {
        self.forget();
        self.digests = std::mem::take(&mut self.unsure_digests);
    }

    /// The checkpoint alone is about to be written.
    pub(super) fn write_alone(&self, write: &mut CheckpointWrite) {
        write.next.tables.clone_from(&self.digests);
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

    /// A session that has them will set marks.
    pub(super) fn begin_marks(&mut self) {
        self.unsure_digests.clone_from(&self.digests);
    }

    /// All of them are written, and the session can go back to here.
    pub(super) fn mark<S: Storage>(&mut self, session: &mut S::Session) {
        if let Some(rows) = S::rows(session) {
            rows.change_digests(&mut self.unsure_digests);
        }
    }

    /// The session went back to the last mark: what is in memory may be of what is undone.
    pub(super) fn back_to_mark<S: Storage>(&mut self, session: &mut S::Session) {
        if let Some(rows) = S::rows(session) {
            drop(rows.take());
            rows.declare(&self.tables);
            rows.begin_batch(self.batch, self.bound);
        }
    }

    /// Takes them back from a session that is about to commit.
    pub(super) fn take_back<S: Storage>(
        &mut self,
        session: &mut S::Session,
        write: &mut CheckpointWrite,
    ) {
        self.begin_marks();
        self.take_back_marked::<S>(session, write);
    }

    /// As [`take_back`](Self::take_back), from a session that has set marks.
    pub(super) fn take_back_marked<S: Storage>(
        &mut self,
        session: &mut S::Session,
        write: &mut CheckpointWrite,
    ) {
        if self.tables.is_empty() {
            return;
        }
        if let Some(rows) = S::rows(session) {
            rows.change_digests(&mut self.unsure_digests);
            self.unsure = rows.take();
        }
        write.next.tables.clone_from(&self.unsure_digests);
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
        std::mem::swap(&mut self.digests, &mut self.unsure_digests);
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

fn beginning(start: &Start) -> Beginning {
    let CheckpointWrite { previous, next, .. } = &start.write;
    match start.reset {
        true => Beginning::Rebuild,
        false => Beginning::at(previous.map(|_| next.position)),
    }
}

/// The name that tables are recorded under: projectors of two applications may share one.
pub(crate) fn owner(CheckpointKey { namespace, projector, .. }: &CheckpointKey) -> String {
    if namespace.is_empty() { projector.clone() } else { format!("{namespace}/{projector}") }
}

/// Writes the rows that the events up to `last` have changed.
pub(super) fn flush<P: Projector + Handlers>(
    last: usize,
    session: &mut SessionOf<P>,
) -> Result<(), Failure> {
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
