//! The loop of one projector: read a page, apply it with its checkpoint in one transaction, wait.
//!
//! Everything that a run believes of the stored checkpoint is checked by each commit, which is a
//! compare-and-set. After any other outcome than a commit the runner reads what is stored and goes
//! on from there; it never repeats a batch from memory.

use std::{any::Any, collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::{
    end::End,
    failing::{Failing, Streak},
    figures::Cause,
    inline::Attended,
    lease::{Claim, Ownership, Watched},
    mark::LiveMark,
    observe::read,
    owned::Owned,
    parking::Parked,
    routing::Routing,
    slot::Shared,
    source::Source,
    start::{Candidate, Refusal},
    status::State,
};
use crate::{
    Answer, BatchPolicy, Checkpoint, CheckpointKey, Filter, GlobalPosition, HaltReason, Halted,
    Page, ParkedKey, RecordedState, Registration, Scanned, StoreError, StoreErrorKind,
    engine::{Activated, Engine, Identity, StartError, catch_panic, keep_others_awake, message},
    error::chain,
    failure::Classify,
    lease::Run,
};

/// Waits between attempts to reach a storage or source grow from the first to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// A run with an end gives up after this many failures in a row of storage or source.
pub(super) const ATTEMPTS: u32 = 6;

/// How far a run goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Goal {
    /// Until it is stopped.
    Forever,
    /// Until it has seen the log up to its head as of the start.
    Head,
    /// Until it has seen the log up to this position, which may not be there yet.
    To(GlobalPosition),
    /// Until what was asked for is done; no event is read.
    Asked,
}

/// How long it is waited after so many failures of storage or source in a row.
pub(super) fn backoff(failures: u32) -> Duration {
    BACKOFF.0.saturating_mul(1 << failures.min(10)).min(BACKOFF.1)
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
    pub(super) ownership: Ownership,
    /// The owner that this runner stands by for.
    pub(super) watched: Option<Watched>,
    /// When requests of other processes are looked for.
    pub(super) look_at: Option<Instant>,
    /// What a rebuild says of the request that it is for: until it is committed, and with nothing else.
    pub(super) answer: Option<Answer>,
    mark: LiveMark,
    /// The checkpoint as the next write would store it; `None` until a run has started.
    pub(super) own: Option<Owned>,
    /// The highest epoch that this runner has had.
    pub(super) epoch: u64,
    pub(super) failures: u32,
    /// The event that failed, until it is applied or given up. In-process state is replayed up to
    /// it.
    pub(super) failing: Option<Failing>,
    /// Up to here events are applied one by one: a commit of several was refused.
    pub(super) singly: Option<GlobalPosition>,
    pub(super) streak: Streak,
    /// In so many batches to come events are expected to fail.
    pub(super) rough: u32,
    pub(super) parked: Parked,
    /// What was discarded of a read model in process, which is replayed without it.
    pub(super) dropped: BTreeSet<GlobalPosition>,
    /// What was parked live of a read model in process, and is no history to the replay that a redrive
    /// is.
    pub(super) live_again: BTreeSet<GlobalPosition>,
    pub(super) classify: Option<Arc<Classify>>,
    pub(super) goal: Goal,
}

pub(super) type Stop = watch::Receiver<bool>;

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
        Identity { key, registration }: Identity,
        source: Arc<dyn Source>,
        engine: Box<dyn Engine>,
        batch: BatchPolicy,
        shared: Arc<Shared>,
        ownership: Ownership,
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
            ownership,
            watched: None,
            look_at: None,
            answer: None,
            mark,
            own: None,
            epoch: 0,
            failures: 0,
            failing: None,
            singly: None,
            streak: Streak::default(),
            rough: 0,
            parked: Parked::default(),
            dropped: BTreeSet::new(),
            live_again: BTreeSet::new(),
            classify: None,
            goal: Goal::Forever,
        }
    }

    /// Sets what judges the errors of handlers.
    pub(crate) fn classify(&mut self, classify: Option<Arc<Classify>>) {
        self.classify = classify;
    }

    /// Runs until the goal is reached, `stop` turns true, or the projector halts.
    pub(crate) async fn run(
        &mut self,
        goal: Goal,
        rebuild: bool,
        mut stop: Stop,
    ) -> Result<(), Halted> {
        self.disown();
        (self.failing, self.singly) = (None, None);
        self.streak.end();
        self.failures = 0;
        if goal != Goal::Asked {
            // Who is asked for something has watched the owner for as long as it takes.
            self.watched = None;
        }
        self.look_at = None;
        // Until the end of this call the projector is not known to be free.
        let _run = Run::begin(self.ownership.owner, &self.key);
        self.goal = goal;
        self.shared.live.send_modify(|live| {
            live.running = true;
            live.epoch = 0;
            live.state = Some(State::CatchingUp);
            live.last_error = None;
            live.halted = None;
        });
        let others = self.shares_threads().then(|| keep_others_awake(&self.shared.progress));
        self.shared.observed.yields(others.as_ref().is_some_and(Option::is_some));
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
            live.stands_by = false;
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
                End::StandAside(reason) => {
                    if !self.stand_aside(goal, reason, stop).await? {
                        return Ok(());
                    }
                }
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
            Goal::Forever | Goal::Head | Goal::Asked => {}
        }
        match self.own_checkpoint(rebuild, goal, *head, stop).await? {
            Claim::Owned => *rebuild = false,
            Claim::Done => return Ok(()),
        }
        loop {
            if self.own.is_some() {
                self.follow(*head, stop).await?;
            }
            // Handed over to the appends: there is nothing to record.
            let is_inline = self.own.is_none();
            match is_inline {
                false => return self.record(RecordedState::Stopped, self.why_not_inline()).await,
                true => match self.attend(goal, stop).await? {
                    Attended::Done => return Ok(()),
                    Attended::Behind => {}
                },
            }
        }
    }

    /// Reads the stored checkpoint and goes on with it, if it is still this runner's; else starts,
    /// once no other owner is alive.
    async fn own_checkpoint(
        &mut self,
        rebuild: &mut bool,
        goal: Goal,
        head: Option<GlobalPosition>,
        stop: &mut Stop,
    ) -> Result<Claim, End> {
        if !self.registration.is_in_process() {
            // It failed on top of what may not be stored: another owner's word, or a lost commit.
            (self.failing, self.singly) = (None, None);
        }
        loop {
            if *rebuild && self.is_rebuilt().await? {
                *rebuild = false;
            }
            let read_at = Instant::now();
            let stored = self.engine.load(&self.key).await?;
            match (&self.own, stored) {
                (Some(own), Some(stored)) if !*rebuild && self.is_still_own(&stored) => {
                    let renewed_at = own.renewed_at;
                    let candidate = self.candidate();
                    candidate.may_go_on(&stored).await?;
                    let parked = self.engine.parked();
                    self.take_over(stored, parked, renewed_at);
                    return Ok(Claim::Owned);
                }
                (_, stored) => {
                    let taken = self.start(stored, *rebuild, read_at).await?;
                    if !taken {
                        return Ok(Claim::Owned);
                    }
                }
            }
            if self.stand_by(goal, head, stop).await? {
                return Ok(Claim::Done);
            }
        }
    }

    fn is_still_own(&self, stored: &Checkpoint) -> bool {
        let owner = stored.lease.as_ref().map(|lease| lease.owner);
        stored.epoch == self.epoch
            && (owner == Some(self.ownership.owner) || self.registration.is_per_process())
    }

    pub(super) fn candidate(&self) -> Candidate<'_> {
        Candidate {
            source: &self.source,
            registration: &self.registration,
            key: &self.key,
            lease: self.lease(),
        }
    }

    /// Starts from what was stored when it was read; tells whether that is another's, who is alive
    /// as far as is known, and then changes nothing.
    pub(super) async fn start(
        &mut self,
        stored: Option<Checkpoint>,
        rebuild: bool,
        read_at: Instant,
    ) -> Result<bool, End> {
        // Where the answer to this start is lost, the higher epoch that is then stored may be this
        // runner's own: it starts once more, instead of taking itself for another.
        self.disown();
        let (mark, registration) = (&self.mark, &self.registration);
        let is_marked = mark.check(&self.key, registration, stored.as_ref(), rebuild).await?;
        let lease = self.lease();
        let candidate = Candidate {
            source: &self.source,
            registration: &self.registration,
            key: &self.key,
            lease,
        };
        let held = stored.clone();
        let before = stored.as_ref().and_then(|stored| stored.lease.clone());
        let mut decided = candidate.start(stored, &mut self.routing, rebuild, self.epoch).await;
        if let Err(Refusal::Halt(reason)) = &decided
            && self.engine.discard(&chain(&**reason)).await
        {
            // A snapshot is worth less than a checkpoint: without it the log is replayed.
            let kept = self.engine.kept().cloned();
            decided = candidate.start(kept, &mut self.routing, rebuild, self.epoch).await;
        }
        let mut start = decided?;
        if rebuild {
            start.write.answer.clone_from(&self.answer);
        } else if start.reset && self.goal == Goal::Asked {
            return Err(self.would_reset(held.as_ref()).into());
        }
        // Newer code, which builds the read model anew, waits for nobody.
        if !start.reset && held.is_some_and(|held| self.is_taken(&held, read_at)) {
            return Ok(true);
        }
        let parked = if start.reset { Vec::new() } else { self.engine.parked() };
        self.parks_as_before(&parked).await?;
        let began = Instant::now();
        let mut next = start.write.next.clone();
        let (moving, is_reset) = (start.moving.is_some(), start.reset);
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
        if is_reset {
            self.forget_failures();
        }
        self.tell_start(before.as_ref());
        match next.state {
            RecordedState::Inline => self.hand_over(&next),
            _ => {
                self.take_over(next, parked, began);
                self.publish(self.moving());
                if let Some(why) = self.why_not_inline() {
                    tracing::warn!(projector = &*self.name, "{why}");
                }
            }
        }
        self.answer = None;
        Ok(false)
    }

    /// Forgets what failed: it did so in a read model that is gone.
    fn forget_failures(&mut self) {
        (self.failing, self.singly) = (None, None);
        self.streak.end();
        self.rough = 0;
    }

    /// Goes on from a stored checkpoint, and from what is parked beside it.
    fn take_over(&mut self, stored: Checkpoint, parked: Vec<ParkedKey>, renewed_at: Instant) {
        self.parked = Parked::of(parked);
        self.show_parked();
        // What a commit whose answer was lost has done is done.
        self.forget_vanished(stored.position.next());
        self.own = Some(Owned::new(stored, renewed_at));
    }

    /// Follows the log, until it is stopped or, if it is inline, at the head.
    async fn follow(&mut self, goal: Option<GlobalPosition>, stop: &mut Stop) -> Result<(), End> {
        let (mut ahead, mut lingered) = (None, false);
        loop {
            if *stop.borrow() {
                return Ok(());
            }
            if self.rebuild_if_asked().await? {
                // It was read after events that are now to be read again.
                ahead = None;
            }
            if self.letters_if_asked(stop).await? {
                ahead = None;
            }
            if self.requests_if_asked(stop).await? {
                ahead = None;
            }
            if self.goal == Goal::Asked {
                return Ok(());
            }
            if self.is_paused() {
                self.pause(stop).await?;
                continue;
            }
            let seen = self.owned()?.next.seen();
            let scanned = self.owned()?.next.scanned;
            if goal.is_some_and(|head| scanned >= head) && self.failing.is_none() {
                match self.arrive().await? {
                    Arrival::Ended => return Ok(()),
                    Arrival::Behind => continue,
                    Arrival::Refused => {}
                }
            }
            let page = match ahead.take() {
                Some(page) => page,
                None => {
                    let (observed, source) = (&self.shared.observed, Arc::clone(&self.source));
                    read(observed, source, &self.filter, self.batch, seen).await?
                }
            };
            match page.scanned() {
                None if self.may_be_inline() => match self.arrive().await? {
                    Arrival::Ended => return Ok(()),
                    Arrival::Behind | Arrival::Refused => {}
                },
                None => self.rest(stop).await?,
                Some(scanned) if page.is_empty() => self.pass(scanned).await?,
                Some(_) if !lingered && self.may_linger(&page) => {
                    lingered = true;
                    self.linger(stop).await;
                }
                Some(scanned) => {
                    lingered = false;
                    ahead = self.apply_and_read_on(&page, scanned, stop).await?;
                }
            }
        }
    }

    /// Whether a batch that is not full waits for more events.
    fn may_linger(&self, page: &Page) -> bool {
        let is_full = page.len() >= self.batch.events as usize;
        !self.batch.linger.is_zero() && !is_full && self.goal == Goal::Forever
    }

    async fn linger(&mut self, stop: &mut Stop) {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep(self.batch.linger) => {}
        }
    }

    /// Has come as far as it was to: an inline projector is handed over to the appends.
    async fn arrive(&mut self) -> Result<Arrival, End> {
        if !self.may_be_inline() {
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
        if self.failing.is_some() {
            // It is gone from the log, or from the filter: there is nothing left to try.
            self.halt_at_failing().await?;
        }
        let own = self.owned_mut()?;
        if own.next.state == RecordedState::Rebuilding {
            own.next.state = RecordedState::Running;
            own.dirty = true;
        }
        self.publish(State::CaughtUp);
        self.save_if_due().await?;
        if let Some(why) = self.why_not_inline() {
            self.shared.live.send_modify(|live| live.last_error = Some(why));
        }
        let (after, due) = {
            let own = self.owned()?;
            (own.next.scanned, self.due(own))
        };
        tokio::select! {
            woken = self.source.wait(after) => woken?,
            () = self.shared.asked.notified() => {}
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.requests_arrive() => {}
            () = tokio::time::sleep_until(due) => {}
        }
        Ok(())
    }

    /// Carries out what was asked for while the projector runs; tells whether anything was.
    pub(super) async fn rebuild_if_asked(&mut self) -> Result<bool, End> {
        let asked = self.shared.take_rebuilds();
        if asked.is_empty() {
            return Ok(false);
        }
        let stored = self.engine.load(&self.key).await?;
        self.start(stored, true, Instant::now()).await?;
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
        let wait = backoff(self.failures);
        let (projector, text) = (&*self.name, chain(&error));
        tracing::warn!(projector, error = text, ?wait, "the storage or the source failed");
        self.shared.observed.figures().retried(Cause::Storage);
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
            Some(own) if own.next.state == RecordedState::Paused => State::Paused,
            _ => State::CatchingUp,
        }
    }

    pub(super) fn publish(&self, state: State) {
        let Some(own) = &self.own else { return };
        let Checkpoint { position, scanned, epoch, .. } = own.next;
        self.shared.live.send_modify(|live| {
            live.owns = true;
            live.stands_by = false;
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
