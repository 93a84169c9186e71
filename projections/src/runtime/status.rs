//! Honest status: what each projector has done, how far it is behind, and whether it is well.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    routing::Routing,
    runner::HEARTBEAT,
    slot::{Live, Slot},
    source::{Source, oldest_after},
    start::{Candidate, Refusal},
    storages::Storages,
};
use crate::{
    Checkpoint, GlobalPosition, HaltReason, ImportProgress, Mode, ReadError, RecordedState,
    StoreError, error::chain,
};

/// What a runtime's projectors are doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The projectors, by name.
    pub projectors: Vec<ProjectorStatus>,
    /// Imports that were begun and not finished: the log ends in the middle of a file.
    pub imports: Vec<ImportProgress>,
}

/// What one projector is doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProjectorStatus {
    /// Its name.
    pub projector: String,
    /// The domains that it takes events from.
    pub domains: Vec<String>,
    /// How it is run. A live one is shown as it is in this process.
    pub mode: Mode,
    /// What it does.
    pub state: State,
    /// Whether the read model was built by other code of the same version, by its
    /// [`Fingerprint`](crate::Fingerprint).
    pub changed: bool,
    /// The last event that was applied.
    pub position: GlobalPosition,
    /// The last event that was looked at, matching or not.
    pub scanned: GlobalPosition,
    /// The last event of the log.
    pub head: GlobalPosition,
    /// Positions from `scanned` to `head`: an upper bound of the events that are missing. In
    /// [`Runtime::status_exact`](crate::Runtime::status_exact) their number.
    pub behind: u64,
    /// How long ago the oldest event that is missing was stored, by the store's own clock; `None`
    /// when none is.
    pub age: Option<Duration>,
    /// Why it halted, or what it waits for.
    pub last_error: Option<String>,
    /// What its rows take in this process, where it has tables of rows and runs here.
    pub rows: Option<RowMemory>,
    /// Its snapshots, as this process knows them, where it says `snapshot`.
    pub snapshot: Option<SnapshotStatus>,
    /// Whether the projector runs in every process by itself, and not in this one: its read model is
    /// in its own fields, or it is live.
    pub elsewhere: bool,
}

/// What a process knows of a projector's snapshots.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SnapshotStatus {
    /// The last event in the last one that this process has saved, or has begun with.
    pub position: Option<GlobalPosition>,
    /// Why the last one could not be used or saved; the log is replayed instead.
    pub fault: Option<String>,
}

/// What a projector's rows take in memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RowMemory {
    /// How many are in memory, with keys of which is known that there is none.
    pub rows: usize,
    /// What they take, in bytes, as far as their types say what they keep.
    pub bytes: usize,
    /// What they may take between batches, in bytes: `row_bytes` of the projector. `None` where the
    /// read model is in process: its rows are nowhere else.
    pub bound: Option<u64>,
}

/// The state of a projector.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// It has seen the whole log, and a live owner says so.
    CaughtUp,
    /// It reads history.
    CatchingUp,
    /// Its owner has said nothing for longer than an owner may, or its run was dropped.
    Detached,
    /// The log went back in time, or is another log.
    Diverged,
    /// It stopped at an event that it cannot apply, or could not start.
    Halted,
    /// It reads history again into an emptied read model.
    Rebuilding,
    /// It waits for its storage or source to come back. Only the process that runs it knows.
    Retrying,
    /// This code may not go on with the read model.
    StaleCode,
    /// It was stopped cleanly, and nobody runs it.
    Stopped,
}

impl State {
    /// The state that a halt leaves.
    pub(crate) fn of(reason: &HaltReason) -> Self {
        match reason {
            HaltReason::Diverged { .. } => Self::Diverged,
            HaltReason::StaleCode { .. } => Self::StaleCode,
            _ => Self::Halted,
        }
    }

    /// What a stored checkpoint says of its owner, whether or not it is at the head.
    pub(super) fn recorded(stored: &Checkpoint) -> Self {
        let silence = Timestamp::now().duration_since(stored.heartbeat_at);
        match stored.state {
            RecordedState::Halted => Self::Halted,
            RecordedState::Stopped => Self::Stopped,
            // Nobody has to be alive: whoever appends runs it.
            RecordedState::Inline => Self::CatchingUp,
            _ if silence.as_secs_f64() > 4.0 * HEARTBEAT.as_secs_f64() => Self::Detached,
            RecordedState::Rebuilding => Self::Rebuilding,
            RecordedState::Running => Self::CatchingUp,
        }
    }

    /// Tells whether a projector in this state is well: caught up or moving.
    #[must_use]
    pub fn is_healthy(self) -> bool {
        matches!(self, Self::CaughtUp | Self::CatchingUp | Self::Rebuilding)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CaughtUp => "caught up",
            Self::CatchingUp => "catching up",
            Self::Detached => "detached",
            Self::Diverged => "diverged",
            Self::Halted => "halted",
            Self::Rebuilding => "rebuilding",
            Self::Retrying => "retrying",
            Self::StaleCode => "stale code",
            Self::Stopped => "stopped",
        })
    }
}

/// How `behind` is counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Counting {
    Positions,
    Events,
}

/// Looks at one projector.
pub(crate) async fn of(
    slot: &Slot,
    source: &Arc<dyn Source>,
    storages: &Storages,
    counting: Counting,
) -> Result<ProjectorStatus, StoreError> {
    // What is stored of a projector that is live now is of the time before.
    let mut stored = match slot.registration.is_per_process() {
        true => None,
        false => self::stored(slot, storages).await?,
    };
    let live = slot.shared.live.borrow().clone();
    // The head is read last, so that nothing is ahead of it.
    let head = source.head().await?.map_or(GlobalPosition::BEGINNING, |head| head.position);
    if stored.as_ref().is_some_and(|s| s.state == RecordedState::Inline && s.scanned < head) {
        // An append came in between, which has moved it, too.
        stored = self::stored(slot, storages).await?;
    }
    let candidate = Candidate { source, registration: &slot.registration, key: &slot.key };
    let changed = stored.as_ref().is_some_and(|stored| candidate.is_changed(stored));
    let here = live.owns || slot.registration.is_per_process();
    let seen = match &stored {
        Some(stored) if !here => {
            let mut seen = Seen::stored(slot, source, stored, head).await?;
            // Of a projector that the appends run, the checkpoint knows more than any process.
            if (live.running && !live.inline) || live.ended_badly(Some(stored)) {
                let Seen { state, last_error, .. } = Seen::live(&live);
                seen = Seen { state, last_error, ..seen };
            }
            seen
        }
        _ => Seen::live(&live),
    };
    let head = match &stored {
        // Nothing is stored without it, so what came since the head was read is applied, too.
        Some(stored) if stored.state == RecordedState::Inline => head.max(stored.scanned),
        _ => head,
    };
    let (behind, age) = lag(slot, source, seen.scanned, head, counting).await?;
    // A live owner at the head is caught up until there is something after it.
    let state = match seen.state {
        State::CaughtUp if seen.scanned < head => State::CatchingUp,
        state => state,
    };
    Ok(ProjectorStatus {
        projector: slot.name.clone(),
        domains: slot.registration.domains().into_iter().map(str::to_owned).collect(),
        mode: slot.registration.options.mode,
        state,
        changed,
        position: seen.position,
        scanned: seen.scanned,
        head,
        behind,
        age,
        last_error: seen.last_error,
        rows: live.running.then(|| slot.row_memory()).flatten(),
        snapshot: slot.snapshot(),
        elsewhere: slot.registration.is_per_process() && live.state.is_none(),
    })
}

/// Reads the stored checkpoint of a projector.
pub(crate) async fn stored(
    slot: &Slot,
    storages: &Storages,
) -> Result<Option<Checkpoint>, StoreError> {
    let (storage, _) = (slot.registration.storage_type)();
    let mut all = storages.checkpoints(storage, &slot.key.namespace).await?;
    let place = all.iter().position(|(key, _)| *key == slot.key);
    Ok(place.map(|place| all.swap_remove(place).1))
}

/// Where a projector is, and what it does.
struct Seen {
    state: State,
    position: GlobalPosition,
    scanned: GlobalPosition,
    last_error: Option<String>,
}

impl Seen {
    /// What a runner of this process says. One that has never run is not caught up, even with an
    /// empty log.
    fn live(live: &Live) -> Self {
        Self {
            state: live.state.unwrap_or(State::Stopped),
            position: live.position,
            scanned: live.scanned,
            last_error: live.last_error.clone(),
        }
    }

    /// What a stored checkpoint says, and what this code finds when it looks closer.
    async fn stored(
        slot: &Slot,
        source: &Arc<dyn Source>,
        stored: &Checkpoint,
        head: GlobalPosition,
    ) -> Result<Self, StoreError> {
        let mut seen = Self {
            state: match State::recorded(stored) {
                State::CatchingUp if stored.scanned >= head => State::CaughtUp,
                state => state,
            },
            position: stored.position,
            scanned: stored.scanned,
            last_error: stored.last_error.clone(),
        };
        let candidate = Candidate { source, registration: &slot.registration, key: &slot.key };
        let routing = Routing::new(slot.name.clone(), slot.registration);
        let mut refusal = candidate.may_go_on(stored).await;
        let rebuild = candidate.rebuilds(stored);
        // A rebuild passes nothing.
        if refusal.is_ok() && rebuild.is_none() {
            refusal = candidate.count_added(stored, &routing).await;
        }
        match refusal {
            Ok(()) => {
                if let Some(reason) = rebuild {
                    seen.last_error = Some(format!("the next start rebuilds it: {reason}"));
                }
                Ok(seen)
            }
            Err(Refusal::Store(error)) => Err(error),
            Err(Refusal::Halt(reason)) => {
                seen.state = State::of(&reason);
                seen.last_error = Some(chain(&reason));
                Ok(seen)
            }
        }
    }
}

async fn lag(
    slot: &Slot,
    source: &Arc<dyn Source>,
    scanned: GlobalPosition,
    head: GlobalPosition,
    counting: Counting,
) -> Result<(u64, Option<Duration>), StoreError> {
    let filter = Routing::new(slot.name.clone(), slot.registration).filter();
    let behind = match counting {
        Counting::Positions => head.get().saturating_sub(scanned.get()),
        Counting::Events => source.count(&filter, scanned, head).await?,
    };
    if head <= scanned {
        return Ok((behind, None));
    }
    let oldest = oldest_after(source, &filter, scanned).await.map_err(|error| match error {
        ReadError::Store(error) => error,
        diverged => StoreError::new(crate::StoreErrorKind::Other, "read the oldest event")
            .with_source(diverged),
    })?;
    let Some(oldest) = oldest else { return Ok((behind, None)) };
    let age = source.now().await?.duration_since(oldest);
    Ok((behind, Some(Duration::try_from(age).unwrap_or_default())))
}
