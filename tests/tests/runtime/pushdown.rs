//! What is asked of the source, and what an idle projector costs: promise 5, rules R16 and R35.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use projections::{
    AsyncStorage, EventSource, EventStore, Filter, NewEvent, Page, ReadError, ReadRequest, Runtime,
    State, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{Call, MemoryStorage, MemoryTx},
};
use projections_tests::{
    around::{Around, Hooks},
    ledger::Added,
};

use crate::support::{append, append_raw};

/// What a page was asked for, and the names of the events in it.
type Asking = (Filter, Vec<String>);

/// Remembers what the source was asked for, and what it gave.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<Asking>>>);

impl<S: EventSource> Hooks<S> for Asked {
    async fn read(&self, inner: &S, request: ReadRequest<'_>) -> Result<Page, ReadError> {
        let page = inner.read(request).await?;
        let names = page.events().map(|event| event.name().to_owned()).collect();
        self.0.lock().unwrap().push((request.filter.clone(), names));
        Ok(page)
    }
}

macro_rules! reading {
    ($name:ident, $policy:literal) => {
        #[projector("reading", storage = MemoryStorage, unregistered = $policy, register = false)]
        #[derive(Clone)]
        struct $name;

        #[handlers]
        impl $name {
            #[handles(Added)]
            fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
                db.set("seen", event.n.to_string(), true);
            }
        }
    };
}

reading!(ReadsItsTypes, "ignore");
reading!(ReadsItsDomains, "warn");

/// `"ignore"` reads the handled types alone; the other policies read whole domains.
async fn the_source_is_asked_for_what_is_subscribed_to<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    append(&events, "a", [1]).await;
    append_raw(&events, "numbers", "Multiplied", "{}").await;
    append_raw(&events, "other", "Added", "{}").await;
    append(&events, "a", [2]).await;
    let given = async |types: bool| {
        let asked = Asked::default();
        let source = Around { inner: events.clone(), hooks: asked.clone() };
        let builder = Runtime::builder(source).without_linked();
        let builder = builder.storage(MemoryStorage::new());
        let builder = match types {
            true => builder.projector(ReadsItsTypes),
            false => builder.projector(ReadsItsDomains),
        };
        builder.build().await.unwrap().catch_up().await.unwrap();
        let pages = std::mem::take(&mut *asked.0.lock().unwrap());
        let names: Vec<_> = pages.iter().flat_map(|(_, names)| names.clone()).collect();
        (pages[0].0.clone(), names)
    };
    let (filter, names) = given(true).await;
    assert_eq!(filter, Filter::none().event("numbers", "Added"));
    assert_eq!(names, ["Added", "Added"]);
    let (filter, names) = given(false).await;
    assert!(filter.matches("numbers", "Multiplied") && !filter.matches("other", "Added"));
    assert_eq!(names, ["Added", "Multiplied", "Added"]);
}

/// One event in ten thousand matches: catch-up comes to an end, and so does what is behind.
async fn a_rare_event_is_reached_and_nothing_is_behind<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    let other = || {
        let event = || NewEvent::json("Else", "{}").in_domain("other");
        let many = (0..9_999).map(|_| event()).collect();
        projections::AppendRequest::new("other", projections::Expected::Any, many)
    };
    for n in 0..2 {
        events.append(other()).await.unwrap();
        append(&events, "a", [n]).await;
    }
    events.append(other()).await.unwrap();
    let storage = MemoryStorage::new();
    let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    let runtime = runtime.projector(ReadsItsTypes).build().await.unwrap();
    let status = async || runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!(status().await.behind, 29_999);
    assert_eq!(runtime.status_exact().await.unwrap().projectors[0].behind, 2);
    runtime.catch_up().await.unwrap();
    assert_eq!(storage.rows("seen").len(), 2);
    let status = status().await;
    assert_eq!((status.position.get(), status.scanned.get()), (20_000, 29_999));
    assert_eq!((status.behind, status.age, status.state), (0, None, State::Stopped));

    // Nothing at all matches now: how far it has looked is in the storage all the same.
    events.append(other()).await.unwrap();
    runtime.catch_up().await.unwrap();
    let stored = storage.checkpoints("").await.unwrap().remove(0).1;
    assert_eq!((stored.position.get(), stored.scanned.get()), (20_000, 39_998));
}

/// A producer whose clock is a day ahead does not make an event younger than it is.
async fn a_producers_clock_does_not_touch_the_age<S: EventStore + Clone>(events: S, _: PathBuf) {
    let day = jiff::SignedDuration::from_hours(24);
    for off in [day, -day] {
        let event = NewEvent::of(&Added { n: 1 }).unwrap().at(jiff::Timestamp::now() + off);
        let request = projections::AppendRequest::new("a", projections::Expected::Any, vec![event]);
        events.append(request).await.unwrap();
        let runtime = Runtime::builder(events.clone()).without_linked();
        let runtime = runtime.storage(MemoryStorage::new()).projector(ReadsItsTypes);
        let status = runtime.build().await.unwrap().status().await.unwrap();
        let age = status.projectors[0].age.unwrap();
        assert!(!age.is_zero() && age < Duration::from_secs(3_600), "{age:?}");
    }
}

on_both_stores!(
    a_producers_clock_does_not_touch_the_age,
    a_rare_event_is_reached_and_nothing_is_behind,
    the_source_is_asked_for_what_is_subscribed_to,
);

/// A hundred projectors that nothing matches, and a hundred foreign appends a second for ten
/// seconds: each saves where it is about once a second.
#[tokio::test(start_paused = true)]
async fn a_hundred_idle_projectors_write_few_checkpoints() {
    let events = MemoryEventStore::new();
    let storage = MemoryStorage::new();
    let mut runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    for n in 0..100 {
        runtime = runtime.projector_named(format!("idle-{n}"), ReadsItsTypes);
    }
    let runtime = runtime.build().await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(async { drop(stopped.await) }).await }
    });
    append_raw(&events, "other", "Else", "{}").await;
    let before = storage.calls(Call::Commit);
    for _ in 0..1_000 {
        append_raw(&events, "other", "Else", "{}").await;
        tokio::time::sleep(Duration::from_millis(10)).await; // paused time: ten seconds in all
    }
    let saved = storage.calls(Call::Commit) - before;
    assert!((800..=1_300).contains(&saved), "{saved} checkpoint writes in ten seconds");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    let status = runtime.status().await.unwrap();
    assert!(status.projectors.iter().all(|projector| projector.scanned.get() == 1_001));
}

/// Takes its time between the events of a batch.
#[projector("slow", register = false)]
#[derive(Clone, Default)]
struct Slow {
    seen: usize,
}

#[handlers]
impl Slow {
    #[handles(Added)]
    async fn added(&mut self, _event: &Added) {
        self.seen += 1;
        tokio::task::yield_now().await;
    }
}

/// A reader between two events of a batch waits for its end.
#[tokio::test]
async fn a_reader_in_process_sees_whole_batches_only() {
    let events = MemoryEventStore::new();
    append(&events, "a", 0..500).await;
    let runtime = Runtime::builder(events).without_linked().batch_events(10);
    let runtime = runtime.projector(Slow::default()).build().await.unwrap();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.catch_up().await }
    });
    let mut looks = std::collections::BTreeSet::new();
    while !looks.contains(&500) {
        let (seen, at) =
            runtime.read_at::<Slow, _>(|slow, at| (slow.seen, at.get())).await.unwrap();
        assert_eq!((seen % 10, seen as u64), (0, at), "half a batch was seen");
        looks.insert(seen);
        tokio::task::yield_now().await;
    }
    running.await.unwrap().unwrap();
    assert!(looks.len() > 5, "the reads did not come in between: {looks:?}");
}
