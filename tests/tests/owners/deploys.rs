//! Rule R7: old and new code side by side.

use std::time::Duration;

use projections::{
    HaltReason, Runtime, State, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{Call, MemoryStorage, MemoryTx},
};
use projections_tests::ledger::Added;
use tokio::time::{sleep, timeout};

use crate::support::{LEASE, append, run, stored};

macro_rules! release {
    ($name:ident, $mark:literal, $($option:tt)*) => {
        #[projector("deployed", storage = MemoryStorage, register = false, $($option)*)]
        #[derive(Clone)]
        struct $name;

        #[handlers]
        impl $name {
            #[reset]
            fn clear(&self, db: &mut MemoryTx<'_>) {
                db.clear("rows");
            }

            #[handles(Added)]
            fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
                db.set("rows", event.n.to_string(), $mark);
            }
        }
    };
}

release!(VersionOne, "old", version = 1);
release!(VersionTwo, "new", version = 2);
release!(CodeOne, "old", on_change = "rebuild");
release!(CodeTwo, "new", on_change = "rebuild");
release!(CodeOneRaised, "old", on_change = "rebuild", version = 2);

struct Place {
    events: MemoryEventStore,
    storage: MemoryStorage,
}

impl Place {
    async fn new() -> Self {
        let place = Self { events: MemoryEventStore::new(), storage: MemoryStorage::new() };
        append(&place.events, 0..10).await;
        place
    }

    fn builder(&self) -> projections::Builder<MemoryEventStore> {
        Runtime::builder(self.events.clone()).without_linked().storage(self.storage.clone())
    }

    async fn old(&self, by_version: bool) -> Runtime<MemoryEventStore> {
        let builder = self.builder();
        let builder = match by_version {
            true => builder.projector(VersionOne),
            false => builder.projector(CodeOne),
        };
        builder.build().await.unwrap()
    }

    async fn new_code(&self, by_version: bool) -> Runtime<MemoryEventStore> {
        let builder = self.builder();
        let builder = match by_version {
            true => builder.projector(VersionTwo),
            false => builder.projector(CodeTwo),
        };
        builder.build().await.unwrap()
    }

    /// Which code has written each row.
    fn written_by(&self) -> Vec<String> {
        let rows = self.storage.rows("rows");
        let mut marks: Vec<_> = rows.values().map(|mark| mark.as_str().unwrap().into()).collect();
        marks.dedup();
        marks
    }

    async fn until(&self, mark: &str, rows: usize) {
        let written = async {
            while self.written_by() != [mark] || self.storage.rows("rows").len() < rows {
                sleep(Duration::from_millis(10)).await;
            }
        };
        // An hour of paused time.
        timeout(Duration::from_secs(3_600), written).await.expect("it is never written");
    }
}

/// Both alive, each restarted: one rebuild, and the newer code has it.
#[tokio::test(start_paused = true)]
async fn one_rebuild_ran_and_the_newer_code_owns_the_projector() {
    for by_version in [true, false] {
        let place = Place::new().await;
        let (old, new) = (place.old(by_version).await, place.new_code(by_version).await);
        let mut old_run = run(&old);
        place.until("old", 10).await;
        let mut new_run = run(&new);
        place.until("new", 10).await;
        for turn in 0..4 {
            append(&place.events, 10 * (turn + 1)..10 * (turn + 2)).await;
            match turn {
                0 | 2 => {
                    old_run.abort();
                    old_run = run(&place.old(by_version).await);
                }
                _ => {
                    new_run.abort();
                    new_run = run(&place.new_code(by_version).await);
                }
            }
            sleep(LEASE * 3).await;
            place.until("new", 10 * (turn as usize + 2)).await;
        }
        assert_eq!(place.storage.calls(Call::Reset), 1, "by version: {by_version}");
        // Where the newer code stops, the older one leaves it as it is, and goes on standing by.
        new_run.abort();
        append(&place.events, 100..110).await;
        sleep(LEASE * 5).await;
        assert!(!old_run.is_finished());
        assert_eq!(
            (place.storage.rows("rows").len(), place.written_by()),
            (50, vec!["new".into()])
        );
        assert_eq!(place.storage.calls(Call::Reset), 1);
        old_run.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn code_that_was_replaced_says_that_it_is_stale() {
    for by_version in [true, false] {
        let place = Place::new().await;
        let old = place.old(by_version).await;
        old.catch_up().await.unwrap();
        place.new_code(by_version).await.catch_up().await.unwrap();
        let before = stored(&place.storage).await;
        let old_run = run(&old);
        sleep(LEASE * 3).await;
        assert!(!old_run.is_finished());
        let seen = old.status().await.unwrap().projectors.remove(0);
        assert_eq!(seen.state, State::StaleCode);
        assert!(seen.last_error.unwrap().contains("run the newer program"));
        old_run.abort();
        // A run that is to end has nothing to wait for.
        let error = place.old(by_version).await.catch_up().await.unwrap_err();
        assert!(matches!(*error.halted()[0].reason, HaltReason::StaleCode { .. }), "{error}");
        assert_eq!(stored(&place.storage).await, before);
    }
}

/// A higher version is newer, whatever code it was made of.
#[tokio::test(start_paused = true)]
async fn replaced_code_comes_back_with_a_higher_version_or_by_somebodys_word() {
    let place = Place::new().await;
    let old = place.old(false).await;
    old.catch_up().await.unwrap();
    place.new_code(false).await.catch_up().await.unwrap();
    old.rebuild("deployed").await.unwrap();
    assert_eq!(place.written_by(), ["old"]);
    old.catch_up().await.unwrap();
    // Which replaces the other one.
    place.new_code(false).await.catch_up().await.unwrap_err();
    let raised = place.builder().projector(CodeOneRaised).build().await.unwrap();
    raised.catch_up().await.unwrap();
    assert_eq!(stored(&place.storage).await.superseded, []);
    assert_eq!(place.written_by(), ["old"]);
}
