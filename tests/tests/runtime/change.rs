//! Other code under one version: the fingerprint and `on_change`; rule R20, acceptance line 42.

use std::{collections::BTreeMap, time::Duration};

use projections::{
    AsyncStorage, BlockingStorage, Checkpoint, CheckpointKey, CheckpointWrite, Envelope, Fallback,
    FallbackScope, Fingerprint, HaltReason, HandleError, Handlers, Hook, OnChange, Options,
    Projector, ProjectorStatus, Route, Runtime, State,
    memory::MemoryEventStore,
    sqlite::{Sqlite, SqliteTx},
    testing::{MemorySession, MemoryStorage, MemoryTx},
};
use projections_tests::{ledger::Added, log::capture_log};
use tempfile::TempDir;

use crate::support::append;

const NAME: &str = "changing";

/// What a read model of numbers can do on each storage.
trait Rows {
    fn put(&mut self, n: u64, value: u64);
    fn clear(&mut self);
}

impl Rows for MemoryTx<'_> {
    fn put(&mut self, n: u64, value: u64) {
        self.set("changing", n.to_string(), value);
    }

    fn clear(&mut self) {
        MemoryTx::clear(self, "changing");
    }
}

impl Rows for SqliteTx<'_> {
    fn put(&mut self, n: u64, value: u64) {
        self.execute("INSERT INTO changing VALUES (?1, ?2)", [n, value]).unwrap();
    }

    fn clear(&mut self) {
        self.execute_batch("DELETE FROM changing").unwrap();
    }
}

/// A projector `changing` that writes its own factor.
macro_rules! changing {
    ($name:ident, $storage:ty, $tx:ty, $factor:expr; $($options:tt)*) => {
        #[projector("changing", storage = $storage, register = false, $($options)*)]
        #[derive(Clone)]
        pub(crate) struct $name;

        #[handlers]
        impl $name {
            #[handles(Added)]
            fn added(&self, event: &Added, db: &mut $tx) {
                db.put(event.n, event.n * $factor);
            }

            #[reset]
            fn reset(&self, db: &mut $tx) {
                Rows::clear(db);
            }
        }
    };
}

/// Which code runs.
#[derive(Clone, Copy, Debug)]
enum Code {
    Old,
    Tuned,
    Helped,
    Ignores,
    Warns,
    Refuses,
    Rebuilds,
    Raised,
}

/// All the codes on one storage.
macro_rules! on_storage {
    ($module:ident, $storage:ty, $tx:ty) => {
        mod $module {
            use projections::{Builder, handlers, projector};

            use super::*;

            changing!(Old, $storage, $tx, factor(););
            changing!(
                Tuned, $storage, $tx, factor();
                unregistered = "warn", on_change = "refuse", on_failure = "halt", lanes = 1,
                mode = "async", from = "beginning", retry(none), batch(events = 1)
            );
            changing!(Ignores, $storage, $tx, 2; on_change = "ignore");
            changing!(Warns, $storage, $tx, 2;);
            changing!(Refuses, $storage, $tx, 2; on_change = "refuse");
            changing!(Rebuilds, $storage, $tx, 2; on_change = "rebuild");
            changing!(Raised, $storage, $tx, 2; version = 2, on_change = "refuse");
            pub(super) use helped::Helped;

            /// The code of `Old`, with another function behind it.
            mod helped {
                use super::*;

                changing!(Helped, $storage, $tx, factor(); on_change = "refuse");

                fn factor() -> u64 {
                    3
                }
            }

            fn factor() -> u64 {
                1
            }

            pub(super) fn give(
                builder: Builder<MemoryEventStore>,
                code: Code,
            ) -> Builder<MemoryEventStore> {
                match code {
                    Code::Old => builder.projector(Old),
                    Code::Tuned => builder.projector(Tuned),
                    Code::Helped => builder.projector(Helped),
                    Code::Ignores => builder.projector(Ignores),
                    Code::Warns => builder.projector(Warns),
                    Code::Refuses => builder.projector(Refuses),
                    Code::Rebuilds => builder.projector(Rebuilds),
                    Code::Raised => builder.projector(Raised),
                }
            }
        }
    };
}
on_storage!(memory, MemoryStorage, MemoryTx<'_>);
on_storage!(sqlite, Sqlite, SqliteTx<'_>);

/// Where a read model is.
enum Kept {
    Memory(MemoryStorage),
    Sqlite(Sqlite, TempDir),
}

/// A log, and a read model of it.
struct Place {
    events: MemoryEventStore,
    kept: Kept,
}

impl Place {
    fn in_memory() -> Self {
        Self { events: MemoryEventStore::new(), kept: Kept::Memory(MemoryStorage::new()) }
    }

    fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("read.db");
        let storage = Sqlite::open(&path).unwrap();
        let sql = "CREATE TABLE changing (n INTEGER PRIMARY KEY, value INTEGER NOT NULL)";
        rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
        Self { events: MemoryEventStore::new(), kept: Kept::Sqlite(storage, folder) }
    }

    /// After the old code has read one event.
    async fn built_by_old(self) -> Self {
        append(&self.events, "a", [5]).await;
        self.runtime(Code::Old).await.catch_up().await.unwrap();
        self
    }

    async fn runtime(&self, code: Code) -> Runtime<MemoryEventStore> {
        let builder = Runtime::builder(self.events.clone()).without_linked();
        let builder = match &self.kept {
            Kept::Memory(storage) => memory::give(builder.storage(storage.clone()), code),
            Kept::Sqlite(storage, _) => sqlite::give(builder.storage(storage.clone()), code),
        };
        builder.build().await.unwrap()
    }

    async fn status(&self, code: Code) -> ProjectorStatus {
        status(&self.runtime(code).await).await
    }

    fn rows(&self) -> BTreeMap<u64, u64> {
        match &self.kept {
            Kept::Memory(storage) => {
                let rows = storage.rows("changing").into_iter();
                rows.map(|(n, value)| (n.parse().unwrap(), value.as_u64().unwrap())).collect()
            }
            Kept::Sqlite(_, folder) => {
                let db = rusqlite::Connection::open(folder.path().join("read.db")).unwrap();
                let mut rows = db.prepare("SELECT n, value FROM changing").unwrap();
                let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
                rows.map(Result::unwrap).collect()
            }
        }
    }

    async fn checkpoint(&self) -> Checkpoint {
        let mut all = match &self.kept {
            Kept::Memory(storage) => AsyncStorage::checkpoints(storage, "").await.unwrap(),
            Kept::Sqlite(storage, _) => BlockingStorage::checkpoints(storage, "").unwrap(),
        };
        all.remove(0).1
    }

    /// Writes another fingerprint into the checkpoint.
    async fn record(&self, fingerprint: Option<Fingerprint>) {
        let stored = self.checkpoint().await;
        let next = Checkpoint { fingerprint, ..stored.clone() };
        let write =
            CheckpointWrite::new(CheckpointKey::new("", NAME), Some((&stored).into()), next);
        match &self.kept {
            Kept::Memory(storage) => {
                let session = AsyncStorage::begin(storage).await.unwrap();
                AsyncStorage::commit(storage, session, &write).await.unwrap();
            }
            Kept::Sqlite(storage, _) => {
                let session = BlockingStorage::begin(storage).unwrap();
                BlockingStorage::commit(storage, session, &write).unwrap();
            }
        }
    }
}

async fn status(runtime: &Runtime<MemoryEventStore>) -> ProjectorStatus {
    runtime.status().await.unwrap().projectors.remove(0)
}

/// Makes a test on each storage of each check.
macro_rules! on_both_storages {
    ($($check:ident),* $(,)?) => { $(
        mod $check {
            use super::Place;

            #[tokio::test]
            async fn in_memory() {
                super::$check(Place::in_memory().built_by_old().await).await;
            }

            #[tokio::test]
            async fn on_sqlite() {
                super::$check(Place::on_sqlite().built_by_old().await).await;
            }
        }
    )* };
}

on_both_storages!(
    tuning_is_no_change,
    a_changed_helper_outside_the_block_is_not_seen,
    a_change_that_goes_on_shows_until_the_old_code_is_back_or_a_rebuild,
    a_change_shows_while_it_runs_and_to_others,
    a_change_is_warned_of_once_a_start,
    a_refused_change_names_the_ways_out,
    a_change_that_rebuilds_and_a_raised_version_say_so_before,
    what_cannot_be_compared_is_no_change,
);

async fn tuning_is_no_change(place: Place) {
    assert_eq!(memory::Tuned::FINGERPRINT, memory::Old::FINGERPRINT);
    assert_eq!(sqlite::Tuned::FINGERPRINT, sqlite::Old::FINGERPRINT);
    // A raised version is more than tuning, and is no other fingerprint.
    assert_eq!(memory::Raised::FINGERPRINT, memory::Warns::FINGERPRINT);
    assert!(!place.status(Code::Tuned).await.changed);
    place.runtime(Code::Tuned).await.catch_up().await.unwrap();
}

async fn a_changed_helper_outside_the_block_is_not_seen(place: Place) {
    assert_eq!(memory::Helped::FINGERPRINT, memory::Old::FINGERPRINT);
    assert!(!place.status(Code::Helped).await.changed);
    append(&place.events, "a", [6]).await;
    place.runtime(Code::Helped).await.catch_up().await.unwrap();
    // As the docs say: rows of two rules.
    assert_eq!(place.rows(), [(5, 5), (6, 18)].into());
}

async fn a_change_that_goes_on_shows_until_the_old_code_is_back_or_a_rebuild(place: Place) {
    let built_by = place.checkpoint().await.fingerprint;
    for code in [Code::Ignores, Code::Warns] {
        assert!(place.status(code).await.changed, "before, {code:?}");
        let runtime = place.runtime(code).await;
        runtime.catch_up().await.unwrap();
        assert!(status(&runtime).await.changed, "after, {code:?}");
        assert_eq!(place.checkpoint().await.fingerprint, built_by, "{code:?}");
    }
    assert_eq!(place.rows(), [(5, 5)].into());
    assert!(!place.status(Code::Old).await.changed);
    let warns = place.runtime(Code::Warns).await;
    warns.rebuild(NAME).await.unwrap();
    assert_eq!(place.rows(), [(5, 10)].into());
    assert!(!status(&warns).await.changed);
    assert!(place.status(Code::Old).await.changed);
}

async fn a_change_shows_while_it_runs_and_to_others(place: Place) {
    let runtime = place.runtime(Code::Warns).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(async { drop(stopped.await) }).await }
    });
    let token = append(&place.events, "a", [6]).await.token();
    runtime.wait_for(NAME, &token, Duration::from_secs(20)).await.unwrap();
    for seen in [status(&runtime).await, place.status(Code::Warns).await] {
        assert!(seen.changed && seen.state.is_healthy(), "{seen:?}");
    }
    assert!(!place.status(Code::Old).await.changed);
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    for seen in [status(&runtime).await, place.status(Code::Warns).await] {
        assert!(seen.changed && seen.state == State::Stopped, "{seen:?}");
    }
}

async fn a_change_is_warned_of_once_a_start(place: Place) {
    for (code, warnings) in [(Code::Old, 0), (Code::Ignores, 0), (Code::Warns, 1)] {
        for _start in 0..2 {
            append(&place.events, "a", [place.rows().len() as u64 + 6]).await;
            let runtime = place.runtime(code).await;
            let (log, guard) = capture_log(tracing::Level::INFO);
            runtime.catch_up().await.unwrap();
            drop(guard);
            let log = log.text();
            let said: Vec<_> =
                log.lines().filter(|line| line.contains("the handlers changed")).collect();
            assert_eq!(said.len(), warnings, "{code:?}: {log}");
            let new = match place.kept {
                Kept::Memory(_) => memory::Warns::FINGERPRINT,
                Kept::Sqlite(..) => sqlite::Warns::FINGERPRINT,
            };
            let old = place.checkpoint().await.fingerprint.unwrap();
            assert_ne!(old, new);
            for line in said {
                for part in ["WARN", NAME, &format!("built_by={old}"), &format!("this={new}")] {
                    assert!(line.contains(part), "{part} is not in: {line}");
                }
            }
        }
    }
}

async fn a_refused_change_names_the_ways_out(place: Place) {
    let before = place.rows();
    let refuses = place.runtime(Code::Refuses).await;
    let error = refuses.catch_up().await.unwrap_err();
    assert!(matches!(&*error.halted()[0].reason, HaltReason::StaleCode { .. }), "{error}");
    for part in ["the handlers changed", "rebuild the projector", "`version`", "on_change"] {
        assert!(error.to_string().contains(part), "{part} is not in: {error}");
    }
    let seen = status(&refuses).await;
    assert!(seen.changed && seen.state == State::StaleCode, "{seen:?}");
    assert_eq!(place.rows(), before);
    // The first of them.
    refuses.rebuild(NAME).await.unwrap();
    assert_eq!(place.rows(), [(5, 10)].into());
    assert!(!status(&refuses).await.changed);
}

async fn a_change_that_rebuilds_and_a_raised_version_say_so_before(place: Place) {
    // A raised version wins over `on_change = "refuse"`, and is no change under one version.
    for (code, is_change) in [(Code::Rebuilds, true), (Code::Raised, false)] {
        place.runtime(Code::Old).await.rebuild(NAME).await.unwrap();
        let seen = place.status(code).await;
        assert_eq!(seen.changed, is_change, "{code:?}");
        assert!(seen.last_error.unwrap().starts_with("the next start rebuilds it: "), "{code:?}");
        assert_eq!(place.rows(), [(5, 5)].into());
        place.runtime(code).await.catch_up().await.unwrap();
        let seen = place.status(code).await;
        assert!(!seen.changed && seen.last_error.is_none(), "{code:?}: {seen:?}");
        assert_eq!(place.rows(), [(5, 10)].into(), "{code:?}");
    }
    let older = place.runtime(Code::Old).await.catch_up().await.unwrap_err();
    assert!(older.to_string().contains("built by version 2, and this is version 1"), "{older}");
}

/// What an older library wrote: nothing, or hashes that it made otherwise.
async fn what_cannot_be_compared_is_no_change(place: Place) {
    let own = place.checkpoint().await.fingerprint;
    let other = Fingerprint { algorithm: Fingerprint::ALGORITHM + 1, hash: 1 };
    for unknown in [None, Some(other)] {
        place.record(unknown).await;
        assert_eq!(place.checkpoint().await.fingerprint, unknown);
        assert!(!place.status(Code::Refuses).await.changed);
        place.runtime(Code::Old).await.catch_up().await.unwrap();
        // From now on the code is known.
        assert_eq!(place.checkpoint().await.fingerprint, own);
        assert!(place.status(Code::Refuses).await.changed);
    }
}

/// `#[handlers]` refuses a rebuild without `#[reset]`; what is written by hand meets it at the start.
#[derive(Clone)]
struct ByHand;

impl Projector for ByHand {
    const NAME: &'static str = NAME;
    const OPTIONS: Options = Options::DEFAULT.on_change(OnChange::Rebuild);
    type Storage = MemoryStorage;
}

impl Handlers for ByHand {
    const ROUTES: &'static [Route] = &[];
    const FALLBACK: Option<Fallback> =
        Some(Fallback::new(0, "anything", false, FallbackScope::All));
    const SETUP: Hook = Hook::None;
    const RESET: Hook = Hook::None;
    const FINGERPRINT: Fingerprint = Fingerprint { algorithm: Fingerprint::ALGORITHM, hash: 1 };

    fn handle(&mut self, _: u32, _: &Envelope, _: &mut MemorySession) -> Result<(), HandleError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_change_that_cannot_rebuild_is_refused() {
    let place = Place::in_memory().built_by_old().await;
    let Kept::Memory(storage) = &place.kept else { unreachable!() };
    let builder = Runtime::builder(place.events.clone()).without_linked().storage(storage.clone());
    let runtime = builder.projector(ByHand).build().await.unwrap();
    let seen = status(&runtime).await;
    assert!(seen.changed && seen.state == State::StaleCode, "{seen:?}");
    let error = runtime.catch_up().await.unwrap_err();
    assert!(error.to_string().contains("there is no `#[reset]` method; add one"), "{error}");
    assert_eq!(place.rows(), [(5, 5)].into());
}

/// The event `Added` under a new name that nobody connected with the old one.
mod renamed {
    use projections::{
        Event, handlers, projector,
        testing::{MemoryStorage, MemoryTx},
    };

    #[derive(Event, serde::Deserialize)]
    #[event(domain = "numbers", name = "Booked")]
    struct Booked {
        n: u64,
    }

    macro_rules! renamed {
        ($name:ident, $on_change:literal) => {
            #[projector(
                "changing", storage = MemoryStorage, register = false, on_change = $on_change
            )]
            #[derive(Clone)]
            pub(super) struct $name;

            #[handlers]
            impl $name {
                #[handles(Booked)]
                fn booked(&self, event: &Booked, db: &mut MemoryTx<'_>) {
                    db.set("changing", event.n.to_string(), event.n);
                }
            }
        };
    }
    renamed!(Refuses, "refuse");
    renamed!(Warns, "warn");
}

#[tokio::test]
async fn an_event_that_is_no_longer_handled_is_named_before_a_rebuild_loses_it() {
    let place = Place::in_memory().built_by_old().await;
    let Kept::Memory(storage) = &place.kept else { unreachable!() };
    let builder =
        || Runtime::builder(place.events.clone()).without_linked().storage(storage.clone());
    let told = "`Added` of domain `numbers` is no longer handled: if it was renamed, add `aliases(\"Added\")`";

    let refuses = builder().projector(renamed::Refuses).build().await.unwrap();
    let error = refuses.catch_up().await.unwrap_err().to_string();
    assert!(error.contains(told), "{error}");
    assert!(!error.contains("`Booked`"), "{error}");

    let warns = builder().projector(renamed::Warns).build().await.unwrap();
    let (log, guard) = capture_log(tracing::Level::INFO);
    warns.catch_up().await.unwrap();
    drop(guard);
    assert!(log.text().contains(told), "{}", log.text());
}
