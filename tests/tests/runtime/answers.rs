//! Answers that are lost, and writes that come too late: rules R1 and R4, acceptance line 14.

use std::{future::Future, path::PathBuf, pin::pin, task::Poll};

use projections::{
    AppendRequest, AsyncStorage, BlockingStorage, Checkpoint, CheckpointKey, CheckpointWrite,
    CommitError, EventStore, Expected, Filter, GlobalPosition, NewEvent, ReadRequest, Runtime,
    handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
    testing::MemoryStorage,
};
use projections_tests::ledger::Added;

use crate::support::append;

/// The caller goes away while its append is under way; it is stored without anyone hearing of it.
/// Repeated with the same events, it is the same append.
async fn an_append_whose_answer_was_lost_can_be_repeated<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    append(&events, "a", [1]).await;
    let lost = [2, 3].map(|n| NewEvent::of(&Added { n }).unwrap());
    let request = AppendRequest::new("a", Expected::Any, lost.to_vec());
    {
        let mut answer = pin!(events.append(request.clone()));
        // Begun, and never looked at again.
        std::future::poll_fn(|context| {
            let _ = answer.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
    }
    events.wait(1.into()).await.unwrap();
    // Others append meanwhile.
    append(&events, "b", [4]).await;
    let receipt = events.append(request).await.unwrap();
    assert_eq!((receipt.first.get(), receipt.last.get()), (2, 3));
    assert_eq!(receipt.stream_position.get(), 3);
    let everything = Filter::all();
    let page = events.read(ReadRequest::new(GlobalPosition::BEGINNING, &everything)).await.unwrap();
    let stored: Vec<_> = page.events().map(|event| (event.position().get(), event.id())).collect();
    assert_eq!(stored.len(), 4);
    assert_eq!(stored[1..3], [(2, lost[0].id), (3, lost[1].id)]);
}

#[projector("leaderboard", storage = Sqlite, register = false)]
#[derive(Clone)]
struct Leaderboard {
    table: &'static str,
}

#[handlers]
impl Leaderboard {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(&format!("CREATE TABLE IF NOT EXISTS {} (n INTEGER)", self.table))
    }

    #[reset]
    fn clear(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(&format!("DELETE FROM {}", self.table))
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        let sql = format!("INSERT INTO {} VALUES (?1)", self.table);
        db.execute(&sql, [event.n.cast_signed()]).map(drop)
    }
}

/// Two applications keep a projector of one name in one database; neither sees the other's place,
/// and neither's rebuild touches the other.
async fn two_applications_each_have_a_leaderboard<S: EventStore + Clone>(
    events: S,
    folder: PathBuf,
) {
    append(&events, "a", [1, 2]).await;
    let path = folder.join("read.db");
    let application = async |namespace: &str, table: &'static str| {
        let runtime = Runtime::builder(events.clone()).without_linked().namespace(namespace);
        let runtime = runtime.storage(Sqlite::open(&path).unwrap());
        runtime.projector(Leaderboard { table }).build().await.unwrap()
    };
    let (poker, chess) = (application("poker", "poker").await, application("chess", "chess").await);
    let places = async || {
        let mut places = Vec::new();
        for runtime in [&poker, &chess] {
            let status = runtime.status().await.unwrap().projectors.remove(0);
            places.push((status.position.get(), status.behind));
        }
        places
    };
    let rows = || {
        let db = rusqlite::Connection::open(&path).unwrap();
        let count = |table| format!("SELECT count(*) FROM {table}");
        ["poker", "chess"].map(|t| db.query_row(&count(t), [], |r| r.get::<_, i64>(0)).unwrap())
    };
    poker.catch_up().await.unwrap();
    assert_eq!(places().await, [(2, 0), (0, 2)]);
    append(&events, "a", [3]).await;
    chess.catch_up().await.unwrap();
    assert_eq!(places().await, [(2, 1), (3, 0)]);
    assert_eq!(rows(), [2, 3]);
    chess.rebuild("leaderboard").await.unwrap();
    assert_eq!(places().await, [(2, 1), (3, 0)]);
    poker.catch_up().await.unwrap();
    assert_eq!(rows(), [3, 3]);
}

on_both_stores!(
    an_append_whose_answer_was_lost_can_be_repeated,
    two_applications_each_have_a_leaderboard,
);

/// Writes of a runner that has slept: it remembers 5, and 10 is stored.
fn late(stored: &Checkpoint) -> [CheckpointWrite; 2] {
    let at = |position: u64| Checkpoint {
        position: position.into(),
        scanned: position.into(),
        ..stored.clone()
    };
    let key = CheckpointKey::new("", "late");
    // One would set the position back, the other would pass over what lies between.
    [7, 12].map(|next| CheckpointWrite::new(key.clone(), Some((&at(5)).into()), at(next)))
}

/// A checkpoint at position 10, as a projector that has run leaves it.
async fn stored() -> Checkpoint {
    let events = projections::memory::MemoryEventStore::new();
    append(&events, "a", 0..10).await;
    let storage = MemoryStorage::new();
    let runtime = Runtime::builder(events).storage(storage.clone()).only(["ledger-memory"]);
    runtime.build().await.unwrap().catch_up().await.unwrap();
    storage.checkpoints("").await.unwrap().remove(0).1
}

#[tokio::test]
async fn a_lower_position_than_the_stored_one_is_refused_in_memory() {
    let (storage, stored) = (MemoryStorage::new(), stored().await);
    let first = CheckpointWrite::new(CheckpointKey::new("", "late"), None, stored.clone());
    storage.commit(storage.begin().await.unwrap(), &first).await.unwrap();
    for write in late(&stored) {
        let session = storage.begin().await.unwrap();
        session.tx().set("rows", "late", 1);
        let refused = storage.commit(session, &write).await;
        assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
        assert_eq!(storage.checkpoints("").await.unwrap()[0].1, stored);
        assert!(storage.rows("rows").is_empty());
    }
}

#[tokio::test]
async fn a_lower_position_than_the_stored_one_is_refused_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let stored = stored().await;
    let storage = Sqlite::open(folder.path().join("read.db")).unwrap();
    let mut session = storage.begin().unwrap();
    storage.setup(&mut session).unwrap();
    let first = CheckpointWrite::new(CheckpointKey::new("", "late"), None, stored.clone());
    storage.commit(session, &first).unwrap();
    for write in late(&stored) {
        let refused = storage.commit(storage.begin().unwrap(), &write);
        assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
        let kept = storage.checkpoints("").unwrap().remove(0).1;
        assert_eq!((kept.position, kept.seen()), (stored.position, stored.seen()));
    }
}
