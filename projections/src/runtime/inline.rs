//! Inline projectors in a runtime: how they join the appends, and what their runners do.
//!
//! A runner brings its projector to the head as any other, then hands it over to the appends in one
//! transaction. From there on it only looks after it: nobody but the appends writes its checkpoint.

use std::{any::Any, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    end::End,
    owned::Owned,
    parking::Parked,
    runner::{Goal, Runner},
    status::State,
};
use crate::{
    BuildFault, Checkpoint, EventSource, GlobalPosition, HaltReason, Mode, RecordedState,
    engine::{Activated, Activation, Engine, Identity},
};

/// A runner looks this often after a projector that the appends run.
const LOOK: Duration = Duration::from_secs(5);

/// Keeps a projector known to the appends of this process.
pub(super) type Joined = Arc<dyn Any + Send + Sync>;

/// Lets the appends of this process run a projector that says so.
pub(super) fn join<S: EventSource>(
    source: &S,
    engine: &dyn Engine,
    identity: Identity,
    storage: &str,
) -> Result<Option<Joined>, BuildFault> {
    if identity.registration.options.mode != Mode::Inline {
        return Ok(None);
    }
    let projector = identity.key.projector.clone();
    let refuse = |reason: String| Err(BuildFault::CannotRunInline { projector, reason });
    if identity.registration.is_in_process() {
        return refuse(
            "its read model is in its own fields, which an append cannot take back; give it a `storage`"
                .to_owned(),
        );
    }
    let Some(database) = source.database() else {
        return refuse(format!(
            "the event store, {}, runs no projectors in its appends; keep the events in one that does, such as `SqliteEventStore`, or say `mode = \"async\"`",
            source.label()
        ));
    };
    match engine.database() {
        Some(own) if own.is(&database) => Ok(engine.join_appends(identity)),
        _ => refuse(format!(
            "its storage, {storage}, was not made by the event store, {}: one transaction must write to both; give the builder the storage that the event store makes, `.storage(events.read_models())`, or say `mode = \"async\"`",
            source.label()
        )),
    }
}

/// How a run of an inline projector goes on.
pub(super) enum Attended {
    /// It was stopped, or has come as far as it was to.
    Done,
    /// Its read model is being made anew, behind the log.
    Behind,
}

impl Runner {
    pub(super) fn is_inline(&self) -> bool {
        self.registration.options.mode == Mode::Inline
    }

    /// Whether the appends may run it once it is at the head. They would apply what comes later of a
    /// parked key ahead of what waits.
    pub(super) fn may_be_inline(&self) -> bool {
        self.is_inline() && self.parked.is_empty()
    }

    /// Why an inline projector that has caught up is not run by the appends.
    pub(super) fn why_not_inline(&self) -> Option<String> {
        let (keys, _) = self.parked.counts();
        (self.is_inline() && keys > 0).then(|| {
            format!(
                "it is not inline yet: {keys} keys are parked, and the appends run it once none is; redrive or discard their events, or rebuild it"
            )
        })
    }

    /// At the head: hands the projector over to the appends. False where it is not there after all.
    pub(super) async fn activate(&mut self) -> Result<Activated, End> {
        let own = self.owned()?;
        let activation = Activation {
            key: self.key.clone(),
            own: own.next.clone(),
            stored: own.stored,
            filter: self.filter.clone(),
            routing: self.routing.clone(),
            batch: self.batch,
            code: self.registration.fingerprint(),
        };
        let began = Instant::now();
        let activated = self.engine.activate(activation).await;
        match &activated {
            Activated::Active(checkpoint) => self.hand_over(checkpoint),
            Activated::Behind(checkpoint) => {
                self.own = Some(Owned::new(checkpoint.clone(), began));
                self.recovered();
            }
            Activated::NotNow => {}
            Activated::Conflict => return Err(End::Reload),
            Activated::Store(_) => {}
        }
        match activated {
            Activated::Store(error) => Err(End::Outage(error)),
            other => Ok(other),
        }
    }

    /// The appends run the projector from this checkpoint on.
    pub(super) fn hand_over(&mut self, checkpoint: &Checkpoint) {
        self.own = None;
        self.failures = 0;
        self.parked = Parked::default();
        self.shared.live.send_modify(|live| {
            live.owns = false;
            live.inline = true;
            live.epoch = checkpoint.epoch;
            live.state = Some(State::CaughtUp);
            (live.position, live.scanned) = (checkpoint.position, checkpoint.scanned);
            live.last_error = None;
        });
    }

    /// Looks after a projector that the appends run.
    pub(super) async fn attend(
        &mut self,
        goal: Goal,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Attended, End> {
        // Where the appends run it, it has seen whatever is in the log.
        while goal == Goal::Forever && !*stop.borrow() {
            let is_time = tokio::select! {
                () = self.shared.asked.notified() => false,
                _ = stop.wait_for(|stop| *stop) => false,
                () = sleep(LOOK) => true,
            };
            if is_time {
                self.look_after().await?;
            }
            if self.rebuild_if_asked().await? {
                return Ok(Attended::Behind);
            }
        }
        Ok(Attended::Done)
    }

    /// Sees whether the appends still run the projector, with this code.
    async fn look_after(&mut self) -> Result<(), End> {
        let Some(stored) = self.engine.load(&self.key).await? else { return Err(End::Reload) };
        match stored.state {
            RecordedState::Inline => {}
            // Another process makes it anew, and hands it over again.
            _ => {
                self.disown();
                return Err(End::Reload);
            }
        }
        let active = self.engine.active(&self.key).await?;
        if active.is_some_and(|code| code.differs(self.registration.fingerprint())) {
            return Err(HaltReason::StaleCode {
                reason: "the appends run it with other code, and refuse this program's; restart the newer program, or this one to take the projector over".to_owned(),
            }
            .into());
        }
        self.epoch = stored.epoch;
        self.hand_over(&stored);
        // Somebody has stored events without this library, or with one that is too old for this.
        let head = self.source.head().await?.map_or(GlobalPosition::BEGINNING, |h| h.position);
        let again = self.engine.load(&self.key).await?;
        let is_behind = |now: &Checkpoint| now.state == RecordedState::Inline && now.scanned < head;
        match again {
            Some(now) if now.epoch == self.epoch && is_behind(&now) => {
                self.own = Some(Owned::new(now, Instant::now()));
                let activated = self.activate().await;
                self.own = None;
                match activated {
                    // An append was faster.
                    Err(End::Reload) => Ok(()),
                    outcome => outcome.map(drop),
                }
            }
            _ => Ok(()),
        }
    }
}
