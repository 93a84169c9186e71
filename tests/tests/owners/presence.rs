//! Rule R11: what every process runs by itself has a status for each.

use std::{sync::Arc, time::Duration};

use projections::{
    __private::BoxFuture,
    EventSource, OwnerId, PRESENCE_KEPT, Presence, PresenceStore, ProjectorStatus, Runtime, State,
    Storage, StoreError, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteEventStore, rusqlite},
    testing::{MemoryStorage, conformance},
};
use projections_tests::ledger::Added;
use tokio::time::{Instant, sleep};

use crate::support::{LEASE, append};

#[projector("counter", register = false)]
#[derive(Clone, Default)]
struct Counter {
    count: u64,
}

#[handlers]
impl Counter {
    #[handles(Added)]
    fn added(&mut self, _event: &Added) {
        self.count += 1;
    }
}

async fn process<S: EventSource + Clone>(events: &S) -> Runtime<S> {
    let builder = Runtime::builder(events.clone()).without_linked();
    builder.projector(Counter::default()).build().await.unwrap()
}

async fn seen<S: EventSource>(runtime: &Runtime<S>) -> Vec<ProjectorStatus> {
    runtime.status().await.unwrap().projectors
}

fn states(seen: &[ProjectorStatus]) -> Vec<(State, u64)> {
    seen.iter().map(|one| (one.state, one.position.get())).collect()
}

#[tokio::test]
async fn the_places_keep_the_rules() {
    conformance::presence_store(|| async { MemoryEventStore::new().presences().unwrap() }).await;
    conformance::presence_store(|| async { MemoryStorage::new().presences().unwrap() }).await;
    let folder = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    let path = || {
        number.set(number.get() + 1);
        folder.path().join(format!("{}.db", number.get()))
    };
    conformance::presence_store(|| async {
        SqliteEventStore::open(path()).unwrap().presences().unwrap()
    })
    .await;
    conformance::presence_store(|| async { Sqlite::open(path()).unwrap().presences().unwrap() })
        .await;
}

/// A place that breaks a rule.
struct Broken(Arc<dyn PresenceStore>, Fault);

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    AddsOnly,
    ForgetsAll,
    ForgetsNobody,
    MixesNamespaces,
}

impl PresenceStore for Broken {
    fn save<'a>(&'a self, said: &'a [Presence]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            if self.1 == Fault::AddsOnly && !self.0.list("").await?.is_empty() {
                return Ok(());
            }
            self.0.save(said).await
        })
    }

    fn forget(&self, owner: OwnerId) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            match self.1 {
                Fault::ForgetsNobody => Ok(()),
                Fault::ForgetsAll => {
                    for (presence, _) in self.0.list("").await? {
                        self.0.forget(presence.lease.owner).await?;
                    }
                    Ok(())
                }
                _ => self.0.forget(owner).await,
            }
        })
    }

    fn list<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(Presence, Duration)>, StoreError>> {
        let mixes = self.1 == Fault::MixesNamespaces;
        self.0.list(if mixes { "" } else { namespace })
    }
}

#[tokio::test]
async fn the_suite_finds_what_breaks_the_rules() {
    for (fault, due) in [
        (
            Fault::AddsOnly,
            &[
                "what_an_owner_says_replaces_what_it_said_before",
                "owners_and_namespaces_do_not_mix",
                "a_forgotten_owner_is_gone",
            ][..],
        ),
        (Fault::ForgetsAll, &["a_forgotten_owner_is_gone"]),
        (Fault::ForgetsNobody, &["a_forgotten_owner_is_gone"]),
        (Fault::MixesNamespaces, &["owners_and_namespaces_do_not_mix"]),
    ] {
        let make = || async {
            Arc::new(Broken(MemoryEventStore::new().presences().unwrap(), fault)) as Arc<_>
        };
        let failed = conformance::presence_store_failures(make).await;
        let failed: Vec<_> = failed.iter().map(|failure| failure.check).collect();
        assert_eq!(failed, due);
    }
}

/// Each is seen by the others; one that died is `detached`, and goes away after a while.
#[tokio::test(start_paused = true)]
async fn status_lists_each_process_that_runs_it() {
    let events = MemoryEventStore::new();
    append(&events, 0..5).await;
    let asker = process(&events).await;
    assert!(seen(&asker).await[0].elsewhere);
    let runtimes = [process(&events).await, process(&events).await];
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let first = tokio::spawn({
        let runtime = runtimes[0].clone();
        async move { runtime.run(async { drop(stopped.await) }).await }
    });
    let second = tokio::spawn({
        let runtime = runtimes[1].clone();
        async move { runtime.run(std::future::pending()).await }
    });
    sleep(LEASE).await;
    let all = seen(&asker).await;
    assert_eq!(states(&all), [(State::CaughtUp, 5); 2]);
    assert!(all.iter().all(|one| one.per_process && !one.elsewhere && one.behind == 0));
    let owners: Vec<_> = all.iter().map(|one| one.owner.clone().unwrap()).collect();
    assert_ne!(owners[0].id, owners[1].id);
    assert!(owners[0].process.contains(&std::process::id().to_string()));
    // Each knows itself best, and the others as they say.
    append(&events, 5..8).await;
    let own = seen(&runtimes[0]).await;
    assert_eq!(own.len(), 2);
    assert!(owners.contains(own[0].owner.as_ref().unwrap()));

    second.abort();
    sleep(LEASE * 3).await;
    let mut all = seen(&asker).await;
    all.sort_by_key(|one| one.state == State::Detached);
    assert_eq!(states(&all), [(State::CaughtUp, 8), (State::Detached, 5)]);
    let said = all[1].last_error.as_ref().unwrap();
    assert!(said.contains("has said nothing for"), "{said}");
    sleep(PRESENCE_KEPT).await;
    assert_eq!(states(&seen(&asker).await), [(State::CaughtUp, 8)]);
    // One that stops says so.
    stop.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert!(seen(&asker).await[0].elsewhere);
}

/// However much is appended, it is said every third of a lease.
#[tokio::test]
async fn a_thousand_appends_do_not_cost_a_write_each() {
    let (events, folder) = (MemoryEventStore::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("said.db");
    let storage = Sqlite::open(&path).unwrap();
    // The table is made.
    storage.presences().unwrap().save(&[]).await.unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(
        "CREATE TABLE writes (n);
         CREATE TRIGGER count AFTER INSERT ON projections_presences
         BEGIN INSERT INTO writes VALUES (1); END",
    )
    .unwrap();
    let builder = Runtime::builder(events.clone()).without_linked().checkpoints(storage);
    let runtime = builder.projector(Counter::default()).build().await.unwrap();
    let began = Instant::now();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(std::future::pending()).await }
    });
    for n in 0..1_000 {
        append(&events, [n]).await;
    }
    while runtime.read::<Counter, _>(|counter| counter.count).await.unwrap() < 1_000 {
        tokio::task::yield_now().await;
    }
    let count = || db.query_row("SELECT count(*) FROM writes", [], |row| row.get::<_, u64>(0));
    // The first one is said beside the work.
    while count().unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    let writes = count().unwrap();
    let due = 2 + began.elapsed().as_secs() / 3;
    assert!((1..=due).contains(&writes), "{writes}, at most {due}");
    running.abort();
}
