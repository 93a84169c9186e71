//! Streams, batch sizes, failures, poison, restarts, redrives and lying storages at random, against
//! a simple model of what must come out. The seed is printed; `PROJECTIONS_PARKING_SEED` repeats one
//! and `PROJECTIONS_PARKING_RUNS` sets how many there are.

use std::collections::BTreeMap;

use projections::{
    Chosen, LetterQuery, Runtime, StoreErrorKind,
    memory::MemoryEventStore,
    testing::{Call, MemoryStorage},
};
use rand::{Rng, SeedableRng as _, rngs::StdRng};

use crate::books::{Fault, Plan, append, books, read};

books!(Books, "books", retry(max = 1, initial = "1ms"));

pub(crate) const STREAMS: [&str; 4] = ["a", "b", "c", "d"];

/// What must be in the read model: each stream up to its first poison.
pub(crate) fn expected(
    log: &[(&'static str, u64)],
    poison: &BTreeMap<u64, Fault>,
) -> BTreeMap<String, Vec<u64>> {
    let mut lists = BTreeMap::<String, Vec<u64>>::new();
    let mut parked = Vec::new();
    for (stream, n) in log {
        if poison.contains_key(n) {
            parked.push(stream);
        }
        if !parked.contains(&stream) {
            lists.entry((*stream).to_owned()).or_default().push(*n);
        }
    }
    lists
}

async fn run(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let mut log = Vec::new();
    let mut poison = BTreeMap::new();
    let plan = Plan::default();
    let mut lies_until = 0;
    for _ in 0..random.random_range(2..8) {
        for _ in 0..random.random_range(0..25) {
            let (stream, n) = (STREAMS[random.random_range(0..4)], log.len() as u64 + 1);
            append(&events, stream, n).await;
            log.push((stream, n));
            match random.random_range(0..12) {
                0 => _ = poison.insert(n, Fault::Permanent),
                1 => plan.add(n, Fault::Times(1)),
                _ => {}
            }
        }
        poison.iter().for_each(|(n, fault)| plan.add(*n, *fault));
        if random.random_bool(0.3) {
            let call = [Call::Begin, Call::Commit, Call::Load][random.random_range(0..3)];
            storage.fail(call, random.random_range(1..12), StoreErrorKind::Unavailable);
        }
        // One at a time: of two lies in a row at the very end nobody can know before the next start.
        if storage.calls(Call::Commit) >= lies_until {
            let nth = random.random_range(2..12);
            lies_until = storage.calls(Call::Commit) + nth;
            match random.random_range(0..6) {
                0 => storage.commit_and_fail(nth),
                1 => storage.pretend_to_commit(nth),
                _ => lies_until = 0,
            }
        }
        let runtime = Runtime::builder(events.clone())
            .without_linked()
            .storage(storage.clone())
            .projector(Books { plan: plan.clone() })
            .batch_events([1, 2, 7, 1_000][random.random_range(0..4)])
            .build()
            .await
            .unwrap();
        runtime.catch_up().await.unwrap();
        assert_eq!(read(&storage), expected(&log, &poison), "seed {seed}");
        let letters = runtime.dead_letters("books").unwrap();
        let all = letters.list(&LetterQuery::first(10_000)).await.unwrap();
        let applied: usize = read(&storage).values().map(Vec::len).sum();
        assert_eq!(applied + all.len(), log.len(), "seed {seed}: every event is applied or parked");
        if random.random_bool(0.4) && !all.is_empty() {
            // Repaired: some of it, or all of it.
            let stream = all[random.random_range(0..all.len())].park_key.clone();
            let mended: Vec<u64> = log
                .iter()
                .filter(|(own, n)| *own == stream && poison.contains_key(n))
                .map(|(_, n)| *n)
                .collect();
            for n in mended {
                poison.remove(&n);
                plan.repair_of(n);
            }
            let chosen = match random.random_bool(0.5) {
                true => Chosen::Key(stream),
                false => Chosen::All,
            };
            // What fails only now and then may do so here, too: a redrive tries once.
            loop {
                let Ok(handled) = letters.redrive(chosen.clone()).await else { break };
                let is_poison = |n: projections::GlobalPosition| poison.contains_key(&n.get());
                if handled.failed.iter().all(|letter| is_poison(letter.position)) {
                    break;
                }
            }
            assert_eq!(read(&storage), expected(&log, &poison), "seed {seed}");
        }
        if random.random_bool(0.1) {
            runtime.rebuild("books").await.unwrap();
            assert_eq!(read(&storage), expected(&log, &poison), "seed {seed}");
        }
    }
}

pub(crate) fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_each_event_is_applied_once_or_parked() {
    let first = setting("PROJECTIONS_PARKING_SEED").unwrap_or_else(|| rand::rng().random());
    for seed in
        (0..setting("PROJECTIONS_PARKING_RUNS").unwrap_or(60)).map(|run| first.wrapping_add(run))
    {
        println!("seed {seed}");
        run(seed).await;
    }
}
