//! State in process: rules R11 and R28.

use std::{collections::BTreeMap, time::Duration};

use projections::{
    Chosen, Envelope, LetterQuery, Runtime, State, handlers, memory::MemoryEventStore, projector,
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
in_process!(Skipping, "skipping", on_failure = "skip");

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
            let mended =
                shelves([("a", &[1, 4, 7, 10, 13]), ("b", &[2, 5, 8, 11]), ("c", &[3, 6])]);
            assert_eq!(read().await, mended, "batch {batch}");
            letters.discard(Chosen::Event(9.into())).await.unwrap();
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

/// Two that are left out: each is met again where the other one has the state replayed.
#[tokio::test]
async fn what_is_skipped_is_left_out_of_every_replay_and_counted_once() {
    let events = MemoryEventStore::new();
    append_in_turn(&events, &["a", "b", "c"], 12).await;
    let plan = Plan::failing([(4, Fault::Always), (8, Fault::Permanent), (11, Fault::Times(1))]);
    let projector = Skipping { plan: plan.clone(), lists: BTreeMap::new() };
    let runtime = Runtime::builder(events.clone()).without_linked();
    let runtime = runtime.projector(projector).build().await.unwrap();
    let caught_up = tokio::time::timeout(Duration::from_secs(20), runtime.catch_up()).await;
    caught_up.expect("it is replayed for ever").unwrap();
    let lists = runtime.read::<Skipping, _>(|p| p.lists.clone()).await.unwrap();
    assert_eq!(lists, shelves([("a", &[1, 7, 10]), ("b", &[2, 5, 11]), ("c", &[3, 6, 9, 12])]));
    let status = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!((status.parking.letters, status.parking.passed.skipped), (0, 2));
    assert_eq!((plan.calls_of(4), plan.calls_of(8)), (2, 1));
}

async fn replayed(events: &MemoryEventStore, plan: &Plan) -> Runtime<MemoryEventStore> {
    let projector = Replayed { plan: plan.clone(), lists: BTreeMap::new() };
    let runtime = Runtime::builder(events.clone()).without_linked();
    runtime.projector(projector).build().await.unwrap()
}

async fn positions(runtime: &Runtime<MemoryEventStore>) -> Vec<u64> {
    let letters = runtime.dead_letters("replayed").unwrap();
    let letters = letters.list(&LetterQuery::first(100)).await.unwrap();
    letters.iter().map(|letter| letter.position.get()).collect()
}

#[tokio::test]
async fn what_was_discarded_is_not_parked_again_by_a_replay() {
    let events = MemoryEventStore::new();
    append_in_turn(&events, &["a", "b", "c"], 12).await;
    let plan = Plan::failing([(4, Fault::Always)]);
    let runtime = replayed(&events, &plan).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(positions(&runtime).await, [4, 7, 10]);
    let letters = runtime.dead_letters("replayed").unwrap();
    for position in [7, 10] {
        letters.discard(Chosen::Event(position.into())).await.unwrap();
    }
    // Another event has all of it replayed.
    plan.add(14, Fault::Times(1));
    append(&events, "a", 13).await;
    append(&events, "b", 14).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(positions(&runtime).await, [4, 13]);
    plan.repair();
    letters.redrive(Chosen::All).await.unwrap();
    runtime.catch_up().await.unwrap();
    let lists = runtime.read::<Replayed, _>(|p| p.lists.clone()).await.unwrap();
    assert_eq!(lists["a"], [1, 4, 13]);
    assert_eq!(letters.counts().await.unwrap().passed.discarded, 2);
}

/// What was applied before the first letter of its key waits, too, once an earlier event fails.
#[tokio::test]
async fn an_event_that_fails_in_a_replay_parks_what_comes_after_it_in_its_key() {
    for also in [None, Some((5, Fault::Times(1)))] {
        let events = MemoryEventStore::new();
        append_in_turn(&events, &["a", "b", "c"], 12).await;
        let plan = Plan::failing([(10, Fault::Always)]);
        let runtime = replayed(&events, &plan).await;
        runtime.catch_up().await.unwrap();
        assert_eq!(positions(&runtime).await, [10]);
        // The bug grows, and another event has all of it replayed; one more does so half-way.
        plan.add(4, Fault::Always);
        for (n, fault) in [(14, Fault::Times(1))].into_iter().chain(also) {
            plan.add(n, fault);
        }
        append(&events, "a", 13).await;
        append(&events, "b", 14).await;
        runtime.catch_up().await.unwrap();
        let lists = async || runtime.read::<Replayed, _>(|p| p.lists.clone()).await.unwrap();
        assert_eq!(lists().await["a"], [1], "{also:?}");
        assert_eq!(positions(&runtime).await, [4, 7, 10, 13], "{also:?}");
        plan.repair();
        let letters = runtime.dead_letters("replayed").unwrap();
        letters.redrive(Chosen::All).await.unwrap();
        runtime.catch_up().await.unwrap();
        assert_eq!(lists().await["a"], [1, 4, 7, 10, 13], "{also:?}");
        assert_eq!(lists().await["b"], [2, 5, 8, 11, 14], "{also:?}");
    }
}
