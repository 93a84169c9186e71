//! The loop of one projector: read a page, apply it with its checkpoint in one transaction, wait.
//!
//! Everything that a run believes of the stored checkpoint is checked by each commit, which is a
//! compare-and-set. After any other outcome than a commit the runner reads what is stored and goes
//! on from there; it never repeats a batch from memory.

use std::{any::Any, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{sync::watch, time::Instant};

use super::{
    end::End,
    inline::Attended,
    mark::LiveMark,
    routing::Routing,
    slot::Shared,
    source::Source,
    start::{Candidate, Refusal},
    status::State,
};
use crate::{
    BatchPolicy, Checkpoint, CheckpointKey, CheckpointWrite, Filter, GlobalPosition, HaltReason,
    Halted, Page, Previous, ReadError, ReadRequest, RecordedState, Registration, Scanned,
    StoreError, StoreErrorKind,
    engine::{Activated, Engine, StartError, catch_panic, message},
    error::chain,
};

/// A scanned position that no event matched is saved this often.
const SAVE_SCANNED: Duration = Duration::from_secs(1);
/// An owner says this often that it is alive.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);
/// Waits between attempts to reach a storage or source grow from the first to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// A run with an end gives up after this many failures in a row of storage or source.
const ATTEMPTS: u32 = 6;

/// How far a run goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Goal {
    /// Until it is stopped.
    Forever,
    /// Until it has seen the log up to its head as of the start.
    Head,
    /// Until it has seen the log up to this position, which may not be there yet.
    To(GlobalPosition),
}

/// One projector, its storage, and its place in the log.
pub(crate) struct Runner {
    pub(super) name: String,
    pub(super) key: CheckpointKey,
    pub(super) registration: Registration,
    pub(super) source: Arc<dyn Source>,
    pub(super) engine: Box<dyn Engine>,
    pub(super) routing: Routing,
    pub(super) filter: Filter,
    pub(super) batch: BatchPolicy,
    pub(super) shared: Arc<Shared>,
    mark: LiveMark,
    /// The checkpoint as the next write would store it; `None` until a run has started.
    pub(super) own: Option<Owned>,
    /// The highest epoch that this runner has had.
    pub(super) epoch: u64,
    pub(super) failures: u32,
    /// In-process state is replayed up to here, and no further: this event failed.
    pub(super) ceiling: Option<(GlobalPosition, HaltReason)>,
}

/// A checkpoint that this runner owns.
pub(super) struct Owned {
    pub(super) next: Checkpoint,
    pub(super) stored: Previous,
    saved_at: Instant,
    dirty: bool,
}

type Stop = watch::Receiver<bool>;

/// What became of a runner that has come as far as it was to.
enum Arrival {
    Ended,
    /// An inline projector is not at the head yet.
    Behind,
    /// An inline projector's next event failed, and is to be tried by itself.
    Refused,
}

impl Runner {
    pub(crate) fn new(
        key: CheckpointKey,
        registration: Registration,
        source: Arc<dyn Source>,
        engine: Box<dyn Engine>,
        batch: BatchPolicy,
        shared: Arc<Shared>,
        mark: LiveMark,
    ) -> Self {
        let name = key.projector.clone();
        let routing = Routing::new(name.clone(), registration);
        let filter = routing.filter();
        Self {
            name,
            key,
            registration,
            source,
            engine,
            routing,
            filter,
            batch,
            shared,
            mark,
            own: None,
            epoch: 0,
            failures: 0,
            ceiling: None,
        }
    }

    /// Runs until the goal is reached, `stop` turns true, or the projector halts.
    pub(crate) async fn run(
        &mut self,
        goal: Goal,
        rebuild: bool,
        mut stop: Stop,
    ) -> Result<(), Halted> {
        self.disown();
        self.ceiling = None;
        self.failures = 0;
        self.shared.live.send_modify(|live| {
            live.running = true;
            live.epoch = 0;
            live.state = Some(State::CatchingUp);
            live.last_error = None;
            live.halted = None;
        });
        let running = Running(self);
        let ended = catch_panic(running.0.turns(goal, rebuild, &mut stop)).await;
        let ended = match ended {
            Ok(ended) => ended,
            Err(panic) => Err(panicked(&*panic)),
        };
        running.0.end(ended).await
    }

    /// Gives up what is believed of the stored checkpoint, until it is read again.
    pub(super) fn disown(&mut self) {
        self.own = None;
        let kept = self.engine.kept().map(|kept| (kept.position, kept.scanned));
        self.shared.live.send_modify(|live| {
            live.owns = false;
            live.inline = false;
            (live.position, live.scanned) = kept.unwrap_or((live.position, live.scanned));
        });
    }

    async fn turns(
        &mut self,
        goal: Goal,
        mut rebuild: bool,
        stop: &mut Stop,
    ) -> Result<(), HaltReason> {
        let mut head = None;
        loop {
            let end = match self.turn(goal, &mut rebuild, &mut head, stop).await {
                Ok(()) => return Ok(()),
                Err(end) => end,
            };
            match end {
                End::Halt(reason) => return Err(*reason),
                End::Reload => {}
                End::Outage(error) => {
                    if !self.sit_out(goal, error, stop).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// One run from a stored checkpoint until something unexpected happens, or the end.
    async fn turn(
        &mut self,
        goal: Goal,
        rebuild: &mut bool,
        head: &mut Option<GlobalPosition>,
        stop: &mut Stop,
    ) -> Result<(), End> {
        match goal {
            Goal::Head if head.is_none() => {
                let last = self.source.head().await?;
                *head = Some(last.map_or(GlobalPosition::BEGINNING, |last| last.position));
            }
            Goal::To(position) => *head = Some(position),
            Goal::Forever | Goal::Head => {}
        }
        self.own_checkpoint(*rebuild).await?;
        *rebuild = false;
        loop {
            if self.own.is_some() {
                self.follow(*head, stop).await?;
            }
            // Handed over to the appends: there is nothing to record.
            let is_inline = self.own.is_none();
            match is_inline {
                false => return self.record(RecordedState::Stopped, None).await,
                true => match self.attend(goal, stop).await? {
                    Attended::Done => return Ok(()),
                    Attended::Behind => {}
                },
            }
        }
    }

    /// Reads the stored checkpoint and goes on with it, if it is still this runner's; else starts.
    async fn own_checkpoint(&mut self, rebuild: bool) -> Result<(), End> {
        let stored = self.engine.load(&self.key).await?;
        match (&self.own, stored) {
            (Some(_), Some(stored)) if stored.epoch > self.epoch => {
                Err(HaltReason::Superseded { epoch: stored.epoch, own: self.epoch }.into())
            }
            (Some(_), Some(stored)) if stored.epoch == self.epoch && !rebuild => {
                Candidate {
                    source: &self.source,
                    registration: &self.registration,
                    key: &self.key,
                }
                .may_go_on(&stored)
                .await?;
                self.own = Some(Owned::new(stored));
                Ok(())
            }
            (_, stored) => self.start(stored, rebuild).await,
        }
    }

    async fn start(&mut self, stored: Option<Checkpoint>, rebuild: bool) -> Result<(), End> {
        // Where the answer to this start is lost, the higher epoch that is then stored may be this
        // runner's own: it starts once more, instead of taking itself for another.
        self.disown();
        let (mark, registration) = (&self.mark, &self.registration);
        let is_marked = mark.check(&self.key, registration, stored.as_ref(), rebuild).await?;
        let candidate =
            Candidate { source: &self.source, registration: &self.registration, key: &self.key };
        let mut decided = candidate.start(stored, &mut self.routing, rebuild, self.epoch).await;
        if let Err(Refusal::Halt(reason)) = &decided
            && self.engine.discard(&chain(&**reason)).await
        {
            // A snapshot is worth less than a checkpoint: without it the log is replayed.
            let kept = self.engine.kept().cloned();
            decided = candidate.start(kept, &mut self.routing, rebuild, self.epoch).await;
        }
        let start = decided?;
        let mut next = start.write.next.clone();
        let moving = start.moving.is_some();
        match self.engine.start(start).await {
            Ok(()) => {}
            Err(StartError::Missing(hook)) => {
                let source = crate::engine::endless();
                return Err(HaltReason::Hook { hook, source }.into());
            }
            Err(StartError::Hook(hook, source)) => {
                return Err(HaltReason::Hook { hook, source }.into());
            }
            Err(StartError::Table(what)) => return Err(HaltReason::Table { what }.into()),
            Err(StartError::Commit(error)) => return Err(error.into()),
        }
        if is_marked {
            self.mark.remove(&self.key).await?;
        }
        if moving && let Some(stored) = self.engine.load(&self.key).await? {
            next = stored; // appends had moved it
        }
        self.epoch = next.epoch;
        match next.state {
            RecordedState::Inline => self.hand_over(&next),
            _ => {
                self.own = Some(Owned::new(next));
                self.publish(self.moving());
            }
        }
        Ok(())
    }

    /// Follows the log, until it is stopped or, if it is inline, at the head.
    async fn follow(&mut self, goal: Option<GlobalPosition>, stop: &mut Stop) -> Result<(), End> {
        let mut ahead = None;
        loop {
            if *stop.borrow() {
                return Ok(());
            }
            if self.rebuild_if_asked().await? {
                // It was read after events that are now to be read again.
                ahead = None;
            }
            let seen = self.owned()?.next.seen();
            let scanned = self.owned()?.next.scanned;
            if goal.is_some_and(|head| scanned >= head) && self.ceiling.is_none() {
                match self.arrive().await? {
                    Arrival::Ended => return Ok(()),
                    Arrival::Behind => continue,
                    Arrival::Refused => {}
                }
            }
            let page = match ahead.take() {
                Some(page) => page,
                None => read(Arc::clone(&self.source), &self.filter, self.batch, seen).await?,
            };
            match page.scanned() {
                None if self.is_inline() => match self.arrive().await? {
                    Arrival::Ended => return Ok(()),
                    Arrival::Behind | Arrival::Refused => {}
                },
                None => self.rest(stop).await?,
                Some(scanned) if page.is_empty() => self.pass(scanned).await?,
                Some(scanned) => ahead = self.apply_and_read_on(&page, scanned).await?,
            }
        }
    }

    /// Has come as far as it was to: an inline projector is handed over to the appends.
    async fn arrive(&mut self) -> Result<Arrival, End> {
        if !self.is_inline() {
            return Ok(Arrival::Ended);
        }
        Ok(match self.activate().await? {
            Activated::Active(_) => Arrival::Ended,
            Activated::Behind(_) => Arrival::Behind,
            _ => Arrival::Refused,
        })
    }

    /// Nothing in the page matched: only the scanned position moves.
    async fn pass(&mut self, scanned: Scanned) -> Result<(), End> {
        let own = self.owned_mut()?;
        own.next.scanned = scanned.position;
        own.next.event_id = Some(scanned.id);
        own.dirty = true;
        self.publish(self.moving());
        self.save_if_due().await
    }

    /// At the head: saves what is due, then waits for news, a request, or the stop.
    async fn rest(&mut self, stop: &mut Stop) -> Result<(), End> {
        if let Some((_, reason)) = self.ceiling.take() {
            // The failing event is gone from the log, or from the filter: there is nothing left.
            return Err(reason.into());
        }
        let own = self.owned_mut()?;
        if own.next.state == RecordedState::Rebuilding {
            own.next.state = RecordedState::Running;
            own.dirty = true;
        }
        self.publish(State::CaughtUp);
        self.save_if_due().await?;
        let (after, due) = {
            let own = self.owned()?;
            (own.next.scanned, own.due())
        };
        tokio::select! {
            woken = self.source.wait(after) => woken?,
            () = self.shared.asked.notified() => {}
            _ = stop.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep_until(due) => {}
        }
        Ok(())
    }

    async fn save_if_due(&mut self) -> Result<(), End> {
        match self.owned()?.due() <= Instant::now() {
            true => self.save().await,
            false => Ok(()),
        }
    }

    async fn save(&mut self) -> Result<(), End> {
        let own = self.owned_mut()?;
        own.next.heartbeat_at = Timestamp::now();
        let (stored, next) = (own.stored, own.next.clone());
        self.engine
            .save(CheckpointWrite::new(self.key.clone(), Some(stored), next.clone()))
            .await?;
        self.own = Some(Owned::new(next));
        self.recovered();
        Ok(())
    }

    /// Carries out what was asked for while the projector runs; tells whether anything was.
    pub(super) async fn rebuild_if_asked(&mut self) -> Result<bool, End> {
        let asked = self.shared.take_rebuilds();
        if asked.is_empty() {
            return Ok(false);
        }
        let stored = self.engine.load(&self.key).await?;
        self.start(stored, true).await?;
        for answer in asked {
            // Whoever asked may have gone.
            let _ = answer.send(());
        }
        Ok(true)
    }

    /// Waits out a failure of storage or source; false when it was stopped meanwhile.
    async fn sit_out(
        &mut self,
        goal: Goal,
        error: StoreError,
        stop: &mut Stop,
    ) -> Result<bool, HaltReason> {
        self.failures += 1;
        let lasting = match error.kind() {
            StoreErrorKind::Other => self.failures >= ATTEMPTS,
            _ => !error.is_transient(),
        };
        if lasting || (goal != Goal::Forever && self.failures >= ATTEMPTS) {
            return Err(HaltReason::Store(error));
        }
        let wait = BACKOFF.0.saturating_mul(1 << self.failures.min(10)).min(BACKOFF.1);
        let (projector, text) = (&*self.name, chain(&error));
        tracing::warn!(projector, error = text, ?wait, "the storage or the source failed");
        self.shared.live.send_modify(|live| {
            live.state = Some(State::Retrying);
            live.last_error = Some(text.clone());
        });
        tokio::select! {
            stopped = stop.wait_for(|stop| *stop) => Ok(stopped.is_err()),
            () = tokio::time::sleep(wait) => Ok(true),
        }
    }

    pub(super) fn recovered(&mut self) {
        self.failures = 0;
        self.publish(self.moving());
    }

    fn moving(&self) -> State {
        match &self.own {
            Some(own) if own.next.state == RecordedState::Rebuilding => State::Rebuilding,
            _ => State::CatchingUp,
        }
    }

    fn publish(&self, state: State) {
        let Some(own) = &self.own else { return };
        let Checkpoint { position, scanned, epoch, .. } = own.next;
        self.shared.live.send_modify(|live| {
            live.owns = true;
            live.epoch = epoch;
            // Saving at the head is not catching up.
            let at_head = live.state == Some(State::CaughtUp) && live.scanned == scanned;
            live.state =
                Some(if at_head && state == State::CatchingUp { State::CaughtUp } else { state });
            live.position = position;
            live.scanned = scanned;
            live.last_error = None;
        });
    }

    /// Records how the run ended, in the storage where this runner still owns the checkpoint.
    async fn end(&mut self, ended: Result<(), HaltReason>) -> Result<(), Halted> {
        let halted = ended
            .err()
            .map(|reason| Halted { projector: self.name.clone(), reason: Arc::new(reason) });
        if let Some(halted) = &halted {
            self.record_halt(&halted.reason).await;
        }
        self.disown();
        self.shared.live.send_modify(|live| {
            live.running = false;
            live.state = Some(halted.as_ref().map_or(State::Stopped, |h| State::of(&h.reason)));
            live.last_error = halted.as_ref().map(|halted| chain(&*halted.reason));
            live.halted.clone_from(&halted);
        });
        match halted {
            None => Ok(()),
            Some(halted) => {
                tracing::error!(projector = &*self.name, "{halted}");
                Err(halted)
            }
        }
    }

    async fn record_halt(&mut self, reason: &HaltReason) {
        let recorded = match (&self.own, reason) {
            (_, HaltReason::Superseded { .. }) => return,
            (Some(_), reason) => self.record(RecordedState::Halted, Some(chain(reason))).await,
            (None, HaltReason::Hook { .. }) => self.record_failed_start(chain(reason)).await,
            // Whoever asks for the status finds the others out by the same checks.
            (None, _) => return,
        };
        if let Err(End::Outage(error)) = recorded {
            let (projector, error) = (&*self.name, chain(&error));
            tracing::warn!(projector, error, "the halt could not be recorded");
        }
    }

    /// A start that failed owns nothing; it leaves word only where nobody else runs the projector.
    async fn record_failed_start(&mut self, error: String) -> Result<(), End> {
        let Some(stored) = self.engine.load(&self.key).await? else { return Ok(()) };
        if !matches!(stored.state, RecordedState::Stopped | RecordedState::Halted) {
            return Ok(());
        }
        let next = Checkpoint {
            state: RecordedState::Halted,
            last_error: Some(error),
            heartbeat_at: Timestamp::now(),
            ..stored.clone()
        };
        let write = CheckpointWrite::new(self.key.clone(), Some((&stored).into()), next);
        Ok(self.engine.save(write).await?)
    }

    async fn record(&mut self, state: RecordedState, error: Option<String>) -> Result<(), End> {
        let own = self.owned_mut()?;
        own.next.state = state;
        own.next.last_error = error;
        self.save().await
    }

    pub(super) fn owned(&self) -> Result<&Owned, End> {
        self.own.as_ref().ok_or(End::Reload)
    }

    fn owned_mut(&mut self) -> Result<&mut Owned, End> {
        self.own.as_mut().ok_or(End::Reload)
    }
}

/// Reads the page after an event, which must still be where it was.
pub(super) async fn read(
    source: Arc<dyn Source>,
    filter: &Filter,
    batch: BatchPolicy,
    seen: Option<Scanned>,
) -> Result<Page, ReadError> {
    let after = seen.map_or(GlobalPosition::BEGINNING, |seen| seen.position);
    let bytes = usize::try_from(batch.bytes).unwrap_or(usize::MAX);
    let request = ReadRequest::new(after, filter).verifying(seen);
    source.read(request.at_most(batch.events as usize, bytes)).await
}

/// Handlers and hooks are caught closer to them: here it is a source or a storage of the user's.
fn panicked(panic: &(dyn Any + Send)) -> HaltReason {
    let doing = format!("go on after a panic in the source or the storage: {}", message(panic));
    HaltReason::Store(StoreError::new(StoreErrorKind::Other, doing))
}

/// A run, until it is dropped. One that ends otherwise than by [`Runner::end`], because its future
/// was dropped or panicked, leaves nobody behind who runs the projector.
struct Running<'a>(&'a mut Runner);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.0.shared.live.borrow().running {
            self.0.disown();
            self.0.shared.live.send_modify(|live| {
                live.running = false;
                live.state = Some(State::Detached);
            });
        }
    }
}

impl Owned {
    pub(super) fn new(stored: Checkpoint) -> Self {
        Self { stored: (&stored).into(), next: stored, saved_at: Instant::now(), dirty: false }
    }

    /// When the checkpoint is to be written, even though nothing is applied.
    fn due(&self) -> Instant {
        self.saved_at + if self.dirty { SAVE_SCANNED } else { HEARTBEAT }
    }
}
