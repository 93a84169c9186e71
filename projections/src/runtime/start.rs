//! What is checked before a projector's first event: whose checkpoint it is, whether the log still
//! holds what it saw, and whether this code may go on with this read model.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    routing::{self, Routing},
    source::{Source, verify},
};
use crate::{
    Checkpoint, CheckpointKey, CheckpointWrite, CommandError, Fingerprint, GlobalPosition,
    HaltReason, Lease, Mode, OnChange, ReadError, RecordedState, Registration, Scanned, StartFrom,
    StoreError, StoreErrorKind, Subscriptions,
    engine::{Moving, Start},
    rows::TableDigests,
};

/// So many fingerprints that were replaced are remembered, the last ones.
const MAX_SUPERSEDED: usize = 100;

/// Why a start is not possible.
#[derive(Debug)]
pub(crate) enum Refusal {
    Halt(Box<HaltReason>),
    /// Newer code has the projector.
    StandAside(String),
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a start needs to know of a projector.
pub(crate) struct Candidate<'a> {
    pub(crate) source: &'a Arc<dyn Source>,
    pub(crate) registration: &'a Registration,
    pub(crate) key: &'a CheckpointKey,
    /// What a start takes; `None` where nobody has to own the projector.
    pub(crate) lease: Option<Lease>,
}

impl Candidate<'_> {
    /// Decides how to start from what is stored, or why not to. `rebuild` asks for an empty read
    /// model; the epoch is raised above `epoch` and the stored one.
    pub(crate) async fn start(
        &self,
        stored: Option<Checkpoint>,
        routing: &mut Routing,
        rebuild: bool,
        epoch: u64,
    ) -> Result<Start, Refusal> {
        match stored {
            None => self.register(routing, rebuild, epoch).await,
            Some(stored) if rebuild => {
                // Code that was replaced comes back by somebody's word.
                self.not_older(&stored)?;
                self.rebuild(stored, routing, epoch).await
            }
            Some(stored) => {
                self.may_go_on(&stored).await?;
                match self.rebuilds(&stored) {
                    Some(reason) => {
                        let projector = &*self.key.projector;
                        tracing::info!(projector, "rebuilding in place: {reason}");
                        self.rebuild(stored, routing, epoch).await
                    }
                    None => self.resume(stored, routing, epoch).await,
                }
            }
        }
    }

    /// The first start: the position is pinned before anything is read. A rebuild empties what is
    /// there all the same: rows whose checkpoint is gone would else be written a second time.
    async fn register(
        &self,
        routing: &mut Routing,
        rebuild: bool,
        epoch: u64,
    ) -> Result<Start, Refusal> {
        let head = self.source.head().await?;
        let options = self.registration.options;
        let from_now = options.from == StartFrom::Now || self.registration.is_live();
        let at = head.filter(|_| from_now);
        let mark = head.map_or(GlobalPosition::BEGINNING, |head| head.position);
        routing.pin(&Subscriptions::default(), mark);
        let state = if rebuild { RecordedState::Rebuilding } else { RecordedState::Running };
        let next = self.checkpoint(at, self.raise(epoch)?, mark, routing, state);
        let write = CheckpointWrite::new(self.key.clone(), None, next);
        Ok(Start { write, reset: rebuild, moving: None })
    }

    async fn resume(
        &self,
        stored: Checkpoint,
        routing: &mut Routing,
        epoch: u64,
    ) -> Result<Start, Refusal> {
        self.count_added(&stored, routing).await?;
        self.warn_of_change(&stored);
        routing.resume(&stored.subscriptions);
        routing.pin(&stored.subscriptions, stored.scanned);
        // What the appends run, they go on to run: between two programs nothing is let through.
        let stays_inline =
            self.registration.options.mode == Mode::Inline && stored.state == RecordedState::Inline;
        let state = match stored.state {
            RecordedState::Inline if stays_inline => RecordedState::Inline,
            RecordedState::Paused => RecordedState::Paused,
            _ => RecordedState::Running,
        };
        let next = Checkpoint {
            epoch: self.raise(epoch.max(stored.epoch))?,
            lease: self.lease.clone().filter(|_| !stays_inline),
            fingerprint: Some(self.built_by(&stored)),
            subscriptions: routing.subscriptions(),
            state,
            last_error: None,
            heartbeat_at: Timestamp::now(),
            ..stored.clone()
        };
        let moving = moving(&stored, routing);
        let mut write = CheckpointWrite::new(self.key.clone(), Some((&stored).into()), next);
        write.inline = stays_inline.then(|| self.registration.fingerprint());
        Ok(Start { write, reset: false, moving })
    }

    async fn rebuild(
        &self,
        stored: Checkpoint,
        routing: &mut Routing,
        epoch: u64,
    ) -> Result<Start, Refusal> {
        let head = self.source.head().await?.map_or(GlobalPosition::BEGINNING, |h| h.position);
        // Places of another log mean nothing in this one.
        let (known, mark) = match stored.store == self.source.store_id() {
            true => (stored.subscriptions.clone(), stored.effects_mark),
            false => (Subscriptions::default(), head),
        };
        // Handlers that begin at a place of their own keep it; new ones begin at the head.
        routing.resume(&known);
        routing.pin(&known, head);
        let epoch = self.raise(epoch.max(stored.epoch))?;
        let mut next = self.checkpoint(None, epoch, mark, routing, RecordedState::Rebuilding);
        next.superseded = self.superseded(&stored);
        let moving = moving(&stored, routing);
        let write = CheckpointWrite::new(self.key.clone(), Some((&stored).into()), next);
        Ok(Start { write, reset: true, moving })
    }

    /// The epoch after one that was; only damage makes one so high that none follows.
    fn raise(&self, epoch: u64) -> Result<u64, StoreError> {
        epoch.checked_add(1).ok_or_else(|| {
            let doing = format!(
                "start projector `{}`: the epoch of its checkpoint is damaged; restore the read model from a backup, or delete the checkpoint and rebuild the projector",
                self.key.projector
            );
            StoreError::new(StoreErrorKind::Corrupt, doing)
        })
    }

    fn checkpoint(
        &self,
        at: Option<Scanned>,
        epoch: u64,
        effects_mark: GlobalPosition,
        routing: &Routing,
        state: RecordedState,
    ) -> Checkpoint {
        let position = at.map_or(GlobalPosition::BEGINNING, |at| at.position);
        Checkpoint {
            store: self.source.store_id(),
            position,
            scanned: position,
            event_id: at.map(|at| at.id),
            epoch,
            lease: self.lease.clone(),
            version: self.registration.options.version,
            fingerprint: Some(self.registration.fingerprint()),
            superseded: Vec::new(),
            subscriptions: routing.subscriptions(),
            effects_mark,
            state,
            last_error: None,
            heartbeat_at: Timestamp::now(),
            tables: TableDigests::default(), // which the start writes
        }
    }

    /// Checks that the stored checkpoint belongs to this log, and to code that is not newer.
    pub(crate) async fn may_go_on(&self, stored: &Checkpoint) -> Result<(), Refusal> {
        self.same_store(stored)?;
        self.stands_aside(stored)?;
        self.can_be_raised(stored)?;
        self.may_change(stored)?;
        whole(stored)?;
        match verify(self.source, stored.seen()).await {
            Ok(()) => Ok(()),
            Err(ReadError::Store(error)) => Err(Refusal::Store(error)),
            Err(diverged) => {
                Err(Refusal::Halt(Box::new(HaltReason::Diverged { reason: diverged.to_string() })))
            }
        }
    }

    /// Tells whether newer code has the projector.
    pub(crate) fn stands_aside(&self, stored: &Checkpoint) -> Result<(), Refusal> {
        self.not_older(stored)?;
        self.not_superseded(stored)
    }

    /// Refuses code that is not that of the read model.
    pub(crate) fn is_of_this_code(&self, stored: &Checkpoint) -> Result<(), CommandError> {
        let (version, own) = (self.registration.options.version, self.registration.fingerprint());
        if stored.version == version && !self.is_changed(stored) {
            return Ok(());
        }
        Err(CommandError::OtherCode {
            projector: self.key.projector.clone(),
            built_by: format!("version {}, code {}", stored.version, self.built_by(stored)),
            this: format!("version {version}, code {own}"),
        })
    }

    fn same_store(&self, stored: &Checkpoint) -> Result<(), Refusal> {
        let own = self.source.store_id();
        if stored.store == own {
            return Ok(());
        }
        Err(Refusal::Halt(Box::new(HaltReason::Diverged {
            reason: format!(
                "the checkpoint is of event store {}, and {} is store {own}",
                stored.store,
                self.source.label(),
            ),
        })))
    }

    fn not_older(&self, stored: &Checkpoint) -> Result<(), Refusal> {
        let own = self.registration.options.version;
        if stored.version <= own {
            return Ok(());
        }
        Err(Refusal::StandAside(format!(
            "the read model was built by version {}, and this is version {own}; run the newer program",
            stored.version
        )))
    }

    /// Refuses code that a rebuild has replaced: two programs would else rebuild in turns.
    fn not_superseded(&self, stored: &Checkpoint) -> Result<(), Refusal> {
        let own = self.registration.fingerprint();
        let is_replaced =
            stored.version == self.registration.options.version && stored.superseded.contains(&own);
        match is_replaced {
            false => Ok(()),
            true => Err(Refusal::StandAside(format!(
                "newer code has rebuilt the read model, and this is code {own}, which it has replaced; run the newer program, or raise the `version` to go back"
            ))),
        }
    }

    /// The code that a rebuild replaces, with what was replaced before. A higher version begins
    /// anew: what is older is known by its version.
    fn superseded(&self, stored: &Checkpoint) -> Vec<Fingerprint> {
        if stored.version < self.registration.options.version {
            return Vec::new();
        }
        let mut superseded = stored.superseded.clone();
        superseded.retain(|known| *known != self.registration.fingerprint());
        let is_replaced =
            self.registration.options.on_change == OnChange::Rebuild && self.is_changed(stored);
        superseded.extend(stored.fingerprint.filter(|_| is_replaced));
        let kept = superseded.len().saturating_sub(MAX_SUPERSEDED);
        superseded.split_off(kept)
    }

    fn can_be_raised(&self, stored: &Checkpoint) -> Result<(), Refusal> {
        let Registration { options, .. } = self.registration;
        let is_raised = options.version > stored.version;
        if !is_raised || self.registration.can_reset() || self.registration.is_in_process() {
            return Ok(());
        }
        Err(stale(format!(
            "the version was raised from {} to {}, which asks for a rebuild, but there is no `#[reset]` method; add one",
            stored.version, options.version
        )))
    }

    /// Tells whether other code of this version built the read model. Nothing in a process's memory
    /// was built by other code.
    pub(crate) fn is_changed(&self, stored: &Checkpoint) -> bool {
        let fingerprint = self.registration.fingerprint();
        !self.registration.is_in_process()
            && stored.version == self.registration.options.version
            && stored.fingerprint.is_some_and(|built_by| built_by.differs(fingerprint))
    }

    /// Why a start would rebuild the read model, where it would.
    pub(crate) fn rebuilds(&self, stored: &Checkpoint) -> Option<String> {
        let options = self.registration.options;
        if options.version > stored.version {
            let (old, new) = (stored.version, options.version);
            return Some(format!("the version was raised from {old} to {new}"));
        }
        (options.on_change == OnChange::Rebuild && self.is_changed(stored))
            .then(|| self.change(stored))
    }

    /// The code that built the read model: this code, where nothing comparable was recorded.
    fn built_by(&self, stored: &Checkpoint) -> Fingerprint {
        let known = stored.fingerprint;
        known
            .filter(|known| known.algorithm == Fingerprint::ALGORITHM)
            .unwrap_or(self.registration.fingerprint())
    }

    fn change(&self, stored: &Checkpoint) -> String {
        let (old, new) = (self.built_by(stored), self.registration.fingerprint());
        let dropped = self.dropped(stored);
        format!("the handlers changed: code {old} built the read model, and this is {new}{dropped}")
    }

    /// Names the events that are no longer handled: an event that was only renamed would be missing
    /// from a read model that is built again.
    fn dropped(&self, stored: &Checkpoint) -> String {
        let mut text = String::new();
        for (domain, event) in routing::dropped(self.registration, &stored.subscriptions) {
            text += &format!(
                "; `{event}` of domain `{domain}` is no longer handled: if it was renamed, add `aliases(\"{event}\")` to its `#[event(..)]`"
            );
        }
        text
    }

    fn may_change(&self, stored: &Checkpoint) -> Result<(), Refusal> {
        let Registration { options, .. } = self.registration;
        if !self.is_changed(stored) {
            return Ok(());
        }
        let change = self.change(stored);
        match options.on_change {
            OnChange::Ignore | OnChange::Warn => Ok(()),
            OnChange::Rebuild if self.registration.can_reset() => Ok(()),
            OnChange::Rebuild => Err(stale(format!(
                "{change}; `on_change = \"rebuild\"` asks for a rebuild, but there is no `#[reset]` method; add one"
            ))),
            OnChange::Refuse => Err(stale(format!(
                "{change}; rebuild the projector, raise its `version`, or say `on_change = \"warn\"` or `\"ignore\"` if the read model is right as it is"
            ))),
        }
    }

    fn warn_of_change(&self, stored: &Checkpoint) {
        if self.registration.options.on_change == OnChange::Warn && self.is_changed(stored) {
            let projector = &*self.key.projector;
            let (built_by, this) = (self.built_by(stored), self.registration.fingerprint());
            let dropped = self.dropped(stored);
            tracing::warn!(
                projector,
                %built_by,
                %this,
                "the handlers changed under the same version{dropped}; if what they write changed, rebuild the projector or raise its `version`, else say `on_change = \"ignore\"`"
            );
        }
    }

    /// Refuses to begin to handle events that were passed already, unless the handler says so.
    pub(crate) async fn count_added(
        &self,
        stored: &Checkpoint,
        routing: &Routing,
    ) -> Result<(), Refusal> {
        let mut passed = Vec::new();
        for added in routing.added(&stored.subscriptions) {
            let beginning = GlobalPosition::BEGINNING;
            let until = added.until.unwrap_or(stored.scanned);
            let count = self.source.count(&added.filter, beginning, until).await?;
            if added.from_now {
                let (projector, event) = (&*self.key.projector, &*added.what);
                tracing::info!(
                    projector,
                    event,
                    passed = count,
                    "a handler begins with new events"
                );
            } else if count > 0 && added.until.is_some() {
                let what = &added.what;
                passed.push(format!("{what} began later, and {count} of them were passed"));
            } else if count > 0 {
                passed.push(format!("{} was added, {count} of them were passed", added.what));
            }
        }
        if passed.is_empty() {
            return Ok(());
        }
        Err(stale(format!(
            "{}; rebuild the projector, or say `from = \"now\"` on the handler",
            passed.join(", ")
        )))
    }
}

/// What a start needs to know where appends move the checkpoint that it was decided by.
fn moving(stored: &Checkpoint, routing: &Routing) -> Option<Moving> {
    (stored.state == RecordedState::Inline).then(|| Moving {
        scanned: stored.scanned,
        added: routing.never_taken(&stored.subscriptions),
    })
}

/// Refuses a checkpoint that this library cannot have written: going on from it would apply events
/// twice, or pass some.
fn whole(stored: &Checkpoint) -> Result<(), Refusal> {
    let (position, scanned) = (stored.position, stored.scanned);
    let reason = if position > scanned {
        format!("the checkpoint is damaged: it applied position {position} but saw only {scanned}")
    } else if stored.event_id.is_none() && scanned > GlobalPosition::BEGINNING {
        format!("the checkpoint is damaged: it names no event for position {scanned}")
    } else {
        return Ok(());
    };
    Err(Refusal::Halt(Box::new(HaltReason::Diverged { reason })))
}

fn stale(reason: String) -> Refusal {
    Refusal::Halt(Box::new(HaltReason::StaleCode { reason }))
}
