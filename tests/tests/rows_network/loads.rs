//! How often tables are loaded and written.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use projections::{
    Expected, Rows, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    rows::OwnedValue,
    testing::{Call, MemoryStorage},
};

use crate::players::*;

#[tokio::test]
async fn one_program_makes_the_same_rows_on_every_storage() {
    for seed in 0..12 {
        let events = program(seed, 80);
        let unused = MemoryStorage::new();
        let expected = shown("rows-in-process", &events, 64, &unused).await;
        assert!(!expected.is_empty());
        assert_eq!(shown("rows-on-sqlite", &events, 7, &unused).await, expected);
        for batch in [1, 7, 64] {
            let storage = MemoryStorage::new();
            assert_eq!(shown("rows-on-memory", &events, batch, &storage).await, expected);
            assert_eq!(stored(&storage), expected, "batches of {batch}");
        }
    }
}

#[tokio::test]
async fn each_table_is_loaded_and_written_once_a_batch() {
    let storage = MemoryStorage::new();
    let runtime = runtime("rows-on-memory", &storage, 50).await;
    // All rows of the second and the third batch are those of the first, and none of the fourth.
    let known = (0..150).map(|n| complete(&format!("player {}", n % 20), n));
    let strangers = (0..40).map(|n| complete(&format!("stranger {n}"), n));
    runtime.append("all", Expected::Any, known.chain(strangers)).await.unwrap();
    runtime.catch_up().await.unwrap();
    for (table, loads) in [("players", 2), ("seats", 1)] {
        assert_eq!(storage.row_calls(Call::PrepareTable, table), 1, "{table}");
        assert_eq!(storage.row_calls(Call::LoadRows, table), loads, "{table}");
        assert_eq!(storage.row_calls(Call::FindRows, table), 0, "{table}");
        assert_eq!(storage.row_calls(Call::WriteRows, table), 4, "{table}");
    }
    assert_eq!(storage.calls(Call::Rollback), 1); // that of the checkpoint's reader
    assert_eq!(stored(&storage).iter().map(|player| player.hands).sum::<i64>(), 190);
    assert_eq!(stored(&storage).len(), 60);

    runtime.rebuild("rows-on-memory").await.unwrap();
    assert_eq!(storage.row_calls(Call::DropTable, "players"), 1);
    assert_eq!(stored(&storage).iter().map(|player| player.hands).sum::<i64>(), 190);
}

#[tokio::test]
async fn the_rivals_of_unique_keys_are_found_by_one_query_a_batch() {
    let storage = MemoryStorage::new();
    let runtime = runtime("rows-on-memory", &storage, 50).await;
    let registered = |n: u32| Registered {
        player: format!("player {n}"),
        email: Some(format!("{n}@example.org")),
    };
    runtime.append("all", Expected::Any, (0..50).map(registered)).await.unwrap();
    runtime.catch_up().await.unwrap();
    assert_eq!(storage.row_calls(Call::LoadRows, "players"), 1);
    assert_eq!(storage.row_calls(Call::FindRows, "players"), 1);
    assert_eq!(storage.row_calls(Call::WriteRows, "players"), 1);

    // A row that keeps its key has no rival.
    runtime
        .append("all", Expected::Any, (0..50).map(|n| complete(&format!("player {n}"), 1)))
        .await
        .unwrap();
    runtime.catch_up().await.unwrap();
    assert_eq!(storage.row_calls(Call::FindRows, "players"), 1);

    let clash = Registered { player: "thief".into(), email: Some("7@example.org".into()) };
    runtime.append("all", Expected::Any, [clash]).await.unwrap();
    let error = runtime.catch_up().await.unwrap_err();
    let message = chain(&error);
    // It names the column, and nobody's address.
    assert!(message.contains("the same `email` as another, which is unique"), "{message}");
    assert!(!message.contains("7@example.org"), "{message}");
    assert_eq!(stored(&storage).len(), 50);
}

#[projector("rows-bounded", storage = MemoryStorage, row_bytes = 1_000, batch(events = 64), on_failure = "halt", retry(none))]
struct Bounded {
    #[resource]
    calls: Calls,
}

#[handlers]
impl Bounded {
    #[handles(Complete)]
    fn complete(&self, event: &Complete, players: &mut Rows<Player>) {
        self.calls.fetch_add(1, Relaxed);
        for (player, net) in &event.seats {
            players.entry(player).net += net;
            players.entry(player).hands += 1;
        }
    }

    /// The sponsor's row shows only once the player's is there.
    #[handles(Donated)]
    fn donated(&self, event: &Donated, players: &mut Rows<Player>) {
        let Some(row) = players.get_mut(&event.player) else { return };
        row.net -= event.chips;
        let sponsor = format!("sponsor {}", row.hands % 3);
        players.entry(&sponsor).net += event.chips;
    }
}

#[tokio::test]
async fn a_batch_that_outgrows_the_memory_is_written_and_loaded_in_parts() {
    let storage = MemoryStorage::new();
    let calls = Calls::default();
    let runtime = Runtime::builder(MemoryEventStore::new())
        .storage(storage.clone())
        .resource(Arc::clone(&calls))
        .only(["rows-bounded"])
        .build()
        .await
        .unwrap();
    let events = (0..256).map(|n| complete(&format!("player {}", n * 7 % 100), 1));
    let donated = |n: usize| Donated { player: format!("player {}", n * 3 % 100), chips: 1 };
    runtime.append("all", Expected::Any, events).await.unwrap();
    let last = runtime.append("all", Expected::Any, (0..64).map(donated)).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(async { drop(stopped.await) }).await }
    });
    let wait = std::time::Duration::from_secs(60);
    runtime.wait_for("rows-bounded", &last.token(), wait).await.unwrap();
    let status = runtime.status().await.unwrap();
    let memory = status.projectors[0].rows.unwrap();
    assert!(memory.rows > 0 && memory.bytes <= 1_000, "{memory:?}");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();

    let players = stored(&storage);
    assert_eq!(players.iter().map(|player| player.hands).sum::<i64>(), 256);
    assert_eq!(players.iter().map(|player| player.net).sum::<i64>(), 256);
    assert!(players.iter().any(|player| player.name.starts_with("sponsor") && player.net > 0));
    // A few rows fit at a time, so that each batch is handled in many parts.
    let loads = storage.row_calls(Call::LoadRows, "players");
    assert!(loads > 20, "{loads} queries");
    assert!(storage.row_calls(Call::WriteRows, "players") > 20);
}

#[projector("rows-of-hooks", storage = MemoryStorage)]
struct Hooked;

#[handlers]
impl Hooked {
    #[setup]
    fn seed(&self, seats: &mut Rows<Seats>) {
        for count in [2, 6] {
            seats.entry(&count).hands += 1;
        }
    }

    #[handles(Complete)]
    fn complete(&self, event: &Complete, seats: &mut Rows<Seats>) {
        seats.entry(&(event.seats.len() as i64)).hands += 1;
    }
}

#[tokio::test]
async fn hooks_ask_for_rows_as_well() {
    let storage = MemoryStorage::new();
    let runtime = runtime("rows-of-hooks", &storage, 10).await;
    runtime.append("all", Expected::Any, [complete("ada", 1)]).await.unwrap();
    let row = |count, hands| vec![OwnedValue::Integer(count), OwnedValue::Integer(hands)];
    for starts in 1..4 {
        runtime.catch_up().await.unwrap();
        let expected = [row(1, 1), row(2, starts), row(6, starts)];
        assert_eq!(storage.stored_rows("seats"), expected, "start {starts}");
    }
}
