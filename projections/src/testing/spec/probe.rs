//! [`Probe`]: the projector of a specification, as the runtime sees it.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{SpecStorage, faults::Faults};
use crate::{
    BoxError, Envelope, Fallback, Fingerprint, HandleError, Handlers, Hook, Mode, OnFailure,
    Options, ParkCaps, Permanent, Projector, RetryPolicy, Route, Storage, Verdict,
    engine::{catch_panic, message},
    projector::{HookCall, SessionOf},
    rows::DeclaredTable,
    snapshot::{Restorer, Saver, SnapshotCode, SnapshotError},
    storage::HookResult,
};

/// Makes a fresh projector.
pub(super) type Make<P> = Arc<dyn Fn() -> P + Send + Sync>;

/// A projector whose events can be made to fail.
pub(super) struct Probe<P> {
    pub(super) projector: P,
    make: Make<P>,
    faults: Faults,
}

/// A projector that a [`Spec`](super::Spec) can run: each one whose storage is a [`SpecStorage`].
///
/// Nobody implements it: it is a name for these bounds.
pub trait Subject: Projector<Storage: SpecStorage> + Handlers + Send + Sync + 'static {}

impl<P> Subject for P
where
    P: Projector + Handlers + Send + Sync + 'static,
    P::Storage: SpecStorage,
{
}

impl<P> Probe<P> {
    pub(super) fn new(make: Make<P>, faults: Faults) -> Self {
        Self { projector: make(), make, faults }
    }
}

/// The runtime clones a projector that it was given wherever it needs a fresh one.
impl<P> Clone for Probe<P> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.make), self.faults.clone())
    }
}

impl<P: Subject> Projector for Probe<P> {
    const NAME: &'static str = P::NAME;
    const OPTIONS: Options = without_waits(P::OPTIONS);
    type Storage = <P::Storage as SpecStorage>::Opened;
    const IS_STATELESS: bool = P::IS_STATELESS;

    const COPY: Option<fn(&Self) -> Self> = match P::COPY {
        Some(_) => Some(copy::<P>),
        None => None,
    };

    const SNAPSHOT: Option<SnapshotCode<Self>> = match P::SNAPSHOT {
        Some(code) => Some(SnapshotCode::new(code.shape, save::<P>, restore::<P>)),
        None => None,
    };
}

/// In a specification an event fails or does not: nothing is waited for. More is parked than what
/// the handlers refuse.
const fn without_waits(mut options: Options) -> Options {
    let none = std::time::Duration::ZERO;
    let max = if options.retry.max == 0 { 1 } else { options.retry.max };
    options.retry = RetryPolicy::NONE.max(max).initial(none).cap(none);
    options.batch.linger = none;
    options.park = ParkCaps::new(u64::MAX, u64::MAX, u64::MAX);
    if let Mode::Inline = options.mode {
        // Where its append would fail.
        options.mode = Mode::Async;
        options.on_failure = Some(OnFailure::Halt);
    }
    options
}

fn copy<P: Subject>(probe: &Probe<P>) -> Probe<P> {
    let Probe { projector, make, faults } = probe;
    let projector = match P::COPY {
        Some(copy) => copy(projector),
        None => make(),
    };
    Probe { projector, make: Arc::clone(make), faults: faults.clone() }
}

fn save<P: Subject>(probe: &Probe<P>, saver: &mut Saver<'_>) -> Result<(), SnapshotError> {
    P::SNAPSHOT.map_or(Ok(()), |code| (code.save)(&probe.projector, saver))
}

fn restore<P: Subject>(
    probe: &mut Probe<P>,
    restorer: &mut Restorer<'_>,
) -> Result<(), SnapshotError> {
    P::SNAPSHOT.map_or(Ok(()), |code| (code.restore)(&mut probe.projector, restorer))
}

impl<P: Subject> Handlers for Probe<P> {
    const ROUTES: &'static [Route] = P::ROUTES;
    const FALLBACK: Option<Fallback> = P::FALLBACK;
    const SETUP: Hook = P::SETUP;
    const RESET: Hook = P::RESET;
    const FINGERPRINT: Fingerprint = P::FINGERPRINT;
    const SOUND: () = P::SOUND;
    const INERT: bool = P::INERT;
    const PARK_KEY: Option<fn(&Envelope) -> &str> = P::PARK_KEY;
    const ROWS_ONLY: bool = P::ROWS_ONLY;

    fn check_types() {
        P::check_types();
    }

    fn tables() -> Vec<DeclaredTable> {
        P::tables()
    }

    fn keys(
        &self,
        route: u32,
        event: &Envelope,
        session: &SessionOf<Self>,
    ) -> Result<(), HandleError> {
        self.projector.keys(route, event, session)
    }

    fn hook(&mut self, hook: HookCall, session: &mut SessionOf<Self>) -> HookResult {
        self.projector.hook(hook, session)
    }

    fn hook_async(
        &mut self,
        hook: HookCall,
        session: &mut SessionOf<Self>,
    ) -> impl Future<Output = HookResult> + Send {
        self.projector.hook_async(hook, session)
    }

    fn handle(
        &mut self,
        route: u32,
        event: &Envelope,
        session: &mut SessionOf<Self>,
    ) -> Result<(), HandleError> {
        self.before(route, event)?;
        let handling = || self.projector.handle(route, event, session);
        let outcome = catch_unwind(AssertUnwindSafe(handling));
        self.after(route, event, outcome)
    }

    async fn handle_async(
        &mut self,
        route: u32,
        event: &Envelope,
        session: &mut SessionOf<Self>,
    ) -> Result<(), HandleError> {
        self.before(route, event)?;
        let outcome = catch_panic(self.projector.handle_async(route, event, session)).await;
        self.after(route, event, outcome)
    }
}

impl<P: Subject> Probe<P> {
    fn before(&self, route: u32, event: &Envelope) -> Result<(), HandleError> {
        match self.faults.fails(event) {
            true => Err(failed::<P>(route, Permanent::new(MADE).into())),
            false => Ok(()),
        }
    }

    fn after(
        &self,
        route: u32,
        event: &Envelope,
        outcome: Result<Result<(), HandleError>, Box<dyn Any + Send>>,
    ) -> Result<(), HandleError> {
        match outcome {
            Ok(outcome) => outcome.map_err(lasting::<P>)?,
            Err(panic) => {
                let told = format!("panicked: {}", message(&*panic));
                return Err(failed::<P>(route, Permanent::new(told).into()));
            }
        }
        match self.faults.fails_late(event, tries_again::<P>(route)) {
            true => Err(failed::<P>(route, MADE.into())),
            false => Ok(()),
        }
    }
}

/// What an event fails with that is made to.
const MADE: &str = "the specification makes this event fail";

fn failed<P: Projector + Handlers>(route: u32, source: BoxError) -> HandleError {
    let method = P::ROUTES.iter().find(|known| known.id == route).map(|known| known.method);
    let method = method.or(P::FALLBACK.map(|fallback| fallback.method)).unwrap_or_default();
    HandleError::Failed { method, source }
}

/// Whether the policy of the projector, which waits for nothing here, is that of a handler.
fn tries_again<P: Projector + Handlers>(route: u32) -> bool {
    let own = P::ROUTES.iter().find(|known| known.id == route).map(|known| known.retry);
    own.or(P::FALLBACK.map(|fallback| fallback.retry)).flatten().is_none()
}

/// A handler that fails is not called again: it would fail again, after a wait.
fn lasting<P: Projector>(error: HandleError) -> HandleError {
    match error {
        HandleError::Failed { method, source } if !is_outage::<P>(&*source) => {
            HandleError::Failed { method, source: Permanent::new(source).into() }
        }
        other => other,
    }
}

fn is_outage<P: Projector>(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if <P::Storage as Storage>::verdict(error) == Some(Verdict::Outage) {
            return true;
        }
        next = error.source();
    }
    false
}
