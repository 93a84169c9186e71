//! Rule R35 and acceptance line 31: a handler that hangs in plain code is `stalled`, by name and event,
//! and stops nobody else.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use projections::{
    AsyncStorage, EventSource, Page, ProjectorStatus, ReadError, ReadRequest, Runtime, State,
    handlers, memory::MemoryEventStore, projector, testing::MemoryStorage,
};
use projections_tests::around::{Around, Hooks};
use tokio::time::{advance, sleep};

use crate::support::{
    Conduct, Happened, Reins, Scene as Watching, Watched, append, is_shown, record, run,
};

/// Hangs in plain code when 3 comes, until it is let go.
#[projector("hung", register = false, timeout = "2s")]
#[derive(Clone)]
struct Hung {
    released: Arc<Mutex<mpsc::Receiver<()>>>,
    hangs: mpsc::Sender<()>,
    seen: u64,
}

#[handlers]
impl Hung {
    #[handles(Happened)]
    fn happened(&mut self, event: &Happened) {
        self.seen += 1;
        if event.n == 3 {
            let _ = self.hangs.send(());
            // It ends with an error where the test lets go of the sender.
            let _ = self.released.lock().unwrap().recv();
        }
    }
}

#[projector("beside", register = false)]
#[derive(Clone, Default)]
struct Beside {
    seen: u64,
}

#[handlers]
impl Beside {
    #[handles(Happened)]
    fn happened(&mut self, _: &Happened) {
        self.seen += 1;
    }
}

/// A runtime that hangs, and what lets it go.
struct Scene {
    events: MemoryEventStore,
    runtime: Runtime<MemoryEventStore>,
    hangs: mpsc::Receiver<()>,
    release: mpsc::Sender<()>,
}

impl Scene {
    async fn new(names: &[&str]) -> Self {
        let events = MemoryEventStore::new();
        let (release, released) = mpsc::channel();
        let (hanging, hangs) = mpsc::channel();
        let released = Arc::new(Mutex::new(released));
        let builder = Runtime::builder(events.clone()).without_linked();
        let builder = builder.projector(Hung { released, hangs: hanging, seen: 0 });
        let builder = builder.projector(Beside::default()).only(names.iter().copied());
        let runtime = builder.build().await.unwrap();
        Self { events, runtime, hangs, release }
    }
}

/// Runs it on threads of its own, whose clock goes on.
fn run_elsewhere(runtime: &Runtime<MemoryEventStore>) -> std::thread::JoinHandle<()> {
    let runtime = runtime.clone();
    std::thread::spawn(move || {
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        let threads = threads.worker_threads(2).enable_all().build().unwrap();
        let stop = async { tokio::time::sleep(Duration::from_secs(600)).await };
        // What becomes of it is not asked for: the test ends before, and lets the handler go.
        drop(threads.block_on(runtime.run(stop)));
    })
}

async fn seen<S: EventSource>(runtime: &Runtime<S>, name: &str) -> ProjectorStatus {
    let mut all = runtime.status().await.unwrap().projectors;
    all.retain(|one| one.projector == name);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Whoever asks has a clock of its own, which the test moves: nobody waits for half a minute.
#[tokio::test(start_paused = true)]
async fn a_handler_in_process_that_hangs_in_plain_code_is_stalled_by_name_and_stops_nobody_else() {
    let Scene { events, runtime, hangs, release } = Scene::new(&["beside", "hung"]).await;
    let id = append(&events, 1..=4).await;
    let _running = run_elsewhere(&runtime);
    hangs.recv().unwrap();
    assert_eq!(seen(&runtime, "hung").await.state, State::CatchingUp);
    advance(Duration::from_secs(29)).await;
    assert_eq!(seen(&runtime, "hung").await.state, State::CatchingUp);
    advance(Duration::from_secs(2)).await;
    let hung = seen(&runtime, "hung").await;
    assert_eq!((hung.state, hung.behind, hung.is_healthy()), (State::Stalled, 4, false));
    let told = hung.last_error.unwrap();
    let due = "handler `happened` has not come back from event ";
    assert!(told.starts_with(due), "{told}");
    assert!(told.ends_with(" `Happened` at position 3 of stream `a` for 31 s"), "{told}");
    let health = runtime.health().await.unwrap();
    let hung = health.projectors.iter().find(|one| one.projector == "hung").unwrap();
    assert!(!health.healthy && hung.reasons[0].starts_with("it is stalled: handler"), "{hung:?}");
    assert_eq!(id.last.get(), 4);

    // The other one goes on meanwhile, and with what comes now.
    for n in 5..=20 {
        append(&events, [n]).await;
        while seen(&runtime, "beside").await.position.get() < n {
            std::thread::yield_now();
        }
    }
    let beside = seen(&runtime, "beside").await;
    assert!(beside.is_healthy(), "{beside:?}");

    // It comes back: that is an event that is finished.
    drop(release);
    while seen(&runtime, "hung").await.position.get() < 20 {
        std::thread::yield_now();
    }
    assert!(seen(&runtime, "hung").await.is_healthy());
}

/// A runner's reads do not come back, and those of who looks do.
#[derive(Clone)]
struct Deaf;

impl Hooks<MemoryEventStore> for Deaf {
    async fn read(
        &self,
        events: &MemoryEventStore,
        request: ReadRequest<'_>,
    ) -> Result<Page, ReadError> {
        match request.max_events {
            1 => events.read(request).await,
            _ => std::future::pending().await,
        }
    }
}

/// Nobody asks here but the runtime itself, and it says so to the others.
#[tokio::test(start_paused = true)]
async fn who_hangs_otherwise_is_stalled_too_and_other_processes_hear_of_it() {
    let deaf = Around { inner: MemoryEventStore::new(), hooks: Deaf };
    append(&deaf.inner, [1]).await;
    let build = async || {
        let builder = Runtime::builder(deaf.clone()).without_linked();
        builder.projector(Beside::default()).build().await.unwrap()
    };
    let (runtime, other) = (build().await, build().await);
    let running = tokio::spawn(async move { runtime.run(std::future::pending()).await });
    sleep(Duration::from_secs(29)).await;
    assert_eq!(seen(&other, "beside").await.state, State::CatchingUp);
    // Its limit, and the few seconds between two looks and two words.
    sleep(Duration::from_secs(15)).await;
    let told = seen(&other, "beside").await;
    assert_eq!((told.state, told.is_healthy()), (State::Stalled, false));
    let error = told.last_error.unwrap();
    let due = "nothing was read, handled or committed for ";
    assert!(error.starts_with(due) && error.ends_with(" s, though there is work"), "{error}");
    running.abort();
}

/// At the head there is nothing to do, for however long.
#[tokio::test(start_paused = true)]
async fn who_has_no_work_is_not_stalled_and_nor_is_who_has_just_got_some() {
    record!(figures);
    let scene = Watching::new(Conduct::Good).await;
    append(&scene.events, [1]).await;
    let running = scene.run();
    sleep(Duration::from_secs(3_600)).await;
    is_shown(&scene.runtime, &figures, State::CaughtUp, true).await;
    scene.reins.say(Conduct::Waits);
    append(&scene.events, [2]).await;
    is_shown(&scene.runtime, &figures, State::CatchingUp, true).await;
    running.abort();
}

/// Somebody else has a transaction open, and does not end it.
#[tokio::test(start_paused = true)]
async fn stalled_is_shown_by_the_figures_too() {
    record!(figures);
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, [1]).await;
    let session = storage.begin().await.unwrap();
    let builder = Runtime::builder(events).without_linked().storage(storage);
    let watched = Watched { reins: Reins::default() };
    let runtime = builder.projector(watched).build().await.unwrap();
    let running = run(&runtime);
    sleep(Duration::from_secs(3_600)).await;
    // Its handler may take an hour, and an eighth more.
    is_shown(&runtime, &figures, State::CatchingUp, true).await;
    sleep(Duration::from_secs(3_600 / 8)).await;
    is_shown(&runtime, &figures, State::Stalled, false).await;
    drop(session);
    is_shown(&runtime, &figures, State::CaughtUp, true).await;
    running.abort();
}

/// A task of the same tokio runtime that a timer wakes again and again goes on, wherever the handler
/// hangs: also on the thread that was woken up for timers last.
#[test]
fn a_handler_that_hangs_leaves_the_timers_of_its_tokio_runtime_going() {
    let mut held = Vec::new();
    for trial in 0..10 {
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        let threads = threads.worker_threads(2).enable_all().build().unwrap();
        let Scene { events, runtime, hangs, release } = threads.block_on(Scene::new(&["hung"]));
        threads.spawn(async move { runtime.run(std::future::pending()).await });
        threads.spawn(async move {
            sleep(Duration::from_millis(20 + trial)).await;
            append(&events, 1..=3).await;
        });
        let (ticking, ticks) = mpsc::channel();
        threads.spawn(async move {
            loop {
                sleep(Duration::from_millis(1)).await;
                if ticking.send(()).is_err() {
                    return;
                }
            }
        });
        hangs.recv().unwrap();
        held.push((threads, release, ticks));
    }
    let mut standing = 0;
    for (threads, release, ticks) in held {
        // What was sent before it hung, and then more.
        ticks.try_iter().for_each(drop);
        let goes_on = (0..100).all(|_| ticks.recv_timeout(Duration::from_secs(10)).is_ok());
        standing += u32::from(!goes_on);
        drop(release);
        threads.shutdown_background();
    }
    assert_eq!(standing, 0, "runtimes whose timers stand still");
}
