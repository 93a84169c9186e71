//! State in process: rules R11 and R28.

use std::collections::BTreeMap;

use projections::{
    Chosen, Envelope, Runtime, State, handlers, memory::MemoryEventStore, projector,
};

use crate::books::{Fault, Plan, Written, append, append_in_turn, shelves};

macro_rules! in_process {
    ($type:ident, $name:literal $(, $($options:tt)*)?) => {
        #[projector($name, register = false, retry(max = 1, initial = "1ms") $(, $($options)*)?)]
        #[derive(Clone, Default)]
        struct $type {
            plan: Plan,
            lists: BTreeMap<String, Vec<u64>>,
        }

        #[handlers]
        impl $type {
            #[handles(Written)]
            fn written(&mut self, event: &Written, at: &Envelope) -> Result<(), projections::BoxError> {
                // The half, before it fails.
                self.lists.entry(at.stream().to_owned()).or_default().push(event.n);
                self.plan.run(event.n)
            }
        }
    };
}

in_process!(Replayed, "replayed");
in_process!(Copied, "copied", rollback = "clone");

macro_rules! case {
    ($type:ident, $name:literal) => {
        for batch in [1, 3, 1_000] {
            let events = MemoryEventStore::new();
            append_in_turn(&events, &["a", "b", "c"], 12).await;
            let plan = Plan::failing([(4, Fault::Always), (8, Fault::Times(1)), (9, Fault::Panic)]);
            let projector = $type { plan: plan.clone(), lists: BTreeMap::new() };
            let runtime = Runtime::builder(events.clone()).without_linked();
            let runtime = runtime.projector(projector).batch_events(batch).build().await.unwrap();
            runtime.catch_up().await.unwrap();
            let read = async || runtime.read::<$type, _>(|p| p.lists.clone()).await.unwrap();
            let parked = shelves([("a", &[1]), ("b", &[2, 5, 8, 11]), ("c", &[3, 6])]);
            assert_eq!(read().await, parked, "batch {batch}");
            let status = runtime.status().await.unwrap().projectors.remove(0);
            assert_eq!((status.parking.keys, status.parking.letters), (2, 5));

            // What comes waits, and after the repair the state is what the log says.
            append(&events, "a", 13).await;
            runtime.catch_up().await.unwrap();
            assert_eq!(read().await["a"], [1]);
            plan.repair_of(4);
            let letters = runtime.dead_letters($name).unwrap();
            letters.redrive(Chosen::Key("a".to_owned())).await.unwrap();
            runtime.catch_up().await.unwrap();
            let mended =
                shelves([("a", &[1, 4, 7, 10, 13]), ("b", &[2, 5, 8, 11]), ("c", &[3, 6])]);
            assert_eq!(read().await, mended, "batch {batch}");
            letters.discard(Chosen::Event(9.into())).await.unwrap();
            runtime.catch_up().await.unwrap();
            assert_eq!(read().await["c"], [3, 6, 12], "batch {batch}");
            let status = runtime.status().await.unwrap().projectors.remove(0);
            assert_eq!((status.state, status.parking.letters), (State::Stopped, 0));
            assert_eq!(status.parking.passed.discarded, 1);
        }
    };
}

#[tokio::test]
async fn state_that_is_replayed_holds_each_applied_event_once() {
    case!(Replayed, "replayed");
}

#[tokio::test]
async fn state_that_is_copied_holds_each_applied_event_once() {
    case!(Copied, "copied");
}
