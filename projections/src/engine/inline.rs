//! [`InlineProjector`]: a projector in the transactions of appends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64};

use super::{
    Batch, Make, Target,
    apply::{self, Failure},
    rows::{self, KeptRows, RowUse},
};
use crate::{
    AppendError, Checkpoint, CheckpointKey, CheckpointWrite, EventId, Filter, Fingerprint,
    GlobalPosition, HandleError, Handlers, Page, Projector, Registration, Scanned,
    inline::{Fault, Outcome, Participant, Writes},
    projector::SessionOf,
    runtime::routing::Routing,
};

/// What a projector is called, and what code it is.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(crate) key: CheckpointKey,
    pub(crate) registration: Registration,
}

/// A projector of its own, beside the one that catches up: appends do not wait for it.
pub(super) struct InlineProjector<P> {
    identity: Identity,
    filter: Filter,
    state: Mutex<State<P>>,
}

struct State<P> {
    projector: P,
    rows: KeptRows,
    routing: Routing,
    /// The checkpoint that the rows in memory belong to. Any other one that is stored was written by
    /// somebody else, who may have changed them.
    kept_at: Option<Place>,
    /// The same, once the transaction under way has committed.
    next: Option<Place>,
    /// Whether the transaction under way has rows to be kept.
    lent: bool,
}

/// What tells two stored checkpoints of one projector apart.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Place {
    epoch: u64,
    position: GlobalPosition,
    scanned: GlobalPosition,
    event: Option<EventId>,
}

impl Place {
    fn of(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { epoch, position, scanned, event_id: event, .. } = *checkpoint;
        Self { epoch, position, scanned, event }
    }
}

impl<P: Projector + Handlers> InlineProjector<P> {
    pub(super) fn new(identity: Identity, make: &Make<P>, used: Arc<RowUse>) -> Self {
        let name = identity.key.projector.clone();
        let routing = Routing::new(name, identity.registration);
        let filter = routing.filter();
        let state = State {
            projector: make(),
            rows: KeptRows::of::<P>(used),
            routing,
            kept_at: None,
            next: None,
            lent: false,
        };
        Self { identity, filter, state: Mutex::new(state) }
    }

    /// The state, also after a panic of the storage: its rows are then of no known checkpoint.
    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(|poisoned: PoisonError<_>| {
            let mut state = poisoned.into_inner();
            state.forget();
            state
        })
    }

    /// The checkpoint after a page.
    fn write(&self, stored: Checkpoint, page: &Page) -> CheckpointWrite {
        let previous = (&stored).into();
        let matches = |index: &usize| {
            let name = page.name(page.record(*index));
            self.filter.matches(&name.domain, &name.name)
        };
        let mut next = stored;
        if let Some(last) = (0..page.len()).rev().find(matches) {
            next.position = page.record(last).position;
            next.effects_mark = next.effects_mark.max(next.position);
        }
        if let Some(Scanned { position, id }) = page.scanned() {
            (next.scanned, next.event_id) = (position, Some(id));
        }
        next.renew();
        CheckpointWrite::new(self.identity.key.clone(), Some(previous), next)
    }

    fn failed(&self, page: &Page, index: usize, error: HandleError, routing: &Routing) -> Fault {
        let (record, details) = (page.record(index), page.details(index));
        AppendError::Projector {
            projector: self.identity.key.projector.clone(),
            event: details.id,
            name: page.name(record).name.to_string(),
            stream: page.text(&details.stream).to_owned(),
            source: Box::new(routing.explain(error)),
        }
        .into()
    }
}

impl<P> State<P> {
    fn forget(&mut self) {
        self.rows.forget();
        (self.kept_at, self.next, self.lent) = (None, None, false);
    }

    /// Where the events of a page go: it may hold some that the projector does not read.
    fn targets(
        &mut self,
        page: &Page,
        filter: &Filter,
        effects_mark: GlobalPosition,
    ) -> Arc<[Target]> {
        let target = |(domain, name): (&str, &str)| match filter.matches(domain, name) {
            true => self.routing.target(domain, name, effects_mark),
            false => Target::Skip,
        };
        page.names().map(target).collect()
    }
}

impl<P> Participant<SessionOf<P>> for InlineProjector<P>
where
    P: Projector + Handlers + Send + Sync + 'static,
{
    fn key(&self) -> &CheckpointKey {
        &self.identity.key
    }

    fn version(&self) -> u32 {
        self.identity.registration.options.version
    }

    fn fingerprint(&self) -> Fingerprint {
        self.identity.registration.fingerprint()
    }

    fn apply(
        &self,
        session: &mut SessionOf<P>,
        stored: Checkpoint,
        page: &Page,
        writes: Writes,
    ) -> Result<CheckpointWrite, Fault> {
        let mut state = self.lock();
        if state.kept_at != Some(Place::of(&stored)) {
            state.forget();
            state.rows.loaded(Some(&stored));
        }
        state.routing.resume(&stored.subscriptions);
        let effects_mark = stored.effects_mark;
        let targets = state.targets(page, &self.filter, effects_mark);
        let write = self.write(stored, page);
        state.next = Some(Place::of(&write.next));
        if targets.iter().all(|target| matches!(target, Target::Skip)) {
            return Ok(write);
        }
        let mut batch = Batch {
            page: page.clone(),
            targets,
            events: 0..page.len(),
            effects_mark,
            write,
            values: None,
            left_out: Vec::new(),
            erased: AtomicU64::default(),
            triage: None,
            redriven: false,
            progress: Arc::default(),
        };
        state.attempt(&mut batch, session, writes).map_err(|failure| {
            state.forget();
            match failure {
                Failure::Store(error) => error.into(),
                Failure::Refused(..) if writes == Writes::Batched && page.len() > 1 => {
                    Fault::Unclear
                }
                failure => match failure.into_event(&batch) {
                    Ok((index, error)) => self.failed(page, index, error, &state.routing),
                    Err(error) => error.into(),
                },
            }
        })?;
        batch.count_erased();
        Ok(batch.write)
    }

    fn ended(&self, outcome: Outcome) {
        let mut state = self.lock();
        match outcome {
            Outcome::Committed => {
                if std::mem::take(&mut state.lent) {
                    state.rows.committed();
                }
                state.kept_at = state.next.take();
            }
            Outcome::Lost => state.forget(),
        }
    }
}

impl<P: Projector + Handlers> State<P> {
    fn attempt(
        &mut self,
        batch: &mut Batch,
        session: &mut SessionOf<P>,
        writes: Writes,
    ) -> Result<(), Failure> {
        self.lent = true;
        self.rows.lend::<P::Storage>(session, writes == Writes::EventByEvent);
        apply::apply(&mut self.projector, batch, session)?;
        rows::flush::<P>(batch.events.end - 1, session)?;
        self.rows.take_back::<P::Storage>(session, &mut batch.write);
        Ok(())
    }
}
