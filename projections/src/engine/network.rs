//! The loop over the events of a batch on a storage behind a network, where rows cannot be loaded
//! while a handler runs.
//!
//! The rows of many events are loaded by one query a table, before their handlers are called: those
//! that `#[keys(..)]` name, and those that a handler asks for when it is only called to see which.
//! What neither has shown is missed: then nothing of the batch is kept, and it is handled again with
//! what was missed.

use std::{
    any::Any,
    collections::HashMap,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{
    Batch, StartError, Target,
    apply::{self, Called, Failure},
    rows::refused,
    stages::Stage,
};
use crate::{
    BoxError, Envelope, HandleError, Handlers, Projector, Storage, projector::SessionOf,
    rows::RowFault,
};

/// How often an event may be handled again because it asks for further rows. A handler that follows
/// rows to other rows needs as many times as its way is long; one that makes up keys never ends.
const MOST_MISSES: u32 = 100;

/// Handles the events of a batch.
pub(super) async fn apply<P: Projector + Handlers + Send>(
    projector: &mut P,
    batch: &Batch,
    session: &mut SessionOf<P>,
) -> Result<(), Failure>
where
    SessionOf<P>: Send,
{
    let mut envelope = batch.envelope();
    let mut next = batch.events.start;
    while next < batch.events.end {
        let end = gather(projector, batch, next, &mut envelope, session);
        batch.timed_async(Stage::Load, load::<P>(batch, next, session)).await?;
        let handlers = handle(projector, batch, next..end, &mut envelope, session);
        next = batch.timed_async(Stage::Handle, handlers).await?;
    }
    batch.timed_async(Stage::Write, flush::<P>(batch.events.end - 1, session)).await
}

/// Collects what the handlers of the next events will ask for, until the rows would not fit into
/// memory; returns the first event that is left out.
fn gather<P: Projector + Handlers>(
    projector: &mut P,
    batch: &Batch,
    first: usize,
    envelope: &mut Envelope,
    session: &mut SessionOf<P>,
) -> usize {
    probe::<P>(true, session);
    let mut next = first;
    while next < batch.events.end {
        look(projector, batch, next, envelope, session);
        next += 1;
        let Some(rows) = P::Storage::rows(session) else { continue };
        rows.probed();
        if rows.is_full() {
            break;
        }
    }
    probe::<P>(false, session);
    next
}

fn probe<P: Projector + Handlers>(probing: bool, session: &mut SessionOf<P>) {
    if let Some(rows) = P::Storage::rows(session) {
        rows.probe(probing);
    }
}

/// Collects what one event's handler will ask for. What goes wrong here does so again, and for good,
/// when the event is handled.
fn look<P: Projector + Handlers>(
    projector: &mut P,
    batch: &Batch,
    index: usize,
    envelope: &mut Envelope,
    session: &mut SessionOf<P>,
) {
    if batch.leaves_out(index) {
        return;
    }
    if let Some(rows) = P::Storage::rows(session) {
        rows.recall(index);
    }
    let Ok(Some(Called { id, .. })) = apply::route(batch, index) else { return };
    let Target::Route { keys, .. } = batch.targets[batch.page.record(index).name] else { return };
    envelope.move_to(index, batch.effects_mark);
    if keys.named {
        let _ = catch_unwind(AssertUnwindSafe(|| projector.keys(id, envelope, session)));
    }
    // A panic that is not unwound would end the process for nothing.
    if keys.probed && P::OPTIONS.probe && cfg!(not(panic = "abort")) {
        let _ = catch_unwind(AssertUnwindSafe(|| projector.handle(id, envelope, session)));
    }
}

async fn load<P: Projector + Handlers>(
    batch: &Batch,
    index: usize,
    session: &mut SessionOf<P>,
) -> Result<bool, Failure> {
    let Some(rows) = P::Storage::rows(session) else { return Ok(false) };
    rows.load_wanted().await.map_err(|fault| apply::failure(batch, index, fault))
}

/// Handles events whose rows are loaded; returns the first that was not, because the rows have
/// outgrown their bound.
async fn handle<P: Projector + Handlers + Send>(
    projector: &mut P,
    batch: &Batch,
    events: Range<usize>,
    envelope: &mut Envelope,
    session: &mut SessionOf<P>,
) -> Result<usize, Failure>
where
    SessionOf<P>: Send,
{
    let marks = batch.progress.begin();
    for index in events.clone().filter(|index| !batch.leaves_out(*index)) {
        let Some(called) = apply::route(batch, index)? else { continue };
        envelope.move_to(index, batch.effects_mark);
        marks.at(index);
        let outcome = call(projector, &called, envelope, session).await;
        marks.idle();
        let outcome = outcome.unwrap_or_else(|panic| Err(apply::panicked(batch, index, &*panic)));
        let settled = settle::<P>(index, session).await;
        apply::verdict::<P>(batch, index, outcome, settled, session)?;
        if let Some(rows) = P::Storage::rows(session)
            && rows.is_outgrown()
        {
            rows.flush_early().await.map_err(|error| refused(index, error))?;
            return Ok(index + 1);
        }
    }
    Ok(events.end)
}

async fn call<P: Projector + Handlers + Send>(
    projector: &mut P,
    called: &Called,
    envelope: &Envelope,
    session: &mut SessionOf<P>,
) -> Result<Result<(), HandleError>, Box<dyn Any + Send>>
where
    SessionOf<P>: Send,
{
    if called.is_async {
        apply::catch_panic(projector.handle_async(called.id, envelope, session)).await
    } else {
        catch_unwind(AssertUnwindSafe(|| projector.handle(called.id, envelope, session)))
    }
}

/// Brings the rows that a handler has changed to their stored form, and checks them against those
/// that may have the same unique keys.
async fn settle<P: Projector + Handlers>(
    index: usize,
    session: &mut SessionOf<P>,
) -> Result<(), RowFault> {
    let Some(rows) = P::Storage::rows(session) else { return Ok(()) };
    let mut settled = rows.settle();
    while let Err(RowFault::Unchecked) = settled {
        settled = match rows.load_wanted().await {
            Ok(true) => rows.settle(),
            Ok(false) => Err(RowFault::Missing), // it was loaded, and yet is not there
            Err(fault) => Err(fault),
        };
    }
    if let Err(RowFault::Missing) = settled {
        rows.remember(index);
    }
    settled
}

/// Writes the rows that the events up to `last` have changed.
async fn flush<P: Projector + Handlers>(
    last: usize,
    session: &mut SessionOf<P>,
) -> Result<(), Failure> {
    let Some(rows) = P::Storage::rows(session) else { return Ok(()) };
    rows.flush_async().await.map_err(|error| refused(last, error))
}

/// Loads what the hooks have asked for in vain before.
pub(super) async fn load_for_hooks<P: Projector + Handlers>(
    session: &mut SessionOf<P>,
) -> Result<(), StartError> {
    let Some(rows) = P::Storage::rows(session) else { return Ok(()) };
    rows.recall(0);
    match rows.load_wanted().await {
        Err(RowFault::Store(error)) => Err(error.into()),
        Err(_) | Ok(_) => Ok(()), // only a storage can fail here
    }
}

/// Counts how often the events of a batch were handled again for the sake of rows.
#[derive(Default)]
pub(super) struct Misses(HashMap<usize, u32>);

impl Misses {
    /// Counts one more; false where the event has had all that it may.
    pub(super) fn allow(&mut self, index: usize) -> bool {
        let misses = self.0.entry(index).or_default();
        *misses += 1;
        *misses <= MOST_MISSES
    }
}

/// Why a handler, or a hook, is not called once more.
pub(crate) fn endless() -> BoxError {
    "it asks for other rows whenever it is called; it must ask for the same, given the same event and rows".into()
}
