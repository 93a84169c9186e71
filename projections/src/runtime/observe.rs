//! What a runner lets others see of it: a span for each batch and each read, figures, and the
//! number by which it is noticed that nothing moves.
//!
//! Nothing here happens once an event.

use std::{
    convert::Infallible,
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};
use tracing::{Instrument, Span, field::Empty};

use super::{
    Inner, Runtime,
    figures::{Cause, Figures},
    runner::Runner,
    slot::{Live, Slot},
    stall::{Look, Moving},
    status::{self, Counting, ProjectorStatus},
};
use crate::{
    BatchPolicy, Checkpoint, EventSource, Filter, GlobalPosition, Lease, Page, ReadError,
    ReadRequest, Registration, Scanned,
    engine::{Applied, Batch, Progress, Stage, Stopwatch, Work, catch_panic},
    error::chain,
    registry::StorageKind,
    runtime::source::Source,
};

/// How often a runtime that runs looks at its projectors.
const LOOK: Duration = Duration::from_secs(5);
/// The last figures of a run are waited for no longer than this.
const LAST: Duration = Duration::from_millis(250);

/// What others see of one projector, beside its [`Live`].
pub(crate) struct Observed {
    name: String,
    look: Mutex<Look>,
    figures: OnceLock<Figures>,
    /// Whether other tasks come first before a batch.
    yields: AtomicBool,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Observed {
    pub(crate) fn new(name: String, registration: &Registration, batch: BatchPolicy) -> Self {
        let look = Look::new(registration.options.timeout, batch.linger);
        Self {
            name,
            look: Mutex::new(look),
            figures: OnceLock::new(),
            yields: AtomicBool::new(false),
        }
    }

    /// Says whether other tasks come first before a batch.
    pub(super) fn yields(&self, yields: bool) {
        self.yields.store(yields, Relaxed);
    }

    /// They are asked for when the projector first runs: a recorder that is installed later gets
    /// none.
    pub(super) fn figures(&self) -> &Figures {
        self.figures.get_or_init(|| Figures::of(&self.name))
    }

    /// Looks whether anything moves; tells what does not, if that has been so for too long. Whether
    /// there is work after what the runner knows is known to those who have asked for the head.
    pub(super) fn stall(
        &self,
        live: &Live,
        progress: &Progress,
        head: Option<GlobalPosition>,
    ) -> Option<String> {
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        look.look(Moving::of(live, progress, head), progress, Instant::now())
    }
}

impl Slot {
    /// Tells what does not move here and should, if that has been so for too long.
    pub(super) fn stall(&self, live: &Live, head: Option<GlobalPosition>) -> Option<String> {
        self.shared.observed.stall(live, &self.shared.progress, head)
    }
}

impl Runner {
    /// Whether its handlers run on threads that other tasks need, too.
    pub(super) fn shares_threads(&self) -> bool {
        self.registration.kind != StorageKind::Blocking
    }

    /// Says since when this runner has its projector, and from whom.
    pub(super) fn tell_start(&self, before: Option<&Lease>) {
        let (projector, epoch) = (&*self.name, self.epoch);
        match before.filter(|before| before.owner != self.ownership.owner) {
            Some(Lease { process, .. }) => {
                tracing::warn!(projector, epoch, from = process, "took over from a silent owner");
            }
            None => tracing::info!(projector, epoch, "started"),
        }
    }

    /// Applies a batch, and lets others see it.
    pub(super) async fn apply_seen(&mut self, batch: Batch) -> Applied {
        let shared = Arc::clone(&self.shared);
        let Batch { page, events, write, .. } = &batch;
        let Checkpoint { position, scanned, .. } = write.next;
        let (from, through) =
            (page.record(events.start).position, page.record(events.end - 1).position);
        let handled = events.len() - batch.left_out.len();
        let is_retry = self.failing.as_ref().is_some_and(|failing| failing.position == from);
        let span = tracing::info_span!(
            "projections.batch",
            projector = &*self.name,
            from = from.get(),
            through = through.get(),
            events = handled,
            redriven = batch.redriven,
            attempt =
                self.failing.as_ref().filter(|_| is_retry).map(|failing| failing.attempts + 1),
            outcome = Empty,
            error = Empty,
            otel.status_code = Empty,
        );
        let work = Work {
            page: page.clone(),
            targets: Arc::clone(&batch.targets),
            through,
            span: span.clone(),
        };
        let figures = shared.observed.figures();
        if is_retry {
            figures.retried(Cause::Event);
        }
        if shared.observed.yields.load(Relaxed) {
            // Whoever was woken by the last commit may be next on this thread, where nobody else
            // fetches it: a handler that hangs must not keep it.
            tokio::task::yield_now().await;
        }
        let shown = shared.progress.show(work);
        let applied = self.engine.apply(batch).await;
        drop(shown);
        record(&span, &applied);
        if let Applied::Committed(aside) = &applied {
            let handled = handled - aside.indexes.len();
            figures.committed(position, scanned, handled, &shared.progress);
        }
        applied
    }
}

/// Says in the span of a batch what became of it.
fn record(span: &Span, applied: &Applied) {
    if span.is_disabled() {
        return;
    }
    let (outcome, error) = match applied {
        Applied::Committed(_) => ("committed", None),
        Applied::Conflict => ("conflict", None),
        Applied::Event(_, error) => ("failed", Some(chain(error))),
        Applied::Refused(error) => ("refused", Some(chain(&**error))),
        Applied::Stalled(_) => ("stalled", Some("a handler does not come back".to_owned())),
        Applied::Store(error) => ("storage failed", Some(chain(error))),
    };
    span.record("outcome", outcome);
    if let Some(error) = error {
        span.record("error", error);
        span.record("otel.status_code", "ERROR");
    }
}

/// Reads the page after an event, which must still be where it was.
pub(super) async fn read(
    observed: &Observed,
    source: Arc<dyn Source>,
    filter: &Filter,
    batch: BatchPolicy,
    seen: Option<Scanned>,
) -> Result<Page, ReadError> {
    let after = seen.map_or(GlobalPosition::BEGINNING, |seen| seen.position);
    let bytes = usize::try_from(batch.bytes).unwrap_or(usize::MAX);
    let request = ReadRequest::new(after, filter).verifying(seen);
    let request = request.at_most(batch.events as usize, bytes);
    let span = tracing::debug_span!(
        "projections.read",
        projector = &*observed.name,
        after = after.get(),
        events = Empty,
        scanned = Empty,
    );
    let watch = Stopwatch::start();
    let page = source.read(request).instrument(span.clone()).await?;
    if let Some(took) = watch.elapsed() {
        observed.figures().took(Stage::Read, took);
    }
    if !span.is_disabled() {
        span.record("events", page.len());
        span.record("scanned", page.scanned().map(|scanned| scanned.position.get()));
    }
    Ok(page)
}

impl<S: EventSource> Inner<S> {
    /// Looks again and again whether the projectors of this process move, for as long as it is
    /// polled, and keeps their figures up to date.
    pub(super) async fn keep_watching(&self) -> Infallible {
        loop {
            for slot in &self.slots {
                let live = slot.shared.live.borrow().clone();
                drop(slot.stall(&live, None));
            }
            sleep(LOOK).await;
            // A storage that does not answer must not keep it from looking.
            let _ = timeout(LOOK, self.show_figures()).await;
        }
    }

    /// Shows how the run has ended.
    pub(super) async fn show_last(&self) {
        // A storage may be what did not stop.
        let _ = timeout(LAST, self.show_figures()).await;
    }

    async fn show_figures(&self) {
        if !cfg!(feature = "metrics") {
            return;
        }
        for slot in &self.slots {
            // Figures are no reason to end a run, whatever a source or storage of the user's does.
            let look = status::of(slot, &self.erased, &self.storages, Counting::Positions);
            match catch_panic(look).await {
                Ok(Ok(status)) => slot.show(&status),
                // It is out for everybody, and what the runner makes of it is known.
                Ok(Err(_)) | Err(_) => {
                    slot.shared.observed.figures().unknown(slot.shared.live.borrow().state)
                }
            }
        }
    }
}

impl Slot {
    /// Shows in figures what the status says of the projector in this process.
    pub(super) fn show(&self, status: &ProjectorStatus) {
        let live = self.shared.live.borrow().clone();
        let holds = live.running && live.owns && !self.registration.is_per_process();
        self.shared.observed.figures().status(status, holds);
    }
}

impl<S: EventSource> Runtime<S> {
    /// Does the work, and meanwhile looks whether the projectors move.
    pub(super) async fn watching<T>(&self, work: impl Future<Output = T>) -> T {
        let done = tokio::select! {
            done = work => done,
            never = self.inner.keep_watching() => match never {},
        };
        self.inner.show_last().await;
        done
    }
}
