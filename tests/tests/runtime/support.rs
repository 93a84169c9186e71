//! What the tests share: stores, appends, logs.

use std::{
    io::Write,
    path::Path,
    sync::{Arc, Mutex},
};

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

/// Collects what is logged while the guard lives, on this thread.
pub(crate) fn capture_log() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
