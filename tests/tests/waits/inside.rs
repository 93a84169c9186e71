//! Handlers that wait: for themselves, in the end.

use std::{
    future::Future,
    pin::pin,
    sync::OnceLock,
    task::{Context, Poll, Waker},
};

use projections::{
    Expected, Runtime, SyncMode, Token, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx},
    testing::{MemoryStorage, MemoryTx},
};
use projections_tests::ledger::Added;
use std::sync::Arc;

use crate::support::{Heard, LONG, append, soon};

/// The runtime, for its own handlers.
type Own = Arc<OnceLock<(Runtime<MemoryEventStore>, Token)>>;

/// Polls a future once, as a handler might that has no runtime to wait with.
fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

macro_rules! waiting {
    ($projector:ident, $name:literal, $($storage:ident, $tx:ty)?) => {
        #[projector($name, $(storage = $storage,)? register = false)]
        #[derive(Clone, Default)]
        struct $projector {
            own: Own,
            heard: Heard,
        }

        impl $projector {
            fn hear(&self, error: Option<impl std::fmt::Display>) {
                let text = error.map_or("it waits".to_owned(), |error| error.to_string());
                self.heard.lock().unwrap().push(text);
            }
        }
    };
}

waiting!(Blocking, "waits-on-its-thread", Sqlite, SqliteTx<'_>);
waiting!(Plain, "waits-in-process",);
waiting!(Asynchronous, "waits-in-a-task", MemoryStorage, MemoryTx<'_>);

#[handlers]
impl Blocking {
    #[handles(Added)]
    fn added(&self, _event: &Added, _db: &mut SqliteTx<'_>) {
        let Some((runtime, token)) = self.own.get() else { return };
        // A thread of the storage's own: the handler may block on a future there.
        let handle = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let waited = handle.block_on(runtime.wait_for("waits-on-its-thread", token, LONG));
        self.hear(waited.err());
        let appended = runtime.append("b", Expected::Any, [Added { n: 2 }]);
        self.hear(handle.block_on(appended.sync(SyncMode::Simple).into_future()).err());
    }
}

#[handlers]
impl Plain {
    #[handles(Added)]
    fn added(&mut self, _event: &Added) {
        let Some((runtime, token)) = self.own.get() else { return };
        let waited = poll_once(runtime.wait_for("waits-in-process", token, LONG));
        self.hear(waited.and_then(Result::err));
        let appended = runtime.append("b", Expected::Any, [Added { n: 2 }]);
        let appended = poll_once(appended.sync(SyncMode::Simple).into_future());
        self.hear(appended.and_then(Result::err));
    }
}

#[handlers]
impl Asynchronous {
    #[handles(Added)]
    async fn added(&self, _event: &Added, _db: &mut MemoryTx<'_>) {
        let Some((runtime, token)) = self.own.get() else { return };
        // Also after it was woken again.
        tokio::task::yield_now().await;
        self.hear(runtime.wait_for("waits-in-a-task", token, LONG).await.err());
        let appended = runtime.append("b", Expected::Any, [Added { n: 2 }]);
        self.hear(appended.sync(SyncMode::Simple).await.err());
    }
}

async fn hears(runtime: Runtime<MemoryEventStore>, own: Own, heard: Heard, name: &str) {
    let token = append(&runtime, [1]).await.token();
    own.set((runtime.clone(), token.clone())).unwrap();
    soon(runtime.catch_up()).await.unwrap();
    let refused = format!(
        "a handler of projector `{name}` must not wait for a projector: wait where the events were appended, outside of handlers"
    );
    let refusals = [refused.clone(), format!("nothing was appended: {refused}")];
    assert_eq!(*heard.lock().unwrap(), refusals);
    // Nobody is in a handler any longer.
    soon(runtime.wait_for(name, &token, LONG)).await.unwrap();
}

#[tokio::test]
async fn a_handler_on_a_thread_may_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let projector = Blocking::default();
    let (own, heard) = (projector.own.clone(), projector.heard.clone());
    let runtime = Runtime::builder(MemoryEventStore::new()).without_linked();
    let runtime = runtime.storage(Sqlite::open(folder.path().join("read.db")).unwrap());
    let runtime = runtime.projector(projector).build().await.unwrap();
    hears(runtime, own, heard, "waits-on-its-thread").await;
}

#[tokio::test]
async fn a_handler_in_process_may_not_wait() {
    let projector = Plain::default();
    let (own, heard) = (projector.own.clone(), projector.heard.clone());
    let runtime = Runtime::builder(MemoryEventStore::new()).without_linked();
    let runtime = runtime.projector(projector).build().await.unwrap();
    hears(runtime, own, heard, "waits-in-process").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_async_handler_may_not_wait() {
    let projector = Asynchronous::default();
    let (own, heard) = (projector.own.clone(), projector.heard.clone());
    let runtime = Runtime::builder(MemoryEventStore::new()).without_linked();
    let runtime = runtime.storage(MemoryStorage::new());
    let runtime = runtime.projector(projector).build().await.unwrap();
    hears(runtime, own, heard, "waits-in-a-task").await;
}
