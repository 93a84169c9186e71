//! Several processes on one SQLite file: rule R25.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use projections::{EventSource, Filter, GlobalPosition, ReadRequest, sqlite::SqliteEventStore};
use projections_tests::ledger::{expected, read_sqlite};

use crate::child::{Other, projected};

/// Nobody may wait longer than this for ninety-nine of a hundred appends.
const P99: Duration = Duration::from_secs(2);

/// Nobody may get less than its share divided by this.
const FAIR: usize = 5;

/// Nobody may wait longer than this for an import of others, but once: each append waits for the
/// disk, which belongs to other programs, too. An import that holds others up does it with each of its
/// chunks.
const IMPORT: Duration = Duration::from_secs(1);

/// `PROJECTIONS_SCALE_SECONDS` asks for a longer run.
fn length() -> Duration {
    let asked = std::env::var("PROJECTIONS_SCALE_SECONDS").ok();
    Duration::from_secs(asked.map_or(3, |seconds| seconds.parse().unwrap()))
}

fn pairs(path: &Path, sql: &str) -> Vec<(u64, u64)> {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut rows = db.prepare(sql).unwrap();
    let pair = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    let rows = rows.query_map([], pair).unwrap().map(Result::unwrap);
    rows.map(|(one, other)| (one.cast_unsigned(), other.cast_unsigned())).collect()
}

/// How long each append took, as a child has said.
fn waits(said: &str) -> Vec<Duration> {
    let nanos = said.lines().filter_map(|line| line.strip_prefix("wait "));
    nanos.map(|nanos| Duration::from_nanos(nanos.parse().unwrap())).collect()
}

/// Four processes append and two project, while a reader keeps a snapshot open all the time.
#[test]
fn appends_stay_fair_beside_projecting_processes_and_a_long_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let store = SqliteEventStore::open(&path).unwrap();
    let reads = ["one.db", "two.db"];
    let projecting = reads.map(|read| Other::project(folder.path(), read));
    let mut appending: Vec<_> =
        (0..4).map(|n| Other::start(folder.path(), "append", &format!("s-{n}"))).collect();
    // All have begun before the time is taken.
    appending.iter_mut().for_each(|other| drop(other.line("begun")));
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM events;").unwrap();
    let before = store.wal_bytes();
    std::thread::sleep(length()); // how long the load lasts
    // A child whose append fails ends with an error, which `end` sees.
    let said: Vec<_> = appending.into_iter().map(Other::end).collect();
    let pinned = store.wal_bytes();
    let mut all: Vec<_> = said.iter().flat_map(|said| waits(said)).collect();
    all.sort_unstable();
    let stored = pairs(&path, "SELECT position, payload ->> 'n' FROM events ORDER BY position");
    let shares = pairs(
        &path,
        "SELECT CAST(substr(stream, 3) AS INTEGER), count(*) FROM events GROUP BY 1 ORDER BY 1",
    );
    let (p99, worst) = (all[all.len() * 99 / 100], all[all.len() - 1]);
    println!("{} appends, by process {shares:?}", stored.len());
    println!("of {}: p99 wait {p99:?}, longest {worst:?}", all.len());
    println!("write-ahead log {before} bytes, with the reader pinning it {pinned}");
    assert_eq!(all.len(), stored.len(), "each append that was answered is there, and no other");
    assert!(p99 < P99, "{p99:?}");
    let share = |(_, count): &(u64, u64)| *count as usize;
    let fair = stored.len() / shares.len() / FAIR;
    assert!(shares.len() == 4 && shares.iter().map(share).all(|count| count > fair), "{shares:?}");
    // Positions were drawn without a gap, and the reader's snapshot held the log's file open.
    assert!(stored.iter().zip(1..).all(|((position, _), due)| *position == due));
    assert!(pinned > before, "{pinned} after {before}");

    reader.execute_batch("COMMIT").unwrap();
    let began = Instant::now();
    for read in reads {
        let read = folder.path().join(read);
        while projected(&read) < stored.len() {
            assert!(began.elapsed() < Duration::from_secs(60) + length(), "{read:?} is behind");
            std::thread::yield_now();
        }
    }
    projecting.into_iter().for_each(Other::kill);
    for read in reads {
        assert_eq!(read_sqlite(&folder.path().join(read)), expected(&stored));
    }
    // Nobody pins the log any more: it shrinks.
    let sweep = rusqlite::Connection::open(&path).unwrap();
    sweep.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    assert_eq!(store.wal_bytes(), 0);
}

/// While a file is imported, another process appends and this one reads.
#[tokio::test]
async fn an_import_holds_nobody_up_for_long() {
    const LINES: usize = 60_000;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    let file = folder.path().join("many.ndjson");
    let line = r#"{"stream":"i","domain":"numbers","type":"Else","time":"2020-01-01T00:00:00Z","data":{}}"#;
    std::fs::write(&file, format!("{line}\n").repeat(LINES)).unwrap();
    let mut appending = Other::start(folder.path(), "append", "s");
    appending.line("begun");
    let mut importing = std::process::Command::new(env!("CARGO_BIN_EXE_cli-app"));
    importing.arg("--data").arg(folder.path()).args(["events", "import"]).arg(&file);
    let mut importing = importing.stderr(std::process::Stdio::null()).spawn().unwrap();
    let everything = Filter::all();
    let mut reads = Vec::new();
    let status = loop {
        let begun = Instant::now();
        store.read(ReadRequest::new(GlobalPosition::BEGINNING, &everything)).await.unwrap();
        reads.push(begun.elapsed());
        if let Some(status) = importing.try_wait().unwrap() {
            break status;
        }
    };
    assert!(status.success());
    let mut appends = waits(&appending.end());
    assert_eq!(store.head().await.unwrap().unwrap().position.get() as usize, LINES + appends.len());
    for (what, waits) in [("append", &mut appends), ("read", &mut reads)] {
        waits.sort_unstable();
        let (p99, worst) = (waits[waits.len() * 99 / 100], &waits[waits.len() - 2..]);
        println!("{} {what}s during an import: p99 {p99:?}, longest {worst:?}", waits.len());
        assert!(worst[0] < IMPORT, "{what}: {worst:?}");
    }
}
