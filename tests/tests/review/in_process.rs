//! In-process state that was thrown away is replayed from where it began.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use projections::{Runtime, handlers, memory::MemoryEventStore, projector};
use projections_tests::ledger::Added;

use crate::support::append;

#[projector("now-in-process", from = "now", register = false, on_failure = "halt", retry(none))]
#[derive(Clone, Default)]
struct FromNow {
    seen: Vec<u64>,
    broken: Arc<AtomicBool>,
}

#[handlers]
impl FromNow {
    #[handles(Added)]
    fn added(&mut self, event: &Added) -> Result<(), &'static str> {
        self.seen.push(event.n);
        match event.n == 105 && self.broken.load(Ordering::Relaxed) {
            true => Err("it is broken"),
            false => Ok(()),
        }
    }
}

#[projector("handler-now-in-process", register = false, on_failure = "halt", retry(none))]
#[derive(Clone, Default)]
struct HandlerFromNow {
    seen: Vec<u64>,
    broken: Arc<AtomicBool>,
}

#[handlers]
impl HandlerFromNow {
    #[handles(Added, from = "now")]
    fn added(&mut self, event: &Added) -> Result<(), &'static str> {
        self.seen.push(event.n);
        match event.n == 105 && self.broken.load(Ordering::Relaxed) {
            true => Err("it is broken"),
            false => Ok(()),
        }
    }
}

macro_rules! replays_from_its_pin {
    ($name:ident, $projector:ident) => {
        #[tokio::test]
        async fn $name() {
            let events = MemoryEventStore::new();
            append(&events, 0..10).await;
            let broken = Arc::new(AtomicBool::new(true));
            let projector = $projector { seen: Vec::new(), broken: Arc::clone(&broken) };
            let runtime = Runtime::builder(events.clone()).without_linked().projector(projector);
            let runtime = runtime.build().await.unwrap();
            runtime.catch_up().await.unwrap();
            append(&events, 100..110).await;
            runtime.catch_up().await.unwrap_err();
            let seen =
                || async { runtime.read::<$projector, _>(|p| p.seen.clone()).await.unwrap() };
            assert_eq!(seen().await, (100..105).collect::<Vec<_>>());
            broken.store(false, Ordering::Relaxed);
            runtime.catch_up().await.unwrap();
            assert_eq!(seen().await, (100..110).collect::<Vec<_>>());
        }
    };
}

replays_from_its_pin!(a_projector_from_now_replays_from_its_pin, FromNow);
replays_from_its_pin!(a_handler_from_now_replays_from_its_pin, HandlerFromNow);
