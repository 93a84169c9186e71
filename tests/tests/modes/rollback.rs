//! Rule R28: state in process cannot roll back, and no reader sees the half.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use projections::{
    EventSource, ReadModel, Rows, Runtime, handlers, memory::MemoryEventStore, projector,
};
use projections_tests::ledger::Added;

use crate::support::{Gate, Running, append, caught_up};

#[derive(Clone, Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "halves")]
struct Half {
    #[key]
    n: u64,
    sum: u64,
}

/// Makes an event fail, so many times.
#[derive(Clone, Default)]
struct Trap {
    left: Arc<AtomicU64>,
    calls: Arc<AtomicU64>,
}

impl Trap {
    fn spring(&self, n: u64) -> Result<(), String> {
        let failing = |left: u64| left.checked_sub(1);
        if n != 13 {
            return Ok(());
        }
        match self.left.fetch_update(SeqCst, SeqCst, failing) {
            Err(_) => Ok(()),
            Ok(left) if left % 2 == 0 => Err("the thirteenth".to_owned()),
            Ok(_) => panic!("the thirteenth"),
        }
    }
}

macro_rules! halves {
    ($name:ident, $text:literal $(, $option:ident = $value:literal)?) => {
        #[projector($text, register = false $(, $option = $value)?, on_failure = "halt", retry(none))]
        #[derive(Clone, Default)]
        struct $name {
            #[resource]
            trap: Trap,
            one: u64,
            other: u64,
        }

        #[handlers]
        impl $name {
            #[handles(Added)]
            async fn added(&mut self, event: &Added, rows: &mut Rows<Half>) -> Result<(), String> {
                self.trap.calls.fetch_add(1, SeqCst);
                self.one += event.n;
                rows.entry(&(event.n % 3)).sum += event.n;
                tokio::task::yield_now().await; // whoever can look, looks
                self.trap.spring(event.n)?;
                self.other += event.n;
                Ok(())
            }
        }
    };
}

halves!(Thrown, "thrown");
halves!(Copied, "copied", rollback = "clone");

macro_rules! sums {
    ($type:ty, $runtime:expr) => {{
        let runtime = $runtime;
        let fields = runtime.read_at::<$type, _>(|p, at| (at.get(), p.one, p.other)).await.unwrap();
        let rows = runtime.rows::<Half>().unwrap().all().await.unwrap();
        (fields, rows.iter().map(|row| row.sum).sum::<u64>())
    }};
}

/// Twice or for ever, in batches of any size: what is there is each applied event once.
macro_rules! failing {
    ($type:ty) => {{
        for batch in [1, 7, 1_000] {
            for failures in [2, u64::MAX] {
                let events = MemoryEventStore::new();
                append(&events, 0..10).await;
                let trap = Trap::default();
                trap.left.store(failures, SeqCst);
                let projector = <$type>::default();
                let projector = <$type>::clone(&projector).with(&trap);
                let runtime = Runtime::builder(events.clone()).without_linked();
                let runtime = runtime.projector(projector).batch_events(batch);
                let runtime = runtime.build().await.unwrap();
                runtime.catch_up().await.unwrap();
                append(&events, 10..30).await;
                let done = Arc::new(AtomicBool::new(false));
                let reader = {
                    let (runtime, done) = (runtime.clone(), Arc::clone(&done));
                    tokio::spawn(async move {
                        let mut looks = 0_u64;
                        while !done.load(SeqCst) {
                            let ((_, one, other), _) = sums!($type, &runtime);
                            assert_eq!(one, other, "the half was seen");
                            looks += 1;
                            tokio::task::yield_now().await;
                        }
                        looks
                    })
                };
                for _ in 0..2 {
                    let error = runtime.catch_up().await.unwrap_err().to_string();
                    assert!(error.contains("position 14"), "{error}");
                    let sum = (0..13).sum::<u64>();
                    assert_eq!(sums!($type, &runtime), ((13, sum, sum), sum), "batch {batch}");
                }
                if failures == 2 {
                    runtime.catch_up().await.unwrap();
                    let sum = (0..30).sum::<u64>();
                    assert_eq!(sums!($type, &runtime), ((30, sum, sum), sum), "batch {batch}");
                }
                done.store(true, SeqCst);
                assert!(reader.await.unwrap() > 0);
            }
        }
    }};
}

impl Thrown {
    fn with(self, trap: &Trap) -> Self {
        Self { trap: trap.clone(), ..self }
    }
}

impl Copied {
    fn with(self, trap: &Trap) -> Self {
        Self { trap: trap.clone(), ..self }
    }
}

#[tokio::test]
async fn state_that_is_thrown_away_holds_each_applied_event_once() {
    failing!(Thrown);
}

#[tokio::test]
async fn state_that_goes_back_to_a_copy_holds_each_applied_event_once() {
    failing!(Copied);
}

/// A copy is cheaper than the log: nothing before the batch is handled again.
#[tokio::test]
async fn a_copy_saves_the_replay() {
    let calls = async |copied: bool| {
        let events = MemoryEventStore::new();
        let trap = Trap::default();
        let builder = Runtime::builder(events.clone()).without_linked();
        let runtime = match copied {
            true => builder.projector(Copied::default().with(&trap)),
            false => builder.projector(Thrown::default().with(&trap)),
        };
        let runtime = runtime.build().await.unwrap();
        append(&events, (0..500).map(|n| n + 100)).await;
        runtime.catch_up().await.unwrap();
        append(&events, [11, 12, 13]).await;
        trap.left.store(1, SeqCst);
        trap.calls.store(0, SeqCst);
        runtime.catch_up().await.unwrap_err();
        trap.calls.load(SeqCst)
    };
    assert_eq!(calls(true).await, 3 + 2);
    assert_eq!(calls(false).await, 3 + 500 + 2);
}

#[projector("waiting-half", register = false)]
#[derive(Clone, Default)]
struct WaitingHalf {
    #[resource]
    gate: Gate,
    one: u64,
    other: u64,
}

#[handlers]
impl WaitingHalf {
    #[handles(Added)]
    async fn added(&mut self, event: &Added) {
        self.one += event.n;
        self.gate.pass().await;
        self.other += event.n;
    }
}

/// A run that is dropped between two awaits of a handler leaves no half either.
#[tokio::test]
async fn a_dropped_run_leaves_no_half() {
    let (events, gate) = (MemoryEventStore::new(), Gate::default());
    append(&events, 1..4).await;
    let runtime = Runtime::builder(events.clone()).without_linked();
    let projector = WaitingHalf { gate: gate.clone(), ..WaitingHalf::default() };
    let runtime = runtime.projector(projector).build().await.unwrap();
    gate.open_for(1);
    let mut run = Box::pin(runtime.run(std::future::pending()));
    let waits = async {
        while !gate.is_waited_for() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = &mut run => ended.unwrap(),
        () = waits => {}
    }
    drop(run);
    let look =
        async || runtime.read::<WaitingHalf, _>(|half| (half.one, half.other)).await.unwrap();
    assert_eq!(look().await, (0, 0));
    gate.open_for(10);
    runtime.catch_up().await.unwrap();
    assert_eq!(look().await, (6, 6));
}

#[projector("bad-setup", register = false)]
#[derive(Clone, Default)]
struct BadSetup {
    #[resource]
    fails: Arc<AtomicBool>,
    set_up: u64,
    sum: u64,
}

#[handlers]
impl BadSetup {
    #[setup]
    fn prepare(&mut self, rows: &mut Rows<Half>) -> Result<(), String> {
        self.set_up += 1;
        rows.entry(&(100 + self.set_up)).sum = 1;
        if self.fails.load(SeqCst) { Err("not ready".to_owned()) } else { Ok(()) }
    }

    #[handles(Added)]
    fn added(&mut self, event: &Added) {
        self.sum += event.n;
    }
}

#[tokio::test]
async fn a_hook_that_fails_leaves_nothing_in_fields_and_rows() {
    let events = MemoryEventStore::new();
    append(&events, 0..10).await;
    let fails = Arc::new(AtomicBool::new(true));
    let projector = BadSetup { fails: Arc::clone(&fails), ..BadSetup::default() };
    let runtime = Runtime::builder(events.clone()).without_linked().projector(projector);
    let runtime = runtime.build().await.unwrap();
    let look = async || {
        let fields = runtime.read_at::<BadSetup, _>(|p, at| (at.get(), p.set_up, p.sum));
        let rows = runtime.rows::<Half>().unwrap().all().await.unwrap();
        (fields.await.unwrap(), rows.iter().map(|row| row.n).collect::<Vec<_>>())
    };
    for _ in 0..2 {
        let error = runtime.catch_up().await.unwrap_err().to_string();
        assert!(error.contains("not ready"), "{error}");
        assert_eq!(look().await, ((0, 0, 0), vec![]));
    }
    fails.store(false, SeqCst);
    runtime.catch_up().await.unwrap();
    assert_eq!(look().await, ((10, 1, 45), vec![101]));
    // At a later start, too: the state goes with what the hook has changed, and is replayed.
    fails.store(true, SeqCst);
    runtime.catch_up().await.unwrap_err();
    assert_eq!(look().await, ((0, 0, 0), vec![]));
    fails.store(false, SeqCst);
    runtime.catch_up().await.unwrap();
    assert_eq!(look().await, ((10, 1, 45), vec![101]));
}

/// The position that a reader is told is that of what it sees, while the projector runs.
#[tokio::test]
async fn a_reader_is_told_the_position_of_what_it_sees() {
    let events = MemoryEventStore::new();
    let runtime = Runtime::builder(events.clone()).without_linked();
    let runtime = runtime.projector(Thrown::default()).batch_events(3).build().await.unwrap();
    let running = Running::start(&runtime);
    for n in 0..200_u64 {
        append(&events, [n + 100]).await;
        let ((at, one, other), rows) = sums!(Thrown, &runtime);
        let expected = (0..at).map(|n| n + 100).sum::<u64>();
        assert_eq!((one, other), (expected, expected), "at {at}");
        assert!(rows >= expected, "rows are read after the fields");
    }
    caught_up(&runtime).await;
    running.stop().await.unwrap();
    assert_eq!(runtime.events().head().await.unwrap().unwrap().position.get(), 200);
}
