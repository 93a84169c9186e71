//! A projector that does what it is told, and what others see of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use metrics_util::debugging::{DebugValue, Snapshotter};
use projections::{
    AppendRequest, BoxError, Event, EventStore, Expected, NewEvent, Permanent, Receipt, RunError,
    Runtime, State, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{MemoryStorage, MemoryTx},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, task::JoinHandle, time::sleep};

pub(crate) const NAME: &str = "watched";
/// A runtime that runs looks at its projectors so often.
pub(crate) const LOOK: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Event, Deserialize, Serialize)]
#[event(domain = "things")]
pub(crate) struct Happened {
    pub(crate) n: u64,
}

pub(crate) async fn append(
    events: &impl EventStore,
    numbers: impl IntoIterator<Item = u64>,
) -> Receipt {
    append_to(events, "a", numbers).await
}

pub(crate) async fn append_to(
    events: &impl EventStore,
    stream: &str,
    numbers: impl IntoIterator<Item = u64>,
) -> Receipt {
    let numbers = numbers.into_iter().map(|n| NewEvent::of(&Happened { n }).unwrap()).collect();
    events.append(AppendRequest::new(stream, Expected::Any, numbers)).await.unwrap()
}

/// What the handler does about an event.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Conduct {
    #[default]
    Good,
    /// It waits until it is told otherwise.
    Waits,
    Fails,
    FailsForGood,
    /// It fails for good at the first event, and then waits.
    FailsThenWaits,
}

/// Tells the handler what to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reins(Arc<watch::Sender<Conduct>>);

impl Reins {
    pub(crate) fn new(conduct: Conduct) -> Self {
        Self(Arc::new(watch::Sender::new(conduct)))
    }

    pub(crate) fn say(&self, conduct: Conduct) {
        self.0.send_replace(conduct);
    }

    pub(crate) async fn obey(&self) -> Result<(), BoxError> {
        let mut told = self.0.subscribe();
        let conduct = *told.wait_for(|conduct| *conduct != Conduct::Waits).await?;
        match conduct {
            Conduct::FailsThenWaits => {
                self.say(Conduct::Waits);
                Err(Permanent::new("it never works").into())
            }
            Conduct::Good | Conduct::Waits => Ok(()),
            Conduct::Fails => Err("it does not work".into()),
            Conduct::FailsForGood => Err(Permanent::new("it never works").into()),
        }
    }
}

#[projector("watched", storage = MemoryStorage, register = false, timeout = "1h",
    retry(max = 3, initial = "1m", factor = 1, cap = "1m", jitter = 0))]
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) reins: Reins,
}

#[handlers]
impl Watched {
    #[reset]
    fn reset(&self, _: &mut MemoryTx<'_>) {}

    #[handles(Happened)]
    async fn happened(&self, event: &Happened, db: &mut MemoryTx<'_>) -> Result<(), BoxError> {
        self.reins.obey().await?;
        db.set("seen", event.n.to_string(), event.n);
        Ok(())
    }
}

#[projector("watched", storage = MemoryStorage, register = false, on_failure = "halt",
    retry(none))]
#[derive(Clone)]
pub(crate) struct Halting {
    pub(crate) reins: Reins,
}

#[handlers]
impl Halting {
    #[handles(Happened)]
    async fn happened(&self, _: &Happened) -> Result<(), BoxError> {
        self.reins.obey().await
    }
}

/// The same read model, a version on.
#[projector("watched", storage = MemoryStorage, register = false, version = 2)]
#[derive(Clone)]
pub(crate) struct Newer;

#[handlers]
impl Newer {
    #[reset]
    fn reset(&self, _: &mut MemoryTx<'_>) {}

    #[handles(Happened)]
    fn happened(&self, _: &Happened) {}
}

/// Events, a read model, and who makes it.
pub(crate) struct Scene {
    pub(crate) events: MemoryEventStore,
    pub(crate) storage: MemoryStorage,
    pub(crate) reins: Reins,
    pub(crate) runtime: Runtime<MemoryEventStore>,
}

impl Scene {
    pub(crate) async fn new(conduct: Conduct) -> Self {
        let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
        let reins = Reins::new(conduct);
        let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
        let runtime = runtime.projector(Watched { reins: reins.clone() }).build().await.unwrap();
        Self { events, storage, reins, runtime }
    }

    pub(crate) fn run(&self) -> JoinHandle<Result<(), RunError>> {
        run(&self.runtime)
    }
}

/// Runs it until the task is aborted.
pub(crate) fn run(runtime: &Runtime<MemoryEventStore>) -> JoinHandle<Result<(), RunError>> {
    let runtime = runtime.clone();
    tokio::spawn(async move { runtime.run(std::future::pending()).await })
}

/// The figures of one projector as last shown, by name and labels.
pub(crate) struct Figures {
    snapshotter: Snapshotter,
    known: Mutex<BTreeMap<String, Vec<f64>>>,
}

impl Figures {
    pub(crate) fn of(snapshotter: Snapshotter) -> Self {
        Self { snapshotter, known: Mutex::default() }
    }

    /// Looks at all of them: counters and histograms since they were first looked at, and gauges as
    /// they were set since the last look, else 0.
    pub(crate) fn look(&self) -> BTreeMap<String, Vec<f64>> {
        let mut known = self.known.lock().unwrap();
        for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
            let key = key.key();
            let labels = key.labels().filter(|label| label.key() != "projector");
            let labels: Vec<_> = labels.map(|l| format!("{}={}", l.key(), l.value())).collect();
            let name = match labels.is_empty() {
                true => key.name().to_owned(),
                false => format!("{}{{{}}}", key.name(), labels.join(",")),
            };
            assert!(key.labels().any(|label| label.key() == "projector"), "{name}");
            let known = known.entry(name).or_default();
            match value {
                DebugValue::Gauge(value) => *known = vec![value.into_inner()],
                DebugValue::Counter(more) => {
                    let before = known.first().copied().unwrap_or_default();
                    *known = vec![before + more as f64];
                }
                DebugValue::Histogram(more) => {
                    known.extend(more.into_iter().map(|value| value.into_inner()));
                }
            }
        }
        known.clone()
    }

    /// A gauge or a counter, as it was at the last look.
    pub(crate) fn get(&self, name: &str) -> f64 {
        self.known.lock().unwrap().get(name).unwrap_or_else(|| panic!("there is no {name}"))[0]
    }

    /// The states that were shown at the last look.
    pub(crate) fn states(&self) -> Vec<String> {
        let is_on = |(name, values): (&String, &Vec<f64>)| {
            let state = name.strip_prefix("projections.state{state=")?.strip_suffix('}')?;
            (*values == [1.0]).then(|| state.to_owned())
        };
        self.known.lock().unwrap().iter().filter_map(is_on).collect()
    }
}

/// Installs a recorder for this thread, until the test ends.
macro_rules! record {
    ($figures:ident) => {
        let recorder = metrics_util::debugging::DebuggingRecorder::new();
        let $figures = $crate::support::Figures::of(recorder.snapshotter());
        let _recording = metrics::set_default_local_recorder(&recorder);
    };
}
pub(crate) use record;

/// Makes sure that all who can be asked say the same, and the figures without being asked.
pub(crate) async fn is_shown(
    runtime: &Runtime<MemoryEventStore>,
    figures: &Figures,
    state: State,
    is_healthy: bool,
) {
    // Paused time: the runtime looks by itself meanwhile.
    sleep(LOOK + Duration::from_millis(1)).await;
    let before = figures.look();
    let shown = figures.states();
    let status = runtime.status().await.unwrap();
    let one = &status.projectors[0];
    assert_eq!((one.state, one.is_healthy()), (state, is_healthy), "{one:?}");
    let health = runtime.health().await.unwrap();
    assert_eq!((health.healthy, health.projectors.len()), (is_healthy, 1));
    let judged = &health.projectors[0];
    assert_eq!((judged.state, judged.healthy, judged.behind), (state, is_healthy, one.behind));
    assert_eq!(judged.reasons.is_empty(), is_healthy, "{:?}", judged.reasons);
    if !state.is_healthy() && state != State::Parked {
        assert!(judged.reasons[0].starts_with(&format!("it is {state}")), "{:?}", judged.reasons);
    }
    assert_eq!(shown, [state.to_string()], "shown without being asked");
    for (name, value) in [
        ("projections.healthy", f64::from(u8::from(is_healthy))),
        ("projections.position", one.position.get() as f64),
        ("projections.scanned", one.scanned.get() as f64),
        ("projections.head", one.head.get() as f64),
        ("projections.behind", one.behind as f64),
        ("projections.parked", one.parking.letters as f64),
        ("projections.parked.keys", one.parking.keys as f64),
    ] {
        assert_eq!(before[name], [value], "{name}");
    }
    assert_eq!(before["projections.age"][0] > 0.0, one.age.is_some_and(|age| !age.is_zero()));
}
