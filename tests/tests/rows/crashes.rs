//! Processes that are killed, and tables that others touch.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use projections::{
    AppendRequest, EventStore, Expected, NewEvent, Runtime,
    memory::MemoryEventStore,
    sqlite::{Sqlite, SqliteEventStore},
};
use rand::{Rng, SeedableRng as _, rngs::StdRng};

use crate::{
    others::untouched,
    programs::Program,
    projectors::{Small, Usual, Watch},
    run::{append, counted, dump, runtime, seeds},
};

/// Names the folder in which a process of this test projects.
const CHILD: &str = "PROJECTIONS_ROWS_CHILD";

async fn project(folder: &Path, read: &str) {
    let events = SqliteEventStore::open(folder.join("events.db")).unwrap();
    let builder = Runtime::builder(events).without_linked().batch_events(3);
    // The next one waits until this one is known to be dead.
    let builder = builder.lease(Duration::from_millis(100));
    let builder = builder.storage(Sqlite::open(folder.join(read)).unwrap());
    let builder = builder.projector(Small { watch: Watch::default() });
    builder.build().await.unwrap().catch_up().await.unwrap();
}

/// A process that projects; where there is a limit, its disk is full once a file has so many blocks
/// of 512 or 1,024 bytes.
fn child(folder: &Path, limit: Option<u32>) -> Child {
    let test = std::env::current_exe().unwrap();
    let mut command = match limit {
        None => Command::new(test),
        Some(blocks) => {
            let mut shell = Command::new("sh");
            let limited = format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$0\" \"$@\"");
            shell.args(["-c", &limited]).arg(test);
            shell
        }
    };
    command
        .args(["--exact", "crashes::killed_at_random_moments"])
        .env(CHILD, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for a random while, or until it has ended; tells whether it has.
fn lives(child: &mut Child, longest: Duration) -> bool {
    let began = Instant::now();
    while began.elapsed() < longest {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "it gave up before it was killed");
            return false;
        }
        std::thread::yield_now();
    }
    true
}

#[tokio::test]
async fn killed_at_random_moments() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return project(Path::new(&folder), "read.db").await;
    }
    for seed in seeds(1) {
        let mut rng = StdRng::seed_from_u64(seed);
        let program = Program::random(seed, 300);
        let folder = tempfile::tempdir().unwrap();
        let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
        for steps in program.steps.chunks(50) {
            let new = steps.iter().map(|step| NewEvent::of(step).unwrap()).collect();
            events.append(AppendRequest::new("steps", Expected::Any, new)).await.unwrap();
        }
        drop(events);
        let (mut killed, mut full) = (0, 0);
        loop {
            let is_full = rng.random_bool(0.5);
            let limit = is_full.then(|| rng.random_range(100..3_000));
            let mut child = child(folder.path(), limit);
            // From before its first commit to after some; later the longer it takes.
            let longest = Duration::from_millis(rng.random_range(5..100 + 20 * killed));
            if !lives(&mut child, longest) {
                break;
            }
            full += u32::from(is_full);
            child.kill().unwrap(); // SIGKILL
            child.wait().unwrap();
            killed += 1;
        }
        println!("killed {killed} times, {full} of them with a disk that fills up");
        project(folder.path(), "uninterrupted.db").await;
        let (read, expected) =
            (folder.path().join("read.db"), folder.path().join("uninterrupted.db"));
        counted(&read, &program);
        assert_eq!(dump(&read), dump(&expected));
        untouched(&read, "small").await;
    }
}

#[tokio::test]
async fn a_table_that_somebody_drops_halts_the_projector_until_it_is_rebuilt() {
    let mut program = Program::random(7, 40);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let events = MemoryEventStore::new();
    append(&events, &program.steps).await;
    let projector = Usual { watch: Watch::default() };
    let runtime = runtime(&events, Sqlite::open(&path).unwrap(), projector, 7).await;
    runtime.catch_up().await.unwrap();
    let running = {
        let runtime = runtime.clone();
        tokio::spawn(async move { runtime.run(std::future::pending()).await })
    };
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("DROP TABLE accounts").unwrap();
    program.look();
    append(&events, &program.steps[40..]).await;
    let halted = running.await.unwrap().unwrap_err().to_string();
    assert!(halted.contains("accounts"), "{halted}");
    runtime.rebuild("usual").await.unwrap();
    counted(&path, &program);
}
