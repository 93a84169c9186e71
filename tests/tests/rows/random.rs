//! Random programs against the model: what every handler sees, and what is stored in the end.

use projections::{memory::MemoryEventStore, sqlite::Sqlite};

use crate::{
    double::Double,
    others::untouched,
    plain::PlainSql,
    programs::Program,
    projectors::{
        DoubleSmall, DoubleTiny, DoubleUsual, InMemory, Small, Tiny, Usual, Watch, WithState,
    },
    run::{Applies, append, counted, dump, in_process, runtime, saw, seeds},
};

/// Runs it in two runs, the second of which looks at what the first has stored.
async fn on_double<P: Applies>(
    program: &Program,
    batch: u32,
    make: impl Fn(Watch) -> P,
) -> (String, Double) {
    let (events, double) = (MemoryEventStore::new(), Double::default());
    let last = program.steps.len() - 1;
    let watch = Watch::default();
    for steps in [&program.steps[..last], &program.steps[last..]] {
        append(&events, steps).await;
        let runtime = runtime(&events, double.clone(), make(watch.clone()), batch).await;
        runtime.catch_up().await.unwrap();
    }
    saw(&watch, program);
    assert_eq!(watch.calls(), program.steps.len() as u64, "a handler was called twice");
    for (table, count) in program.world().counts() {
        assert_eq!(double.count(table), count, "rows of {table}");
    }
    (double.dump(), double)
}

#[tokio::test]
async fn every_bound_and_batch_gives_one_read_model() {
    for seed in seeds(40) {
        let mut program = Program::random(seed, 80);
        program.look();
        let (expected, _) = on_double(&program, 1, |watch| DoubleTiny { watch }).await;
        for batch in [1, 7, 512] {
            println!("batches of {batch}");
            let usual = on_double(&program, batch, |watch| DoubleUsual { watch }).await.0;
            assert_eq!(usual, expected);
            let small = on_double(&program, batch, |watch| DoubleSmall { watch }).await.0;
            assert_eq!(small, expected);
            let tiny = on_double(&program, batch, |watch| DoubleTiny { watch }).await.0;
            assert_eq!(tiny, expected);
        }
    }
}

#[tokio::test]
async fn rows_in_process_are_what_the_model_has() {
    for seed in seeds(60) {
        let mut program = Program::random(seed, 100);
        program.look();
        for batch in [1, 7, 512] {
            let events = MemoryEventStore::new();
            append(&events, &program.steps).await;
            let (stateless, stateful) = (Watch::default(), Watch::default());
            let projector = InMemory { watch: stateless.clone() };
            in_process(&events, projector, batch).await.catch_up().await.unwrap();
            saw(&stateless, &program);
            let projector = WithState { watch: stateful.clone(), steps: 0 };
            in_process(&events, projector, batch).await.catch_up().await.unwrap();
            saw(&stateful, &program);
        }
    }
}

async fn on_sqlite<P: Applies>(program: &Program, batch: u32, make: impl Fn(Watch) -> P) -> String {
    let (events, folder) = (MemoryEventStore::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("read.db");
    let last = program.steps.len() - 1;
    let watch = Watch::default();
    for steps in [&program.steps[..last], &program.steps[last..]] {
        append(&events, steps).await;
        let sqlite = Sqlite::open(&path).unwrap();
        let runtime = runtime(&events, sqlite, make(watch.clone()), batch).await;
        runtime.catch_up().await.unwrap();
    }
    saw(&watch, program);
    counted(&path, program);
    untouched(&path, P::NAME).await;
    dump(&path)
}

/// By hand, one event a transaction.
async fn by_hand(program: &Program) -> String {
    let (events, folder) = (MemoryEventStore::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("read.db");
    append(&events, &program.steps).await;
    let sqlite = Sqlite::open(&path).unwrap();
    runtime(&events, sqlite, PlainSql, 1).await.catch_up().await.unwrap();
    counted(&path, program);
    dump(&path)
}

#[tokio::test]
async fn sqlite_gives_the_read_model_of_plain_sql_whatever_the_bound_and_the_batch() {
    for seed in seeds(8) {
        let mut program = Program::random(seed, 80);
        program.look();
        let expected = on_sqlite(&program, 1, |watch| Usual { watch }).await;
        assert_eq!(by_hand(&program).await, expected, "rows, and plain SQL by hand");
        for batch in [1, 7, 512] {
            println!("batches of {batch}");
            assert_eq!(on_sqlite(&program, batch, |watch| Usual { watch }).await, expected);
            assert_eq!(on_sqlite(&program, batch, |watch| Small { watch }).await, expected);
            assert_eq!(on_sqlite(&program, batch, |watch| Tiny { watch }).await, expected);
        }
    }
}
