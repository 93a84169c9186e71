//! Declared rows: on SQLite against hand-written coalescing, which loads a row once a batch, folds in
//! a `HashMap` and writes it once; in process against a hand-written `HashMap`; and in small live
//! batches against plain SQL.

use std::{
    cell::LazyCell,
    collections::HashMap,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use projections::{
    Handlers, Projector, ReadModel, Rows, Runtime, handlers, projector,
    sqlite::{
        Sqlite, SqliteTx,
        rusqlite::{self, Connection},
    },
};

use super::{
    Comparison,
    dispatch::{Pages, Payloads},
    events::{CardsDealt, HandComplete, HandStarted, Log, PlayerActed, PotAwarded},
    sqlite::{self, ADD, TABLE, catch_up, fresh, store},
};

/// What a player, or a table, has done.
#[derive(ReadModel, Clone, Debug, Default, Eq, PartialEq)]
#[read_model(table = "players")]
struct Player {
    #[key]
    player: String,
    actions: i64,
    amount: i64,
}

/// One of 20,000 hands.
#[derive(ReadModel, Clone, Debug, Default, Eq, PartialEq)]
#[read_model(table = "hands")]
struct Hand {
    #[key]
    hand: String,
    actions: i64,
    amount: i64,
}

macro_rules! fold {
    ($projector:ident, $name:literal, $($storage:tt)*) => {
        #[projector($name, $($storage)* register = false)]
        #[derive(Clone)]
        struct $projector;

        #[handlers]
        impl $projector {
            #[handles(HandStarted)]
            fn started(&self, event: &HandStarted, players: &mut Rows<Player>) {
                let row = players.entry(&event.table_id);
                row.actions += 1;
                row.amount += event.big_blind.cast_signed();
            }
            #[handles(CardsDealt)]
            fn dealt(&self, event: &CardsDealt, players: &mut Rows<Player>) {
                players.entry(&event.player);
            }
            #[handles(PlayerActed)]
            fn acted(
                &self,
                event: &PlayerActed,
                players: &mut Rows<Player>,
                hands: &mut Rows<Hand>,
            ) {
                let row = players.entry(&event.player);
                row.actions += 1;
                row.amount += event.amount.cast_signed();
                let hand = hands.entry(&event.hand_id);
                hand.actions += 1;
                hand.amount += event.amount.cast_signed();
            }
            #[handles(PotAwarded)]
            fn awarded(&self, event: &PotAwarded, players: &mut Rows<Player>) {
                players.entry(&event.player).amount += event.amount.cast_signed();
            }
            #[handles(HandComplete)]
            fn complete(&self, event: &HandComplete, players: &mut Rows<Player>) {
                let row = players.entry(&event.table_id);
                row.actions += 1;
                row.amount += event.pot.cast_signed();
            }
        }
    };
}

fold!(InSqlite, "in-sqlite", storage = Sqlite,);
fold!(InProcess, "in-process",);

const HANDS: &str = "CREATE TABLE IF NOT EXISTS hands (
    hand TEXT PRIMARY KEY, actions INTEGER NOT NULL, amount INTEGER NOT NULL
) WITHOUT ROWID";

type Sums = HashMap<String, (i64, i64)>;

/// What an event adds: to a player, and to a hand.
fn added(name: &str, payload: &[u8], mut add: impl FnMut(bool, &str, i64, i64)) {
    match name {
        "HandStarted" => {
            let event: HandStarted = serde_json::from_slice(payload).unwrap();
            add(false, &event.table_id, 1, event.big_blind.cast_signed());
        }
        "CardsDealt" => {
            let event: CardsDealt = serde_json::from_slice(payload).unwrap();
            add(false, &event.player, 0, 0);
        }
        "PlayerActed" => {
            let event: PlayerActed = serde_json::from_slice(payload).unwrap();
            add(false, &event.player, 1, event.amount.cast_signed());
            add(true, &event.hand_id, 1, event.amount.cast_signed());
        }
        "PotAwarded" => {
            let event: PotAwarded = serde_json::from_slice(payload).unwrap();
            add(false, &event.player, 0, event.amount.cast_signed());
        }
        "HandComplete" => {
            let event: HandComplete = serde_json::from_slice(payload).unwrap();
            add(false, &event.table_id, 1, event.pot.cast_signed());
        }
        other => panic!("{other}"),
    }
}

pub(crate) fn comparisons(log: &Arc<Log>, folder: &Path) -> Vec<Comparison> {
    let (count, folder) = (log.events.len() as u64, folder.to_owned());
    let sides = {
        let (log, folder) = (Arc::clone(log), folder.clone());
        Rc::new(LazyCell::new(move || {
            let events = folder.join("row-events.db");
            store(&log, &events);
            let read = folder.join("row-expected.db");
            by_hand(&events, &read);
            (events, folder, content(&read))
        }))
    };
    let library_sides = Rc::clone(&sides);
    let in_memory = {
        let log = Arc::clone(log);
        Rc::new(LazyCell::new(move || {
            let pages = Pages::of(&log);
            (Payloads::of(&log, &pages), pages)
        }))
    };
    let library_in_memory = Rc::clone(&in_memory);
    let short = {
        let (log, folder) = (Arc::clone(log), folder.clone());
        Rc::new(LazyCell::new(move || {
            let short = folder.join("short-events.db");
            store(&log.first(count.min(20_000)), &short);
            short
        }))
    };
    let small = |what: &'static str, batch: u32| {
        let hand = (Rc::clone(&short), folder.clone());
        let library = hand.clone();
        Comparison {
            what,
            events: count.min(20_000),
            bound: 1.05,
            hand_written: Box::new(move || live(&hand.0, &hand.1, InSql, batch)),
            library: Box::new(move || live(&library.0, &library.1, InSqlite, batch)),
        }
    };
    vec![
        Comparison {
            what: "SQLite, rows",
            events: count,
            bound: 1.20,
            hand_written: Box::new(move || measure(&sides, by_hand)),
            library: Box::new(move || measure(&library_sides, by_library)),
        },
        Comparison {
            what: "in process, rows",
            events: count,
            bound: 1.15,
            hand_written: Box::new(move || in_a_map(&in_memory.0)),
            library: Box::new(move || in_process(&library_in_memory.1)),
        },
        small("SQLite, rows in batches of 1", 1),
        small("SQLite, rows in batches of 10", 10),
    ]
}

type Content = ((i64, i64, i64), (i64, i64, i64));
type Sides = (PathBuf, PathBuf, Content);

fn measure(
    (events, folder, expected): &Sides,
    side: impl Fn(&Path, &Path) -> Duration,
) -> Duration {
    let read = fresh(folder, "rows.db");
    let took = side(events, &read);
    assert_eq!(content(&read), *expected);
    took
}

fn content(read: &Path) -> Content {
    let db = Connection::open(read).unwrap();
    let sum = |table: &str| {
        let sql = format!("SELECT count(*), sum(actions), sum(amount) FROM {table}");
        db.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
    };
    (sum("players"), sum("hands"))
}

fn by_library(events: &Path, read: &Path) -> Duration {
    catch_up(events, read, InSqlite, None)
}

fn by_hand(events: &Path, read: &Path) -> Duration {
    let event =
        |db: &Connection, (players, hands): &mut (Sums, Sums), name: &str, payload: &[u8]| {
            added(name, payload, |is_hand, key, actions, amount| {
                let sums = if is_hand { &mut *hands } else { &mut *players };
                let sum = match sums.get_mut(key) {
                    Some(sum) => sum,
                    None => {
                        let loaded = load(db, is_hand, key);
                        sums.entry(key.to_owned()).or_insert(loaded)
                    }
                };
                sum.0 += actions;
                sum.1 += amount;
            });
        };
    let end = |db: &Connection, (players, hands): (Sums, Sums)| {
        save(db, false, &players);
        save(db, true, &hands);
    };
    sqlite::by_hand(events, read, &format!("{TABLE}; {HANDS}"), event, end)
}

fn load(db: &Connection, is_hand: bool, key: &str) -> (i64, i64) {
    use rusqlite::OptionalExtension;
    let sql = if is_hand {
        "SELECT actions, amount FROM hands WHERE hand = ?1"
    } else {
        "SELECT actions, amount FROM players WHERE player = ?1"
    };
    let mut load = db.prepare_cached(sql).unwrap();
    let found = load.query_row([key], |row| Ok((row.get(0)?, row.get(1)?))).optional();
    found.unwrap().unwrap_or_default()
}

fn save(db: &Connection, is_hand: bool, sums: &Sums) {
    let sql = if is_hand {
        "INSERT INTO hands VALUES (?1, ?2, ?3)
         ON CONFLICT (hand) DO UPDATE SET actions = ?2, amount = ?3"
    } else {
        "INSERT INTO players VALUES (?1, ?2, ?3)
         ON CONFLICT (player) DO UPDATE SET actions = ?2, amount = ?3"
    };
    let mut upsert = db.prepare_cached(sql).unwrap();
    for (key, (actions, amount)) in sums {
        upsert.execute((key, actions, amount)).unwrap();
    }
}

fn in_a_map(payloads: &Payloads) -> Duration {
    let (mut players, mut hands) = (Sums::new(), Sums::new());
    let began = Instant::now();
    for (name, payload) in payloads.each() {
        added(name, payload, |is_hand, key, actions, amount| {
            let sums = if is_hand { &mut hands } else { &mut players };
            let sum = match sums.get_mut(key) {
                Some(sum) => sum,
                None => sums.entry(key.to_owned()).or_default(),
            };
            sum.0 += actions;
            sum.1 += amount;
        });
    }
    let took = began.elapsed();
    std::hint::black_box((players, hands));
    took
}

fn in_process(pages: &Pages) -> Duration {
    // On the thread of the hand-written loop: two threads have two heaps.
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let runtime = Runtime::builder(pages.clone()).without_linked().projector(InProcess);
    let runtime = tokio.block_on(runtime.build()).unwrap();
    let began = Instant::now();
    tokio.block_on(runtime.catch_up()).unwrap();
    began.elapsed()
}

/// The same, in plain SQL: what small batches of rows are to be as fast as.
#[projector("in-sql", storage = Sqlite, register = false)]
#[derive(Clone)]
struct InSql;

const ADD_HAND: &str = "INSERT INTO hands (hand, actions, amount) VALUES (?1, ?2, ?3)
    ON CONFLICT (hand) DO UPDATE SET actions = actions + ?2, amount = amount + ?3";

#[handlers]
impl InSql {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(TABLE)?;
        db.execute_batch(HANDS)
    }
    #[handles(HandStarted)]
    fn started(&self, event: &HandStarted, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute(ADD, (&event.table_id, 1, event.big_blind.cast_signed())).map(drop)
    }
    #[handles(CardsDealt)]
    fn dealt(&self, event: &CardsDealt, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute(ADD, (&event.player, 0, 0)).map(drop)
    }
    #[handles(PlayerActed)]
    fn acted(&self, event: &PlayerActed, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        let amount = event.amount.cast_signed();
        db.execute(ADD, (&event.player, 1, amount))?;
        db.execute(ADD_HAND, (&event.hand_id, 1, amount)).map(drop)
    }
    #[handles(PotAwarded)]
    fn awarded(&self, event: &PotAwarded, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute(ADD, (&event.player, 0, event.amount.cast_signed())).map(drop)
    }
    #[handles(HandComplete)]
    fn complete(&self, event: &HandComplete, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute(ADD, (&event.table_id, 1, event.pot.cast_signed())).map(drop)
    }
}

/// Runs a projector in small batches, as it runs when it is live.
fn live<P>(events: &Path, folder: &Path, projector: P, batch: u32) -> Duration
where
    P: Projector<Storage = Sqlite> + Handlers + Clone + Send + Sync + 'static,
{
    catch_up(events, &fresh(folder, "live.db"), projector, Some(batch))
}
