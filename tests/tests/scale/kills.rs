//! Processes that are killed where an answer is on its way: rules R3 and R4.

use std::{path::Path, time::Instant};

use projections::{
    AppendRequest, EventSource, EventStore, Expected, Filter, GlobalPosition, NewEvent,
    ReadRequest, sqlite::SqliteEventStore,
};
use projections_tests::ledger::Added;

use crate::child::{Other, numbered};

fn seen(folder: &Path) -> Vec<u64> {
    let db = rusqlite::Connection::open(folder.join("read.db")).unwrap();
    let mut rows = db.prepare("SELECT n FROM seen ORDER BY rowid").unwrap();
    let rows = rows.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    rows.map(|n| n.unwrap().cast_unsigned()).collect()
}

/// Registered, killed before any match; what is appended meanwhile is delivered, and nothing else.
#[tokio::test]
async fn from_now_is_pinned_when_it_is_killed_before_any_match() {
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    let append = async |numbers: std::ops::Range<u64>| {
        let numbers = numbers.map(|n| NewEvent::of(&Added { n }).unwrap()).collect();
        events.append(AppendRequest::new("a", Expected::Any, numbers)).await.unwrap()
    };
    append(0..10).await;
    let mut newcomer = Other::start(folder.path(), "newcomer", "");
    newcomer.line("registered");
    newcomer.kill();
    append(100..150).await;
    let newcomer = Other::start(folder.path(), "newcomer", "");
    let began = Instant::now();
    while seen(folder.path()).len() < 50 {
        assert!(began.elapsed().as_secs() < 60, "{:?}", seen(folder.path()));
        tokio::task::yield_now().await;
    }
    newcomer.kill();
    assert_eq!(seen(folder.path()), (100..150).collect::<Vec<_>>());
}

/// An appender is killed again and again, and repeats every append from the first, with the ids
/// that it had: what was stored without an answer is stored once, where it was.
#[tokio::test]
async fn appends_of_a_killed_process_can_be_repeated() {
    const COUNT: u64 = 200;
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    let mut acknowledged = Vec::new();
    for kill_after in [3, 40, 80, 120] {
        let mut appender = Other::start(folder.path(), "number", &COUNT.to_string());
        let told: Vec<String> = (0..=kill_after).map(|_| appender.line("done")).collect();
        // The next append is under way, stored or not, and nobody hears of it.
        appender.kill();
        assert!(told.starts_with(&acknowledged), "{told:?} after {acknowledged:?}");
        acknowledged = told;
    }
    let mut appender = Other::start(folder.path(), "number", &COUNT.to_string());
    let told: Vec<String> = (0..COUNT).map(|_| appender.line("done")).collect();
    appender.end();
    assert!(told.starts_with(&acknowledged));
    let expected = (0..COUNT).map(|n| format!("{n} {} {}", 2 * n + 1, 2 * n + 2));
    assert_eq!(told, expected.collect::<Vec<_>>());
    let everything = Filter::all();
    let request = ReadRequest::new(GlobalPosition::BEGINNING, &everything);
    let page = events.read(request).await.unwrap();
    let ids: Vec<_> = page.events().map(|event| event.id()).collect();
    let due = (0..COUNT).flat_map(|n| numbered(n).events).map(|event| event.id);
    assert_eq!(ids, due.collect::<Vec<_>>());
}
