//! Waits for projectors of other modes: they are named, or not waited for.

use projections::{
    EventSource, Expected, ReadModel, Rows, Runtime, State, SyncMode, handlers, projector,
    sqlite::{Sqlite, SqliteEventStore},
};
use projections_tests::ledger::Added;

use crate::support::{LONG, Run, soon};

#[derive(Debug, Default, ReadModel)]
#[read_model(table = "sums")]
struct Sum {
    #[key]
    id: u8,
    sum: u64,
}

#[projector("inline-sum", storage = Sqlite, mode = "inline", register = false)]
#[derive(Clone)]
struct InlineSum;

#[handlers]
impl InlineSum {
    #[handles(Added)]
    fn added(&self, event: &Added, sums: &mut Rows<Sum>) {
        sums.entry(&1).sum += event.n;
    }
}

#[projector("live-sum", mode = "live", register = false)]
#[derive(Clone, Default)]
struct LiveSum {
    sum: u64,
}

#[handlers]
impl LiveSum {
    #[handles(Added)]
    fn added(&mut self, event: &Added) -> Result<u64, String> {
        self.sum += event.n;
        Ok(self.sum)
    }
}

async fn runtime(events: &SqliteEventStore) -> Runtime<SqliteEventStore> {
    let builder = Runtime::builder(events.clone()).without_linked();
    let builder = builder.storage(events.read_models()).projector(InlineSum);
    builder.projector(LiveSum::default()).build().await.unwrap()
}

#[tokio::test]
async fn inline_and_live_projectors_are_waited_for_where_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    let runtime = runtime(&events).await;
    let run = Run::of(&runtime);
    // Both begin: the inline one takes part in appends, the live one is at the head.
    soon(async {
        while !runtime.status().await.unwrap().projectors.iter().all(|p| p.state == State::CaughtUp)
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut sum = 0;
    for n in 1..=20_u64 {
        sum += n;
        let append = runtime.append("a", Expected::Any, [Added { n }]).sync(SyncMode::Simple);
        let named = append.projectors(["inline-sum", "live-sum"]).timeout(LONG);
        let receipt = soon(named.into_future()).await.unwrap();
        let row = runtime.rows::<Sum>().unwrap().get(&1).await.unwrap().unwrap();
        assert_eq!(row.sum, sum);
        assert_eq!(runtime.read::<LiveSum, _>(|live| live.sum).await.unwrap(), sum);
        assert_eq!(receipt.results_as::<u64>("live-sum").unwrap(), [sum]);
        // What ran in the append is there for a wait that comes later, too.
        runtime.wait_for("inline-sum", &receipt.token(), LONG).await.unwrap();
    }
    run.stop().await;

    // Nobody runs: the inline one is in the append all the same, and the live one is not waited for.
    let append = runtime.append("a", Expected::Any, [Added { n: 1 }]).sync(SyncMode::Simple);
    let receipt = soon(append.into_future()).await.unwrap();
    soon(runtime.wait_for("inline-sum", &receipt.token(), LONG)).await.unwrap();
    let head = events.head().await.unwrap().unwrap().position;
    assert_eq!(receipt.last, head);
}
