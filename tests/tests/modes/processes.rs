//! Read models in process, in real processes: killed, and side by side.

use projections::{Runtime, State, sqlite::SqliteEventStore};
use projections_tests::ledger::InProcessLedger;

use crate::{
    child::Other,
    support::{Running, append, caught_up},
    tally::uninterrupted,
};

/// Rule R11: both read the same state, and each says for itself how it is.
#[tokio::test]
async fn two_processes_with_one_projector_read_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    append(&events, 0..500).await;
    let runtime = Runtime::builder(events.clone()).only(["ledger-in-process"]).build().await;
    let runtime = runtime.unwrap();
    let before = runtime.status().await.unwrap().projectors.remove(0);
    assert!(before.elsewhere && before.state == State::Stopped);
    let running = Running::start(&runtime);
    let mut other = Other::start(folder.path(), "ledger", "700");
    other.line("begun");
    append(&events, 500..700).await;
    let shown = other.line("shows");
    caught_up(&runtime).await;
    // The other one says so too, and by its name.
    let there = loop {
        let all = runtime.status().await.unwrap().projectors;
        if let [_, there] = all.as_slice()
            && there.position.get() == 700
        {
            break there.clone();
        }
        tokio::task::yield_now().await;
    };
    let process = format!("process {}", other.id());
    assert!(there.owner.unwrap().process.starts_with(&process), "{process}");
    let look = runtime.read_at::<InProcessLedger, _>(|l, at| (at.get(), l.ledger.clone()));
    let (at, ledger) = look.await.unwrap();
    assert_eq!(shown, format!("{at} {ledger:?}"));
    // That the other one ends is nothing to this one.
    other.kill();
    append(&events, 700..710).await;
    caught_up(&runtime).await;
    let status = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!((status.position.get(), status.elsewhere), (710, false));
    running.stop().await.unwrap();
}

/// Killed with -9 after its snapshots by number of events, a process reads only the rest, and shows
/// what one does that was never interrupted.
#[tokio::test]
async fn a_killed_process_goes_on_from_its_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    let mut total = 0;
    let mut known = 0;
    for more in [12_000, 25_000, 11_000] {
        append(&events, total..total + more).await;
        total += more;
        let mut process = Other::start(folder.path(), "tally", &total.to_string());
        // It has begun with what was known, and has saved more.
        let mut saved: u64 = 0;
        while saved <= known {
            saved = process.line("snapshot").parse().unwrap();
            assert!(saved >= known, "{saved} after {known}");
        }
        process.kill();
        known = saved;
    }
    let mut process = Other::start(folder.path(), "tally", &total.to_string());
    let saved: u64 = process.line("snapshot").parse().unwrap();
    assert!(saved >= known, "{saved} after {known}");
    let calls: u64 = process.line("calls").parse().unwrap();
    // It has begun with the last one that was saved, which it may have replaced before it said so.
    assert!((total - saved..=total - known).contains(&calls), "{calls} after {known} or {saved}");
    assert_eq!(process.line("state"), format!("{:?}", uninterrupted(0..total).await));
}

/// Killed at any moment, while snapshots are written: what a restart shows is never another state.
#[tokio::test]
async fn killed_at_random_moments() {
    let seed = std::env::var("PROJECTIONS_SEED").ok().and_then(|s| s.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("PROJECTIONS_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    let (mut total, mut random) = (0, seed);
    for _ in 0..5 {
        append(&events, total..total + 15_000).await;
        total += 15_000;
        let mut process = Other::start(folder.path(), "tally", &u64::MAX.to_string());
        process.line("snapshot");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // No time is kept: the moment is one of a race.
        (0..random >> 44).for_each(|_| std::hint::spin_loop());
        process.kill();
    }
    let mut process = Other::start(folder.path(), "tally", &total.to_string());
    let calls: u64 = process.line("calls").parse().unwrap();
    assert!(calls < total, "no snapshot was used");
    assert_eq!(
        process.line("state"),
        format!("{:?}", uninterrupted(0..total).await),
        "seed {seed}"
    );
}

/// Rule R3 for a read model in process with a snapshot.
#[tokio::test]
async fn from_now_is_pinned_when_it_is_killed_before_any_match() {
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    append(&events, 0..10).await;
    let mut process = Other::start(folder.path(), "newcomer", "runs");
    process.line("caught up");
    process.kill();
    append(&events, 100..150).await;
    let mut process = Other::start(folder.path(), "newcomer", "ends");
    assert_eq!(process.line("seen"), format!("{:?}", (100..150).collect::<Vec<u64>>()));
}
