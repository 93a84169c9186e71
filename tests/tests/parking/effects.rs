//! Side effects: acceptance line 39, rule R18; on each kind of storage.

use std::collections::BTreeSet;

use projections::{
    AppendRequest, BoxError, Chosen, Envelope, Event, EventStore, Expected, NewEvent, Runtime,
    handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx},
    testing::{MemoryStorage, MemoryTx},
};

use crate::books::{Fault, Plan, Written, append, append_in_turn};

/// A page was lost: mail goes out.
#[derive(Clone, Debug, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "books")]
struct Lost {
    n: u64,
}

/// Makes a projector that keeps pages in a storage, and sends mail for those that are lost.
macro_rules! mailer {
    ($type:ident, $storage:ident, $transaction:ident) => {
        #[projector("mailer", storage = $storage, register = false, retry(none))]
        #[derive(Clone)]
        struct $type {
            plan: Plan,
            mail: Plan,
        }

        #[handlers]
        impl $type {
            #[setup]
            fn create(&self, db: &mut $transaction<'_>) -> Result<(), BoxError> {
                Pages::create(db)
            }

            #[reset]
            fn clear(&self, db: &mut $transaction<'_>) -> Result<(), BoxError> {
                Pages::clear(db)
            }

            #[handles(Written)]
            fn written(&self, event: &Written, db: &mut $transaction<'_>) -> Result<(), BoxError> {
                Pages::keep(db, event.n)?;
                self.plan.run(event.n)
            }

            #[handles(Lost, replay = "skip")]
            fn lost(&self, event: &Lost, at: &Envelope) -> Result<(), BoxError> {
                assert!(!at.is_replay());
                self.mail.run(event.n)
            }
        }
    };
}

mailer!(InMemory, MemoryStorage, MemoryTx);
mailer!(OnSqlite, Sqlite, SqliteTx);

/// Where pages are kept.
trait Pages {
    fn create(&mut self) -> Result<(), BoxError>;
    fn clear(&mut self) -> Result<(), BoxError>;
    fn keep(&mut self, n: u64) -> Result<(), BoxError>;
}

impl Pages for MemoryTx<'_> {
    fn create(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    fn clear(&mut self) -> Result<(), BoxError> {
        MemoryTx::clear(self, "books");
        Ok(())
    }

    fn keep(&mut self, n: u64) -> Result<(), BoxError> {
        self.set("books", n.to_string(), n);
        Ok(())
    }
}

impl Pages for SqliteTx<'_> {
    fn create(&mut self) -> Result<(), BoxError> {
        Ok(self.execute_batch("CREATE TABLE IF NOT EXISTS books (n INTEGER PRIMARY KEY)")?)
    }

    fn clear(&mut self) -> Result<(), BoxError> {
        Ok(self.execute_batch("DELETE FROM books")?)
    }

    fn keep(&mut self, n: u64) -> Result<(), BoxError> {
        self.execute("INSERT INTO books VALUES (?1)", [n])?;
        Ok(())
    }
}

/// In its own fields: what fails has it replayed.
#[projector("mailer", register = false, retry(none))]
#[derive(Clone)]
struct InProcess {
    books: BTreeSet<u64>,
    plan: Plan,
    mail: Plan,
}

#[handlers]
impl InProcess {
    #[handles(Written)]
    fn written(&mut self, event: &Written) -> Result<(), BoxError> {
        self.books.insert(event.n);
        self.plan.run(event.n)
    }

    #[handles(Lost, replay = "skip")]
    fn lost(&mut self, event: &Lost, at: &Envelope) -> Result<(), BoxError> {
        assert!(!at.is_replay());
        self.mail.run(event.n)
    }
}

async fn lose(events: &MemoryEventStore, stream: &str, n: u64) {
    let event = NewEvent::of(&Lost { n }).unwrap();
    events.append(AppendRequest::new(stream, Expected::Any, vec![event])).await.unwrap();
}

/// A log, and what outlives a process.
struct Place {
    events: MemoryEventStore,
    storage: Storage,
    mail: Plan,
}

enum Storage {
    Memory(MemoryStorage),
    Sqlite(Sqlite, #[allow(dead_code, reason = "it goes with the place")] tempfile::TempDir),
    InProcess,
}

impl Place {
    fn new(storage: Storage) -> Self {
        Self { events: MemoryEventStore::new(), storage, mail: Plan::default() }
    }

    async fn mailer(&self, plan: &Plan) -> Runtime<MemoryEventStore> {
        let (plan, mail) = (plan.clone(), self.mail.clone());
        let builder = Runtime::builder(self.events.clone()).without_linked();
        let builder = match &self.storage {
            Storage::Memory(storage) => {
                builder.storage(storage.clone()).projector(InMemory { plan, mail })
            }
            Storage::Sqlite(storage, _) => {
                builder.storage(storage.clone()).projector(OnSqlite { plan, mail })
            }
            Storage::InProcess => {
                builder.projector(InProcess { books: BTreeSet::new(), plan, mail })
            }
        };
        builder.build().await.unwrap()
    }

    async fn books(&self, runtime: &Runtime<MemoryEventStore>) -> Vec<u64> {
        match &self.storage {
            Storage::Memory(storage) => {
                storage.rows("books").into_values().filter_map(|n| n.as_u64()).collect()
            }
            Storage::Sqlite(storage, _) => {
                let db = storage.connect().unwrap();
                let mut all = db.prepare("SELECT n FROM books ORDER BY n").unwrap();
                all.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            Storage::InProcess => {
                let books = runtime.read::<InProcess, _>(|it| it.books.clone()).await.unwrap();
                books.into_iter().collect()
            }
        }
    }
}

/// Makes a test of each check for each of some storages.
macro_rules! on_storages {
    (each $check:ident [$($storage:ident),*]) => {
        mod $check {
            $(on_storages!(one $check $storage);)*
        }
    };
    (one $check:ident memory) => {
        #[tokio::test]
        async fn memory() {
            let storage = super::MemoryStorage::new();
            super::$check(super::Place::new(super::Storage::Memory(storage))).await;
        }
    };
    (one $check:ident sqlite) => {
        #[tokio::test]
        async fn sqlite() {
            let folder = tempfile::tempdir().unwrap();
            let storage = super::Sqlite::open(folder.path().join("read.db")).unwrap();
            super::$check(super::Place::new(super::Storage::Sqlite(storage, folder))).await;
        }
    };
    (one $check:ident in_process) => {
        #[tokio::test]
        async fn in_process() {
            super::$check(super::Place::new(super::Storage::InProcess)).await;
        }
    };
    ($storages:tt $($check:ident),* $(,)?) => {
        $(on_storages!(each $check $storages);)*
    };
}

on_storages!([memory, sqlite, in_process]
    a_live_letter_has_its_effect_when_it_is_redriven,
    an_effect_is_not_repeated_because_a_neighbour_fails,
);

// What is in process is not kept, and so cannot be rebuilt either.
on_storages!([memory, sqlite]
    a_letter_of_a_rebuild_has_no_effect_when_it_is_redriven,
    effects_happen_once_for_what_is_live_and_never_for_history,
);

on_storages!([in_process]
    what_is_replayed_in_process_has_no_effect,
);

async fn effects_happen_once_for_what_is_live_and_never_for_history(place: Place) {
    let (plan, mail) = (Plan::default(), &place.mail);
    lose(&place.events, "a", 1).await; // history, when the projector first starts
    append_in_turn(&place.events, &["a"], 3).await;
    let runtime = place.mailer(&plan).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(mail.calls_of(1), 0, "the first start over old history");
    // Downtime is not replay.
    lose(&place.events, "a", 2).await;
    lose(&place.events, "b", 3).await;
    place.mailer(&plan).await.catch_up().await.unwrap();
    assert_eq!((mail.calls_of(2), mail.calls_of(3)), (1, 1), "after downtime");
    let runtime = place.mailer(&plan).await;
    runtime.rebuild("mailer").await.unwrap();
    assert_eq!((mail.calls_of(1), mail.calls_of(2), mail.calls_of(3)), (0, 1, 1), "a rebuild");
    assert_eq!(place.books(&runtime).await, [1, 2, 3]);
}

/// What its handler does cannot be taken back, so a neighbour that fails must not repeat it.
async fn an_effect_is_not_repeated_because_a_neighbour_fails(place: Place) {
    let plan = Plan::failing([(3, Fault::Always)]);
    let runtime = place.mailer(&plan).await;
    runtime.catch_up().await.unwrap(); // the first start, with an empty log
    append_in_turn(&place.events, &["a", "b"], 2).await;
    lose(&place.events, "c", 100).await;
    append(&place.events, "a", 3).await; // fails
    lose(&place.events, "c", 101).await;
    lose(&place.events, "c", 102).await;
    append(&place.events, "b", 4).await;
    runtime.catch_up().await.unwrap();
    for n in [100, 101, 102] {
        assert_eq!(place.mail.calls_of(n), 1, "{n}");
    }
    assert_eq!(place.books(&runtime).await, [1, 2, 4]);
}

async fn a_live_letter_has_its_effect_when_it_is_redriven(place: Place) {
    let runtime = place.mailer(&Plan::default()).await;
    runtime.catch_up().await.unwrap();
    place.mail.add(7, Fault::Permanent);
    lose(&place.events, "b", 6).await;
    lose(&place.events, "a", 7).await;
    lose(&place.events, "a", 8).await;
    runtime.catch_up().await.unwrap();
    let calls = || [6, 7, 8].map(|n| place.mail.calls_of(n));
    assert_eq!(calls(), [1, 1, 0]);
    place.mail.repair();
    let letters = runtime.dead_letters("mailer").unwrap();
    let handled = letters.redrive(Chosen::All).await.unwrap();
    assert_eq!((handled.applied, handled.left), (2, 0));
    assert_eq!(calls(), [1, 2, 1]);
}

/// A plain event before it, of its stream, fails in the rebuild.
async fn a_letter_of_a_rebuild_has_no_effect_when_it_is_redriven(place: Place) {
    let plan = Plan::default();
    let runtime = place.mailer(&plan).await;
    runtime.catch_up().await.unwrap();
    lose(&place.events, "b", 8).await;
    append(&place.events, "c", 9).await;
    lose(&place.events, "c", 10).await;
    runtime.catch_up().await.unwrap();
    assert_eq!((place.mail.calls_of(8), place.mail.calls_of(10)), (1, 1));
    let broken = place.mailer(&Plan::failing([(9, Fault::Permanent)])).await;
    broken.rebuild("mailer").await.unwrap();
    let counts = broken.dead_letters("mailer").unwrap().counts().await.unwrap();
    assert_eq!(counts.letters, 2);
    let runtime = place.mailer(&plan).await;
    let handled = runtime.dead_letters("mailer").unwrap().redrive(Chosen::All).await.unwrap();
    assert_eq!(handled.applied, 2);
    assert_eq!(place.mail.calls_of(10), 1, "a rebuild's letter, redriven");
    assert_eq!(place.books(&runtime).await, [9]);
}

/// Whatever is there when it starts is history to it, and so is what it replays after a failure.
async fn what_is_replayed_in_process_has_no_effect(place: Place) {
    lose(&place.events, "a", 1).await;
    append(&place.events, "a", 2).await;
    let plan = Plan::failing([(5, Fault::Permanent)]);
    let runtime = place.mailer(&plan).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(place.mail.calls_of(1), 0);
    lose(&place.events, "a", 3).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(place.mail.calls_of(3), 1);
    append(&place.events, "b", 5).await;
    runtime.catch_up().await.unwrap();
    plan.repair();
    let letters = runtime.dead_letters("mailer").unwrap();
    assert_eq!(letters.redrive(Chosen::All).await.unwrap().applied, 1);
    runtime.catch_up().await.unwrap();
    assert_eq!(place.books(&runtime).await, [2, 5]);
    assert_eq!((place.mail.calls_of(1), place.mail.calls_of(3)), (0, 1));
    // The next process replays it all.
    let next = place.mailer(&plan).await;
    next.catch_up().await.unwrap();
    assert_eq!((place.mail.calls_of(1), place.mail.calls_of(3)), (0, 1));
}
