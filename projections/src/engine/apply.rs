//! The hot loop: the events of a batch, one after the other, into their handlers.
//!
//! No allocation, lock, task or channel hop happens here per event.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

use super::{
    Applied, Batch, StartError, Target,
    handling::{Handling, mark},
    limit::within,
};
use crate::{
    BoxError, Erased, HandleError, Handlers, Hook, Projector, SessionFault, Storage, StoreError,
    projector::{HookCall, SessionOf},
    rows::RowFault,
    storage::HookResult,
};

/// Why the events of a batch were not all handled.
pub(super) enum Failure {
    Event(usize, HandleError),
    Store(StoreError),
    /// A table refused the rows of the events up to this one; which of them is to blame shows when
    /// they are written event by event.
    Refused(usize, BoxError),
    /// The handler of this event has asked for a row that must be loaded before.
    Missing(usize),
}

impl Failure {
    pub(super) fn into_applied(self, batch: &Batch) -> Applied {
        match self.into_event(batch) {
            Ok((index, error)) => Applied::Event(index, error),
            Err(error) => Applied::Store(error),
        }
    }

    /// The event that is to blame, and why, unless it is the storage.
    pub(super) fn into_event(self, batch: &Batch) -> Result<(usize, HandleError), StoreError> {
        let (index, source) = match self {
            Self::Event(index, error) => return Ok((index, error)),
            Self::Store(error) => return Err(error),
            Self::Refused(index, source) => (index, source),
            Self::Missing(index) => (index, super::network::endless()),
        };
        Ok((index, HandleError::Rows { method: method(batch, index), source }))
    }
}

/// The handler that an event goes to.
#[cold]
pub(super) fn method(batch: &Batch, index: usize) -> &'static str {
    match batch.targets[batch.page.record(index).name] {
        Target::Route { method, .. } => method,
        Target::Skip | Target::Unregistered => "", // nothing is called for these
    }
}

/// Handles the events of a batch, by `fn` handlers.
pub(super) fn apply<P: Projector + Handlers>(
    projector: &mut P,
    batch: &Batch,
    session: &mut SessionOf<P>,
) -> Result<(), Failure> {
    let marks = batch.progress.begin();
    // The panicking handler's transaction is rolled back, or its state thrown away, by the caller.
    let run = AssertUnwindSafe(|| {
        let _handling = Handling::of(P::NAME);
        let mut envelope = batch.envelope();
        for run in batch.runs() {
            for index in run {
                marks.at(index);
                let Some(called) = route(batch, index)? else { continue };
                envelope.move_to(index, batch.effects_mark);
                let outcome = projector.handle(called.id, &envelope, session);
                judge::<P>(batch, index, outcome, session)?;
            }
        }
        Ok(())
    });
    catch_unwind(run).unwrap_or_else(|panic| Err(settle_panic::<P>(batch, &*panic, session)))
}

/// Handles the events of a batch, by `fn` and `async fn` handlers.
pub(super) async fn apply_async<P: Projector + Handlers + Send>(
    projector: &mut P,
    batch: &Batch,
    session: &mut SessionOf<P>,
) -> Result<(), Failure>
where
    SessionOf<P>: Send,
{
    let marks = batch.progress.begin();
    let run = async {
        let mut envelope = batch.envelope();
        for run in batch.runs() {
            for index in run {
                marks.at(index);
                let Some(called) = route(batch, index)? else { continue };
                envelope.move_to(index, batch.effects_mark);
                let outcome = if called.is_async {
                    projector.handle_async(called.id, &envelope, session).await
                } else {
                    projector.handle(called.id, &envelope, session)
                };
                judge::<P>(batch, index, outcome, session)?;
            }
        }
        Ok(())
    };
    let limit = P::OPTIONS.timeout;
    match within(&batch.progress, limit, catch_panic(mark(P::NAME, run))).await {
        Ok(outcome) => {
            outcome.unwrap_or_else(|panic| Err(settle_panic::<P>(batch, &*panic, session)))
        }
        Err(index) => Err(Failure::Event(index, timed_out(batch, index, limit))),
    }
}

/// What becomes of an event whose handler took too long.
pub(super) fn timed_out(batch: &Batch, index: usize, limit: Duration) -> HandleError {
    HandleError::TimedOut { method: method(batch, index), limit }
}

/// Tells whether any handler is an `async fn`.
pub(super) fn is_async<P: Projector + Handlers>() -> bool {
    P::ROUTES.iter().any(|route| route.is_async)
        || P::FALLBACK.is_some_and(|fallback| fallback.is_async)
}

/// A handler that an event goes to. It is small, because an `async` loop keeps it in memory while
/// the handler runs; what only an error names is looked up by [`method`].
pub(super) struct Called {
    pub(super) id: u32,
    pub(super) is_async: bool,
}

#[inline(always)] // once an event, in a loop that is nothing but calls
pub(super) fn route(batch: &Batch, index: usize) -> Result<Option<Called>, Failure> {
    let record = batch.page.record(index);
    match batch.targets[record.name] {
        Target::Route { id, is_async, after, .. } if record.position > after => {
            Ok(Some(Called { id, is_async }))
        }
        Target::Route { .. } | Target::Skip => Ok(None),
        Target::Unregistered => Err(unregistered(batch, index)),
    }
}

#[cold]
fn unregistered(batch: &Batch, index: usize) -> Failure {
    let name = batch.page.name(batch.page.record(index));
    let error = HandleError::Unregistered {
        event: name.name.to_string(),
        domain: name.domain.to_string(),
        handled: String::new(),
    };
    Failure::Event(index, error)
}

/// Brings the rows that a handler has changed to their stored form, and tells what becomes of its
/// event.
#[inline]
fn judge<P: Projector + Handlers>(
    batch: &Batch,
    index: usize,
    outcome: Result<(), HandleError>,
    session: &mut SessionOf<P>,
) -> Result<(), Failure> {
    let settled = settle_rows::<P>(session);
    verdict::<P>(batch, index, outcome, settled, session)
}

/// What becomes of an event, once its rows are settled. The transaction is asked, not the handler,
/// whether the storage failed or the handler left it.
#[inline]
pub(super) fn verdict<P: Projector + Handlers>(
    batch: &Batch,
    index: usize,
    outcome: Result<(), HandleError>,
    settled: Result<(), RowFault>,
    session: &mut SessionOf<P>,
) -> Result<(), Failure> {
    if let Err(fault) = P::Storage::check(session) {
        return Err(lost(batch, index, fault));
    }
    match outcome {
        Ok(()) => settled.map_err(|fault| failure(batch, index, fault)),
        Err(error) => blame(batch, index, error, settled),
    }
}

/// What a transaction makes of a batch that is not the one that was begun.
#[cold]
fn lost(batch: &Batch, index: usize, fault: SessionFault) -> Failure {
    match fault {
        SessionFault::Storage(error) => Failure::Store(error),
        SessionFault::LeftTransaction => {
            let method = method(batch, index);
            Failure::Event(index, HandleError::LeftTransaction { method })
        }
    }
}

/// What a handler's error makes of a batch.
#[cold]
fn blame(
    batch: &Batch,
    index: usize,
    error: HandleError,
    settled: Result<(), RowFault>,
) -> Result<(), Failure> {
    match (settled.map_err(|fault| failure(batch, index, fault)), error) {
        // What the handler saw was not there: its own error says nothing.
        (Err(fault @ (Failure::Store(_) | Failure::Missing(_))), _) => Err(fault),
        // It was never called, or has found it out by itself, as a fallback does that decodes.
        (Ok(()), HandleError::Decode { source, .. } | HandleError::Failed { source, .. })
            if Erased::is_behind(&*source) =>
        {
            batch.erased.fetch_add(1, Relaxed);
            Ok(())
        }
        (_, error) => Err(Failure::Event(index, error)),
    }
}

/// Brings the rows that a handler has changed to their stored form, and checks them.
#[inline]
fn settle_rows<P: Projector + Handlers>(session: &mut SessionOf<P>) -> Result<(), RowFault> {
    match P::Storage::rows(session) {
        Some(rows) if !rows.is_empty() => rows.settle(),
        _ => Ok(()),
    }
}

/// What a fault of rows makes of a batch.
#[cold]
pub(super) fn failure(batch: &Batch, index: usize, fault: RowFault) -> Failure {
    match fault {
        RowFault::Event(source) => {
            let method = method(batch, index);
            Failure::Event(index, HandleError::Rows { method, source })
        }
        RowFault::Store(error) => Failure::Store(error),
        RowFault::Refused(source) => Failure::Refused(index, source),
        RowFault::Missing | RowFault::Unchecked => Failure::Missing(index),
    }
}

/// After a panic: an outage may be behind it, or a row that must be loaded before.
fn settle_panic<P: Projector + Handlers>(
    batch: &Batch,
    panic: &(dyn Any + Send),
    session: &mut SessionOf<P>,
) -> Failure {
    let index = batch.progress.index().unwrap_or(batch.events.start);
    match settle_rows::<P>(session).map_err(|fault| failure(batch, index, fault)) {
        Err(fault @ (Failure::Store(_) | Failure::Missing(_))) => fault,
        _ => Failure::Event(index, panicked(batch, index, panic)),
    }
}

pub(super) fn panicked(batch: &Batch, index: usize, panic: &(dyn Any + Send)) -> HandleError {
    HandleError::Panicked { method: method(batch, index), message: message(panic) }
}

pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

pub(crate) async fn catch_panic<T>(
    future: impl Future<Output = T>,
) -> Result<T, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => std::task::Poll::Ready(Err(panic)),
    })
    .await
}

/// The hooks of a start, in order. Before a reset the tables must be there, and after it they must
/// be there again, so `#[setup]` can be called twice.
pub(super) fn hooks<P: Projector + Handlers>(
    reset: bool,
) -> impl Iterator<Item = (HookCall, Hook)> {
    let setup = (HookCall::Setup, P::SETUP);
    let around =
        if reset { [Some(setup), Some((HookCall::Reset, P::RESET))] } else { [None, None] };
    around.into_iter().flatten().chain([setup])
}

impl HookCall {
    fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Reset => "reset",
        }
    }
}

/// Runs a `fn` hook.
pub(super) fn hook<P: Projector + Handlers>(
    projector: &mut P,
    call: HookCall,
    session: &mut SessionOf<P>,
) -> Result<(), StartError> {
    let _handling = Handling::of(P::NAME);
    let run = AssertUnwindSafe(|| projector.hook(call, session));
    let outcome = catch_unwind(run).unwrap_or_else(|panic| Err(panic_error(&*panic)));
    settle::<P>(call, outcome, session)
}

/// Runs a hook of either kind.
pub(super) async fn hook_async<P: Projector + Handlers + Send>(
    projector: &mut P,
    call: HookCall,
    kind: Hook,
    session: &mut SessionOf<P>,
) -> Result<(), StartError>
where
    SessionOf<P>: Send,
{
    if kind != Hook::Async {
        return hook(projector, call, session);
    }
    let run = catch_panic(mark(P::NAME, projector.hook_async(call, session))).await;
    let outcome = run.unwrap_or_else(|panic| Err(panic_error(&*panic)));
    settle::<P>(call, outcome, session)
}

fn panic_error(panic: &(dyn Any + Send)) -> BoxError {
    format!("it panicked: {}", message(panic)).into()
}

/// As with handlers, a storage that failed is waited for, and the hook is not to blame.
fn settle<P: Projector + Handlers>(
    call: HookCall,
    outcome: HookResult,
    session: &mut SessionOf<P>,
) -> Result<(), StartError> {
    let failed = |error| StartError::Hook(call.name(), error);
    let rows = P::Storage::rows(session).map_or(Ok(()), crate::rows::RowSets::settle);
    let rows = match rows {
        Ok(()) => Ok(()),
        Err(RowFault::Store(error)) => return Err(error.into()),
        Err(RowFault::Missing | RowFault::Unchecked) => {
            return Err(StartError::Missing(call.name()));
        }
        Err(RowFault::Event(source) | RowFault::Refused(source)) => Err(failed(source)),
    };
    match P::Storage::check(session) {
        Ok(()) => outcome.map_err(failed).and(rows),
        Err(SessionFault::LeftTransaction) => Err(failed("it left its transaction".into())),
        Err(SessionFault::Storage(error)) => Err(error.into()),
    }
}
