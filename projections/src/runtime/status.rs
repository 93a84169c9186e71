//! Honest status: what each projector has done, how far it is behind, and whether it is well.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    lease::DEFAULT_LEASE,
    routing::Routing,
    slot::{Live, Slot},
    source::{Source, oldest_after},
    start::{Candidate, Refusal},
    storages::Storages,
};
use crate::{
    Checkpoint, GlobalPosition, HaltReason, ImportProgress, Lease, Mode, OwnerId, Parking,
    Presence, ReadError, RecordedState, StoreError, error::chain,
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
    /// Who runs it, in this process or another, as far as its storage knows.
    pub owner: Option<Owner>,
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
    /// What is parked, and what was passed on somebody's word. While anything is parked, the read
    /// model lacks it.
    pub parking: Parking,
    /// What its rows take in this process, where it has tables of rows and runs here.
    pub rows: Option<RowMemory>,
    /// Its snapshots, as this process knows them, where it says `snapshot`.
    pub snapshot: Option<SnapshotStatus>,
    /// Whether every process runs it by itself: its read model is in its own fields, or it is live.
    /// There is one entry for each process that runs it, as far as they can say so to each other.
    pub per_process: bool,
    /// Whether every process runs it by itself, and none is known to do so.
    pub elsewhere: bool,
}

/// Who runs a projector.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Owner {
    /// The identity that its runtime has drawn.
    pub id: OwnerId,
    /// Its process, for people: `process 4711 on alpha`.
    pub process: String,
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
    /// It goes on, but events are parked.
    Parked,
    /// It stands still at somebody's word, until it is resumed.
    Paused,
    /// It reads history again into an emptied read model.
    Rebuilding,
    /// An event failed and is tried again, or the storage or source is waited for, which only the
    /// process that runs it knows.
    Retrying,
    /// This code may not go on with the read model.
    StaleCode,
    /// A handler does not come back, and cannot be cut off; or there is work, and for 30 seconds, or
    /// for the time limit of an attempt where that is longer, nothing was committed, tried again or
    /// finished.
    Stalled,
    /// It was stopped cleanly, and nobody runs it.
    Stopped,
}

impl State {
    pub(super) const ALL: [Self; 12] = [
        Self::CaughtUp,
        Self::CatchingUp,
        Self::Detached,
        Self::Diverged,
        Self::Halted,
        Self::Parked,
        Self::Paused,
        Self::Rebuilding,
        Self::Retrying,
        Self::StaleCode,
        Self::Stalled,
        Self::Stopped,
    ];

    /// The state that a halt leaves.
    pub(crate) fn of(reason: &HaltReason) -> Self {
        match reason {
            HaltReason::Diverged { .. } => Self::Diverged,
            HaltReason::StaleCode { .. } => Self::StaleCode,
            HaltReason::Paused => Self::Paused,
            HaltReason::Stalled { .. } => Self::Stalled,
            _ => Self::Halted,
        }
    }

    /// What a stored checkpoint says of its owner, whether or not it is at the head.
    pub(super) fn recorded(stored: &Checkpoint, now: Timestamp) -> Self {
        match stored.state {
            RecordedState::Halted => Self::Halted,
            RecordedState::Stopped => Self::Stopped,
            // Nobody has to be alive: whoever appends runs it.
            RecordedState::Inline => Self::CatchingUp,
            RecordedState::Paused if stored.lease.is_none() => Self::Paused,
            _ if silence(stored, now) > 2 * lease(stored) => Self::Detached,
            RecordedState::Paused => Self::Paused,
            RecordedState::Rebuilding => Self::Rebuilding,
            RecordedState::Retrying => Self::Retrying,
            RecordedState::Running => Self::CatchingUp,
        }
    }

    /// Tells whether a projector in this state is well: caught up or moving.
    #[must_use]
    pub fn is_healthy(self) -> bool {
        matches!(self, Self::CaughtUp | Self::CatchingUp | Self::Rebuilding)
    }
}

impl FromStr for State {
    type Err = String;

    /// Reads what its `Display` writes.
    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.to_string() == word)
            .ok_or_else(|| format!("unknown state `{word}`"))
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
            Self::Parked => "parked",
            Self::Paused => "paused",
            Self::Rebuilding => "rebuilding",
            Self::Retrying => "retrying",
            Self::StaleCode => "stale code",
            Self::Stalled => "stalled",
            Self::Stopped => "stopped",
        })
    }
}

/// How long the owner may be silent; of a program of before it is not known.
fn lease(stored: &Checkpoint) -> Duration {
    stored.lease.as_ref().map_or(DEFAULT_LEASE, |lease| lease.time)
}

/// How long a checkpoint was not written, by the clock of its storage.
fn silence(stored: &Checkpoint, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(stored.heartbeat_at)).unwrap_or_default()
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
    let candidate =
        Candidate { source, registration: &slot.registration, key: &slot.key, lease: None };
    let changed = stored.as_ref().is_some_and(|stored| candidate.is_changed(stored));
    let here = live.owns || slot.registration.is_per_process();
    let mut seen = match &stored {
        Some(stored) if !here => {
            let now = storages.now(slot.storage()).await?;
            let mut seen = Seen::stored(slot, source, stored, (head, now)).await?;
            // Of a projector that the appends run, or somebody else, the checkpoint knows more than
            // any process.
            let knows_best = live.running && !live.inline && !live.stands_by;
            if knows_best || live.ended_badly(Some(stored)) {
                seen.hear(Seen::live(&live));
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
    // It cannot say so itself, and it wins over what it said before.
    if let Some(stall) = slot.stall(&live, Some(head)) {
        (seen.state, seen.last_error) = (State::Stalled, Some(stall));
    }
    // A live owner at the head is caught up until there is something after it.
    let state = match seen.state {
        State::CaughtUp if seen.scanned < head => State::CatchingUp,
        state => state,
    };
    let parking = parking(slot, storages).await?;
    let state = match state {
        State::CaughtUp | State::CatchingUp if parking.letters > 0 => State::Parked,
        state => state,
    };
    Ok(ProjectorStatus {
        projector: slot.name.clone(),
        domains: slot.registration.domains().into_iter().map(str::to_owned).collect(),
        mode: slot.registration.options.mode,
        state,
        changed,
        owner: stored.as_ref().and_then(owner),
        position: seen.position,
        scanned: seen.scanned,
        head,
        behind,
        age,
        last_error: seen.last_error,
        parking,
        rows: live.running.then(|| slot.row_memory()).flatten(),
        snapshot: slot.snapshot(),
        per_process: slot.registration.is_per_process(),
        elsewhere: slot.registration.is_per_process() && live.state.is_none(),
    })
}

fn owner(stored: &Checkpoint) -> Option<Owner> {
    let Lease { owner, process, .. } = stored.lease.as_ref()?;
    Some(Owner { id: *owner, process: process.clone() })
}

/// What another process says of a projector that it runs by itself.
pub(super) async fn there(
    slot: &Slot,
    source: &Arc<dyn Source>,
    counting: Counting,
    (said, silence): (&Presence, Duration),
) -> Result<ProjectorStatus, StoreError> {
    let head = source.head().await?.map_or(GlobalPosition::BEGINNING, |head| head.position);
    let (behind, age) = lag(slot, source, said.scanned, head, counting).await?;
    let Lease { owner: id, process, time, .. } = &said.lease;
    let is_silent = silence > 2 * *time;
    let state = match said.state {
        _ if is_silent => State::Detached,
        State::CaughtUp if said.scanned < head => State::CatchingUp,
        state => state,
    };
    let silent = || format!("{process} has said nothing for {} s", silence.as_secs());
    Ok(ProjectorStatus {
        projector: slot.name.clone(),
        domains: slot.registration.domains().into_iter().map(str::to_owned).collect(),
        mode: slot.registration.options.mode,
        state,
        changed: false,
        owner: Some(Owner { id: *id, process: process.clone() }),
        position: said.position,
        scanned: said.scanned,
        head: head.max(said.scanned),
        behind,
        age,
        last_error: if is_silent { Some(silent()) } else { said.last_error.clone() },
        parking: Parking::default(),
        rows: None,
        snapshot: None,
        per_process: true,
        elsewhere: false,
    })
}

/// Reads the stored checkpoint of a projector.
pub(crate) async fn stored(
    slot: &Slot,
    storages: &Storages,
) -> Result<Option<Checkpoint>, StoreError> {
    storages.checkpoint(slot.storage(), &slot.key).await
}

/// Counts what is parked of a projector, wherever its letters are.
pub(super) async fn parking(slot: &Slot, storages: &Storages) -> Result<Parking, StoreError> {
    match &slot.letters {
        Some(letters) => Ok(letters.open().parking()),
        None if slot.registration.is_live() => Ok(Parking::default()),
        None => storages.parking(slot.storage(), &slot.key).await,
    }
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

    /// Takes the word of a runner that does not own the checkpoint. That an owner is silent wins
    /// over what the runner makes of it.
    fn hear(&mut self, runner: Self) {
        match (self.state, runner.state, &mut self.last_error, runner.last_error) {
            (State::Detached, State::Retrying, Some(error), Some(more)) => {
                *error += &format!("; {more}");
            }
            (_, state, _, last_error) => {
                self.state = state;
                self.last_error = last_error;
            }
        }
    }

    /// What a stored checkpoint says, and what this code finds when it looks closer.
    async fn stored(
        slot: &Slot,
        source: &Arc<dyn Source>,
        stored: &Checkpoint,
        (head, now): (GlobalPosition, Timestamp),
    ) -> Result<Self, StoreError> {
        let mut seen = Self {
            state: match State::recorded(stored, now) {
                State::CatchingUp if stored.scanned >= head => State::CaughtUp,
                state => state,
            },
            position: stored.position,
            scanned: stored.scanned,
            last_error: stored.last_error.clone(),
        };
        if let (State::Detached, Some(lease)) = (seen.state, &stored.lease) {
            let (process, silence) = (&lease.process, silence(stored, now).as_secs());
            seen.last_error =
                Some(format!("its owner, {process}, has said nothing for {silence} s"));
        }
        let candidate =
            Candidate { source, registration: &slot.registration, key: &slot.key, lease: None };
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
            Err(Refusal::StandAside(reason)) => {
                seen.state = State::StaleCode;
                seen.last_error = Some(reason);
                Ok(seen)
            }
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
