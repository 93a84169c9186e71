//! Rows on a storage behind a network: rule R27, and one load and one write a table and batch.

#![allow(clippy::unwrap_used, missing_docs)] // test code

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use projections::{
    Envelope, Event, Expected, NewEvent, ReadModel, Rows, Runtime, StoreErrorKind, handlers,
    memory::MemoryEventStore,
    projector,
    rows::OwnedValue,
    sqlite::Sqlite,
    testing::{Call, MemoryStorage, MemoryTx},
};

#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
struct Complete {
    seats: Vec<(String, i64)>,
}

#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
struct Registered {
    player: String,
    email: Option<String>,
}

/// The player's row names another one, whose row gets the chips.
#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
struct Donated {
    player: String,
    chips: i64,
}

#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
struct Sponsored {
    player: String,
    sponsor: Option<String>,
}

#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
struct Left {
    player: String,
}

/// Everybody with this sponsor gets chips.
#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
struct Bonus {
    sponsor: String,
    chips: i64,
}

/// Asks for a look at these players.
#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
struct Shown {
    players: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "players")]
struct Player {
    #[key]
    name: String,
    hands: i64,
    net: i64,
    #[unique]
    email: Option<String>,
    #[index]
    sponsor: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "seats")]
struct Seats {
    #[key]
    count: i64,
    hands: i64,
}

/// What a projector has shown last.
type View = Arc<Mutex<Vec<Player>>>;

/// The same handlers on each storage.
macro_rules! players_on {
    ($module:ident, $name:literal $(, $storage:ty)?) => {
        mod $module {
            use super::*;

            #[projector($name $(, storage = $storage)?, batch(events = 64), on_failure = "halt", retry(none))]
            pub(super) struct Players {
                #[resource]
                view: View,
            }

            #[handlers]
            impl Players {
                #[handles(Complete)]
                fn complete(
                    &self,
                    event: &Complete,
                    players: &mut Rows<Player>,
                    seats: &mut Rows<Seats>,
                ) {
                    seats.entry(&(event.seats.len() as i64)).hands += 1;
                    for (player, net) in &event.seats {
                        let row = players.entry(player);
                        row.hands += 1;
                        row.net += net;
                    }
                }

                #[handles(Registered)]
                fn registered(&self, event: Registered, players: &mut Rows<Player>) {
                    players.entry(&event.player).email = event.email;
                }

                #[handles(Sponsored)]
                fn sponsored(
                    &self,
                    event: &Sponsored,
                    at: &Envelope,
                    #[keys([&event.player])] players: &mut Rows<Player>,
                ) {
                    assert!(at.position().get() > 0);
                    players.entry(&event.player).sponsor.clone_from(&event.sponsor);
                }

                #[handles(Donated)]
                fn donated(&self, event: &Donated, players: &mut Rows<Player>) {
                    let Some(row) = players.get_mut(&event.player) else { return };
                    row.net -= event.chips;
                    let Some(sponsor) = row.sponsor.clone() else { return };
                    players.entry(&sponsor).net += event.chips;
                }

                #[handles(Left)]
                fn left(&self, event: &Left, players: &mut Rows<Player>) {
                    players.remove(&event.player);
                }

                #[handles(Bonus)]
                fn bonus(&self, event: &Bonus, players: &mut Rows<Player>) {
                    let sponsor = Some(event.sponsor.clone());
                    let rows = players.by(Player::SPONSOR, &sponsor);
                    let names: Vec<_> = rows.iter().map(|row| row.name.clone()).collect();
                    for name in names {
                        players.entry(&name).net += event.chips;
                    }
                }

                #[handles(Shown)]
                fn shown(&self, event: &Shown, players: &mut Rows<Player>) {
                    let rows = event.players.iter().map(|name| players.get(name).cloned());
                    let rows = rows.collect::<Vec<_>>().into_iter().flatten().collect();
                    *self.view.lock().unwrap() = rows;
                }
            }
        }
    };
}

players_on!(in_process, "rows-in-process");
players_on!(on_sqlite, "rows-on-sqlite", Sqlite);
players_on!(on_memory, "rows-on-memory", MemoryStorage);

/// An error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let source = error.source().map(|source| format!(": {}", chain(source)));
    format!("{error}{}", source.unwrap_or_default())
}

const NAMES: [&str; 6] = ["ada", "bob", "cyd", "dan", "eve", "fay"];

/// Some events of all kinds, the same for the same seed, and a look at everybody.
fn program(seed: u64, len: usize) -> Vec<NewEvent> {
    use rand::{Rng, SeedableRng};
    println!("seed {seed}");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let name = move |random: &mut rand::rngs::StdRng| {
        NAMES[random.random_range(0..NAMES.len())].to_owned()
    };
    let mut events = Vec::new();
    for turn in 0..len {
        let chips = random.random_range(-9..10);
        let player = name(&mut random);
        events.push(match random.random_range(0..12) {
            0 => NewEvent::of(&Left { player }),
            // Unique for ever, so that it never clashes; some are taken back.
            1 => NewEvent::of(&Registered { player, email: Some(format!("{turn}@example.org")) }),
            2 => NewEvent::of(&Registered { player, email: None }),
            3 | 4 => NewEvent::of(&Sponsored { player, sponsor: Some(name(&mut random)) }),
            5 | 6 => NewEvent::of(&Donated { player, chips }),
            7 => NewEvent::of(&Bonus { sponsor: player, chips }),
            _ => {
                let other = name(&mut random);
                NewEvent::of(&Complete { seats: vec![(player, chips), (other, -chips)] })
            }
        });
    }
    let players = NAMES.iter().map(|name| (*name).to_owned()).collect();
    events.push(NewEvent::of(&Shown { players }));
    events.into_iter().map(Result::unwrap).collect()
}

/// What a run over some events shows.
async fn shown(
    projector: &'static str,
    events: &[NewEvent],
    batch: u32,
    storage: &MemoryStorage,
) -> Vec<Player> {
    let folder = tempfile::tempdir().unwrap();
    let view = View::default();
    let runtime = Runtime::builder(MemoryEventStore::new())
        .storage(Sqlite::open(folder.path().join("read.db")).unwrap())
        .storage(storage.clone())
        .resource(Arc::clone(&view))
        .only([projector])
        .batch_events(batch)
        .build()
        .await
        .unwrap();
    runtime.append("all", Expected::Any, events.to_vec()).await.unwrap();
    runtime.catch_up().await.unwrap();
    view.lock().unwrap().clone()
}

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

/// The committed rows of the players.
fn stored(storage: &MemoryStorage) -> Vec<Player> {
    let text = |value: &OwnedValue| match value {
        OwnedValue::Text(text) => Some(text.clone()),
        OwnedValue::Null => None,
        other => panic!("{other:?} is no text"),
    };
    let number = |value: &OwnedValue| match value {
        OwnedValue::Integer(number) => *number,
        other => panic!("{other:?} is no number"),
    };
    let player = |row: Vec<OwnedValue>| Player {
        name: text(&row[0]).unwrap(),
        hands: number(&row[1]),
        net: number(&row[2]),
        email: text(&row[3]),
        sponsor: text(&row[4]),
    };
    storage.stored_rows("players").into_iter().map(player).collect()
}

/// A runtime over the projector on the storage in memory.
async fn runtime(
    projector: &'static str,
    storage: &MemoryStorage,
    batch: u32,
) -> Runtime<MemoryEventStore> {
    let runtime = Runtime::builder(MemoryEventStore::new()).storage(storage.clone());
    let runtime = runtime.resource(View::default()).resource(Calls::default());
    runtime.only([projector]).batch_events(batch).build().await.unwrap()
}

fn complete(player: &str, net: i64) -> Complete {
    Complete { seats: vec![(player.to_owned(), net)] }
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

/// How often handlers were called, probes included.
type Calls = Arc<AtomicU32>;

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

#[tokio::test]
async fn no_failure_of_the_storage_changes_the_rows() {
    let events = program(42, 60);
    let expected = shown("rows-on-memory", &events, 9, &MemoryStorage::new()).await;
    let calls = [Call::Begin, Call::LoadRows, Call::FindRows, Call::WriteRows, Call::PrepareTable];
    for nth in 1..=8 {
        for call in calls {
            let storage = MemoryStorage::new();
            storage.fail(call, nth, StoreErrorKind::Unavailable);
            let shown = shown("rows-on-memory", &events, 9, &storage).await;
            assert_eq!(shown, expected, "{call}, the {nth}th");
            assert_eq!(stored(&storage), expected, "{call}, the {nth}th");
        }
        for lies in [MemoryStorage::commit_and_fail, MemoryStorage::pretend_to_commit] {
            let storage = MemoryStorage::new();
            lies(&storage, nth);
            assert_eq!(shown("rows-on-memory", &events, 9, &storage).await, expected, "{nth}");
            assert_eq!(stored(&storage), expected, "the {nth}th commit");
        }
    }
}

#[tokio::test]
async fn a_table_that_refuses_a_row_blames_the_event_whose_it_is() {
    let storage = MemoryStorage::new();
    storage.check_rows("players", |row| !matches!(row[2], OwnedValue::Integer(13..)));
    let runtime = runtime("rows-on-memory", &storage, 100).await;
    let events: Vec<_> =
        (0..20).map(|n| complete(NAMES[n % 6], if n == 8 { 12 } else { 1 })).collect();
    runtime.append("all", Expected::Any, events).await.unwrap();
    let error = chain(&runtime.catch_up().await.unwrap_err());
    assert!(
        error.contains("table `players`: a check refuses") && error.contains("position 9"),
        "{error}"
    );
    let hands = stored(&storage).iter().map(|player| player.hands).sum::<i64>();
    assert_eq!(hands, 8, "the events before it are committed");
    // It is found at once, and not by leaving out one event after the other.
    assert!(storage.calls(Call::Begin) <= 8, "{} transactions", storage.calls(Call::Begin));
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
