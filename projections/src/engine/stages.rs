//! What others see of a batch while it is applied: [`Work`], and how long its [`Stage`]s take.
//!
//! All of it is done once a batch or once a stage, and nothing once an event. A span that nobody
//! subscribes to is a comparison, and clocks are read only for the feature `metrics`.

use std::{
    future::Future,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tracing::{Instrument, Span, debug_span};

use super::{Batch, Progress, Target};
use crate::{EventId, GlobalPosition, Page};

/// A part of what is done for a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// A page is read from the source.
    Read,
    /// The rows that the handlers will ask for are loaded, where they are behind a network.
    Load,
    /// Events are decoded and handled.
    Handle,
    /// What the handlers have changed in rows is written.
    Write,
    /// The transaction is committed with the checkpoint.
    Commit,
}

impl Stage {
    pub(crate) const ALL: [Self; 5] =
        [Self::Read, Self::Load, Self::Handle, Self::Write, Self::Commit];

    /// Its name, as spans and figures have it.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code))]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Load => "load",
            Self::Handle => "handle",
            Self::Write => "write",
            Self::Commit => "commit",
        }
    }

    /// A span within that of the batch, which is asked for only where somebody wants to see it.
    fn span(self, progress: &Progress) -> Span {
        match self {
            Self::Read => debug_span!(parent: progress.span(), "projections.read"),
            Self::Load => debug_span!(parent: progress.span(), "projections.load"),
            Self::Handle => debug_span!(parent: progress.span(), "projections.handle"),
            Self::Write => debug_span!(parent: progress.span(), "projections.write"),
            Self::Commit => debug_span!(parent: progress.span(), "projections.commit"),
        }
    }
}

/// Measures a stage, where figures are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Option<Instant>);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(cfg!(feature = "metrics").then(Instant::now))
    }

    pub(crate) fn elapsed(self) -> Option<Duration> {
        self.0.map(|began| began.elapsed())
    }
}

/// How long the stages of a batch took so far, in nanoseconds. A batch that is tried again in parts
/// takes the sum.
#[derive(Debug, Default)]
pub(super) struct Times([AtomicU64; Stage::ALL.len()]);

impl Times {
    fn add(&self, stage: Stage, watch: Stopwatch) {
        if let (Some(elapsed), Some(sum)) = (watch.elapsed(), self.0.get(stage as usize)) {
            sum.fetch_add(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        }
    }
}

/// A batch under way.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) page: Page,
    pub(crate) targets: Arc<[Target]>,
    /// Its last event.
    pub(crate) through: GlobalPosition,
    pub(crate) span: Span,
}

/// An event whose handler is at work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AtWork {
    pub(crate) method: &'static str,
    pub(crate) event: EventId,
    pub(crate) name: String,
    pub(crate) position: GlobalPosition,
    pub(crate) stream: String,
}

/// A batch that others can see, until it is dropped.
pub(crate) struct Shown<'a>(&'a Progress);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        *self.0.work.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Progress {
    /// Shows a batch to others, for as long as the answer is kept.
    pub(crate) fn show(&self, work: Work) -> Shown<'_> {
        for sum in &self.times.0 {
            sum.store(0, Relaxed);
        }
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = Some(work);
        Shown(self)
    }

    /// The span of the batch under way.
    fn span(&self) -> Span {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.as_ref().map_or_else(Span::none, |work| work.span.clone())
    }

    /// The last event of the batch under way, and the one whose handler is at work.
    pub(crate) fn at_work(&self) -> Option<(GlobalPosition, Option<AtWork>)> {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let Work { page, targets, through, .. } = work.as_ref()?;
        // The number may be of the batch before by now, which was of another page.
        let index = self.index().filter(|index| *index < page.len());
        let at_work = index.map(|index| {
            let (record, details) = (page.record(index), page.details(index));
            AtWork {
                method: match targets.get(record.name) {
                    Some(Target::Route { method, .. }) => method,
                    _ => "",
                },
                event: details.id,
                name: page.name(record).name.to_string(),
                position: record.position,
                stream: page.text(&details.stream).to_owned(),
            }
        });
        Some((*through, at_work))
    }

    /// How long a stage of the batch took, if it had such.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code))]
    pub(crate) fn took(&self, stage: Stage) -> Option<Duration> {
        let nanos = self.times.0.get(stage as usize)?.load(Relaxed);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }
}

impl Batch {
    /// Carries out a stage, and lets others see it.
    pub(super) fn timed<T>(&self, stage: Stage, run: impl FnOnce() -> T) -> T {
        timed(&self.progress, stage, run)
    }

    /// Carries out a stage that awaits, and lets others see it.
    pub(super) async fn timed_async<T>(&self, stage: Stage, run: impl Future<Output = T>) -> T {
        let watch = Stopwatch::start();
        let done = run.instrument(stage.span(&self.progress)).await;
        self.progress.times.add(stage, watch);
        done
    }
}

/// Carries out a stage of whatever batch is under way.
pub(super) fn timed<T>(progress: &Progress, stage: Stage, run: impl FnOnce() -> T) -> T {
    let watch = Stopwatch::start();
    let done = stage.span(progress).in_scope(run);
    progress.times.add(stage, watch);
    done
}
