//! What a failing event does: acceptance line 34, rules R5, R6, R16, R28 and R38, and isolation.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use projections::{
    AccessError, Envelope, EventStore, HaltReason, HandleError, Runtime, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
    testing::{MemoryStorage, MemoryTx},
};
use projections_tests::ledger::{Added, expected, read_memory};

use crate::support::{append, append_raw};

/// What a handler counts, and what it is told to do.
#[derive(Clone, Default)]
struct Trap {
    calls: Arc<AtomicU64>,
    /// Fail this often at 13, then succeed.
    failures: Arc<AtomicU64>,
}

impl Trap {
    fn failing(times: u64) -> Self {
        Self { failures: Arc::new(times.into()), ..Self::default() }
    }

    fn spring(&self, n: u64) -> Result<(), String> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let left = |left: u64| left.checked_sub(1);
        let fails =
            n == 13 && self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok();
        if fails { Err("unlucky".to_owned()) } else { Ok(()) }
    }
}

#[projector("trapped", storage = MemoryStorage, register = false, on_failure = "halt", retry(max = 1, initial = "0ms"))]
#[derive(Clone)]
struct Trapped {
    trap: Trap,
}

#[handlers]
impl Trapped {
    #[handles(Added)]
    fn added(&self, event: &Added, at: &Envelope, db: &mut MemoryTx<'_>) -> Result<(), String> {
        db.set("rows", format!("{:020}", at.position().get()), event.n);
        self.trap.spring(event.n)
    }
}

/// Numbers 0..n, of which 13 is the fourteenth.
async fn trapped<S: EventStore + Clone>(
    events: &S,
    storage: &MemoryStorage,
    trap: Trap,
    batch: u32,
) -> Runtime<S> {
    let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    let runtime = runtime.projector(Trapped { trap }).batch_events(batch);
    runtime.build().await.unwrap()
}

async fn a_failing_event_halts_and_its_neighbours_before_it_commit<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    append(&events, "a", 0..30).await;
    for batch in [1, 7, 1_000] {
        let storage = MemoryStorage::new();
        let runtime = trapped(&events, &storage, Trap::failing(u64::MAX), batch).await;
        let error = runtime.catch_up().await.unwrap_err();
        let HaltReason::Event { position, name, stream, source, .. } = &*error.halted()[0].reason
        else {
            panic!("{error}");
        };
        assert_eq!((position.get(), &**name, &**stream), (14, "Added", "a"));
        assert!(matches!(source, HandleError::Failed { method: "added", .. }));
        for part in ["`trapped` halted", "position 14", "handler `added` failed: unlucky"] {
            assert!(error.to_string().contains(part), "{part} is not in: {error}");
        }
        assert_eq!(storage.rows("rows").len(), 13, "batch {batch}");
        // Status says so, from the storage, in a runtime that has not run it.
        let other = trapped(&events, &storage, Trap::default(), batch).await;
        let status = other.status().await.unwrap().projectors.remove(0);
        assert_eq!(status.state.to_string(), "halted");
        assert!(status.last_error.unwrap().contains("unlucky"));
        // The next start tries the same event again.
        other.catch_up().await.unwrap();
        assert_eq!(storage.rows("rows").len(), 30);
    }
}

async fn an_event_that_fails_only_in_company_is_applied_alone<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    append(&events, "a", 0..30).await;
    let storage = MemoryStorage::new();
    let trap = Trap::failing(1);
    trapped(&events, &storage, trap.clone(), 1_000).await.catch_up().await.unwrap();
    assert_eq!(storage.rows("rows").len(), 30);
    // All to 13, the 13 before it, it alone, the 16 after it.
    assert_eq!(trap.calls.load(Ordering::SeqCst), 14 + 13 + 1 + 16);
}

#[projector("trapped-state", register = false, on_failure = "halt", retry(none))]
#[derive(Clone, Default)]
struct TrappedState {
    trap: Trap,
    seen: Vec<u64>,
}

#[handlers]
impl TrappedState {
    #[handles(Added)]
    async fn added(&mut self, event: &Added) -> Result<(), String> {
        self.seen.push(event.n); // and then fails: the half
        self.trap.spring(event.n)
    }
}

async fn in_process_state_is_replayed_up_to_the_failing_event<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    append(&events, "a", 0..30).await;
    for batch in [1, 7, 1_000] {
        let trap = Trap::failing(1);
        let projector = TrappedState { trap, seen: Vec::new() };
        let runtime = Runtime::builder(events.clone()).without_linked();
        let runtime = runtime.projector(projector).batch_events(batch).build().await.unwrap();
        let error = runtime.catch_up().await.unwrap_err();
        assert!(error.to_string().contains("position 14"), "{error}");
        let seen = || runtime.read_at::<TrappedState, _>(|p, at| (p.seen.clone(), at.get()));
        assert_eq!(seen().await.unwrap(), ((0..13).collect(), 13), "batch {batch}");
        // It fails just once: the next run goes on from that event.
        runtime.catch_up().await.unwrap();
        assert_eq!(seen().await.unwrap(), ((0..30).collect(), 30), "batch {batch}");
    }
}

#[projector("panicking", register = false, on_failure = "halt", retry(none))]
#[derive(Clone, Default)]
struct Panicking {
    seen: Vec<u64>,
}

#[handlers]
impl Panicking {
    #[handles(Added)]
    fn added(&mut self, event: &Added) {
        self.seen.push(event.n);
        assert!(event.n != 13, "thirteen is not a number");
    }
}

async fn a_panic_is_a_failed_event_and_leaves_other_projectors_running<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    append(&events, "a", 0..20).await;
    let storage = MemoryStorage::new();
    let runtime = Runtime::builder(events.clone())
        .storage(storage.clone())
        .projector(Panicking::default())
        .only(["panicking", "ledger-memory"]);
    let runtime = runtime.build().await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(async { drop(stopped.await) }).await }
    });
    let wait = std::time::Duration::from_secs(20);
    // The halted one fails a wait at once, with its reason.
    let late = append(&events, "a", [20]).await.token();
    let error = runtime.wait_for("panicking", &late, wait).await.unwrap_err().to_string();
    assert!(error.contains("handler `added` panicked: thirteen is not a number"), "{error}");
    // The other one goes on.
    runtime.wait_for("ledger-memory", &late, wait).await.unwrap();
    let numbers: Vec<_> = (1..).zip(0..21).collect();
    assert_eq!(read_memory(&storage), expected(&numbers));
    assert_eq!(runtime.read::<Panicking, _>(|p| p.seen.len()).await.unwrap(), 13);
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

async fn run_ends_when_all_have_halted<S: EventStore>(events: S, _: PathBuf) {
    append(&events, "a", [13]).await;
    let runtime = Runtime::builder(events)
        .without_linked()
        .projector(Panicking::default())
        .projector_named("second", Panicking::default());
    let runtime = runtime.build().await.unwrap();
    let error = runtime.run(std::future::pending()).await.unwrap_err();
    let names: Vec<_> = error.halted().iter().map(|halted| &*halted.projector).collect();
    assert_eq!(names, ["panicking", "second"]);
    assert!(error.to_string().starts_with("2 projectors halted:"), "{error}");
    // Two instances of one type are read by name.
    let error = runtime.read::<Panicking, _>(|_| ()).await.unwrap_err();
    assert!(matches!(error, AccessError::Several { .. }), "{error}");
    let seen = runtime.read_named::<Panicking, _>("second", |p, at| (p.seen.len(), at.get())).await;
    assert_eq!(seen.unwrap(), (0, 0));
    let error = runtime.read_named::<Panicking, _>("third", |_, _| ()).await.unwrap_err();
    assert!(matches!(error, AccessError::NotHere { .. }), "{error}");
}

async fn an_undecodable_payload_halts_with_its_place<S: EventStore + Clone>(events: S, _: PathBuf) {
    append(&events, "a", [1]).await;
    append_raw(&events, "numbers", "Added", r#"{"n":"two"}"#).await;
    let storage = MemoryStorage::new();
    let runtime = Runtime::builder(events).storage(storage.clone()).only(["ledger-memory"]);
    let error = runtime.build().await.unwrap().catch_up().await.unwrap_err().to_string();
    for part in
        ["position 2", "stream `raw`", "cannot be decoded as `Added`", "expected u64", "column 10"]
    {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    assert_eq!(read_memory(&storage), expected(&[(1, 1)]));
}

on_both_stores!(
    a_failing_event_halts_and_its_neighbours_before_it_commit,
    a_panic_is_a_failed_event_and_leaves_other_projectors_running,
    an_event_that_fails_only_in_company_is_applied_alone,
    an_undecodable_payload_halts_with_its_place,
    in_process_state_is_replayed_up_to_the_failing_event,
    run_ends_when_all_have_halted,
);

/// Its `#[setup]` fails when it is told to.
#[projector("unprepared", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct Unprepared {
    broken: bool,
}

#[handlers]
impl Unprepared {
    #[setup]
    fn prepare(&self) -> Result<(), String> {
        if self.broken { Err("no room".to_owned()) } else { Ok(()) }
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
        db.set("unprepared", event.n.to_string(), event.n);
    }
}

#[tokio::test]
async fn a_start_that_failed_is_seen_by_other_processes() {
    let events = projections::memory::MemoryEventStore::new();
    append(&events, "a", [1]).await;
    let storage = MemoryStorage::new();
    let build = async |broken: bool| {
        let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
        runtime.projector(Unprepared { broken }).build().await.unwrap()
    };
    build(false).await.catch_up().await.unwrap();
    let error = build(true).await.catch_up().await.unwrap_err();
    assert!(error.to_string().contains("`#[setup]` failed (it runs at every start): no room"));
    let status = build(false).await.status().await.unwrap().projectors.remove(0);
    assert_eq!(status.state.to_string(), "halted");
    assert!(status.last_error.unwrap().contains("no room"));
    build(false).await.catch_up().await.unwrap();
    let status = build(false).await.status().await.unwrap().projectors.remove(0);
    assert_eq!((status.state.to_string(), status.last_error), ("stopped".to_owned(), None));
}

/// A text with an escaped character cannot be borrowed.
#[derive(projections::Event, serde::Deserialize)]
#[event(domain = "texts")]
struct Written<'a> {
    text: &'a str,
}

#[projector("texts", register = false, on_failure = "halt")]
#[derive(Clone, Default)]
struct Texts(Vec<usize>);

#[handlers]
impl Texts {
    #[handles(Written)]
    fn written(&mut self, event: &Written<'_>) {
        self.0.push(event.text.len());
    }
}

#[tokio::test]
async fn a_borrowed_text_that_is_escaped_says_the_way_out() {
    let events = projections::memory::MemoryEventStore::new();
    append_raw(&events, "texts", "Written", r#"{"text":"a\"b"}"#).await;
    let runtime = Runtime::builder(events).without_linked().projector(Texts::default());
    let error = runtime.build().await.unwrap().catch_up().await.unwrap_err().to_string();
    assert!(error.contains("make it `Cow<str>` with `#[serde(borrow)]`"), "{error}");
}

/// How a handler tries to leave its transaction.
#[derive(Clone)]
struct Escape(Arc<Trick>);

type Trick = dyn Fn(&mut SqliteTx<'_>) -> rusqlite::Result<()> + Send + Sync;

#[projector("escaping", storage = Sqlite, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Escaping {
    escape: Escape,
}

#[handlers]
impl Escaping {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS kept (n INTEGER PRIMARY KEY)")
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute("INSERT INTO kept VALUES (?1)", [event.n.cast_signed()])?;
        if event.n == 3 { (self.escape.0)(db) } else { Ok(()) }
    }
}

/// Runs a handler that escapes at the third of five events; returns the error and what is kept.
async fn escape(
    with: impl Fn(&mut SqliteTx<'_>) -> rusqlite::Result<()> + Send + Sync + 'static,
) -> (Option<String>, Vec<i64>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let events = projections::memory::MemoryEventStore::new();
    append(&events, "a", 1..6).await;
    let runtime = Runtime::builder(events).without_linked();
    let runtime = runtime.storage(Sqlite::open(&path).unwrap());
    let runtime = runtime.projector(Escaping { escape: Escape(Arc::new(with)) });
    let runtime = runtime.build().await.unwrap();
    let error = runtime.catch_up().await.err().map(|error| error.to_string());
    let covered = runtime.status().await.unwrap().projectors[0].position.get();
    let db = rusqlite::Connection::open(path).unwrap();
    let mut kept = db.prepare("SELECT n FROM kept ORDER BY n").unwrap();
    let kept: Vec<i64> =
        kept.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    // The read model holds nothing that the checkpoint does not cover.
    assert_eq!(kept.len() as u64, covered, "{error:?}");
    (error, kept)
}

/// Escapes that SQLite refuses as they are tried; the handler passes the refusal on.
#[tokio::test]
async fn a_handler_that_ends_its_transaction_is_refused() {
    for sql in
        ["COMMIT", "ROLLBACK", "END", "BEGIN", "PRAGMA synchronous = OFF", "ATTACH ':memory:' AS x"]
    {
        let (error, kept) = escape(move |db| db.execute(sql, []).map(drop)).await;
        let error = error.unwrap_or_else(|| panic!("{sql} went through"));
        assert!(
            error.contains("handler `added`") && error.contains("position 3"),
            "{sql}: {error}"
        );
        assert_eq!(kept, [1, 2], "{sql}");
    }
}

/// The same, with the refusal swallowed: an attempt to leave fails the event all the same.
#[tokio::test]
async fn a_swallowed_refusal_is_found() {
    for sql in ["COMMIT", "ROLLBACK", "BEGIN"] {
        let (error, kept) = escape(move |db| {
            let _ = db.execute(sql, []);
            let _ = db.raw().execute_batch(sql);
            Ok(())
        })
        .await;
        let error = error.unwrap_or_else(|| panic!("{sql} went unseen"));
        assert!(error.contains("handler `added` left its transaction"), "{sql}: {error}");
        assert_eq!(kept, [1, 2], "{sql}");
    }
}

/// What was refused and could not have ended the transaction did nothing.
#[tokio::test]
async fn a_swallowed_attach_changes_nothing() {
    let (error, kept) = escape(|db| {
        let _ = db.raw().execute_batch("ATTACH ':memory:' AS x");
        let _ = db.raw().execute_batch("PRAGMA synchronous = OFF");
        Ok(())
    })
    .await;
    assert_eq!((error, kept), (None, vec![1, 2, 3, 4, 5]));
}

/// A conflict that rolls the whole transaction back, swallowed, with writes after it.
#[tokio::test]
async fn a_swallowed_or_rollback_is_found() {
    let (error, kept) = escape(|db| {
        let _ = db.execute("INSERT OR ROLLBACK INTO kept VALUES (3)", []);
        let _ = db.execute("INSERT INTO kept VALUES (99)", []);
        Ok(())
    })
    .await;
    let error = error.expect("the escape went unseen");
    assert!(error.contains("handler `added` left its transaction"), "{error}");
    assert_eq!(kept, [1, 2]);
}

/// A statement that fails and is swallowed leaves the rest of the handler's work.
#[tokio::test]
async fn a_swallowed_sql_error_is_the_handlers_own_business() {
    let (error, kept) = escape(|db| {
        let _ = db.execute("INSERT INTO kept VALUES (3)", []);
        Ok(())
    })
    .await;
    assert_eq!((error, kept), (None, vec![1, 2, 3, 4, 5]));
}
