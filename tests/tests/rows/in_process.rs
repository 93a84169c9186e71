//! Rule R28 for rows in process, and rows in hooks.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use projections::{
    AppendRequest, Event, EventStore, Expected, NewEvent, Rows, Runtime, handlers,
    memory::MemoryEventStore, projector, sqlite::Sqlite,
};
use serde::{Deserialize, Serialize};

use crate::tables::{Account, Player};

#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "hands")]
struct Played;

/// What handlers have found, and which of their calls fails.
#[derive(Clone, Debug, Default)]
struct Calls {
    count: Arc<AtomicU64>,
    found: Arc<std::sync::Mutex<Vec<i64>>>,
}

impl Calls {
    /// Changes a row; the fifth call fails after that.
    fn play(&self, players: &mut Rows<Player>) -> Result<(), String> {
        let row = players.entry("ada");
        self.found.lock().unwrap().push(row.hands);
        row.hands += 1;
        players.remove("bob");
        if self.count.fetch_add(1, SeqCst) == 4 { Err("the fifth".to_owned()) } else { Ok(()) }
    }
}

#[projector("stateless", register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Stateless {
    #[resource]
    calls: Calls,
}

#[handlers]
impl Stateless {
    #[handles(Played)]
    fn played(&self, _event: &Played, players: &mut Rows<Player>) -> Result<(), String> {
        self.calls.play(players)
    }
}

#[projector("stateful", register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Stateful {
    #[resource]
    calls: Calls,
    hands: i64,
}

#[handlers]
impl Stateful {
    #[handles(Played)]
    fn played(&mut self, _event: &Played, players: &mut Rows<Player>) -> Result<(), String> {
        let before = self.hands;
        self.hands += 1;
        let played = self.calls.play(players);
        assert_eq!(players.get("ada").map(|row| row.hands), Some(before + 1));
        played
    }
}

/// Three hands, then three more in one batch, of which the second fails; then all is repeated.
async fn found<P>(projector: P, calls: &Calls) -> Vec<i64>
where
    P: projections::Projector + projections::Handlers + Clone + Send + Sync + 'static,
{
    let events = MemoryEventStore::new();
    let builder = Runtime::builder(events.clone()).without_linked();
    let runtime = builder.projector(projector).build().await.unwrap();
    let append = async || {
        let new = (0..3).map(|_| NewEvent::of(&Played).unwrap()).collect();
        events.append(AppendRequest::new("a", Expected::Any, new)).await.unwrap();
    };
    append().await;
    runtime.catch_up().await.unwrap();
    append().await;
    runtime.catch_up().await.unwrap_err();
    runtime.catch_up().await.unwrap();
    calls.found.lock().unwrap().clone()
}

#[tokio::test]
async fn rows_go_back_to_what_they_were_before_the_batch() {
    let calls = Calls::default();
    let found = found(Stateless { calls: calls.clone() }, &calls).await;
    // The batch is rolled back; the event before the failing one is applied, and the run halts.
    assert_eq!(found, [0, 1, 2, 3, 4, 3, 4, 5]);
}

#[tokio::test]
async fn rows_are_thrown_away_together_with_the_fields() {
    let calls = Calls::default();
    let found = found(Stateful { calls: calls.clone(), hands: 0 }, &calls).await;
    assert_eq!(found, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5]);
}

macro_rules! with_bad_setup {
    ($name:ident = $text:literal, $($option:tt)*) => {
        #[projector($text, register = false $($option)*, on_failure = "halt", retry(none))]
        #[derive(Clone)]
        struct $name;

        #[handlers]
        impl $name {
            #[setup]
            fn fill(&self, accounts: &mut Rows<Account>) {
                accounts.entry(&1).rate = f64::NAN;
            }

            #[handles(Played)]
            fn played(&self, _event: &Played, accounts: &mut Rows<Account>) {
                accounts.entry(&2);
            }
        }
    };
}

with_bad_setup! { SetupInProcess = "setup-in-process", }
with_bad_setup! { SetupOnSqlite = "setup-on-sqlite", , storage = Sqlite }

#[tokio::test]
async fn a_row_that_cannot_be_stored_fails_the_hook_that_leaves_it() {
    let builder = Runtime::builder(MemoryEventStore::new()).without_linked();
    let runtime = builder.projector(SetupInProcess).build().await.unwrap();
    let in_process = runtime.catch_up().await.unwrap_err().to_string();
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(folder.path().join("read.db")).unwrap();
    let builder = Runtime::builder(MemoryEventStore::new()).without_linked().storage(sqlite);
    let runtime = builder.projector(SetupOnSqlite).build().await.unwrap();
    let on_sqlite = runtime.catch_up().await.unwrap_err().to_string();
    for error in [in_process, on_sqlite] {
        for part in ["setup", "the row 1 of table `accounts`", "`rate`", "NaN"] {
            assert!(error.contains(part), "`{part}` is not in {error}");
        }
    }
}
