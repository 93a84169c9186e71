//! What the tests share: stores, appends, logs.

use std::path::Path;

use projections::{
    AppendRequest, EventStore, Expected, NewEvent, Receipt, sqlite::SqliteEventStore,
};
pub(crate) use projections_tests::ledger::append_to as append;

/// Makes a test of each event store from a check that takes any store.
macro_rules! on_both_stores {
    ($($check:ident),* $(,)?) => { $(
        mod $check {
            #[tokio::test]
            async fn on_memory() {
                let folder = tempfile::tempdir().unwrap();
                super::$check(projections::memory::MemoryEventStore::new(), folder.path().to_owned()).await;
            }

            #[tokio::test]
            async fn on_sqlite() {
                let folder = tempfile::tempdir().unwrap();
                let events = $crate::support::sqlite_events(folder.path());
                super::$check(events, folder.path().to_owned()).await;
            }
        }
    )* };
}

pub(crate) fn sqlite_events(folder: &Path) -> SqliteEventStore {
    SqliteEventStore::open(folder.join("events.db")).unwrap()
}

/// Appends one event of any name and domain.
pub(crate) async fn append_raw<S: EventStore>(
    events: &S,
    domain: &'static str,
    name: &'static str,
    payload: &str,
) -> Receipt {
    let event = NewEvent::json(name, payload).in_domain(domain);
    events.append(AppendRequest::new("raw", Expected::Any, vec![event])).await.unwrap()
}
