//! Catch-up on SQLite, one statement an event, against a hand-written rusqlite loop that reads the
//! same table in the same pages and writes the same rows with its position in one transaction.

use std::{
    cell::LazyCell,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use projections::{
    AppendRequest, EventStore, Expected, Handlers, NewEvent, Projector, Runtime, handlers,
    projector,
    sqlite::{
        Sqlite, SqliteEventStore, SqliteTx,
        rusqlite::{self, Connection},
    },
};

use super::{
    Comparison,
    events::{CardsDealt, HandComplete, HandStarted, Log, PlayerActed, PotAwarded},
};

pub(crate) const TABLE: &str = "CREATE TABLE IF NOT EXISTS players (
    player TEXT PRIMARY KEY, actions INTEGER NOT NULL DEFAULT 0, amount INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID";
pub(crate) const ADD: &str = "INSERT INTO players (player, actions, amount) VALUES (?1, ?2, ?3)
    ON CONFLICT (player) DO UPDATE SET actions = actions + ?2, amount = amount + ?3";

#[projector("players", storage = Sqlite, register = false)]
#[derive(Clone)]
struct Players;

#[handlers]
impl Players {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(TABLE)
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
        db.execute(ADD, (&event.player, 1, event.amount.cast_signed())).map(drop)
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

pub(crate) fn comparison(log: &Arc<Log>, folder: &Path) -> Comparison {
    let (events, log, folder) = (log.events.len() as u64, Arc::clone(log), folder.to_owned());
    let sides = Rc::new(LazyCell::new(move || {
        let events = folder.join("events.db");
        store(&log, &events);
        let read = folder.join("expected.db");
        hand_written(&events, &read);
        (events, folder, content(&read))
    }));
    let library_sides = Rc::clone(&sides);
    Comparison {
        what: "SQLite, a statement an event",
        events,
        bound: 1.20,
        hand_written: Box::new(move || measure(&sides, hand_written)),
        library: Box::new(move || measure(&library_sides, library)),
    }
}

type Sides = (PathBuf, PathBuf, (i64, i64, i64));

/// Runs one side into a fresh file, and checks what it wrote.
fn measure(
    (events, folder, expected): &Sides,
    side: impl Fn(&Path, &Path) -> Duration,
) -> Duration {
    let read = fresh(folder, "read.db");
    let took = side(events, &read);
    assert_eq!(content(&read), *expected);
    took
}

/// The path of a database that is not there.
pub(crate) fn fresh(folder: &Path, name: &str) -> PathBuf {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.join(format!("{name}{suffix}")));
    }
    folder.join(name)
}

fn content(read: &Path) -> (i64, i64, i64) {
    let db = Connection::open(read).unwrap();
    db.query_row("SELECT count(*), sum(actions), sum(amount) FROM players", [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })
    .unwrap()
}

pub(crate) fn store(log: &Log, path: &Path) {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let store = SqliteEventStore::open(path).unwrap();
    for hand in log.events.chunk_by(|a, b| a.hand == b.hand) {
        let events = hand.iter().map(|event| {
            let payload = String::from_utf8(event.payload.clone()).unwrap();
            NewEvent::json(event.name, payload).in_domain("hand")
        });
        let stream = format!("hand-{}", hand[0].hand);
        let request = AppendRequest::new(stream, Expected::Any, events.collect());
        tokio.block_on(store.append(request)).unwrap();
    }
}

fn library(events: &Path, read: &Path) -> Duration {
    catch_up(events, read, Players, None)
}

/// Runs a projector up to the head, in batches of its own size or of this one.
pub(crate) fn catch_up<P>(events: &Path, read: &Path, projector: P, batch: Option<u32>) -> Duration
where
    P: Projector<Storage = Sqlite> + Handlers + Clone + Send + Sync + 'static,
{
    let tokio =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut runtime = Runtime::builder(SqliteEventStore::open(events).unwrap())
        .without_linked()
        .storage(Sqlite::open(read).unwrap())
        .projector(projector);
    if let Some(batch) = batch {
        runtime = runtime.batch_events(batch);
    }
    let runtime = tokio.block_on(runtime.build()).unwrap();
    let began = Instant::now();
    tokio.block_on(runtime.catch_up()).unwrap();
    began.elapsed()
}

fn hand_written(events: &Path, read: &Path) -> Duration {
    by_hand(
        events,
        read,
        TABLE,
        |db, (): &mut (), name, payload| apply(db, name, payload),
        |_, ()| {},
    )
}

/// The hand-written loop: pages of 1,000 events, each one transaction with its position. What is
/// gathered in a page is written at its end.
pub(crate) fn by_hand<B: Default>(
    events: &Path,
    read: &Path,
    tables: &str,
    mut event: impl FnMut(&Connection, &mut B, &str, &[u8]),
    mut end: impl FnMut(&Connection, B),
) -> Duration {
    let source = Connection::open(events).unwrap();
    let db = Connection::open(read).unwrap();
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;").unwrap();
    let began = Instant::now();
    db.execute_batch(tables).unwrap();
    db.execute_batch("CREATE TABLE checkpoint (one INTEGER PRIMARY KEY, position INTEGER)")
        .unwrap();
    let mut page = source
        .prepare(
            "SELECT position, type, payload FROM events
             WHERE position > ?1 AND domain = 'hand' ORDER BY position LIMIT 1000",
        )
        .unwrap();
    let mut position = 0_i64;
    loop {
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        let before = position;
        let mut gathered = B::default();
        let mut rows = page.query([position]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            position = row.get_ref(0).unwrap().as_i64().unwrap();
            let name = row.get_ref(1).unwrap().as_str().unwrap();
            let payload = row.get_ref(2).unwrap().as_bytes().unwrap();
            event(&db, &mut gathered, name, payload);
        }
        end(&db, gathered);
        db.prepare_cached("INSERT OR REPLACE INTO checkpoint VALUES (1, ?1)")
            .unwrap()
            .execute([position])
            .unwrap();
        db.execute_batch("COMMIT").unwrap();
        if position == before {
            return began.elapsed();
        }
    }
}

fn apply(db: &Connection, name: &str, payload: &[u8]) {
    let mut add = db.prepare_cached(ADD).unwrap();
    let added = match name {
        "HandStarted" => {
            let event: HandStarted = serde_json::from_slice(payload).unwrap();
            add.execute((&event.table_id, 1, event.big_blind.cast_signed()))
        }
        "CardsDealt" => {
            let event: CardsDealt = serde_json::from_slice(payload).unwrap();
            add.execute((&event.player, 0, 0))
        }
        "PlayerActed" => {
            let event: PlayerActed = serde_json::from_slice(payload).unwrap();
            add.execute((&event.player, 1, event.amount.cast_signed()))
        }
        "PotAwarded" => {
            let event: PotAwarded = serde_json::from_slice(payload).unwrap();
            add.execute((&event.player, 0, event.amount.cast_signed()))
        }
        "HandComplete" => {
            let event: HandComplete = serde_json::from_slice(payload).unwrap();
            add.execute((&event.table_id, 1, event.pot.cast_signed()))
        }
        other => panic!("{other}"),
    };
    added.unwrap();
}
