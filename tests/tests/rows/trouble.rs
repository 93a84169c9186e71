//! Random programs with trouble at random places.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

use projections::{Runtime, memory::MemoryEventStore, sqlite::Sqlite};
use rand::{Rng, SeedableRng as _, rngs::StdRng};

use crate::{
    double::{Double, Failure},
    model::{Act, Op},
    others::untouched,
    programs::Program,
    projectors::{DoubleSmall, DoubleUsual, InMemory, Small, Trouble, Usual, Watch, WithState},
    run::{Applies, append, counted, dump, in_process, runtime, saw, seeds},
    tables::{AccountChange, PlayerChange, SampleChange, SeatChange},
};

/// Catches up until nothing halts any more; fails when that never happens.
async fn at_last(runtime: &Runtime<MemoryEventStore>) {
    for _ in 0..200 {
        if runtime.catch_up().await.is_ok() {
            return;
        }
    }
    runtime.catch_up().await.unwrap();
}

/// Troubles that go away, in about every tenth event.
fn place_troubles(program: &Program, watch: &Watch, rng: &mut StdRng) {
    for step in &program.steps {
        if rng.random_bool(0.1) {
            let kinds = [Trouble::Error, Trouble::Panic];
            let count = rng.random_range(1..4);
            let troubles = (0..count).map(|_| kinds[rng.random_range(0..2)]).collect();
            watch.trouble(step.number, rng.random_range(0..=step.ops.len()), troubles);
        }
    }
}

fn length_and_batch(rng: &mut StdRng) -> (usize, u32) {
    (rng.random_range(1..60), [1, 3, 7, 20, 512][rng.random_range(0..5)])
}

async fn troubled_in_process<P: Applies>(seed: u64, make: impl Fn(Watch) -> P) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (length, batch) = length_and_batch(&mut rng);
    let mut program = Program::random(seed, length);
    program.look();
    let (events, watch) = (MemoryEventStore::new(), Watch::default());
    place_troubles(&program, &watch, &mut rng);
    append(&events, &program.steps).await;
    let runtime = in_process(&events, make(watch.clone()), batch).await;
    at_last(&runtime).await;
    saw(&watch, &program);
}

#[tokio::test]
async fn failing_handlers_leave_nothing_in_process() {
    for seed in seeds(50) {
        troubled_in_process(seed, |watch| InMemory { watch }).await;
        troubled_in_process(seed, |watch| WithState { watch, steps: 0 }).await;
    }
}

/// Another connection that takes the write lock of a file again and again, and holds it while it
/// reads everything.
struct Rival {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Rival {
    fn start(path: &Path) -> Self {
        drop(Sqlite::open(path).unwrap()); // which makes the file
        let (path, stop) = (path.to_owned(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let db = rusqlite::Connection::open(path).unwrap();
            db.busy_timeout(Duration::from_secs(60)).unwrap();
            let mut locked = 0;
            while !stopped.load(Relaxed) {
                db.execute_batch("BEGIN IMMEDIATE").unwrap();
                look(&db);
                db.execute_batch("COMMIT").unwrap();
                locked += 1;
                // The others' turn.
                (0..5).for_each(|_| look(&db));
            }
            locked
        });
        Self { stop, thread }
    }

    /// Returns how often it had the lock.
    fn stop(self) -> u64 {
        self.stop.store(true, Relaxed);
        self.thread.join().unwrap()
    }
}

fn look(db: &rusqlite::Connection) {
    let found: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok");
}

/// Rebuilds in between, and starts new runtimes, while another connection takes its turns.
async fn troubled_on_sqlite<P: Applies>(seed: u64, name: &str, make: impl Fn(Watch) -> P) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (length, batch) = length_and_batch(&mut rng);
    let mut program = Program::random(seed, length);
    program.look();
    let (events, folder) = (MemoryEventStore::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("read.db");
    let watch = Watch::default();
    place_troubles(&program, &watch, &mut rng);
    let rival = Rival::start(&path);
    let mut rest = program.steps.as_slice();
    while !rest.is_empty() {
        let steps = rest.split_off(..rng.random_range(1..=rest.len())).unwrap();
        append(&events, steps).await;
        let sqlite = Sqlite::open(&path).unwrap();
        let runtime = runtime(&events, sqlite, make(watch.clone()), batch).await;
        at_last(&runtime).await;
        if rng.random_bool(0.3) {
            let _ = runtime.rebuild(name).await; // a handler may fail: it is caught up below
            at_last(&runtime).await;
        }
    }
    println!("another connection held the lock {} times", rival.stop());
    saw(&watch, &program);
    counted(&path, &program);
    untouched(&path, name).await;
    assert_eq!(dump(&path), clean(&program).await);
}

#[tokio::test]
async fn failing_handlers_and_rebuilds_leave_nothing_on_sqlite() {
    for seed in seeds(12) {
        troubled_on_sqlite(seed, "usual", |watch| Usual { watch }).await;
        troubled_on_sqlite(seed, "small", |watch| Small { watch }).await;
    }
}

/// Any call of the storage may fail, commits in every way.
async fn troubled_on_double<P: Applies>(seed: u64, make: impl Fn(Watch) -> P) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (length, batch) = length_and_batch(&mut rng);
    let mut program = Program::random(seed, length);
    program.look();
    let (events, double) = (MemoryEventStore::new(), Double::default());
    let watch = Watch::default();
    place_troubles(&program, &watch, &mut rng);
    let runtime = runtime(&events, double.clone(), make(watch.clone()), batch).await;
    let mut rest = program.steps.as_slice();
    while !rest.is_empty() {
        let steps = rest.split_off(..rng.random_range(1..=rest.len())).unwrap();
        append(&events, steps).await;
        double.fail_at_random(rng.random(), 0.02);
        for _ in 0..rng.random_range(0..20) {
            let _ = runtime.catch_up().await;
        }
        double.fail_at_random(0, 0.0);
        at_last(&runtime).await;
    }
    saw(&watch, &program);
    for (table, count) in program.world().counts() {
        assert_eq!(double.count(table), count, "rows of {table}");
    }
    let (calm, events) = (Double::default(), MemoryEventStore::new());
    append(&events, &program.steps).await;
    let projector = make(Watch::default());
    crate::run::runtime(&events, calm.clone(), projector, 512).await.catch_up().await.unwrap();
    assert_eq!(double.dump(), calm.dump());
}

#[tokio::test(start_paused = true)]
async fn outages_panics_conflicts_and_lost_answers_leave_no_stale_row() {
    for seed in seeds(40) {
        troubled_on_double(seed, |watch| DoubleUsual { watch }).await;
        troubled_on_double(seed, |watch| DoubleSmall { watch }).await;
    }
}

/// One run over several batches with hot rows, in which each commit fails in some way.
#[tokio::test(start_paused = true)]
async fn each_way_in_which_a_commit_fails_ends_the_cache() {
    let ways = [
        Failure::Outage,
        Failure::Panic,
        Failure::AnswerLost,
        Failure::PanicAfter,
        Failure::Conflict,
    ];
    for failure in ways {
        println!("{failure:?}");
        let ada = || Op::Player(Act::Entry("ada".into(), vec![PlayerChange::Hand]));
        let program = Program::of((0..6).map(|_| vec![ada()]));
        let (events, double) = (MemoryEventStore::new(), Double::default());
        append(&events, &program.steps).await;
        let watch = Watch::default();
        let projector = DoubleUsual { watch: watch.clone() };
        let runtime = runtime(&events, double.clone(), projector, 1).await;
        // The start and two events commit.
        double.fail_commits([None, None, None, Some(failure)]);
        runtime.catch_up().await.unwrap();
        saw(&watch, &program);
    }
}

/// What fails an event for good, with what its error must name.
fn poisons() -> Vec<(Vec<Op>, &'static [&'static str])> {
    let account = |acts: Vec<_>| acts.into_iter().map(Op::Account).collect();
    let sample = |change| vec![Op::Sample(Act::Entry((true, 7), vec![change]))];
    let code = |id, code| Act::Entry(id, vec![AccountChange::Code(Some(code))]);
    vec![
        (
            account(vec![Act::Entry(77, vec![AccountChange::Nan])]),
            &["`accounts`", "77", "`rate`", "NaN"],
        ),
        (
            account(vec![code(78, u64::MAX)]),
            &["`accounts`", "78", "`code`", "18446744073709551615"],
        ),
        (
            account(vec![code(79, 4_000), code(80, 4_000)]),
            &["`accounts`", "the same `code` as another", "unique"],
        ),
        (
            account(vec![
                Act::Entry(
                    81,
                    vec![AccountChange::Team(Some("x".into())), AccountChange::Place(Some(9))],
                ),
                Act::Insert(
                    82,
                    vec![AccountChange::Place(Some(9)), AccountChange::Team(Some("x".into()))],
                ),
            ]),
            &["`accounts`", "the same `team`, `place` as another", "unique"],
        ),
        (sample(SampleChange::Real(f64::NAN.to_bits())), &["`samples`", "`real`", "NaN"]),
        (sample(SampleChange::Short(f32::NAN.to_bits())), &["`samples`", "`short`", "NaN"]),
        (sample(SampleChange::Big(u64::MAX)), &["`samples`", "`big`", "18446744073709551615"]),
        (sample(SampleChange::Text("a\0b".into())), &["`samples`", "`text`", "U+0000"]),
        (
            vec![Op::Player(Act::Entry("zoe".into(), vec![PlayerChange::Rename("zed".into())]))],
            &["`players`", "zoe", "zed", "key"],
        ),
        (
            vec![Op::Player(Act::Entry("a\0".into(), vec![PlayerChange::Hand]))],
            &["`players`", "key", "U+0000"],
        ),
        (
            vec![Op::Seat(Act::Entry(("b".into(), 3), vec![SeatChange::Taken(Some("\0".into()))]))],
            &["`seats`", "\"b\", 3", "`taken_by`", "U+0000"],
        ),
    ]
}

/// A program whose last event fails for good, after whatever else it does.
fn poisoned(seed: u64, rng: &mut StdRng, poison: &[Op]) -> (Program, Vec<Op>) {
    let program = Program::random(seed, rng.random_range(0..40));
    let mut ops: Vec<Op> = (0..rng.random_range(0..4)).map(|_| crate::programs::op(rng)).collect();
    ops.retain(|op| !matches!(op, Op::Account(_)));
    let at = rng.random_range(0..=ops.len());
    ops.splice(at..at, poison.iter().cloned());
    assert!(program.world().event(&ops).is_err(), "the model takes {ops:?}");
    (program, ops)
}

#[track_caller]
fn names_the_fault(
    halted: Result<(), projections::RunError>,
    program: &Program,
    names: &[&str],
    in_process: bool,
) {
    let error = halted.unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    for name in names {
        assert!(text.contains(name), "`{name}` is not in {text} (in process: {in_process})");
    }
    let position = format!("position {}", program.steps.len() + 1);
    assert!(text.contains(&position), "`{position}` is not in {text}");
}

#[tokio::test]
async fn an_event_that_fails_for_good_halts_before_it_and_leaves_the_rest() {
    for seed in seeds(3) {
        let mut rng = StdRng::seed_from_u64(seed);
        for (poison, names) in poisons() {
            let (program, ops) = poisoned(seed, &mut rng, &poison);
            let batch = [1, 7, 512][rng.random_range(0..3)];
            let (events, watch) = (MemoryEventStore::new(), Watch::default());
            append(&events, &program.steps).await;
            let step = crate::programs::Step { number: program.steps.len() as u64, ops };
            append(&events, std::slice::from_ref(&step)).await;
            let after = Program::random(seed + 1, 10);
            append(&events, &after.steps).await;

            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("read.db");
            let projector = Small { watch: watch.clone() };
            let sqlite = runtime(&events, Sqlite::open(&path).unwrap(), projector, batch).await;
            names_the_fault(sqlite.catch_up().await, &program, names, false);
            assert_eq!(
                sqlite.status().await.unwrap().projectors[0].position.get(),
                program.steps.len() as u64
            );
            saw(&watch, &program);
            counted(&path, &program);

            let memory = in_process(&events, InMemory { watch: Watch::default() }, batch).await;
            names_the_fault(memory.catch_up().await, &program, names, true);

            assert_eq!(dump(&path), clean(&program).await);
        }
    }
}

/// Two runtimes take the projector from each other, each with hot rows that the other has changed.
#[tokio::test]
async fn an_owner_that_was_replaced_writes_no_stale_row() {
    for seed in seeds(6) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut program = Program::random(seed, 60);
        program.look();
        let (events, folder) = (MemoryEventStore::new(), tempfile::tempdir().unwrap());
        let path = folder.path().join("read.db");
        let (watch, batch) = (Watch::default(), [1, 7, 512][rng.random_range(0..3)]);
        let mut runtimes = Vec::new();
        for _ in 0..2 {
            let projector = Usual { watch: watch.clone() };
            let sqlite = Sqlite::open(&path).unwrap();
            runtimes.push(runtime(&events, sqlite, projector, batch).await);
        }
        let mut rest = program.steps.as_slice();
        let mut running: [Option<tokio::task::JoinHandle<_>>; 2] = [None, None];
        while !rest.is_empty() {
            let most = rest.len().min(8);
            let steps = rest.split_off(..rng.random_range(1..=most)).unwrap();
            let turn = rng.random_range(0..2);
            // This one takes over where the other's run is dropped, and stands by else; what it has
            // in memory is of the time when it owned the projector before.
            if rng.random_bool(0.5)
                && let Some(other) = running[1 - turn].take()
            {
                other.abort();
            }
            let own = &mut running[turn];
            if own.is_none() {
                let runtime = runtimes[turn].clone();
                *own = Some(tokio::spawn(async move { runtime.run(std::future::pending()).await }));
            }
            append(&events, steps).await;
            if rng.random_bool(0.5) {
                tokio::time::timeout(Duration::from_millis(rng.random_range(0..20)), async {
                    while watch.seen().len() < program.steps.len() - rest.len() {
                        tokio::task::yield_now().await;
                    }
                })
                .await
                .ok();
            }
        }
        at_last(&runtimes[0]).await;
        running.iter().flatten().for_each(tokio::task::JoinHandle::abort);
        counted(&path, &program);
        assert_eq!(dump(&path), clean(&program).await);
    }
}

/// What the tables are without any trouble.
async fn clean(program: &Program) -> String {
    let (events, folder) = (MemoryEventStore::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("clean.db");
    append(&events, &program.steps).await;
    let (sqlite, watch) = (Sqlite::open(&path).unwrap(), Watch::default());
    let runtime = runtime(&events, sqlite, Usual { watch: watch.clone() }, 512).await;
    runtime.catch_up().await.unwrap();
    saw(&watch, program);
    dump(&path)
}
