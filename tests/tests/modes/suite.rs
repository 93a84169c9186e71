//! The same answer on every path: acceptance line 51.
//!
//! One read model, written four ways (fields, rows in process, rows on SQLite, plain SQL), in every
//! mode, in batches of 1, 7 and 1,000. A new mode is one line at the end.

use std::{collections::BTreeMap, path::Path};

use projections::{
    AppendRequest, Builder, Envelope, EventStore, Expected, Handlers, NewEvent, Projector,
    ReadModel, Rows, Runtime, handlers, projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx, rusqlite},
};
use projections_tests::ledger::Added;

use crate::support::{Running, caught_up};

/// Of each stream how many events there were, and a number that depends on their order.
type Board = BTreeMap<String, (i64, i64)>;

fn step((count, fold): (i64, i64), n: u64) -> (i64, i64) {
    (count + 1, (fold * 31 + n.cast_signed()) % 1_000_003)
}

#[derive(Debug, Default, ReadModel)]
#[read_model(table = "lines")]
struct Line {
    #[key]
    stream: String,
    count: i64,
    fold: i64,
}

impl Line {
    fn step(&mut self, n: u64) {
        (self.count, self.fold) = step((self.count, self.fold), n);
    }
}

/// The events of one run: a stream and a number each.
struct Log(Vec<(String, u64)>);

impl Log {
    fn new() -> Self {
        let seed = std::env::var("PROJECTIONS_SEED").ok().and_then(|s| s.parse().ok());
        let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
        println!("PROJECTIONS_SEED={seed}");
        let mut random = seed;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            random >> 33
        };
        Self((0..300).map(|_| (format!("stream-{}", next() % 5), next() % 1_000)).collect())
    }

    fn board(&self) -> Board {
        let mut board = Board::new();
        for (stream, n) in &self.0 {
            let line = board.entry(stream.clone()).or_default();
            *line = step(*line, *n);
        }
        board
    }
}

async fn append(events: &SqliteEventStore, log: &[(String, u64)]) {
    for (stream, n) in log {
        let event = NewEvent::of(&Added { n: *n }).unwrap();
        events.append(AppendRequest::new(stream, Expected::Any, vec![event])).await.unwrap();
    }
}

/// How a read model comes to hold the log.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Everything is there before the first start, and the run ends at its end.
    CatchUp,
    /// It runs while events come, and is stopped and started again in between.
    Persistent,
    /// It runs from before the first event to after the last.
    Running,
}

impl Way {
    /// Goes it; returns the runtime that the read model is looked at through.
    async fn go(
        self,
        events: &SqliteEventStore,
        log: &Log,
        build: impl AsyncFn() -> Runtime<SqliteEventStore>,
    ) -> Runtime<SqliteEventStore> {
        let parts: Vec<_> = match self {
            Self::CatchUp => {
                append(events, &log.0).await;
                let runtime = build().await;
                runtime.catch_up().await.unwrap();
                return runtime;
            }
            Self::Persistent => log.0.chunks(log.0.len() / 3 + 1).collect(),
            Self::Running => vec![&*log.0],
        };
        let mut last = None;
        for part in parts {
            let runtime = build().await;
            let running = Running::start(&runtime);
            caught_up(&runtime).await;
            append(events, part).await;
            caught_up(&runtime).await;
            running.stop().await.unwrap();
            last = Some(runtime);
        }
        last.unwrap()
    }
}

/// Runs one projector along a way, in batches of each size, and compares what it shows.
async fn expect<P>(
    way: Way,
    projector: P,
    look: impl AsyncFn(&Runtime<SqliteEventStore>, &Path) -> Board,
) where
    P: Projector + Handlers + Clone + Send + Sync + 'static,
{
    let log = Log::new();
    for batch in [1, 7, 1_000] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.db");
        let events = SqliteEventStore::open(&path).unwrap();
        let build = async || {
            let builder: Builder<SqliteEventStore> = Runtime::builder(events.clone());
            let builder = builder.without_linked().storage(events.read_models());
            builder.projector(projector.clone()).batch_events(batch).build().await.unwrap()
        };
        let runtime = way.go(&events, &log, build).await;
        assert_eq!(look(&runtime, &path).await, log.board(), "{way:?}, batch {batch}");
    }
}

async fn rows(runtime: &Runtime<SqliteEventStore>, _: &Path) -> Board {
    let rows = runtime.rows::<Line>().unwrap().all().await.unwrap();
    rows.into_iter().map(|row| (row.stream, (row.count, row.fold))).collect()
}

async fn table(_: &Runtime<SqliteEventStore>, path: &Path) -> Board {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut board = db.prepare("SELECT stream, count, fold FROM board").unwrap();
    let lines = board.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).unwrap();
    lines.map(Result::unwrap).collect()
}

/// What a mode does on SQLite, by itself for modes that need a storage.
macro_rules! on_sqlite {
    ($way:expr, [$($option:tt)*]) => {
        #[projector("rows", storage = Sqlite, register = false $($option)*)]
        #[derive(Clone)]
        struct StoredRows;

        #[handlers]
        impl StoredRows {
            #[handles(Added)]
            fn added(&self, event: &Added, at: &Envelope, lines: &mut Rows<Line>) {
                lines.entry(at.stream()).step(event.n);
            }
        }

        #[tokio::test]
        async fn rows_on_sqlite() {
            expect($way, StoredRows, rows).await;
        }

        #[projector("sql", storage = Sqlite, register = false $($option)*)]
        #[derive(Clone)]
        struct Sql;

        #[handlers]
        impl Sql {
            #[setup]
            fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
                db.execute_batch(
                    "CREATE TABLE IF NOT EXISTS board
                         (stream TEXT PRIMARY KEY, count INTEGER, fold INTEGER)",
                )
            }

            #[handles(Added)]
            fn added(
                &self,
                event: &Added,
                at: &Envelope,
                db: &mut SqliteTx<'_>,
            ) -> rusqlite::Result<()> {
                let sql = "INSERT INTO board VALUES (?1, 1, ?2) ON CONFLICT DO UPDATE
                           SET count = count + 1, fold = (fold * 31 + ?2) % 1000003";
                db.execute(sql, (at.stream(), event.n.cast_signed())).map(drop)
            }
        }

        #[tokio::test]
        async fn plain_sql() {
            expect($way, Sql, table).await;
        }
    };
}

macro_rules! modes {
    ($($mode:ident: $way:expr, [$($option:tt)*];)*) => { $(
        mod $mode {
            use super::*;

            #[projector("fields", register = false $($option)*)]
            #[derive(Clone, Default)]
            struct Fields {
                board: Board,
            }

            #[handlers]
            impl Fields {
                #[handles(Added)]
                fn added(&mut self, event: &Added, at: &Envelope) {
                    let line = self.board.entry(at.stream().to_owned()).or_default();
                    *line = step(*line, event.n);
                }
            }

            #[tokio::test]
            async fn fields_in_process() {
                expect($way, Fields::default(), async |runtime, _| {
                    runtime.read::<Fields, _>(|fields| fields.board.clone()).await.unwrap()
                })
                .await;
            }

            #[projector("rows-in-process", register = false $($option)*)]
            #[derive(Clone)]
            struct RowsInProcess;

            #[handlers]
            impl RowsInProcess {
                #[handles(Added)]
                fn added(&self, event: &Added, at: &Envelope, lines: &mut Rows<Line>) {
                    lines.entry(at.stream()).step(event.n);
                }
            }

            #[tokio::test]
            async fn rows_in_process() {
                expect($way, RowsInProcess, rows).await;
            }

            on_sqlite!($way, [$($option)*]);
        }
    )* };
}

modes! {
    catch_up: Way::CatchUp, [];
    persistent: Way::Persistent, [];
    running: Way::Running, [];
    live: Way::Running, [, mode = "live"];
}

/// Inline needs the event store's own storage, and so has no read model in process.
macro_rules! modes_on_sqlite {
    ($($mode:ident: $way:expr, [$($option:tt)*];)*) => { $(
        mod $mode {
            use super::*;

            on_sqlite!($way, [$($option)*]);
        }
    )* };
}

modes_on_sqlite! {
    inline: Way::Running, [, mode = "inline"];
    inline_restarted: Way::Persistent, [, mode = "inline"];
    inline_after_the_fact: Way::CatchUp, [, mode = "inline"];
}
