//! [`Failing`]: an event that failed, and what is to become of it.

use std::error::Error as StdError;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{end::End, runner::Runner};
use crate::{
    HaltReason, HandleError, OnFailure, Page, Permanent, RecordedState, RetryPolicy, Verdict,
    error::chain, failure::Classify,
};

/// Waits while something that the handlers need seems to be down grow to this.
const OUTAGE: RetryPolicy = RetryPolicy::DEFAULT;
/// When events of so many streams fail in a row, it is not the events.
const STREAMS: usize = 3;

/// An event that failed.
pub(super) struct Failing {
    pub(super) position: crate::GlobalPosition,
    pub(super) stream: String,
    /// How often it was tried.
    pub(super) attempts: u32,
    pub(super) first_at: Timestamp,
    pub(super) last_at: Timestamp,
    /// When it is tried again.
    pub(super) due: Instant,
    /// Why it failed last.
    pub(super) reason: HaltReason,
    /// What its last error says of it.
    verdict: Verdict,
    /// Whether the event itself is known to be at fault, and nothing that its handler needs.
    pub(super) is_certain: bool,
    retry: RetryPolicy,
    /// What the projector did before.
    pub(super) was: RecordedState,
}

/// What is next for an event that failed.
pub(super) enum Next {
    /// It is tried again when it is due.
    Again,
    /// Something seems to be down: it is tried again when it is due, for as long as it takes.
    Outage,
    /// It is parked, left out, or the end.
    Settle(OnFailure),
}

/// The streams whose events failed for good since the last success, for no certain fault of theirs.
#[derive(Debug, Default)]
pub(super) struct Streak(Vec<String>);

impl Streak {
    /// Something was applied.
    pub(super) fn end(&mut self) {
        self.0.clear();
    }

    /// An event of a stream was given up.
    pub(super) fn add(&mut self, stream: &str) {
        if !self.has(stream) {
            self.0.push(stream.to_owned());
        }
    }

    fn has(&self, stream: &str) -> bool {
        self.0.iter().any(|other| other == stream)
    }

    /// Whether it would be one stream too many.
    fn is_outage(&self, stream: &str) -> bool {
        !self.has(stream) && self.0.len() + 1 >= STREAMS
    }
}

impl Failing {
    /// The error and its causes, with the event.
    pub(super) fn text(&self) -> String {
        chain(&self.reason)
    }

    /// The error and its causes alone, for a letter.
    pub(super) fn error(&self) -> String {
        match &self.reason {
            HaltReason::Event { source, .. } => chain(source),
            other => chain(other),
        }
    }
}

impl Runner {
    /// Takes note of an event that failed, and of when it is tried again.
    pub(super) fn note_failure(&mut self, page: &Page, index: usize, error: HandleError) {
        let (record, details) = (page.record(index), page.details(index));
        let name = page.name(record);
        let retry = self.registration.retry(self.routing.route(&name.domain, &name.name));
        let (verdict, is_certain) = self.verdict(&error);
        let now = Timestamp::now();
        let (attempts, first_at, was) = match &self.failing {
            Some(known) if known.position == record.position => {
                (known.attempts, known.first_at, known.was)
            }
            _ => (0, now, self.own.as_ref().map_or(RecordedState::Running, |own| own.next.state)),
        };
        let attempts = attempts.saturating_add(1);
        let wait = match verdict {
            Verdict::Outage => OUTAGE.wait(attempts, chance()),
            _ => retry.wait(attempts, chance()),
        };
        let reason = HaltReason::Event {
            event: details.id,
            name: name.name.to_string(),
            position: record.position,
            stream: page.text(&details.stream).to_owned(),
            source: self.routing.explain(error),
        };
        self.failing = Some(Failing {
            position: record.position,
            stream: page.text(&details.stream).to_owned(),
            attempts,
            first_at,
            last_at: now,
            due: Instant::now() + wait,
            reason,
            verdict,
            is_certain,
            retry,
            was,
        });
    }

    /// What an error says of its event, and whether that is certain.
    fn verdict(&self, error: &HandleError) -> (Verdict, bool) {
        verdict(error, self.classify.as_deref(), &|error| self.engine.verdict(error))
    }

    /// Decides what is next for the event that failed.
    pub(super) fn next_of(&self, failing: &Failing) -> Next {
        if let HaltReason::Event { source: HandleError::Unregistered { .. }, .. } = &failing.reason
        {
            return Next::Settle(OnFailure::Halt);
        }
        match failing.verdict {
            Verdict::Outage => return Next::Outage,
            Verdict::Permanent => {}
            Verdict::Retry if failing.attempts <= failing.retry.max => return Next::Again,
            Verdict::Retry => {}
        }
        match self.registration.on_failure() {
            OnFailure::Park | OnFailure::Skip
                if !failing.is_certain && self.streak.is_outage(&failing.stream) =>
            {
                Next::Outage
            }
            settle => Next::Settle(settle),
        }
    }

    /// The end of the run, for an event that failed. The last word has the storage: where the
    /// stored checkpoint is another, the event failed in a read model that is not there.
    pub(super) async fn halt_at_failing(&mut self) -> Result<(), End> {
        if self.own.is_some() {
            self.save().await?;
        }
        match self.failing.take() {
            Some(failing) => Err(failing.reason.into()),
            None => Ok(()),
        }
    }
}

/// What an error says of its event, and whether that is certain.
pub(super) fn verdict(
    error: &HandleError,
    classify: Option<&Classify>,
    storage: &dyn Fn(&(dyn StdError + 'static)) -> Option<Verdict>,
) -> (Verdict, bool) {
    let source = match error {
        HandleError::Failed { source, .. } => source,
        HandleError::Panicked { .. } | HandleError::TimedOut { .. } => {
            return (Verdict::Retry, false);
        }
        // The same bytes, the same rules.
        HandleError::Decode { .. }
        | HandleError::Refused { .. }
        | HandleError::Rows { .. }
        | HandleError::Unregistered { .. } => return (Verdict::Permanent, true),
        _ => return (Verdict::Retry, true),
    };
    if Permanent::is_in(&**source) {
        return (Verdict::Permanent, true);
    }
    let mut next: Option<&(dyn StdError + 'static)> = Some(&**source);
    while let Some(error) = next {
        let said = classify.and_then(|classify| classify(error));
        if let Some(verdict) = said.or_else(|| storage(error)) {
            return (verdict, verdict == Verdict::Permanent);
        }
        next = error.source();
    }
    (Verdict::Retry, false)
}

/// A number from 0 to 1, so that those who failed together do not come back together.
fn chance() -> f64 {
    let random = uuid::Uuid::new_v4().as_u128() & u128::from(u32::MAX);
    random as f64 / f64::from(u32::MAX)
}
