//! Rows and plain SQL in one projector.

use std::sync::{Arc, Mutex};

use projections::{
    AppendRequest, Envelope, Event, EventStore, Expected, NewEvent, Rows, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};
use serde::{Deserialize, Serialize};

use crate::tables::Player;

macro_rules! events {
    ($($name:ident)+) => {$(
        #[derive(Clone, Debug, Event, Serialize, Deserialize)]
        #[event(domain = "mixed")]
        struct $name;
    )+};
}

events! { RowsAlone SqlAlone RowsFirst SqlFirst Around }

/// The hands that each query has found.
#[derive(Clone, Debug, Default)]
struct Found(Arc<Mutex<Vec<i64>>>);

impl Found {
    fn query(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        let hands = db.query_optional("SELECT hands FROM players", [], |row| row.get(0))?;
        self.0.lock().unwrap().push(hands.unwrap_or(0));
        Ok(())
    }
}

fn count(players: &mut Rows<Player>) {
    players.entry("ada").hands += 1;
}

#[projector("mixed", storage = Sqlite, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Mixed {
    #[resource]
    found: Found,
}

#[handlers]
impl Mixed {
    #[handles(RowsAlone)]
    fn rows_alone(&self, _event: &RowsAlone, players: &mut Rows<Player>) {
        count(players);
    }

    #[handles(SqlAlone)]
    fn sql_alone(&self, _event: &SqlAlone, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        self.found.query(db)
    }

    #[handles(RowsFirst)]
    fn rows_first(
        &self,
        _event: &RowsFirst,
        players: &mut Rows<Player>,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        count(players);
        self.found.query(db)
    }

    #[handles(SqlFirst)]
    fn sql_first(
        &self,
        _event: &SqlFirst,
        db: &mut SqliteTx<'_>,
        players: &mut Rows<Player>,
    ) -> rusqlite::Result<()> {
        count(players);
        self.found.query(db)
    }

    #[handles(Around)]
    fn around(
        &self,
        _event: &Around,
        players: &mut projections::Rows<Player>,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
        _others: &mut Rows<crate::tables::Seat>,
    ) -> rusqlite::Result<()> {
        assert!(at.position().get() > 0);
        count(players);
        self.found.query(db)
    }
}

async fn append<E: Event + Serialize>(events: &MemoryEventStore, event: E) {
    let new = vec![NewEvent::of(&event).unwrap()];
    events.append(AppendRequest::new("mixed", Expected::Any, new)).await.unwrap();
}

#[tokio::test]
async fn queries_see_the_rows_of_earlier_events_in_every_order_of_parameters() {
    for batch in [1, 2, 512] {
        let (events, found) = (MemoryEventStore::new(), Found::default());
        append(&events, SqlAlone).await;
        append(&events, RowsAlone).await;
        append(&events, SqlAlone).await;
        append(&events, RowsFirst).await;
        append(&events, SqlFirst).await;
        append(&events, SqlAlone).await;
        append(&events, Around).await;
        append(&events, RowsAlone).await;
        append(&events, RowsFirst).await;
        append(&events, SqlAlone).await;
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(folder.path().join("read.db")).unwrap();
        let builder = Runtime::builder(events).without_linked().storage(sqlite.clone());
        let builder = builder.batch_events(batch).projector(Mixed { found: found.clone() });
        builder.build().await.unwrap().catch_up().await.unwrap();
        // What a handler changes itself is written after it.
        assert_eq!(*found.0.lock().unwrap(), [0, 1, 1, 2, 3, 3, 5, 6]);
        let db = sqlite.connect().unwrap();
        let hands = db.query_row("SELECT hands FROM players", [], |row| row.get::<_, i64>(0));
        assert_eq!(hands.unwrap(), 6);
    }
}
