//! Erasure: rule R37.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use projections::{
    AppendRequest, BoxError, Chosen, Codec, Envelope, Erased, Event, EventStore, Expected, Json,
    LetterQuery, NewEvent, Permanent, RawEvent, ReadModel, Rows, Runtime, State, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx},
    testing::{MemoryStorage, MemoryTx},
};

use crate::books::write;

/// The numbers whose keys are destroyed. Each test has numbers of its own.
static DESTROYED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

fn destroy(numbers: impl IntoIterator<Item = u64>) {
    DESTROYED.lock().unwrap().extend(numbers);
}

/// JSON, as long as the key of its number is there.
enum Encrypted {}

impl Codec for Encrypted {
    fn decode<'a, T: serde::Deserialize<'a>>(payload: &'a [u8]) -> Result<T, BoxError> {
        #[derive(serde::Deserialize)]
        struct Key {
            n: u64,
        }
        let key: Key = Json::decode(payload)?;
        match DESTROYED.lock().unwrap().contains(&key.n) {
            true => Err(Erased.into()),
            false => Json::decode(payload),
        }
    }

    fn encode<T: serde::Serialize + ?Sized>(event: &T) -> Result<Vec<u8>, BoxError> {
        Json::encode(event)
    }
}

#[derive(Clone, Debug, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "people", codec = Encrypted)]
struct Wrote {
    n: u64,
    fails: bool,
}

async fn append(events: &impl EventStore, stream: &str, n: u64, fails: bool) {
    let event = NewEvent::of(&Wrote { n, fails }).unwrap();
    events.append(AppendRequest::new(stream, Expected::Any, vec![event])).await.unwrap();
}

fn outcome(event: &Wrote) -> Result<(), BoxError> {
    if event.fails { Err("it fails".into()) } else { Ok(()) }
}

#[projector("stored", storage = MemoryStorage, register = false, retry(none))]
#[derive(Clone)]
struct Stored;

#[handlers]
impl Stored {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear(crate::books::TABLE);
    }

    #[handles(Wrote)]
    fn wrote(&self, event: &Wrote, at: &Envelope, db: &mut MemoryTx<'_>) -> Result<(), BoxError> {
        write(db, at.stream(), event.n);
        outcome(event)
    }
}

/// One that starts over wherever a handler fails.
#[projector("fields", register = false, retry(none))]
#[derive(Clone, Default)]
struct Fields {
    numbers: Vec<u64>,
}

#[handlers]
impl Fields {
    #[handles(Wrote)]
    fn wrote(&mut self, event: &Wrote) -> Result<(), BoxError> {
        self.numbers.push(event.n);
        outcome(event)
    }
}

#[projector("on-disk", storage = Sqlite, register = false)]
#[derive(Clone)]
struct OnDisk;

#[handlers]
impl OnDisk {
    #[setup]
    fn table(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        Ok(db.execute_batch("CREATE TABLE IF NOT EXISTS numbers (n INTEGER)")?)
    }

    #[reset]
    fn clear(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        db.execute("DELETE FROM numbers", ())?;
        Ok(())
    }

    #[handles(Wrote)]
    fn wrote(&self, event: &Wrote, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        db.execute("INSERT INTO numbers VALUES (?1)", [event.n])?;
        Ok(())
    }
}

/// What fails does so whenever it is tried.
#[projector("certain", storage = Sqlite, register = false)]
#[derive(Clone)]
struct Certain;

#[handlers]
impl Certain {
    #[setup]
    fn table(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        Ok(db.execute_batch("CREATE TABLE IF NOT EXISTS numbers (n INTEGER)")?)
    }

    #[handles(Wrote)]
    fn wrote(&self, event: &Wrote, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        db.execute("INSERT INTO numbers VALUES (?1)", [event.n])?;
        outcome(event).map_err(|error| Permanent::new(error).into())
    }
}

#[projector("networked", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct Networked;

#[derive(ReadModel, Clone, Debug, Default, Eq, PartialEq)]
#[read_model(table = "written")]
struct Written {
    #[key]
    n: u64,
}

#[handlers]
impl Networked {
    #[handles(Wrote)]
    fn wrote(&self, event: &Wrote, rows: &mut Rows<Written>) {
        rows.entry(&event.n);
    }
}

/// Each of a thousand streams has an event, and one that is erased.
#[tokio::test]
async fn what_is_erased_passes_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let events = MemoryEventStore::new();
    for n in 0..1_000 {
        append(&events, &format!("person-{n}"), 10_000 + n, false).await;
        append(&events, &format!("person-{n}"), 20_000 + n, false).await;
    }
    let storage = MemoryStorage::new();
    let sqlite = Sqlite::open(folder.path().join("read.db")).unwrap();
    let runtime = Runtime::builder(events.clone())
        .without_linked()
        .storage(storage.clone())
        .storage(sqlite.clone())
        .projector(Stored)
        .projector(OnDisk)
        .projector(Networked)
        .build()
        .await
        .unwrap();
    runtime.catch_up().await.unwrap();
    let counts = async || -> Vec<_> {
        let all = runtime.status().await.unwrap().projectors;
        all.iter().map(|seen| (seen.parking.letters, seen.parking.passed.erased)).collect()
    };
    assert_eq!(counts().await, [(0, 0); 3]);
    destroy(20_000..21_000);
    for _twice in 0..2 {
        for name in ["stored", "on-disk", "networked"] {
            runtime.rebuild(name).await.unwrap();
        }
        assert_eq!(counts().await, [(0, 1_000); 3]);
        let all = runtime.status().await.unwrap().projectors;
        assert!(all.iter().all(|seen| seen.state == State::Stopped), "{all:?}");
    }
    // What is in process is replayed by the next one.
    let builder = Runtime::builder(events).without_linked();
    let runtime = builder.projector(Fields::default()).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let seen = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!((seen.parking.letters, seen.parking.passed.erased), (0, 1_000));
    let left = |n: u64| (10_000..11_000).contains(&n);
    let numbers = runtime.read::<Fields, _>(|fields| fields.numbers.clone()).await.unwrap();
    assert!(numbers.len() == 1_000 && numbers.into_iter().all(left));
    let stored = crate::books::read(&storage);
    assert!(stored.len() == 1_000 && stored.values().all(|list| list.len() == 1 && left(list[0])));
    let db = sqlite.connect().unwrap();
    let all = "SELECT count(*) FROM numbers WHERE n BETWEEN 10000 AND 10999";
    assert_eq!(db.query_row(all, (), |row| row.get::<_, u64>(0)).unwrap(), 1_000);
    assert_eq!(storage.stored_rows("written").len(), 1_000);
}

/// State that is replayed because something fails counts what is erased once.
#[tokio::test]
async fn what_is_replayed_is_counted_once() {
    for batch in [1, 4, 1_000] {
        let events = MemoryEventStore::new();
        for n in 0..10 {
            append(&events, &format!("s-{n}"), 30_000 + n, n == 7).await;
        }
        destroy([30_002, 30_005, 30_009]);
        let builder = Runtime::builder(events).without_linked().batch_events(batch);
        let runtime = builder.projector(Fields::default()).build().await.unwrap();
        runtime.catch_up().await.unwrap();
        let seen = runtime.status().await.unwrap().projectors.remove(0);
        assert_eq!((seen.parking.letters, seen.parking.passed.erased), (1, 3), "batch {batch}");
        let numbers = runtime.read::<Fields, _>(|fields| fields.numbers.clone()).await.unwrap();
        assert_eq!(numbers, [30_000, 30_001, 30_003, 30_004, 30_006, 30_008]);
    }
}

/// A batch that goes on without some of its events counts what is erased once, too.
#[tokio::test]
async fn what_is_erased_beside_what_fails_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let events = MemoryEventStore::new();
    for n in 0..200 {
        append(&events, &format!("s-{n}"), 80_000 + n, n % 10 == 7).await;
    }
    destroy((0..20).map(|n| 80_005 + 10 * n));
    for batch in [1, 200] {
        let sqlite = Sqlite::open(folder.path().join(format!("{batch}.db"))).unwrap();
        let builder = Runtime::builder(events.clone()).without_linked().storage(sqlite.clone());
        let runtime = builder.batch_events(batch).projector(Certain).build().await.unwrap();
        runtime.catch_up().await.unwrap();
        let seen = runtime.status().await.unwrap().projectors.remove(0);
        let counts = (seen.parking.letters, seen.parking.passed.erased);
        assert_eq!(counts, (20, 20), "batches of {batch}");
        let applied = "SELECT count(*) FROM numbers";
        let applied = sqlite.connect().unwrap().query_row(applied, (), |row| row.get::<_, u64>(0));
        assert_eq!(applied.unwrap(), 160, "batches of {batch}");
    }
}

#[tokio::test]
async fn a_parked_event_that_is_erased_passes_when_it_is_redriven() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, "a", 40_000, true).await;
    append(&events, "a", 40_001, false).await;
    let builder = Runtime::builder(events).without_linked().storage(storage.clone());
    let runtime = builder.projector(Stored).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    destroy([40_000]);
    let letters = runtime.dead_letters("stored").unwrap();
    let handled = letters.redrive(Chosen::All).await.unwrap();
    assert_eq!((handled.applied, handled.left), (2, 0));
    assert_eq!(letters.counts().await.unwrap().passed.erased, 1);
    assert_eq!(crate::books::read(&storage)["a"], [40_001]);
}

#[projector("remembers", snapshot, register = false)]
#[derive(Clone, Default)]
struct Remembers {
    numbers: Vec<u64>,
}

#[handlers]
impl Remembers {
    #[handles(Wrote)]
    fn wrote(&mut self, event: &Wrote) {
        self.numbers.push(event.n);
    }
}

#[projector("since", snapshot, from = "now", register = false)]
#[derive(Clone, Default)]
struct Since {
    count: u64,
}

#[handlers]
impl Since {
    #[handles(Wrote)]
    fn wrote(&mut self, _event: &Wrote) {
        self.count += 1;
    }
}

#[tokio::test]
async fn a_stream_is_forgotten_with_its_letters_and_the_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    let storage = MemoryStorage::new();
    let runtime = async || {
        let builder = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
        let builder = builder.projector(Stored).projector(Remembers::default());
        builder.projector(Since::default()).build().await.unwrap()
    };
    let first = runtime().await;
    first.catch_up().await.unwrap();
    for (stream, n, fails) in [
        ("alice", 50_000, true),
        ("bob", 50_001, true),
        ("alice", 50_002, false),
        ("bob", 50_003, false),
        ("alice", 50_004, false),
    ] {
        append(&events, stream, n, fails).await;
    }
    first.catch_up().await.unwrap();
    destroy([50_000, 50_002, 50_004]);
    let forgotten = first.forget("alice").await.unwrap();
    assert_eq!(forgotten.letters, 3);
    assert_eq!(forgotten.snapshots, ["remembers"]);
    // It holds where it began, which nothing else does.
    assert_eq!(forgotten.kept, ["since"]);
    let letters = first.dead_letters("stored").unwrap();
    let left = letters.list(&LetterQuery::first(10)).await.unwrap();
    assert!(left.iter().all(|letter| letter.stream == "bob"), "{left:?}");
    assert_eq!((left.len(), letters.counts().await.unwrap().passed.discarded), (2, 3));
    assert!(crate::books::read(&storage).is_empty(), "nothing of hers was applied");
    // Nothing is left to be forgotten of her, nor was there ever of somebody else.
    for stream in ["alice", "nobody"] {
        let forgotten = first.forget(stream).await.unwrap();
        assert_eq!((forgotten.letters, forgotten.snapshots.len()), (0, 0), "{stream}");
    }
    let next = runtime().await;
    next.catch_up().await.unwrap();
    let numbers = next.read::<Remembers, _>(|it| it.numbers.clone()).await.unwrap();
    assert_eq!(numbers, [50_001, 50_003]);
    assert_eq!(next.read::<Since, _>(|since| since.count).await.unwrap(), 5);
}

const EMAIL: &str = "alice@example.org";

#[derive(Clone, Debug, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "people")]
struct Registered {
    n: u64,
    email: String,
}

#[derive(ReadModel, Clone, Debug, Default, Eq, PartialEq)]
#[read_model(table = "accounts")]
struct Account {
    #[key]
    n: u64,
    #[unique]
    email: String,
}

macro_rules! registers {
    ($type:ident, $name:literal $(, $storage:ident)?) => {
        #[projector($name, $(storage = $storage,)? register = false, retry(none))]
        #[derive(Clone)]
        struct $type;

        #[handlers]
        impl $type {
            #[handles(Registered)]
            fn registered(&self, event: &Registered, accounts: &mut Rows<Account>) {
                accounts.entry(&event.n).email.clone_from(&event.email);
            }
        }
    };
}

registers!(InFields, "accounts-in-process");
registers!(InMemory, "accounts-network", MemoryStorage);
registers!(InSqlite, "accounts-sqlite", Sqlite);

#[projector("accounts-statements", storage = Sqlite, register = false, retry(none))]
#[derive(Clone)]
struct Statements;

#[handlers]
impl Statements {
    #[setup]
    fn table(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        Ok(db.execute_batch("CREATE TABLE IF NOT EXISTS emails (email TEXT UNIQUE)")?)
    }

    #[handles(Registered)]
    fn registered(&self, event: &Registered, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        db.execute("INSERT INTO emails VALUES (?1)", [&event.email])?;
        Ok(())
    }
}

/// What is logged while this is the subscriber.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Two people have one address: neither the letter, nor the log, nor the status has it.
#[tokio::test]
async fn an_error_names_no_address() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // The handlers of SQLite run on threads of their own, whose log is what errors came back with.
    let _logged = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    let events = MemoryEventStore::new();
    let register = async |n: u64| {
        let event = NewEvent::of(&Registered { n, email: EMAIL.to_owned() }).unwrap();
        let request = AppendRequest::new(format!("person-{n}"), Expected::Any, vec![event]);
        events.append(request).await.unwrap();
    };
    register(1).await;
    register(2).await;
    let runtime = Runtime::builder(events.clone())
        .without_linked()
        .storage(MemoryStorage::new())
        .storage(Sqlite::open(folder.path().join("read.db")).unwrap())
        .projector(InFields)
        .projector(InMemory)
        .projector(InSqlite)
        .projector(Statements);
    let names =
        ["accounts-in-process", "accounts-network", "accounts-sqlite", "accounts-statements"];
    let runtime = runtime.build().await.unwrap();
    runtime.catch_up().await.unwrap();
    // Another test may have met a message for the first time just now, and noted that nobody listens.
    tracing::callsite::rebuild_interest_cache();
    register(3).await;
    runtime.catch_up().await.unwrap();
    for name in names {
        let letters = runtime.dead_letters(name).unwrap();
        let letter = letters.list(&LetterQuery::first(10)).await.unwrap().pop().unwrap();
        let error = letter.failure.unwrap().error;
        assert!(error.to_lowercase().contains("unique"), "{name}: {error}");
        assert!(!error.contains("alice"), "{name}: {error}");
    }
    let status = format!("{:?}", runtime.status().await.unwrap());
    assert!(!status.contains("alice"), "{status}");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("unique"), "the log has the failures: {log}");
    assert!(!log.contains("alice"), "{log}");
}

#[projector("chained", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct Chained;

#[derive(ReadModel, Clone, Debug, Default, Eq, PartialEq)]
#[read_model(table = "chain")]
struct Link {
    #[key]
    n: u64,
    next: u64,
}

#[handlers]
impl Chained {
    /// Which row it asks for second is known once the first is loaded.
    #[handles(Wrote)]
    fn wrote(&self, event: &Wrote, links: &mut Rows<Link>) {
        let last = links.entry(&0).next;
        links.entry(&last).next = event.n;
        links.entry(&0).next = event.n;
    }
}

/// A batch that is handled again, because a row was missing, counts what is erased once.
#[tokio::test]
async fn what_is_handled_again_for_its_rows_is_counted_once() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let builder = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    let runtime = builder.projector(Chained).build().await.unwrap();
    append(&events, "a", 60_000, false).await;
    runtime.catch_up().await.unwrap();
    destroy([60_001]);
    append(&events, "b", 60_001, false).await;
    append(&events, "c", 60_002, false).await;
    let loads = storage.row_calls(projections::testing::Call::LoadRows, "chain");
    runtime.catch_up().await.unwrap();
    let loads = storage.row_calls(projections::testing::Call::LoadRows, "chain") - loads;
    assert!(loads > 1, "the batch was handled once");
    let seen = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!(seen.parking.passed.erased, 1);
    assert_eq!(storage.stored_rows("chain").len(), 2);
}

macro_rules! falling_back {
    ($type:ident, $name:literal, $($options:tt)*) => {
        #[projector($name, register = false, retry(none), domain = "people", $($options)*)]
        #[derive(Clone, Default)]
        struct $type {
            numbers: Arc<Mutex<Vec<u64>>>,
        }

        #[handlers]
        impl $type {
            /// Decodes by itself.
            #[fallback(domain = "people")]
            fn any(&self, event: &RawEvent<'_>) -> Result<(), BoxError> {
                let wrote = event.decode::<Wrote>()?;
                outcome(&wrote)?;
                self.numbers.lock().unwrap().push(wrote.n);
                Ok(())
            }
        }
    };
}

falling_back!(FallbackStored, "fallback-stored", storage = MemoryStorage);
falling_back!(FallbackOnDisk, "fallback-on-disk", storage = Sqlite);

/// What a fallback decodes passes as what a handler takes does: also where it was parked before, and
/// beside one that fails.
#[tokio::test]
async fn what_a_fallback_finds_erased_passes_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let events = MemoryEventStore::new();
    for n in 0..20 {
        append(&events, &format!("s-{n}"), 60_000 + n, n == 3 || n == 4).await;
    }
    destroy((0..20).filter(|n| n % 5 == 1).map(|n| 60_000 + n));
    let (stored, on_disk) = (FallbackStored::default(), FallbackOnDisk::default());
    let lists = [Arc::clone(&stored.numbers), Arc::clone(&on_disk.numbers)];
    let builder = Runtime::builder(events.clone()).without_linked();
    let builder = builder.storage(MemoryStorage::new()).projector(stored).projector(on_disk);
    let builder = builder.storage(Sqlite::open(folder.path().join("read.db")).unwrap());
    let runtime = builder.build().await.unwrap();
    runtime.catch_up().await.unwrap();
    for (name, list) in ["fallback-stored", "fallback-on-disk"].into_iter().zip(lists) {
        let letters = runtime.dead_letters(name).unwrap();
        let counts = letters.counts().await.unwrap();
        assert_eq!((counts.letters, counts.passed.erased), (2, 4), "{name}");
        destroy([60_003]);
        letters.redrive(Chosen::Key("s-3".to_owned())).await.unwrap();
        let counts = letters.counts().await.unwrap();
        assert_eq!((counts.letters, counts.passed.erased), (1, 5), "{name}");
        let numbers: BTreeSet<u64> = list.lock().unwrap().iter().copied().collect();
        let whole = (0..20).filter(|n| n % 5 != 1 && *n != 3 && *n != 4).map(|n| 60_000 + n);
        assert_eq!(numbers, whole.collect(), "{name}");
        DESTROYED.lock().unwrap().remove(&60_003);
    }
}
