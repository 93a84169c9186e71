//! [`World`]: a log and a fresh read model, and the processes that run on them.

use std::{collections::BTreeSet, future::Future, sync::Arc};

use super::{
    Given, Spec, SpecStorage, Subject,
    faults::{Faults, Plan},
    probe::{Make, Probe},
    source::Deliveries,
};
use crate::{
    AppendRequest, BoxError, Chosen, EventStore, Expected, GlobalPosition, Letter, LetterQuery,
    Projector, Resources, Runtime, error::chain, memory::MemoryEventStore,
};

/// Letters that are looked at. A specification has fewer events.
const LETTERS: usize = 100_000;

/// A log and a read model, as they outlive processes.
pub(super) struct World<P: Subject> {
    log: Deliveries,
    place: <P::Storage as SpecStorage>::Place,
    resources: Arc<Resources>,
    make: Make<P>,
}

/// One process. What it has not stored dies with it.
pub(super) struct Process<'a, P: Subject> {
    world: &'a World<P>,
    runtime: Runtime<Deliveries>,
    pub(super) faults: Faults,
    /// How the last run has ended.
    halted: Option<String>,
    // The last to go: with it go the tasks, as with a process.
    tokio: tokio::runtime::Runtime,
}

/// How a run of a process ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// It came to the end of the log, or halted.
    Ended,
    /// The process died.
    Crashed,
}

impl<P: Subject> World<P> {
    /// Makes a world in which the projector has been started, and nothing has happened.
    pub(super) fn new(spec: &Spec<P>, repeats: bool) -> Result<Self, String> {
        let mut resources = Resources::default();
        spec.resources.iter().for_each(|add| add(&mut resources));
        let resources = Arc::new(resources);
        (spec.construct)(&resources).map_err(|error| error.to_string())?;
        let make: Make<P> = {
            let (construct, resources) = (Arc::clone(&spec.construct), Arc::clone(&resources));
            #[allow(clippy::expect_used)] // the same call succeeded above
            Arc::new(move || construct(&resources).expect("resources do not change"))
        };
        let log = Deliveries { events: MemoryEventStore::new(), repeats };
        let place = P::Storage::place().map_err(|error| told("make a storage", &error))?;
        Ok(Self { log, place, resources, make })
    }

    /// Starts a process.
    pub(super) fn process(&self, plan: Plan, batch: u32) -> Result<Process<'_, P>, String> {
        let faults = Faults::new(plan);
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let tokio = tokio.map_err(|error| format!("a tokio runtime could not be made: {error}"))?;
        let storage = P::Storage::open(&self.place, faults.clone())
            .map_err(|error| told("open the storage", &error))?;
        let probe = Probe::new(Arc::clone(&self.make), faults.clone());
        let builder = Runtime::builder(self.log.clone()).without_linked().batch_events(batch);
        let builder = match std::any::TypeId::of::<<Probe<P> as Projector>::Storage>()
            == std::any::TypeId::of::<crate::InProcess>()
        {
            true => builder, // every builder has it
            false => builder.storage(storage),
        };
        let built = tokio.block_on(builder.projector(probe).build());
        let runtime = built.map_err(|error| error.to_string())?;
        Ok(Process { world: self, runtime, faults, halted: None, tokio })
    }

    /// Appends some of the events.
    pub(super) fn append(&self, events: &[Given]) -> Result<(), String> {
        let tokio = tokio::runtime::Builder::new_current_thread().build();
        let tokio = tokio.map_err(|error| format!("a tokio runtime could not be made: {error}"))?;
        for Given { stream, event } in events {
            let request = AppendRequest::new(stream, Expected::Any, vec![event.clone()]);
            for _ in 0..=u8::from(self.log.repeats) {
                tokio
                    .block_on(self.log.events.append(request.clone()))
                    .map_err(|error| format!("an event cannot be appended: {}", chain(&error)))?;
            }
        }
        Ok(())
    }

    pub(super) fn resources(&self) -> &Resources {
        &self.resources
    }

    pub(super) fn reader(&self) -> Result<<P::Storage as SpecStorage>::Reader, String> {
        P::Storage::reader(&self.place).map_err(|error| told("look at the storage", &error))
    }
}

impl<P: Subject> Process<'_, P> {
    /// Runs the projector to the end of the log.
    pub(super) fn run(&mut self) -> Ending {
        let (runtime, faults) = (&self.runtime, &self.faults);
        let ended = self.tokio.block_on(async {
            tokio::select! {
                biased;
                () = faults.crashed() => None,
                ended = runtime.catch_up() => Some(ended),
            }
        });
        let Some(ended) = ended else { return Ending::Crashed };
        self.halted = ended.err().map(|error| error.to_string());
        Ending::Ended
    }

    /// Redrives all that is parked.
    pub(super) fn redrive(&self) -> Result<(), String> {
        let redriven = self.block_on(async {
            let letters = self.runtime.dead_letters(P::NAME).map_err(|e| e.to_string())?;
            match letters.list(&LetterQuery::first(1)).await {
                Ok(parked) if parked.is_empty() => return Ok(()),
                _ => {}
            }
            letters.redrive(Chosen::All).await.map(drop).map_err(|e| chain(&e))
        });
        redriven.map_err(|error| format!("the redrive failed: {error}"))
    }

    /// Empties the read model and reads the log again.
    pub(super) fn rebuild(&self) -> Result<(), String> {
        let rebuilt = self.block_on(self.runtime.rebuild(P::NAME));
        rebuilt.map_err(|error| format!("the rebuild failed: {}", chain(&error)))
    }

    /// The events that handlers were called for.
    pub(super) fn handled(&self) -> BTreeSet<GlobalPosition> {
        self.faults.handled()
    }

    /// Why the last run halted.
    pub(super) fn halted(&self) -> Option<&str> {
        self.halted.as_deref()
    }

    pub(super) fn letters(&self) -> Result<Vec<Letter>, String> {
        self.block_on(async {
            let letters = self.runtime.dead_letters(P::NAME).map_err(|e| e.to_string())?;
            letters.list(&LetterQuery::first(LETTERS)).await.map_err(|e| chain(&e))
        })
    }

    /// The rows of a table.
    pub(super) fn rows<T: crate::ReadModel>(&self) -> Result<Vec<T>, String> {
        let reader = self.runtime.rows::<T>().map_err(|error| error.to_string())?;
        self.block_on(async { reader.all().await }).map_err(|error| chain(&error))
    }

    /// The projector, where its fields are the read model.
    pub(super) fn state<R>(&self, look: impl FnOnce(&P) -> R) -> Result<R, String> {
        let read = self.runtime.read::<Probe<P>, R>(|probe| look(&probe.projector));
        self.block_on(read).map_err(|error| error.to_string())
    }

    pub(super) fn world(&self) -> &World<P> {
        self.world
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.tokio.block_on(future)
    }
}

fn told(doing: &str, error: &BoxError) -> String {
    format!("the specification could not {doing}: {}", chain(&**error))
}
