//! Time limits: rule R12, acceptance line 31.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

use projections::{
    BoxError, Envelope, HaltReason, LetterQuery, Permanent, Runtime, State, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
    testing::{MemoryStorage, MemoryTx},
};

use crate::books::{Written, append_in_turn, read, shelves, write};

/// Sleeps in an await, whenever 3 comes.
#[projector("dreamer", storage = MemoryStorage, register = false, timeout = "2s",
    retry(max = 1, initial = "10ms"))]
#[derive(Clone)]
struct Dreamer;

#[handlers]
impl Dreamer {
    #[handles(Written)]
    async fn written(&self, event: &Written, at: &Envelope, db: &mut MemoryTx<'_>) {
        write(db, at.stream(), event.n);
        if event.n == 3 {
            std::future::pending().await
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_sleeps_in_an_await_is_cut_off_and_parked() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b"], 6).await;
    let runtime = Runtime::builder(events).without_linked().storage(storage.clone());
    let runtime = runtime.projector(Dreamer).build().await.unwrap();
    let began = tokio::time::Instant::now();
    runtime.catch_up().await.unwrap();
    // Two attempts, of which each may take an eighth more.
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(4) && took < Duration::from_secs(5), "{took:?}");
    assert_eq!(read(&storage), shelves([("a", &[1]), ("b", &[2, 4, 6])]));
    let letters = runtime.dead_letters("dreamer").unwrap();
    let letter = letters.list(&LetterQuery::first(1)).await.unwrap().remove(0);
    let failure = letter.failure.unwrap();
    assert_eq!(failure.attempts, 2);
    let told = "handler `written` did not come back within 2s, which is its `timeout`";
    assert_eq!(failure.error, told);
}

/// In process the state is thrown away, and replayed without it.
#[projector("sleeper", register = false, timeout = "2s", retry(none))]
#[derive(Clone, Default)]
struct Sleeper {
    seen: Vec<u64>,
}

#[handlers]
impl Sleeper {
    #[handles(Written)]
    async fn written(&mut self, event: &Written) {
        self.seen.push(event.n);
        if event.n == 3 {
            std::future::pending().await
        }
    }
}

#[tokio::test(start_paused = true)]
async fn state_in_process_is_whole_after_a_handler_was_cut_off() {
    let events = MemoryEventStore::new();
    append_in_turn(&events, &["a", "b"], 6).await;
    let runtime = Runtime::builder(events).without_linked().projector(Sleeper::default());
    let runtime = runtime.build().await.unwrap();
    runtime.catch_up().await.unwrap();
    assert_eq!(runtime.read::<Sleeper, _>(|p| p.seen.clone()).await.unwrap(), [1, 2, 4, 6]);
}

/// What a handler on SQLite does when 3 comes.
type Trick = dyn Fn(&mut SqliteTx<'_>) -> rusqlite::Result<()> + Send + Sync;

#[projector("stuck", storage = Sqlite, register = false, timeout = "2s", retry(none))]
#[derive(Clone)]
struct Stuck {
    trick: Arc<Trick>,
}

#[handlers]
impl Stuck {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS pages (n INTEGER PRIMARY KEY)")
    }

    #[handles(Written)]
    fn written(&self, event: &Written, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        db.execute("INSERT INTO pages VALUES (?1)", [event.n.cast_signed()])?;
        if event.n == 3 {
            (self.trick)(db)?;
        }
        Ok(())
    }
}

fn pages(path: &Path) -> Vec<i64> {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut pages = db.prepare("SELECT n FROM pages ORDER BY n").unwrap();
    pages.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_handler_that_sleeps_in_sql_is_interrupted_and_parked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let events = MemoryEventStore::new();
    append_in_turn(&events, &["a", "b"], 6).await;
    let endless = |db: &mut SqliteTx<'_>| {
        let sql = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT count(*) FROM n";
        db.query_row(sql, [], |row| row.get::<_, i64>(0)).map(drop)
    };
    let runtime = Runtime::builder(events).without_linked();
    let runtime = runtime.storage(Sqlite::open(&path).unwrap());
    let runtime = runtime.projector(Stuck { trick: Arc::new(endless) }).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    assert_eq!(pages(&path), [1, 2, 4, 6]);
    let letters = runtime.dead_letters("stuck").unwrap();
    let letter = letters.list(&LetterQuery::first(1)).await.unwrap().remove(0);
    let error = letter.failure.unwrap().error;
    assert!(error.contains("did not come back within 2s"), "{error}");
}

/// Nothing can cut it off: its projector halts as stalled, and all else goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_sleeps_in_plain_code_is_told_and_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b"], 6).await;
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let asleep = move |_: &mut SqliteTx<'_>| {
        let _ = released.lock().unwrap().recv();
        Ok(())
    };
    let runtime = Runtime::builder(events)
        .without_linked()
        .storage(Sqlite::open(&path).unwrap())
        .storage(storage.clone())
        .projector(Stuck { trick: Arc::new(asleep) })
        .projector(Beside)
        .build()
        .await
        .unwrap();
    let error = runtime.catch_up().await.unwrap_err();
    let HaltReason::Stalled { method: "written", position, .. } = &*error.halted()[0].reason else {
        panic!("{error}")
    };
    assert_eq!(position.get(), 3);
    assert_eq!(error.halted().len(), 1, "the other one has caught up");
    assert_eq!(read(&storage), shelves([("a", &[1, 3, 5]), ("b", &[2, 4, 6])]));
    let status = runtime.status().await.unwrap().projectors;
    let stuck = status.iter().find(|one| one.projector == "stuck").unwrap();
    assert_eq!(stuck.state, State::Stalled);
    let told = stuck.last_error.as_ref().unwrap();
    assert!(told.contains("handler `written`") && told.contains("position 3"), "{told}");
    drop(release);
}

#[projector("beside", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct Beside;

#[handlers]
impl Beside {
    #[handles(Written)]
    fn written(&self, event: &Written, at: &Envelope, db: &mut MemoryTx<'_>) {
        write(db, at.stream(), event.n);
    }
}

/// Fails at 3 until it is repaired, and hangs at 5 then.
#[projector("late", storage = Sqlite, register = false, timeout = "300ms", retry(none))]
#[derive(Clone)]
struct Late {
    is_repaired: Arc<AtomicBool>,
    released: Arc<Mutex<mpsc::Receiver<()>>>,
}

#[handlers]
impl Late {
    #[handles(Written)]
    fn written(&self, event: &Written, _: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        match (event.n, self.is_repaired.load(SeqCst)) {
            (3, false) => return Err(Permanent::new("3 is unlucky").into()),
            (5, true) => drop(self.released.lock().unwrap().recv()),
            _ => {}
        }
        Ok(())
    }
}

/// Each letter that is redriven raises the epoch, by the runner's own hand: nobody has taken the
/// projector over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_hangs_in_a_redrive_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let events = MemoryEventStore::new();
    append_in_turn(&events, &["a", "b"], 6).await;
    let (release, released) = mpsc::channel::<()>();
    let late = Late { is_repaired: Arc::default(), released: Arc::new(Mutex::new(released)) };
    let is_repaired = Arc::clone(&late.is_repaired);
    let builder = Runtime::builder(events).without_linked();
    let builder = builder.storage(Sqlite::open(folder.path().join("read.db")).unwrap());
    let runtime = builder.projector(late).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    is_repaired.store(true, SeqCst);
    let letters = runtime.dead_letters("late").unwrap();
    let error = letters.redrive(projections::Chosen::All).await.unwrap_err();
    assert!(error.to_string().contains("position 5"), "{error}");
    let status = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!((status.state, status.parking.letters), (State::Stalled, 1));
    drop(release);
}
