//! Redrive and discard from another process: rule R8. The owner carries them out, each once.

use std::time::Duration;

use jiff::Timestamp;
use projections::{
    AsyncStorage, CheckpointKey, CheckpointWrite, Chosen, CommandError, EventSource, Lease,
    LetterQuery, OwnerId, RecordedState, RedriveError, Request, RequestId, Runtime, State, Storage,
    StoreErrorKind, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{Call, MemoryStorage, MemoryTx},
};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::books::{Fault, Plan, Written, append, append_in_turn, books, read};

/// Of paused time: longer than anything takes that does not hang.
const HOUR: Duration = Duration::from_secs(3_600);

books!(Books, "books", retry(none));

struct Shop {
    events: MemoryEventStore,
    storage: MemoryStorage,
    plan: Plan,
}

impl Shop {
    /// Twelve events of three streams, of which the fourth fails: 4, 7 and 10 of `a` are parked.
    async fn open() -> Self {
        let shop = Self {
            events: MemoryEventStore::new(),
            storage: MemoryStorage::new(),
            plan: Plan::failing([(4, Fault::Always)]),
        };
        append_in_turn(&shop.events, &["a", "b", "c"], 12).await;
        shop.runtime(&shop.plan).await.catch_up().await.unwrap();
        shop
    }

    /// A process of its own, with handlers that fail as its own plan says.
    async fn runtime(&self, plan: &Plan) -> Runtime<MemoryEventStore> {
        let builder = Runtime::builder(self.events.clone()).without_linked();
        let builder = builder.storage(self.storage.clone());
        builder.projector(Books { plan: plan.clone() }).build().await.unwrap()
    }

    /// Leaves a request, as somebody does who is killed then.
    async fn leave(&self, command: &str, arguments: &str) -> RequestId {
        let id = RequestId::random();
        let request = Request {
            id,
            key: CheckpointKey::new("", "books"),
            command: command.to_owned(),
            arguments: arguments.to_owned(),
            asked_at: Timestamp::now(),
        };
        self.storage.requests().unwrap().ask(&request).await.unwrap();
        id
    }

    async fn answered(&self, id: RequestId) -> String {
        let requests = self.storage.requests().unwrap();
        let answered = async {
            loop {
                if let Some(outcome) = requests.outcome(id).await.unwrap() {
                    return outcome;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(HOUR, answered).await.expect("nobody answers")
    }

    fn a(&self) -> Vec<u64> {
        read(&self.storage).remove("a").unwrap_or_default()
    }

    async fn epoch_and_owner(&self) -> (u64, Option<OwnerId>) {
        let row = self.storage.checkpoints("").await.unwrap().remove(0).1;
        (row.epoch, row.lease.map(|lease| lease.owner))
    }
}

async fn run(runtime: &Runtime<MemoryEventStore>) -> JoinHandle<()> {
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(std::future::pending()).await.unwrap() }
    });
    let state = async || runtime.status().await.unwrap().projectors[0].state;
    let arrived = async {
        while !matches!(state().await, State::Parked | State::CaughtUp) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(HOUR, arrived).await.expect("it does not get there");
    running
}

#[tokio::test(start_paused = true)]
async fn the_owner_does_what_another_process_asks_for() {
    let shop = Shop::open().await;
    let owner = shop.runtime(&Plan::default()).await;
    let running = run(&owner).await;
    // The process that asks has handlers that still fail: it applies nothing itself.
    let other = shop.runtime(&shop.plan).await;
    let letters = other.dead_letters("books").unwrap();
    let handled = letters.redrive(Chosen::Event(4.into())).await.unwrap();
    assert_eq!((handled.applied, handled.left, handled.failed.len()), (3, 0, 0));
    assert_eq!(shop.a(), [1, 4, 7, 10]);
    assert_eq!(shop.epoch_and_owner().await.1, Some(owner.owner()));
    assert_eq!(shop.plan.calls_of(4), 1);
    // And its stream flows again.
    let token = append(&shop.events, "a", 13).await.token();
    other.wait_for("books", &token, Duration::from_secs(20)).await.unwrap();
    assert_eq!(shop.a(), [1, 4, 7, 10, 13]);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn what_fails_again_at_the_owners_is_told_to_who_asked() {
    let shop = Shop::open().await;
    let running = run(&shop.runtime(&Plan::failing([(7, Fault::Permanent)])).await).await;
    let other = shop.runtime(&Plan::default()).await;
    let letters = other.dead_letters("books").unwrap();
    let handled = letters.redrive(Chosen::All).await.unwrap();
    assert_eq!((handled.applied, handled.left), (1, 2));
    let failure = handled.failed[0].failure.as_ref().unwrap();
    assert_eq!(handled.failed[0].position.get(), 7);
    assert!(failure.error.contains("7 is unlucky"), "{failure:?}");
    let handled = letters.discard(Chosen::Event(7.into())).await.unwrap();
    assert_eq!((handled.discarded, handled.applied, handled.left), (1, 1, 0));
    assert_eq!(shop.a(), [1, 4, 10]);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_paused_projector_is_redriven_and_stays_paused() {
    for runs in [true, false] {
        let shop = Shop::open().await;
        let owner = shop.runtime(&Plan::default()).await;
        let running = if runs { Some(run(&owner).await) } else { None };
        let other = shop.runtime(&Plan::default()).await;
        other.pause("books").await.unwrap();
        append(&shop.events, "b", 13).await;
        let letters = other.dead_letters("books").unwrap();
        let handled = letters.redrive(Chosen::All).await.unwrap();
        assert_eq!((handled.applied, handled.left), (3, 0), "runs: {runs}");
        assert_eq!(shop.a(), [1, 4, 7, 10]);
        let seen = other.status().await.unwrap().projectors.remove(0);
        assert_eq!((seen.state, seen.behind), (State::Paused, 1), "runs: {runs}");
        if let Some(running) = running {
            running.abort();
        }
    }
}

/// At each commit of the command the owner is cut off: before it, or after it with its answer lost.
#[tokio::test(start_paused = true)]
async fn an_owner_that_fails_half_way_does_what_is_left() {
    for (command, arguments, applied) in [
        ("redrive", "{}", vec![1, 4, 7, 10]),
        ("redrive", r#"{"key":"a","event":4}"#, vec![1, 4, 7, 10]),
        ("discard", r#"{"key":"a","event":4}"#, vec![1, 7, 10]),
        ("discard", r#"{"key":"a"}"#, vec![1]),
    ] {
        for commit in 1..=5 {
            for lost in [true, false] {
                let case = format!("{command} {arguments} commit {commit} lost {lost}");
                let shop = Shop::open().await;
                let owner = shop.runtime(&Plan::default()).await;
                let running = run(&owner).await;
                match lost {
                    true => shop.storage.commit_and_fail(commit),
                    false => shop.storage.fail(Call::Commit, commit, StoreErrorKind::Unavailable),
                }
                let id = shop.leave(command, arguments).await;
                shop.answered(id).await;
                assert_eq!(shop.a(), applied, "{case}");
                let letters = owner.dead_letters("books").unwrap();
                let counts = letters.counts().await.unwrap();
                assert_eq!(counts.letters, 0, "{case}");
                assert_eq!(counts.passed.discarded, 4 - applied.len() as u64, "{case}");
                running.abort();
            }
        }
    }
}

/// An owner of another process that was killed: its lease is waited for, and then it is done here.
#[tokio::test(start_paused = true)]
async fn a_redrive_waits_for_the_lease_of_an_owner_that_was_killed() {
    for verb in ["redrive", "discard"] {
        let shop = Shop::open().await;
        let (key, row) = shop.storage.checkpoints("").await.unwrap().remove(0);
        let mut next = row.clone();
        next.epoch += 1;
        next.state = RecordedState::Running;
        next.lease = Some(Lease {
            owner: OwnerId::from_u128(7),
            process: "process 1 of another machine".to_owned(),
            time: Duration::from_secs(10),
            beat: 0,
        });
        let session = shop.storage.begin().await.unwrap();
        let write = CheckpointWrite::new(key, Some((&row).into()), next);
        shop.storage.commit(session, &write).await.unwrap();
        let here = shop.runtime(&Plan::default()).await;
        let letters = here.dead_letters("books").unwrap();
        let began = tokio::time::Instant::now();
        let asked = async {
            match verb {
                "redrive" => letters.redrive(Chosen::All).await,
                _ => letters.discard(Chosen::All).await,
            }
        };
        let handled = tokio::time::timeout(Duration::from_secs(60), asked).await;
        let handled = handled.expect("nobody does it").unwrap();
        assert_eq!((handled.applied + handled.discarded, handled.left), (3, 0), "{verb}");
        assert!(began.elapsed() >= Duration::from_secs(10), "{verb}: it was not waited for");
        assert_eq!(shop.epoch_and_owner().await.1, None, "{verb}: it is released");
    }
}

/// An owner that is dropped with the request open leaves it to the next one, who does it once.
#[tokio::test(start_paused = true)]
async fn what_was_left_by_somebody_who_was_killed_is_carried_out_once() {
    let shop = Shop::open().await;
    let id = shop.leave("redrive", "{}").await;
    let next = run(&shop.runtime(&Plan::default()).await).await;
    assert!(shop.answered(id).await.contains("\"applied\":3"));
    assert_eq!(shop.a(), [1, 4, 7, 10]);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(shop.a(), [1, 4, 7, 10]);
    next.abort();
}

#[tokio::test(start_paused = true)]
async fn arguments_that_nobody_understands_are_refused() {
    let shop = Shop::open().await;
    let running = run(&shop.runtime(&Plan::default()).await).await;
    let id = shop.leave("redrive", "everything").await;
    let outcome = shop.answered(id).await;
    assert!(outcome.contains("refused"), "{outcome}");
    assert_eq!(shop.a(), [1]);
    running.abort();
}

#[projector("books", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct Repaired;

#[handlers]
impl Repaired {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear(crate::books::TABLE);
    }

    #[handles(Written)]
    fn written(&self, event: &Written, at: &projections::Envelope, db: &mut MemoryTx<'_>) {
        crate::books::write(db, at.stream(), event.n);
    }
}

#[tokio::test(start_paused = true)]
async fn other_code_applies_nothing_unless_it_is_told_to() {
    let shop = Shop::open().await;
    let builder = Runtime::builder(shop.events.clone()).without_linked();
    let builder = builder.storage(shop.storage.clone());
    let other = builder.projector(Repaired).build().await.unwrap();
    let letters = || other.dead_letters("books").unwrap();
    let error = letters().redrive(Chosen::All).await.unwrap_err();
    assert!(matches!(error, RedriveError::Command(CommandError::OtherCode { .. })), "{error}");
    assert_eq!(shop.a(), [1]);
    // Nothing is left for the next owner.
    assert_eq!(shop.storage.requests().unwrap().pending("").await.unwrap(), []);
    let handled = letters().with_this_code().redrive(Chosen::All).await.unwrap();
    assert_eq!((handled.applied, handled.left), (3, 0));
    assert_eq!(shop.a(), [1, 4, 7, 10]);
    assert!(letters().list(&LetterQuery::first(1)).await.unwrap().is_empty());
}

books!(Hourly, "books", retry(max = 3, initial = "1h", cap = "1h", jitter = 0.0));

/// Whatever is asked for while an event waits an hour for its next attempt is done at once, and then
/// the wait goes on: nothing is read or written meanwhile but what shows that the owner is alive.
#[tokio::test(start_paused = true)]
async fn a_request_while_an_event_is_retried_is_served_and_the_wait_goes_on() {
    for here in [true, false] {
        let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
        append_in_turn(&events, &["a", "b"], 2).await;
        let plan = Plan::failing([(1, Fault::Permanent), (2, Fault::Always)]);
        let build = async || {
            let builder = Runtime::builder(events.clone()).without_linked();
            let builder = builder.storage(storage.clone());
            builder.projector(Hourly { plan: plan.clone() }).build().await.unwrap()
        };
        let owner = build().await;
        let running = tokio::spawn({
            let owner = owner.clone();
            async move { owner.run(std::future::pending()).await.unwrap() }
        });
        while owner.status().await.unwrap().projectors[0].state != State::Retrying {
            sleep(Duration::from_millis(10)).await;
        }
        let asking = if here { owner.clone() } else { build().await };
        // An owner that does nothing but write would never let the clock go on.
        for nth in 50..=1_000 {
            storage.fail(Call::Commit, nth, StoreErrorKind::Unavailable);
        }
        let letters = asking.dead_letters("books").unwrap();
        let handled = letters.discard(Chosen::Event(1.into())).await.unwrap();
        assert_eq!((handled.discarded, handled.left), (1, 0));
        let before = storage.calls(Call::Commit);
        sleep(Duration::from_secs(30)).await;
        // A heartbeat is due three times a lease, which is 10 s.
        let commits = storage.calls(Call::Commit) - before;
        assert!(commits <= 12, "here: {here}: {commits} commits in 30 s");
        assert_eq!(plan.calls_of(2), 1);
        running.abort();
    }
}

books!(Raised, "books", retry(none), version = 2);
books!(Rebuilding, "books", retry(max = 1), on_change = "rebuild");

/// Code whose start empties the read model redrives nothing, whoever says that it may.
#[tokio::test(start_paused = true)]
async fn a_redrive_by_newer_code_empties_no_read_model() {
    let shop = Shop::open().await;
    let builder = || Runtime::builder(shop.events.clone()).without_linked();
    let builder = || builder().storage(shop.storage.clone());
    let raised = builder().projector(Raised { plan: Plan::default() }).build().await.unwrap();
    let letters = raised.dead_letters("books").unwrap().with_this_code();
    let before = shop.storage.checkpoints("").await.unwrap();
    for discards in [false, true] {
        let asked = match discards {
            false => letters.redrive(Chosen::All).await,
            true => letters.discard(Chosen::All).await,
        };
        let error = asked.unwrap_err().to_string();
        assert!(error.contains("the version was raised from 1 to 2"), "{error}");
        assert!(error.contains("redrive --rebuild"), "{error}");
        assert_eq!(shop.a(), [1]);
        assert_eq!(letters.counts().await.unwrap().letters, 3);
        assert_eq!(shop.storage.checkpoints("").await.unwrap(), before);
        assert_eq!(shop.storage.requests().unwrap().pending("").await.unwrap(), []);
    }
    letters.redrive_by_rebuild().await.unwrap();
    assert_eq!(shop.a(), [1, 4, 7, 10]);
}

#[projector("slow", storage = MemoryStorage, register = false, retry(none))]
#[derive(Clone)]
struct Slow {
    plan: Plan,
}

#[handlers]
impl Slow {
    /// Each event has a batch of its own, and takes a second.
    #[handles(Written, replay = "skip")]
    async fn written(&self, event: &Written) -> Result<(), projections::BoxError> {
        sleep(Duration::from_secs(1)).await;
        self.plan.run(event.n)
    }
}

struct SlowShop {
    events: MemoryEventStore,
    plan: Plan,
    runtime: Runtime<MemoryEventStore>,
}

impl SlowShop {
    async fn open(plan: Plan) -> Self {
        let events = MemoryEventStore::new();
        let builder = Runtime::builder(events.clone()).without_linked();
        let builder = builder.storage(MemoryStorage::new()).projector(Slow { plan: plan.clone() });
        let runtime = builder.build().await.unwrap();
        runtime.catch_up().await.unwrap();
        Self { events, plan, runtime }
    }

    fn run(&self) -> (tokio::sync::oneshot::Sender<()>, JoinHandle<()>) {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let runtime = self.runtime.clone();
        let run = async move { runtime.run(async { drop(stopped.await) }).await.unwrap() };
        (stop, tokio::spawn(run))
    }

    async fn append(&self, numbers: std::ops::RangeInclusive<u64>) {
        let written = numbers.map(|n| Written { n });
        self.runtime.append("a", projections::Expected::Any, written).await.unwrap();
    }

    async fn until_called(&self, n: u64) {
        while self.plan.calls_of(n) == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A page may hold many batches.
#[tokio::test(start_paused = true)]
async fn a_stop_and_a_pause_wait_for_one_batch_and_not_for_a_page() {
    for stops in [true, false] {
        let shop = SlowShop::open(Plan::default()).await;
        shop.append(1..=40).await;
        let (stop, running) = shop.run();
        shop.until_called(3).await;
        let before = tokio::time::Instant::now();
        if stops {
            stop.send(()).unwrap();
            running.await.unwrap();
        } else {
            shop.runtime.pause("slow").await.unwrap();
            running.abort();
        }
        assert!(before.elapsed() < Duration::from_secs(3), "{:?}", before.elapsed());
        let last = shop.runtime.status().await.unwrap().projectors[0].position.get();
        assert!((4..=6).contains(&last), "stops: {stops}: {last}");
        if !stops {
            shop.runtime.resume("slow").await.unwrap();
        }
        shop.runtime.catch_up().await.unwrap();
        assert!((1..=40).all(|n| shop.plan.calls_of(n) == 1), "stops: {stops}");
    }
}

/// What is left of it is done by whoever asked, once.
#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_long_redrive() {
    let shop = SlowShop::open(Plan::failing([(1, Fault::Permanent)])).await;
    shop.append(1..=40).await;
    let (stop, running) = shop.run();
    while shop.runtime.status().await.unwrap().projectors[0].state != State::Parked {
        sleep(Duration::from_millis(10)).await;
    }
    shop.plan.repair();
    let redriven = tokio::spawn({
        let letters = shop.runtime.dead_letters("slow").unwrap();
        async move { letters.redrive(Chosen::All).await }
    });
    shop.until_called(3).await;
    let before = tokio::time::Instant::now();
    stop.send(()).unwrap();
    running.await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(3), "{:?}", before.elapsed());
    let handled = redriven.await.unwrap().unwrap();
    assert_eq!(handled.left, 0);
    assert!((2..=40).all(|n| shop.plan.calls_of(n) == 1));
    assert_eq!(shop.events.head().await.unwrap().unwrap().position.get(), 40);
}
