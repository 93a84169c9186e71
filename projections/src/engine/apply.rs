//! The hot loop: the events of a batch, one after the other, into their handlers.
//!
//! No allocation, lock, task or channel hop happens here per event.

use std::{
    any::Any,
    cell::Cell,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
};

use super::{
    Applied, Batch, StartError, Target,
    handling::{Handling, mark},
};
use crate::{
    BoxError, HandleError, Handlers, Hook, SessionFault, Storage, StoreError,
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
fn method(batch: &Batch, index: usize) -> &'static str {
    match batch.targets[batch.page.record(index).name] {
        Target::Route { method, .. } => method,
        Target::Skip | Target::Unregistered => "", // nothing is called for these
    }
}

/// Handles the events of a batch, by `fn` handlers.
pub(super) fn apply<P: Handlers>(
    projector: &mut P,
    batch: &Batch,
    session: &mut SessionOf<P>,
) -> Result<(), Failure> {
    let at = Cell::new(batch.events.start);
    // The panicking handler's transaction is rolled back, or its state thrown away, by the caller.
    let run = AssertUnwindSafe(|| {
        let _handling = Handling::of(P::NAME);
        let mut envelope = batch.envelope();
        for index in batch.events.clone() {
            at.set(index);
            envelope.move_to(index, batch.effects_mark);
            if let Some(route) = route(batch, index)? {
                let outcome = projector.handle(route.id, &envelope, session);
                judge::<P>(index, route.method, outcome, session)?;
            }
        }
        Ok(())
    });
    catch_unwind(run)
        .unwrap_or_else(|panic| Err(settle_panic::<P>(panicked(batch, at.get(), &*panic), session)))
}

/// Handles the events of a batch, by `fn` and `async fn` handlers.
pub(super) async fn apply_async<P: Handlers + Send>(
    projector: &mut P,
    batch: &Batch,
    session: &mut SessionOf<P>,
) -> Result<(), Failure>
where
    SessionOf<P>: Send,
{
    let at = std::sync::atomic::AtomicUsize::new(batch.events.start);
    let run = async {
        let mut envelope = batch.envelope();
        for index in batch.events.clone() {
            at.store(index, std::sync::atomic::Ordering::Relaxed);
            envelope.move_to(index, batch.effects_mark);
            if let Some(route) = route(batch, index)? {
                let outcome = if route.is_async {
                    projector.handle_async(route.id, &envelope, session).await
                } else {
                    projector.handle(route.id, &envelope, session)
                };
                judge::<P>(index, route.method, outcome, session)?;
            }
        }
        Ok(())
    };
    let outcome = catch_panic(mark(P::NAME, run)).await;
    outcome.unwrap_or_else(|panic| {
        let at = at.load(std::sync::atomic::Ordering::Relaxed);
        Err(settle_panic::<P>(panicked(batch, at, &*panic), session))
    })
}

/// Tells whether any handler is an `async fn`.
pub(super) fn is_async<P: Handlers>() -> bool {
    P::ROUTES.iter().any(|route| route.is_async)
        || P::FALLBACK.is_some_and(|fallback| fallback.is_async)
}

/// A handler that an event goes to.
pub(super) struct Called {
    pub(super) id: u32,
    pub(super) method: &'static str,
    pub(super) is_async: bool,
}

#[inline(always)] // once an event, in a loop that is nothing but calls
pub(super) fn route(batch: &Batch, index: usize) -> Result<Option<Called>, Failure> {
    let record = batch.page.record(index);
    match batch.targets[record.name] {
        Target::Route { id, method, is_async, after, .. } if record.position > after => {
            Ok(Some(Called { id, method, is_async }))
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

/// Asks the transaction, not the handler, whether the storage failed or the handler left it.
#[inline]
fn judge<P: Handlers>(
    index: usize,
    method: &'static str,
    outcome: Result<(), HandleError>,
    session: &mut SessionOf<P>,
) -> Result<(), Failure> {
    let settled = settle_rows::<P>(index, method, session);
    verdict::<P>(index, method, outcome, settled, session)
}

/// What becomes of an event, once its rows are settled.
#[inline]
pub(super) fn verdict<P: Handlers>(
    index: usize,
    method: &'static str,
    outcome: Result<(), HandleError>,
    settled: Result<(), Failure>,
    session: &mut SessionOf<P>,
) -> Result<(), Failure> {
    match (P::Storage::check(session), outcome) {
        (Err(SessionFault::Storage(error)), _) => Err(Failure::Store(error)),
        (Err(SessionFault::LeftTransaction), _) => {
            Err(Failure::Event(index, HandleError::LeftTransaction { method }))
        }
        (Ok(()), Ok(())) => settled,
        (Ok(()), Err(error)) => Err(match settled {
            // What the handler saw was not there: its own error says nothing.
            Err(fault @ (Failure::Store(_) | Failure::Missing(_))) => fault,
            _ => Failure::Event(index, error),
        }),
    }
}

/// Brings the rows that a handler has changed to their stored form, and checks them.
#[inline]
fn settle_rows<P: Handlers>(
    index: usize,
    method: &'static str,
    session: &mut SessionOf<P>,
) -> Result<(), Failure> {
    match P::Storage::rows(session) {
        Some(rows) if !rows.is_empty() => {
            rows.settle().map_err(|fault| failure(index, method, fault))
        }
        _ => Ok(()),
    }
}

/// What a fault of rows makes of a batch.
#[cold]
pub(super) fn failure(index: usize, method: &'static str, fault: RowFault) -> Failure {
    match fault {
        RowFault::Event(source) => Failure::Event(index, HandleError::Rows { method, source }),
        RowFault::Store(error) => Failure::Store(error),
        RowFault::Refused(source) => Failure::Refused(index, source),
        RowFault::Missing | RowFault::Unchecked => Failure::Missing(index),
    }
}

/// After a panic: an outage may be behind it, or a row that must be loaded before.
fn settle_panic<P: Handlers>(failure: Failure, session: &mut SessionOf<P>) -> Failure {
    match settle_rows::<P>(0, "", session) {
        Err(fault @ (Failure::Store(_) | Failure::Missing(_))) => fault,
        _ => failure,
    }
}

fn panicked(batch: &Batch, index: usize, panic: &(dyn Any + Send)) -> Failure {
    let method = method(batch, index);
    Failure::Event(index, HandleError::Panicked { method, message: message(panic) })
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
pub(super) fn hooks<P: Handlers>(reset: bool) -> impl Iterator<Item = (HookCall, Hook)> {
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
pub(super) fn hook<P: Handlers>(
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
pub(super) async fn hook_async<P: Handlers + Send>(
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
fn settle<P: Handlers>(
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
