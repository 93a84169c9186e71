//! A batch that goes on where one of its events fails for good.
//!
//! What the event has written is taken back to the last savepoint of the transaction, the events
//! since then are handled again without it, and its letter is committed together with all others of
//! the batch. Without it each such event costs a rollback and two more commits.

use std::{error::Error as StdError, fmt, ops::Range, sync::Arc};

use super::{
    Applied, Batch,
    apply::{self, Failure},
    blocking::Worker,
    rows,
    stages::{Stage, timed},
};
use crate::{
    BlockingStorage, HandleError, Handlers, Letter, Page, Projector, Verdict, projector::SessionOf,
};

/// So many events are between two savepoints: few to handle again, many for the price of one.
const EVENTS: usize = 32;

/// Decides about an event that failed in a batch that is to go on.
pub(crate) trait Triage: fmt::Debug + Send + Sync {
    /// Puts a failed event aside, and with it those of the rest of the batch that now wait behind
    /// it. False where the batch must not go on: nothing is put aside then.
    fn put_aside(&self, failed: Failed<'_>, aside: &mut Aside) -> bool;
}

/// An event that failed in a batch.
pub(crate) struct Failed<'a> {
    pub(crate) page: &'a Page,
    pub(crate) index: usize,
    /// The events of the batch after it.
    pub(crate) rest: Range<usize>,
    pub(crate) error: &'a HandleError,
    /// What the storage says of an error of its driver.
    pub(crate) said: fn(&(dyn StdError + 'static)) -> Option<Verdict>,
}

/// What was put aside while a batch was applied, and is committed with it.
#[derive(Debug, Default)]
pub struct Aside {
    /// In the order in which events failed; those of one key are in the order of their positions.
    pub(crate) letters: Vec<Letter>,
    /// The indexes of their events in the page.
    pub(crate) indexes: Vec<usize>,
}

impl<S, P> Worker<S, P>
where
    S: BlockingStorage,
    P: Projector<Storage = S> + Handlers,
{
    /// Applies a batch without the events that fail for good. `None` where that is not asked for,
    /// or not possible on this storage.
    pub(super) fn attempt_leniently(
        &mut self,
        batch: &mut Batch,
    ) -> Option<Result<Applied, Failure>> {
        let triage = batch.triage.take()?;
        let (events, left_out) = (batch.events.clone(), batch.left_out.clone());
        let outcome = self.attempt_marked(batch, &*triage);
        batch.events = events;
        batch.left_out = left_out;
        outcome.transpose()
    }

    fn attempt_marked(
        &mut self,
        batch: &mut Batch,
        triage: &dyn Triage,
    ) -> Result<Option<Applied>, Failure> {
        let mut session = self.storage.begin().map_err(Failure::Store)?;
        self.rows.lend::<S>(&mut session, false);
        self.rows.begin_marks();
        batch.progress.interruptible(self.storage.interrupt(&session));
        let progress = Arc::clone(&batch.progress);
        let handled =
            timed(&progress, Stage::Handle, || self.handle_marked(batch, triage, &mut session));
        batch.progress.interruptible(None);
        let aside = match handled {
            Ok(Some(aside)) => aside,
            failed => {
                // A failed roll-back leaves nothing behind either: the session is gone with it.
                let _ = self.storage.rollback(session);
                self.rows.forget();
                return failed.map(|_| None);
            }
        };
        self.rows.take_back_marked::<S>(&mut session, &mut batch.write);
        batch.count_erased();
        batch.write.letters.put.extend_from_slice(&aside.letters);
        let committed = batch.timed(Stage::Commit, || self.commit(session, &batch.write));
        Ok(Some(match committed {
            Ok(()) => {
                self.rows.committed();
                Applied::Committed(aside)
            }
            failed => {
                self.rows.forget();
                failed.into()
            }
        }))
    }

    /// Handles the events between one savepoint and the next, and so on to the end; `None` where the
    /// storage has no savepoints.
    fn handle_marked(
        &mut self,
        batch: &mut Batch,
        triage: &dyn Triage,
        session: &mut SessionOf<P>,
    ) -> Result<Option<Aside>, Failure> {
        let (events, mut erased) = (batch.events.clone(), 0);
        let mut aside = Aside::default();
        let mut from = events.start;
        // Where an event failed: those before it are handled again up to there, and no further.
        let mut failed_at = None;
        while from < events.end {
            if !self.storage.savepoint(session).map_err(Failure::Store)? {
                return Ok(None);
            }
            let to = failed_at.take().unwrap_or_else(|| events.end.min(from + EVENTS));
            batch.events = from..to;
            match self.handle_to_mark(batch, session) {
                Ok(()) => {
                    erased += *batch.erased.get_mut();
                    from = to;
                }
                Err(Failure::Event(index, error)) => {
                    let (page, rest) = (&batch.page, index + 1..events.end);
                    let failed = Failed { page, index, rest, error: &error, said: S::verdict };
                    let before = aside.indexes.len();
                    if batch.progress.is_interrupted() || !triage.put_aside(failed, &mut aside) {
                        return Err(Failure::Event(index, error));
                    }
                    batch.left_out.extend_from_slice(&aside.indexes[before..]);
                    batch.left_out.sort_unstable();
                    self.storage.back_to_savepoint(session).map_err(Failure::Store)?;
                    self.rows.back_to_mark::<S>(session);
                    failed_at = (index > from).then_some(index);
                }
                Err(failure) => return Err(failure),
            }
        }
        *batch.erased.get_mut() = erased;
        Ok(Some(aside))
    }

    /// Handles the events of a part of a batch, and writes their rows.
    fn handle_to_mark(&mut self, batch: &Batch, session: &mut SessionOf<P>) -> Result<(), Failure> {
        apply::apply(&mut self.projector, batch, session)?;
        rows::flush::<P>(batch.events.end - 1, session)?;
        self.rows.mark::<S>(session);
        Ok(())
    }
}
