//! Appends many events, catches up two read models of bounded size, and prints how much memory
//! that took, as one JSON line.
//!
//! ```text
//! scale --events NUMBER --folder FOLDER    the folder is created; it must not hold a log yet
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Parser;
use projections::{
    AppendRequest, Event, EventStore, Expected, NewEvent, Runtime, handlers, projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx, rusqlite},
};

/// Events in one append.
const CHUNK: u64 = 1_000;
/// Rows of each read model, whatever the number of events.
const ACCOUNTS: u64 = 1_000;
/// So many bytes of each event are of no use, so that a log is larger than what may stay in memory.
const NOTE: usize = 200;

#[derive(Parser)]
struct Arguments {
    /// How many events.
    #[arg(long)]
    events: u64,
    /// Where the log and the read model are put.
    #[arg(long)]
    folder: PathBuf,
}

#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "scale")]
struct Paid<'a> {
    account: u64,
    amount: u64,
    note: &'a str,
}

impl<'a> Paid<'a> {
    fn nth(n: u64, note: &'a str) -> Self {
        Self { account: n % ACCOUNTS, amount: n, note }
    }
}

/// Sums on SQLite.
#[projector("scale-sqlite", storage = Sqlite, register = false)]
#[derive(Clone)]
struct OnSqlite;

#[handlers]
impl OnSqlite {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS sums (account INTEGER PRIMARY KEY, sum INTEGER NOT NULL)",
        )
    }

    #[handles(Paid)]
    fn paid(&self, event: &Paid<'_>, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        let sql = "INSERT INTO sums VALUES (?1, ?2)
                   ON CONFLICT (account) DO UPDATE SET sum = sum + excluded.sum";
        db.execute(sql, (event.account.cast_signed(), event.amount.cast_signed())).map(drop)
    }
}

/// Sums in process.
#[projector("scale-in-process", register = false)]
#[derive(Clone, Default)]
struct InProcess {
    sums: Vec<u64>,
}

#[handlers]
impl InProcess {
    #[handles(Paid)]
    fn paid(&mut self, event: &Paid<'_>) {
        self.sums.resize(ACCOUNTS as usize, 0);
        self.sums[event.account as usize] += event.amount;
    }
}

/// What the kernel says of this process: its peak and its present resident size.
fn resident() -> Option<[u64; 2]> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kilobytes * 1_024)
    };
    Some([field("VmHWM:")?, field("VmRSS:")?])
}

async fn append(events: &SqliteEventStore, count: u64) {
    let note = "x".repeat(NOTE);
    for from in (0..count).step_by(CHUNK as usize) {
        let chunk = from..count.min(from + CHUNK);
        let chunk = chunk.map(|n| NewEvent::of(&Paid::nth(n, &note)).unwrap());
        let stream = format!("payments-{}", from / CHUNK % 100);
        let request = AppendRequest::new(stream, Expected::Any, chunk.collect());
        events.append(request).await.unwrap();
    }
}

async fn catch_up_sqlite(events: &SqliteEventStore, folder: &std::path::Path) -> Vec<u64> {
    let storage = Sqlite::open(folder.join("read.db")).unwrap();
    let runtime = Runtime::builder(events.clone()).without_linked().projector(OnSqlite);
    let runtime = runtime.storage(storage.clone()).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let db = storage.connect().unwrap();
    let mut sums = db.prepare("SELECT sum FROM sums ORDER BY account").unwrap();
    let sums = sums.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    sums.map(|sum| sum.unwrap().cast_unsigned()).collect()
}

async fn catch_up_in_process(events: &SqliteEventStore) -> Vec<u64> {
    let runtime = Runtime::builder(events.clone()).without_linked();
    let runtime = runtime.projector(InProcess::default()).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    runtime.read::<InProcess, _>(|state| state.sums.clone()).await.unwrap()
}

/// What the sums must be, in closed form: each account has its number, and every thousandth after.
fn expected(count: u64) -> Vec<u64> {
    let sum = |account: u64| {
        let times = (count - account).div_ceil(ACCOUNTS);
        times * account + ACCOUNTS * (times * times.saturating_sub(1) / 2)
    };
    (0..ACCOUNTS.min(count)).map(sum).collect()
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { events: count, folder } = Arguments::parse();
    std::fs::create_dir_all(&folder).unwrap();
    let log = folder.join("events.db");
    if log.exists() {
        eprintln!("error: {} holds a log already; name another folder", folder.display());
        return ExitCode::from(2);
    }
    let events = SqliteEventStore::open(log).unwrap();
    let mut report = serde_json::Map::new();
    report.insert("events".into(), count.into());
    let mut measure = |what: &str, began: Instant| {
        let rate = (count as f64 / began.elapsed().as_secs_f64()).round();
        report.insert(format!("{what}_events_per_second"), rate.into());
        let [peak, now] = resident().map_or([None; 2], |bytes| bytes.map(Some));
        report.insert(format!("{what}_peak_resident_bytes"), peak.into());
        report.insert(format!("{what}_resident_bytes"), now.into());
    };
    let began = Instant::now();
    append(&events, count).await;
    measure("append", began);

    let began = Instant::now();
    let on_sqlite = catch_up_sqlite(&events, &folder).await;
    measure("sqlite", began);
    assert_eq!(on_sqlite, expected(count), "the read model on SQLite is wrong");

    let began = Instant::now();
    let in_process = catch_up_in_process(&events).await;
    measure("in_process", began);
    assert_eq!(in_process, expected(count), "the read model in process is wrong");

    if resident().is_none() {
        report.insert("resident".into(), "unavailable: no /proc/self/status here".into());
    }
    println!("{}", serde_json::Value::Object(report));
    ExitCode::SUCCESS
}
