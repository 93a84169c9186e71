//! What waiting costs, counted.

use std::{sync::Arc, time::Duration};

use projections::{
    Runtime, State,
    testing::{Call, MemoryStorage},
};

use tokio::time::Instant;

use crate::support::{LONG, Run, append, memory, runtime, soon};

const WAITERS: usize = 1_000;
/// Shorter than the poll of a storage that cannot be watched, which is a second.
const NO_POLL: Duration = Duration::from_millis(500);

/// Time is paused: it moves where nobody has anything to do, and then as far as the next timer. So it
/// shows whether anybody waited for one: a commit wakes who waits, and not a poll.
#[tokio::test(start_paused = true)]
async fn a_thousand_waiters_cost_one_look_a_commit() {
    let (events, storage) = memory();
    let here = runtime(&events, &storage, &["ledger-memory"]).await;
    let elsewhere = Runtime::builder(events.clone()).storage(storage.clone());
    let elsewhere = elsewhere.only(["ledger-memory"]).batch_events(1).build().await.unwrap();
    let token = append(&here, 0..50).await.token();
    let waiting: Vec<_> = (0..WAITERS)
        .map(|_| {
            let (here, token) = (here.clone(), token.clone());
            tokio::spawn(async move { here.wait_for("ledger-memory", &token, LONG).await })
        })
        .collect();
    for _others_run in 0..2 * WAITERS {
        tokio::task::yield_now().await;
    }
    // Who comes needs a look of his own, and shares it with those who come meanwhile.
    let looks = |since: u64| storage.calls(Call::Checkpoints) - since;
    assert!((1..=50).contains(&looks(0)), "{} looks for {WAITERS} who came", looks(0));
    let (before, commits) = (looks(0), storage.calls(Call::Commit));
    let committing = Instant::now();
    elsewhere.catch_up().await.unwrap();
    for waiting in waiting {
        soon(waiting).await.unwrap().unwrap();
    }
    assert!(committing.elapsed() < NO_POLL, "{:?} by paused time", committing.elapsed());
    let commits = storage.calls(Call::Commit) - commits;
    assert!(commits >= 50, "{commits} commits");
    assert!(looks(before) <= commits + 1, "{} looks for {commits} commits", looks(before));
    // Nobody waits any longer, and nobody looks, but for the run that shows its last figures.
    let before = looks(0);
    append(&here, 50..60).await;
    elsewhere.catch_up().await.unwrap();
    tokio::time::sleep(LONG).await; // paused time, not a wait
    assert!(looks(before) <= 1, "{} looks for 10 commits", looks(before));
}

/// Where the projector runs here, its runner tells: the storage is not asked.
#[tokio::test(start_paused = true)]
async fn waiters_of_a_projector_of_this_process_cost_no_look() {
    let (events, storage) = memory();
    let runtime = runtime(&events, &storage, &["ledger-memory"]).await;
    let run = Run::of(&runtime);
    while runtime.status().await.unwrap().projectors[0].state != State::CaughtUp {
        tokio::task::yield_now().await;
    }
    let (before, appending) = (storage.calls(Call::Checkpoints), Instant::now());
    let waiting: Vec<_> = (0..WAITERS)
        .map(|n| {
            let runtime = runtime.clone();
            tokio::spawn(async move {
                let token = append(&runtime, [n as u64]).await.token();
                runtime.wait_for("ledger-memory", &token, LONG).await
            })
        })
        .collect();
    for waiting in waiting {
        soon(waiting).await.unwrap().unwrap();
    }
    assert!(appending.elapsed() < NO_POLL, "{:?} by paused time", appending.elapsed());
    assert_eq!(storage.calls(Call::Checkpoints), before);
    run.stop().await;
}

/// The task that looks for all dies with the tokio runtime that it runs on. Whoever waits on
/// another one goes on.
#[test]
fn a_wait_outlives_the_tokio_runtime_of_another_one() {
    let tokio = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    };
    let (first, second) = (tokio(), tokio());
    let (events, storage) = memory();
    let here = second.block_on(runtime(&events, &storage, &["ledger-memory"]));
    let elsewhere = second.block_on(runtime(&events, &storage, &["ledger-memory"]));
    let token = second.block_on(append(&here, [1])).token();
    let wait = || {
        let (here, token) = (here.clone(), token.clone());
        async move { here.wait_for("ledger-memory", &token, LONG).await }
    };
    let forgotten = first.spawn(wait());
    let looked = |storage: &Arc<MemoryStorage>, times| {
        while storage.calls(Call::Checkpoints) < times {
            std::thread::yield_now();
        }
    };
    let storage = Arc::new(storage);
    looked(&storage, 1);
    let waiting = second.spawn(wait());
    looked(&storage, 2);
    first.shutdown_background();
    second.block_on(async {
        elsewhere.catch_up().await.unwrap();
        soon(waiting).await.unwrap().unwrap();
    });
    drop(forgotten);
}
