//! Which rows handlers ask for: by `#[keys(..)]`, by being probed, and where neither says it.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use projections::{
    Envelope, Expected, Rows, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{Call, MemoryStorage, MemoryTx},
};

use crate::players::*;

#[projector("rows-async", storage = MemoryStorage, on_failure = "halt", retry(none))]
struct AsyncPlayers {
    #[resource]
    calls: Calls,
}

#[handlers]
impl AsyncPlayers {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("log");
    }

    #[handles(Complete)]
    async fn complete(
        &self,
        event: Complete,
        at: &Envelope,
        db: &mut MemoryTx<'_>,
        #[keys(event.seats.iter().map(|(player, _)| player))] players: &mut Rows<Player>,
    ) {
        self.calls.fetch_add(1, Relaxed);
        db.set("log", format!("{:020}", at.position().get()), event.seats.len());
        for (player, net) in &event.seats {
            tokio::task::yield_now().await;
            players.entry(player).net += net;
        }
    }

    /// Names the donor alone, so that the sponsor is missed.
    #[handles(Donated)]
    async fn donated(
        &self,
        event: &Donated,
        #[projections::keys([event.player.as_str()])] players: &mut Rows<Player>,
    ) {
        self.calls.fetch_add(1, Relaxed);
        players.entry(&event.player).net -= event.chips;
        players.entry("the bank").net += event.chips;
        players.entry("the taxes").hands += 1;
    }
}

#[tokio::test]
async fn async_handlers_name_their_keys() {
    let storage = MemoryStorage::new();
    let calls = Calls::default();
    let runtime = Runtime::builder(MemoryEventStore::new())
        .storage(storage.clone())
        .resource(Arc::clone(&calls))
        .only(["rows-async"])
        .build()
        .await
        .unwrap();
    runtime.append("all", Expected::Any, (0..30).map(|n| complete(NAMES[n % 6], 1))).await.unwrap();
    runtime.catch_up().await.unwrap();
    assert_eq!(calls.load(Relaxed), 30, "a handler that is async is never probed");
    assert_eq!(storage.row_calls(Call::LoadRows, "players"), 1);
    assert_eq!(storage.row_calls(Call::WriteRows, "players"), 1);
    assert_eq!(storage.rows("log").len(), 30);
    assert_eq!(stored(&storage).iter().map(|player| player.net).sum::<i64>(), 30);
}

#[tokio::test]
async fn what_was_missed_rolls_the_batch_back_and_is_loaded() {
    let storage = MemoryStorage::new();
    let calls = Calls::default();
    let runtime = Runtime::builder(MemoryEventStore::new())
        .storage(storage.clone())
        .resource(Arc::clone(&calls))
        .only(["rows-async"])
        .build()
        .await
        .unwrap();
    runtime.append("all", Expected::Any, (0..10).map(|n| complete(NAMES[n % 6], 5))).await.unwrap();
    let donated = |n: usize| Donated { player: NAMES[n % 6].to_owned(), chips: 2 };
    runtime.append("all", Expected::Any, (0..10).map(donated)).await.unwrap();
    runtime.catch_up().await.unwrap();
    let players = stored(&storage);
    let find = |name: &str| players.iter().find(|player| player.name == name).unwrap();
    assert_eq!((find("the bank").net, find("the taxes").hands), (20, 10));
    assert_eq!(players.iter().map(|player| player.net).sum::<i64>(), 50);
    assert_eq!(storage.rows("log").len(), 10, "the transaction of the first attempt is gone");
    // The first donation misses both, and then they are there for all others.
    assert_eq!(storage.calls(Call::Rollback), 2);
    assert_eq!(calls.load(Relaxed), 11 + 20);
    assert_eq!(storage.row_calls(Call::WriteRows, "players"), 1);
}

#[projector("rows-endless", storage = MemoryStorage, on_failure = "halt", retry(none))]
struct Endless {
    #[resource]
    calls: Calls,
}

#[handlers]
impl Endless {
    #[handles(Left)]
    fn left(&self, _event: &Left, seats: &mut Rows<Seats>) {
        seats.entry(&i64::from(self.calls.fetch_add(1, Relaxed))).hands += 1;
    }
}

#[tokio::test]
async fn a_handler_that_makes_up_its_keys_ends_in_an_error() {
    let storage = MemoryStorage::new();
    let runtime = runtime("rows-endless", &storage, 10).await;
    runtime.append("all", Expected::Any, [Left { player: "ada".into() }]).await.unwrap();
    let error = chain(&runtime.catch_up().await.unwrap_err());
    assert!(error.contains("asks for other rows whenever it is called"), "{error}");
    assert!(storage.stored_rows("seats").is_empty());
}

#[projector("rows-panicking", storage = MemoryStorage, on_failure = "halt", retry(none))]
struct Panicking;

#[handlers]
impl Panicking {
    #[handles(Complete)]
    fn complete(&self, event: &Complete, players: &mut Rows<Player>) {
        for (player, net) in &event.seats {
            let row = players.entry(player);
            assert!(row.email.is_some(), "{player} is not registered");
            row.net += net;
        }
    }

    #[handles(Registered)]
    fn registered(&self, event: &Registered, players: &mut Rows<Player>) {
        players.entry(&event.player).email.clone_from(&event.email);
    }
}

#[tokio::test]
async fn a_probe_that_panics_is_no_failure() {
    let storage = MemoryStorage::new();
    let runtime = runtime("rows-panicking", &storage, 100).await;
    for name in NAMES {
        let email = Some(format!("{name}@example.org"));
        let event = Registered { player: name.to_owned(), email };
        runtime.append("all", Expected::Any, [event]).await.unwrap();
    }
    let seats = |n: usize| vec![(NAMES[n % 6].to_owned(), 1), (NAMES[(n + 1) % 6].to_owned(), 2)];
    let events = (0..12).map(|n| Complete { seats: seats(n) });
    runtime.append("all", Expected::Any, events).await.unwrap();
    runtime.catch_up().await.unwrap();
    assert_eq!(stored(&storage).iter().map(|player| player.net).sum::<i64>(), 36);

    runtime.append("all", Expected::Any, [complete("nobody", 1)]).await.unwrap();
    let error = chain(&runtime.catch_up().await.unwrap_err());
    assert!(error.contains("nobody is not registered"), "{error}");
    assert_eq!(stored(&storage).len(), 6);
}
