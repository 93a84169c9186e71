//! What can be wrong with an event: rule R5, acceptance lines 9 and 40.

use std::path::Path;

use projections::{
    AppendRequest, BoxError, Chosen, EventStore, Expected, LetterQuery, NewEvent, Runtime,
    handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};

use crate::books::{Fault, Plan, Written, append};

#[projector("shelf", storage = Sqlite, register = false, retry(none))]
#[derive(Clone)]
struct Shelf {
    plan: Plan,
}

#[handlers]
impl Shelf {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS authors (n INTEGER PRIMARY KEY);
             CREATE TABLE IF NOT EXISTS pages (n INTEGER PRIMARY KEY CHECK (n <> 13),
                 author INTEGER NOT NULL REFERENCES authors DEFERRABLE INITIALLY DEFERRED)",
        )
    }

    #[reset]
    fn clear(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("DROP TABLE pages; DROP TABLE authors")
    }

    /// Every page has an author, but that of a number over 100.
    #[handles(Written)]
    fn written(&self, event: &Written, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        let n = event.n.cast_signed();
        if n <= 100 {
            db.execute("INSERT OR IGNORE INTO authors VALUES (?1)", [n])?;
        }
        db.execute("INSERT INTO pages VALUES (?1, ?1)", [n])?;
        self.plan.run(event.n)
    }
}

async fn shelf(events: &MemoryEventStore, path: &Path, plan: &Plan) -> Runtime<MemoryEventStore> {
    let runtime = Runtime::builder(events.clone()).without_linked();
    let runtime = runtime.storage(Sqlite::open(path).unwrap());
    runtime.projector(Shelf { plan: plan.clone() }).build().await.unwrap()
}

fn pages(path: &Path) -> Vec<i64> {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut pages = db.prepare("SELECT n FROM pages ORDER BY n").unwrap();
    pages.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

async fn errors(runtime: &Runtime<MemoryEventStore>) -> Vec<(String, String, u32)> {
    let letters = runtime.dead_letters("shelf").unwrap();
    let all = letters.list(&LetterQuery::first(100)).await.unwrap();
    let told = all.into_iter().map(|letter| {
        let failure = letter.failure.unwrap();
        (letter.stream, failure.error, failure.attempts)
    });
    told.collect()
}

async fn append_bytes(events: &MemoryEventStore, stream: &str, payload: &[u8]) {
    let mut event = NewEvent::json("Written", "{}").in_domain("books");
    event.payload = payload.to_vec();
    events.append(AppendRequest::new(stream, Expected::Any, vec![event])).await.unwrap();
}

/// Each poison in a stream of its own, between sound events, in one batch.
#[tokio::test]
async fn each_kind_of_poison_is_parked_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let events = MemoryEventStore::new();
    append(&events, "sound", 1).await;
    append(&events, "check", 13).await;
    append(&events, "sound", 2).await;
    append(&events, "deferred", 101).await; // fails at the commit alone
    append(&events, "sound", 3).await;
    append_bytes(&events, "undecodable", b"{\"n\":\"\xff\0").await;
    append(&events, "sound", 4).await;
    append(&events, "panics", 50).await;
    append(&events, "sound", 5).await;
    append(&events, "text", 60).await;
    append(&events, "sound", 6).await;
    let plan = Plan::failing([(50, Fault::Panic), (60, Fault::Always)]);
    let runtime = shelf(&events, &path, &plan).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(pages(&path), [1, 2, 3, 4, 5, 6]);
    let told = errors(&runtime).await;
    let streams: Vec<_> = told.iter().map(|(stream, ..)| &**stream).collect();
    assert_eq!(streams, ["check", "deferred", "undecodable", "panics", "text"]);
    for ((stream, error, attempts), part) in told.iter().zip([
        "CHECK constraint failed",
        "FOREIGN KEY constraint failed",
        "cannot be decoded as `Written`",
        "panicked: 50 is unlucky",
        "60 is unlucky",
    ]) {
        assert!(error.contains(part), "{stream}: {error}");
        assert_eq!(*attempts, 1, "{stream}: {error}");
    }
    // What was parked is there to be shown, with its bytes.
    let letters = runtime.dead_letters("shelf").unwrap();
    let undecodable = letters.list(&LetterQuery::first(1).of_key("undecodable")).await.unwrap();
    let event = letters.event(&undecodable[0]).await.unwrap().unwrap();
    assert_eq!(event.payload(), b"{\"n\":\"\xff\0");
    // A rebuild parks them again, and reports each.
    runtime.rebuild("shelf").await.unwrap();
    assert_eq!(errors(&runtime).await.len(), 5);
    assert_eq!(pages(&path), [1, 2, 3, 4, 5, 6]);
    // The ones whose code was wrong can be applied now.
    plan.repair();
    let handled = letters.redrive(Chosen::All).await.unwrap();
    assert_eq!((handled.applied, handled.failed.len()), (2, 3));
    assert_eq!(pages(&path), [1, 2, 3, 4, 5, 6, 50, 60]);
}

/// Texts that a terminal, a database or a limit could choke on.
#[tokio::test]
async fn long_and_odd_texts_are_kept_or_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let events = MemoryEventStore::new();
    let odd = "odd\u{1b}]0;x '\"`<script>; DROP TABLE";
    append(&events, odd, 7).await;
    append(&events, odd, 8).await;
    let plan = Plan::failing([(7, Fault::AtLength)]);
    let runtime = shelf(&events, &path, &plan).await;
    runtime.catch_up().await.unwrap();
    let letters = runtime.dead_letters("shelf").unwrap();
    let all = letters.list(&LetterQuery::first(10).of_key(odd)).await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|letter| letter.stream == odd && letter.park_key == odd));
    // The error begins with what failed, and goes on with why, up to 8 KiB.
    let error = &all[0].failure.as_ref().unwrap().error;
    let start = "handler `written` failed: the page\0 is torn: it was véry véry ";
    assert!(error.starts_with(start), "{error:?}");
    assert!(error.ends_with('…') && ((8 << 10) - 3..=8 << 10).contains(&error.len()), "{error:?}");
    plan.repair();
    letters.redrive(Chosen::Key(odd.to_owned())).await.unwrap();
    assert_eq!(pages(&path), [7, 8]);
}
