//! Interleavings that real processes hardly hit: two owners in paused time, over a source and a
//! storage that follow a script of delays and failures, and who is started, stopped and dropped when.
//!
//! The seed of each run is printed; `PROJECTIONS_PARKING_SEED` repeats one, and
//! `PROJECTIONS_PARKING_RUNS` sets how many there are.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use projections::{
    AsyncStorage as _, BoxError, Envelope, EventSource as _, LetterQuery, Page, ReadError,
    ReadRequest, Runtime, Scanned, StoreError, StoreErrorKind, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{Call, MemoryStorage, MemoryTx},
};
use projections_tests::around::{Around, Hooks};
use rand::{Rng, SeedableRng as _, rngs::StdRng};
use tokio::{sync::oneshot, task::JoinHandle, time::sleep};

use crate::{
    books::{Fault, Plan, Written, append, read, write},
    random::{STREAMS, expected, setting},
};

/// What source and handlers do with each call, in the order of the calls.
#[derive(Clone, Debug)]
struct Script(Arc<Mutex<StdRng>>);

/// One call.
struct Turn {
    takes: Duration,
    fails: bool,
    /// How many events a page has at most.
    most: usize,
}

impl Script {
    fn turn(&self) -> Turn {
        let mut random = self.0.lock().unwrap();
        Turn {
            // Up to several times the lease.
            takes: Duration::from_millis([0, 0, 1, 20, 700, 3_000][random.random_range(0..6)]),
            fails: random.random_bool(0.1),
            most: random.random_range(1..6),
        }
    }
}

fn out_of_reach(doing: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, doing)
}

impl Hooks<MemoryEventStore> for Script {
    async fn head(&self, inner: &MemoryEventStore) -> Result<Option<Scanned>, StoreError> {
        let turn = self.turn();
        sleep(turn.takes).await;
        if turn.fails { Err(out_of_reach("ask for the head")) } else { inner.head().await }
    }

    async fn read(
        &self,
        inner: &MemoryEventStore,
        request: ReadRequest<'_>,
    ) -> Result<Page, ReadError> {
        let turn = self.turn();
        let page = inner.read(request.at_most(turn.most, usize::MAX)).await;
        // By then it is old.
        sleep(turn.takes).await;
        if turn.fails { Err(out_of_reach("read a page").into()) } else { page }
    }
}

type Source = Around<MemoryEventStore, Script>;

#[projector("simulated", storage = MemoryStorage, register = false, retry(max = 2, initial = "100ms"))]
#[derive(Clone)]
struct Simulated {
    plan: Plan,
    script: Option<Script>,
}

#[handlers]
impl Simulated {
    #[handles(Written)]
    async fn written(
        &self,
        event: &Written,
        at: &Envelope,
        db: &mut MemoryTx<'_>,
    ) -> Result<(), BoxError> {
        write(db, at.stream(), event.n);
        if let Some(script) = &self.script {
            // Others may take over meanwhile.
            sleep(script.turn().takes).await;
        }
        self.plan.run(event.n)
    }
}

/// A runtime that runs until it is told to stop, or is dropped in the middle of whatever it does.
struct Owner {
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Owner {
    async fn start(runtime: Runtime<Source>) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            // What ends it is in the script.
            let _ = runtime.run(async { drop(stopped.await) }).await;
        });
        Self { stop, running }
    }

    async fn stop(self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        self.running.await.unwrap();
    }

    /// As if its process died.
    async fn kill(self) {
        self.running.abort();
        let _ = self.running.await;
    }
}

struct World {
    random: StdRng,
    script: Script,
    events: MemoryEventStore,
    storage: MemoryStorage,
    plan: Plan,
    log: Vec<(&'static str, u64)>,
    poison: BTreeMap<u64, Fault>,
    lies_until: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            script: Script(Arc::new(Mutex::new(StdRng::seed_from_u64(seed ^ 1)))),
            events: MemoryEventStore::new(),
            storage: MemoryStorage::new(),
            plan: Plan::default(),
            log: Vec::new(),
            poison: BTreeMap::new(),
            lies_until: 0,
        }
    }

    async fn runtime(&mut self) -> Runtime<Source> {
        let events = Around { inner: self.events.clone(), hooks: self.script.clone() };
        let (plan, script) = (self.plan.clone(), Some(self.script.clone()));
        Runtime::builder(events)
            .without_linked()
            .storage(self.storage.clone())
            .projector(Simulated { plan, script })
            .lease(Duration::from_secs(1))
            .batch_events([1, 3, 1_000][self.random.random_range(0..3)])
            .build()
            .await
            .unwrap()
    }

    async fn append(&mut self) {
        for _ in 0..self.random.random_range(1..12) {
            let (stream, n) = (STREAMS[self.random.random_range(0..4)], self.log.len() as u64 + 1);
            match self.random.random_range(0..12) {
                0 => {
                    self.poison.insert(n, Fault::Permanent);
                    self.plan.add(n, Fault::Permanent);
                }
                1 => self.plan.add(n, Fault::Times(1)),
                _ => {}
            }
            self.log.push((stream, n));
            append(&self.events, stream, n).await;
        }
    }

    fn trouble(&mut self) {
        let call = [Call::Begin, Call::Commit, Call::Load][self.random.random_range(0..3)];
        self.storage.fail(call, self.random.random_range(1..6), StoreErrorKind::Unavailable);
        // One at a time: of two lies in a row at the very end nobody can know before the next start.
        if self.storage.calls(Call::Commit) >= self.lies_until {
            let nth = self.random.random_range(2..8);
            self.lies_until = self.storage.calls(Call::Commit) + nth;
            match self.random.random_bool(0.5) {
                true => self.storage.commit_and_fail(nth),
                false => self.storage.pretend_to_commit(nth),
            }
        }
    }

    /// What has come out, once somebody has caught up without a script.
    async fn check(&self, seed: u64) {
        let runtime = Runtime::builder(self.events.clone())
            .without_linked()
            .storage(self.storage.clone())
            .projector(Simulated { plan: self.plan.clone(), script: None })
            .lease(Duration::from_secs(1))
            .build()
            .await
            .unwrap();
        runtime.catch_up().await.unwrap();
        assert_eq!(read(&self.storage), expected(&self.log, &self.poison), "seed {seed}");
        let letters = runtime.dead_letters("simulated").unwrap();
        let letters = letters.list(&LetterQuery::first(10_000)).await.unwrap();
        let applied: usize = read(&self.storage).values().map(Vec::len).sum();
        assert_eq!(applied + letters.len(), self.log.len(), "seed {seed}: applied or parked");
    }
}

async fn run(seed: u64) -> u64 {
    let mut world = World::new(seed);
    let mut owners = [const { None }; 2];
    for _ in 0..world.random.random_range(10..40) {
        let owner = &mut owners[world.random.random_range(0..2)];
        match (world.random.random_range(0..8), owner.take()) {
            (0 | 1, running) => {
                *owner = running;
                world.append().await;
            }
            (2, running) => {
                *owner = running;
                world.trouble();
            }
            (3, Some(running)) => Owner::stop(running).await,
            (4, Some(running)) => Owner::kill(running).await,
            (_, None) => *owner = Some(Owner::start(world.runtime().await).await),
            (_, running) => *owner = running,
        }
        sleep(Duration::from_millis(world.random.random_range(0..5_000))).await;
    }
    for owner in owners.into_iter().flatten() {
        owner.stop().await;
    }
    world.check(seed).await;
    let checkpoints = world.storage.checkpoints("").await.unwrap();
    checkpoints.first().map_or(0, |(_, checkpoint)| checkpoint.epoch)
}

#[tokio::test(start_paused = true)]
async fn two_owners_over_a_scripted_source_and_storage_apply_or_park_each_event_once() {
    let first = setting("PROJECTIONS_PARKING_SEED").unwrap_or_else(|| rand::rng().random());
    let mut epochs = 0;
    for seed in
        (0..setting("PROJECTIONS_PARKING_RUNS").unwrap_or(40)).map(|n| first.wrapping_add(n))
    {
        println!("seed {seed}");
        epochs += run(seed).await;
    }
    println!("{epochs} epochs");
}
