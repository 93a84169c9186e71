//! Commands from other processes: requests that the owner of a projector carries out between two
//! batches, each once, in the transaction of its checkpoint.

use std::{future::Future, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Inner, Runtime,
    end::End,
    redrive::Order,
    runner::{ATTEMPTS, Goal, Runner, Stop, backoff},
    slot::Slot,
    status::State,
};
use crate::{
    Answer, Checkpoint, CheckpointWrite, CommitError, EventSource, GlobalPosition, HaltReason,
    Halted, RecordedState, Request, RequestId, RequestStore, StoreError, StoreErrorKind,
    UnknownProjector,
};

/// An owner looks this often for requests; those of its own process wake it.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// Whoever waits for an answer looks this often.
pub(super) const PACE: Duration = Duration::from_millis(100);
/// Whoever was told that the projector halted waits so long for a request to be withdrawn.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an owner can be asked to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Command {
    Discard,
    Pause,
    Rebuild,
    Redrive,
    Resume,
}

impl Command {
    const ALL: [Self; 5] = [Self::Discard, Self::Pause, Self::Rebuild, Self::Redrive, Self::Resume];

    fn as_str(self) -> &'static str {
        match self {
            Self::Discard => "discard",
            Self::Pause => "pause",
            Self::Rebuild => "rebuild",
            Self::Redrive => "redrive",
            Self::Resume => "resume",
        }
    }

    fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.as_str() == word)
    }
}

/// Whose code may carry a command out where nobody owns the projector.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Code {
    /// That which built the read model.
    Same,
    /// This program's, by somebody's word.
    This,
}

/// What came of a request, as it is stored.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Outcome {
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// What was done about letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) letters: Option<Done>,
}

/// What was done about letters, as it is stored.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Done {
    pub(super) applied: u64,
    pub(super) discarded: u64,
    pub(super) left: u64,
    /// What failed again.
    pub(super) failed: Vec<GlobalPosition>,
}

impl Outcome {
    fn of_letters(done: Done) -> Self {
        Self { letters: Some(done), ..Self::default() }
    }

    fn answer(&self, id: RequestId) -> Answer {
        let outcome = serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned()); // a text always encodes
        Answer { id, outcome }
    }

    fn read(outcome: &str) -> Result<Self, CommandError> {
        // What a newer program has written beside it is of no concern.
        let mut outcome = serde_json::from_str::<Self>(outcome).map_err(|error| {
            StoreError::new(StoreErrorKind::Corrupt, "understand the answer to a request")
                .with_source(error)
        })?;
        match outcome.refused.take() {
            None => Ok(outcome),
            Some(reason) => Err(CommandError::Refused { reason }),
        }
    }
}

/// A command was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The projector halted while it was carried out.
    #[error(transparent)]
    Halted(#[from] Halted),
    /// The appends run the projector: they cannot leave it out.
    #[error(
        "projector `{projector}` is inline: every append runs it, and none can leave it out; say `mode = \"async\"` to be able to pause it"
    )]
    Inline {
        /// The projector.
        projector: String,
    },
    /// The projector has never run, so there is nothing of it to change.
    #[error("projector `{projector}` has never run; run it first")]
    NeverRan {
        /// The projector.
        projector: String,
    },
    /// Nobody runs the projector, and this program is of other code than its read model.
    #[error(
        "nobody runs projector `{projector}`, and its read model was built by {built_by}, while this program is {this}; ask with the program that built it, or say `--with-this-code`"
    )]
    OtherCode {
        /// The projector.
        projector: String,
        /// Version and code of the read model.
        built_by: String,
        /// Version and code of this program.
        this: String,
    },
    /// Every process runs the projector by itself.
    #[error(
        "projector `{projector}` runs in every process by itself: stop the process instead, or start it without the projector"
    )]
    PerProcess {
        /// The projector.
        projector: String,
    },
    /// The owner has refused it.
    #[error("refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// The storage failed. What was asked for may still be carried out.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such projector.
    #[error(transparent)]
    Unknown(#[from] UnknownProjector),
    /// The storage keeps no requests.
    #[error(
        "storage `{storage}` of projector `{projector}` keeps no requests; its owner cannot be asked"
    )]
    Unsupported {
        /// The projector.
        projector: String,
        /// The storage.
        storage: String,
    },
}

impl<S: EventSource> Runtime<S> {
    /// Pauses a projector, whichever process runs it: it stops before its next batch, keeps its
    /// position, and stays paused through restarts until [`resume`](Self::resume).
    ///
    /// # Errors
    /// When the projector cannot be paused, or nobody runs it and this program is of other code.
    ///
    /// # Cancel safety
    /// A dropped call may be carried out all the same, once.
    pub async fn pause(&self, projector: &str) -> Result<(), CommandError> {
        self.command(projector, Command::Pause, Code::Same).await
    }

    /// Lets a paused projector go on, whichever process runs it; nothing, where it is not paused.
    ///
    /// # Errors
    /// As [`pause`](Self::pause).
    ///
    /// # Cancel safety
    /// As [`pause`](Self::pause).
    pub async fn resume(&self, projector: &str) -> Result<(), CommandError> {
        self.command(projector, Command::Resume, Code::Same).await
    }

    pub(crate) async fn command(
        &self,
        projector: &str,
        command: Command,
        code: Code,
    ) -> Result<(), CommandError> {
        let slot = self.inner.slot(projector)?;
        self.inner.command(slot, command, &Order::default(), code).await.map(drop)
    }
}

impl<S> Inner<S> {
    /// Leaves a request, and waits until the owner has carried it out, or does so itself where
    /// there is none.
    pub(super) async fn command(
        &self,
        slot: &Arc<Slot>,
        command: Command,
        order: &Order,
        code: Code,
    ) -> Result<Outcome, CommandError> {
        let projector = || slot.name.clone();
        if slot.registration.is_per_process() {
            return Err(CommandError::PerProcess { projector: projector() });
        }
        let Some(store) = self.storages.requests(slot.storage()) else {
            let storage = self.storages.label(slot.storage()).to_owned();
            return Err(CommandError::Unsupported { projector: projector(), storage });
        };
        let request = Request {
            id: RequestId::random(),
            key: slot.key.clone(),
            command: command.as_str().to_owned(),
            arguments: order.arguments(),
            asked_at: Timestamp::now(),
        };
        store.ask(&request).await?;
        loop {
            slot.shared.look_for_requests();
            if let Some(outcome) = store.outcome(request.id).await? {
                return Outcome::read(&outcome);
            }
            if let Err(refusal) = self.may_be_asked(slot).await {
                store.withdraw(request.id).await?;
                return Err(refusal);
            }
            tokio::select! {
                // Nobody runs it in this process.
                mut runner = Arc::clone(&slot.runner).lock_owned() => {
                    return runner.serve(&*store, &request, (command, code)).await;
                }
                () = sleep(PACE) => {}
            }
        }
    }
}

impl<S> Inner<S> {
    /// Refuses to wait for an answer that nobody would give: the appends run the projector, or it is
    /// free, and this process stands aside.
    async fn may_be_asked(&self, slot: &Slot) -> Result<(), CommandError> {
        let stored = self.storages.checkpoint(slot.storage(), &slot.key).await?;
        let Some(stored) = stored else { return Ok(()) };
        if stored.state == RecordedState::Inline {
            return Err(CommandError::Inline { projector: slot.name.clone() });
        }
        let stands_aside = slot.shared.live.borrow().state == Some(State::StaleCode);
        match stored.lease {
            None if stands_aside => self.candidate(slot).is_of_this_code(&stored),
            _ => Ok(()),
        }
    }
}

impl Runner {
    /// Carries a request out, once nobody owns the projector; the answer of an owner ends it.
    pub(super) async fn serve(
        &mut self,
        store: &dyn RequestStore,
        request: &Request,
        (command, code): (Command, Code),
    ) -> Result<Outcome, CommandError> {
        self.goal = Goal::Head;
        self.watched = None;
        let mut failures = 0;
        loop {
            match self.serve_if_free(store, request, (command, code)).await {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {}
                Err(CommandError::Store(error)) if error.is_transient() && failures < ATTEMPTS => {
                    failures += 1;
                    sleep(backoff(failures)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Looks for the answer, and does what brings it about, if the projector is free.
    async fn serve_if_free(
        &mut self,
        store: &dyn RequestStore,
        request: &Request,
        (command, code): (Command, Code),
    ) -> Result<Option<Outcome>, CommandError> {
        if let Some(outcome) = store.outcome(request.id).await? {
            return Outcome::read(&outcome).map(Some);
        }
        let read_at = Instant::now();
        let stored = self.engine.load(&self.key).await?;
        if stored.as_ref().is_some_and(|held| self.is_taken(held, read_at)) {
            sleep(PACE).await;
            return Ok(None);
        }
        let stored = match self.may_serve(stored, (command, code)) {
            Ok(stored) => stored,
            Err(refusal) => {
                store.withdraw(request.id).await?;
                return Err(refusal);
            }
        };
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        let ran = match command {
            Command::Pause => {
                return self
                    .record_for(stored, RecordedState::Paused, request)
                    .await
                    .map(|()| None);
            }
            Command::Resume => {
                return self
                    .record_for(stored, RecordedState::Stopped, request)
                    .await
                    .map(|()| None);
            }
            // Its start carries the request out: what is there may be what halts any other start.
            Command::Rebuild => {
                self.answer = Some(Outcome::default().answer(request.id));
                let ran = self.run(Goal::Head, true, stopped).await;
                self.answer = None;
                ran
            }
            Command::Discard | Command::Redrive => self.run(Goal::Asked, false, stopped).await,
        };
        if let Err(halted) = ran {
            // Where it was carried out before, this changes nothing. A handler that hangs may hold the
            // storage for ever; it is then withdrawn once that is free.
            if let Ok(withdrawn) = timeout(PATIENCE, store.withdraw(request.id)).await {
                withdrawn?;
            }
            return Err(halted.into());
        }
        Ok(None)
    }

    fn may_serve(
        &self,
        stored: Option<Checkpoint>,
        (command, code): (Command, Code),
    ) -> Result<Checkpoint, CommandError> {
        let projector = || self.name.clone();
        let Some(stored) = stored else {
            return Err(CommandError::NeverRan { projector: projector() });
        };
        if stored.state == RecordedState::Inline {
            return Err(CommandError::Inline { projector: projector() });
        }
        match code {
            Code::Same => self.candidate().is_of_this_code(&stored)?,
            Code::This => {}
        }
        if matches!(command, Command::Discard | Command::Redrive)
            && self.candidate().rebuilds(&stored).is_some()
        {
            let reason = self.would_reset(Some(&stored)).to_string();
            return Err(CommandError::Refused { reason });
        }
        Ok(stored)
    }

    /// A start that was to do something about letters, and would empty the read model instead.
    pub(super) fn would_reset(&self, stored: Option<&Checkpoint>) -> HaltReason {
        let why = stored.and_then(|stored| self.candidate().rebuilds(stored)).unwrap_or_default();
        HaltReason::StaleCode {
            reason: format!(
                "{why}, so that this program rebuilds the read model, letters and all, before it applies anything; rebuild it, as `dead-letters redrive --rebuild` does, or ask with the program that built it"
            ),
        }
    }

    /// Takes the projector, writes a state and releases it, in one transaction with the answer.
    async fn record_for(
        &mut self,
        stored: Checkpoint,
        state: RecordedState,
        request: &Request,
    ) -> Result<(), CommandError> {
        let stays = state == RecordedState::Stopped && stored.state != RecordedState::Paused;
        let mut next = Checkpoint {
            epoch: stored.epoch.saturating_add(1),
            lease: None,
            state: if stays { stored.state } else { state },
            ..stored.clone()
        };
        next.renew();
        let mut write = CheckpointWrite::new(self.key.clone(), Some((&stored).into()), next);
        write.answer = Some(Outcome::default().answer(request.id));
        match self.engine.save(write).await {
            // Whoever was faster may have answered it.
            Ok(()) | Err(CommitError::Conflict) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(CommitError::Refused(source)) => {
                let doing = format!("change the state of projector `{}`", self.name);
                Err(StoreError::new(StoreErrorKind::Other, doing).with_source(source).into())
            }
        }
    }

    /// Carries out what other processes have asked for; tells whether anything was.
    pub(super) async fn requests_if_asked(&mut self, stop: &Stop) -> Result<bool, End> {
        if self.registration.is_per_process() || !self.is_time_for_requests() {
            return Ok(false);
        }
        let storage = (self.registration.storage_type)().0;
        let Some(store) = self.ownership.storages.requests(storage) else { return Ok(false) };
        let mut pending = store.pending(&self.key.namespace).await?;
        pending.retain(|request| request.key == self.key);
        for request in &pending {
            self.carry_out_request(request, stop).await?;
        }
        Ok(!pending.is_empty())
    }

    /// Whether the rebuild that this run is for is done: its commit was, whose answer was lost.
    pub(super) async fn is_rebuilt(&mut self) -> Result<bool, End> {
        let Some(answer) = &self.answer else { return Ok(false) };
        let storage = (self.registration.storage_type)().0;
        let Some(store) = self.ownership.storages.requests(storage) else { return Ok(false) };
        if store.outcome(answer.id).await?.is_none() {
            return Ok(false);
        }
        self.answer = None;
        Ok(true)
    }

    /// Tells whether requests are to be looked for now.
    fn is_time_for_requests(&mut self) -> bool {
        let now = Instant::now();
        let is_told = self.shared.is_told_of_requests();
        let is_time = is_told || self.look_at.is_none_or(|at| at <= now);
        if is_time {
            self.look_at = Some(now + LOOK);
        }
        is_time
    }

    async fn carry_out_request(&mut self, request: &Request, stop: &Stop) -> Result<(), End> {
        let done = Outcome::default().answer(request.id);
        let state = self.owned()?.next.state;
        let command = Command::named(&request.command);
        let (projector, asked) = (&*self.name, &*request.command);
        tracing::info!(projector, command = asked, "carrying out what another process asked for");
        match command {
            Some(Command::Pause) => {
                self.set_state(RecordedState::Paused)?;
                self.save_with(Some(done)).await
            }
            Some(Command::Resume) if state == RecordedState::Paused => {
                self.set_state(RecordedState::Running)?;
                self.save_with(Some(done)).await
            }
            Some(Command::Resume) => self.save_with(Some(done)).await,
            // It is what was asked for, and is under way.
            Some(Command::Rebuild) if state == RecordedState::Rebuilding => {
                self.save_with(Some(done)).await
            }
            Some(Command::Rebuild) if self.registration.can_reset() => {
                let stored = self.engine.load(&self.key).await?;
                self.answer = Some(done);
                let started = self.start(stored, true, Instant::now()).await;
                // Where it is not known to be done, the request is looked for once more.
                self.answer = None;
                started.map(drop)
            }
            Some(verb @ (Command::Discard | Command::Redrive)) => {
                let Some(order) = Order::read(verb, &request.arguments) else {
                    return self.refuse(request, "its owner does not know what is meant").await;
                };
                let Some(handled) = self.carry_out(&order, stop).await? else {
                    return Ok(()); // the next owner does what is left, and answers
                };
                let done = Done {
                    applied: handled.applied,
                    discarded: handled.discarded,
                    left: handled.left,
                    failed: handled.failed.iter().map(|letter| letter.position).collect(),
                };
                self.save_with(Some(Outcome::of_letters(done).answer(request.id))).await
            }
            Some(Command::Rebuild) => {
                self.refuse(
                    request,
                    "it has no `#[reset]` method, so nothing empties its read model; add one",
                )
                .await
            }
            None => {
                self.refuse(
                    request,
                    "its owner does not know this command: it is of an older program",
                )
                .await
            }
        }
    }

    async fn refuse(&mut self, request: &Request, why: &str) -> Result<(), End> {
        let refused = Some(format!("projector `{}`: {why}", self.name));
        self.save_with(Some(Outcome { refused, ..Outcome::default() }.answer(request.id))).await
    }

    pub(super) fn is_paused(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.next.state == RecordedState::Paused)
    }

    /// Waits while the projector is paused, alive for others to see.
    pub(super) async fn pause(&mut self, stop: &mut Stop) -> Result<(), End> {
        if self.goal != Goal::Forever {
            return Err(HaltReason::Paused.into());
        }
        self.publish(State::Paused);
        self.save_if_due().await?;
        let due = self.due(self.owned()?);
        tokio::select! {
            () = self.shared.asked.notified() => {}
            () = self.requests_arrive() => {}
            _ = stop.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep_until(due) => {}
        }
        Ok(())
    }

    /// Waits until another process has left a request.
    pub(super) fn requests_arrive(&self) -> impl Future<Output = ()> + Send + use<> {
        let storage = (self.registration.storage_type)().0;
        let store = self.ownership.storages.requests(storage);
        let store = store.filter(|_| !self.registration.is_per_process());
        let (key, shared) = (self.key.clone(), Arc::clone(&self.shared));
        async move {
            let Some(store) = store else { return std::future::pending().await };
            loop {
                sleep(LOOK).await;
                // What cannot be read now is read the next time.
                let pending = store.pending(&key.namespace).await.unwrap_or_default();
                if pending.iter().any(|request| request.key == key) {
                    return shared.look_for_requests();
                }
            }
        }
    }
}
