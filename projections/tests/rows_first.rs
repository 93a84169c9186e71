//! Rows, end to end: to be replaced.
#![cfg(feature = "sqlite")]
#![allow(missing_docs, clippy::unwrap_used)]

use projections::{
    Event, Expected, Rows, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    rows::{Column, ColumnDef, ColumnError, Kind, Put, ReadModel, RowValues, Table, Values},
    sqlite::Sqlite,
};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct Complete {
    player: String,
    net: i64,
}

#[derive(Default)]
struct Stats {
    player: String,
    hands: i64,
    net: i64,
}

impl Values for Stats {
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        Column::put(&self.player, put)?;
        Column::put(&self.hands, put)?;
        Column::put(&self.net, put)
    }
}

impl ReadModel for Stats {
    type Key = String;
    const TABLE: &'static Table = &Table {
        name: "stats",
        columns: &[
            ColumnDef { name: "player", kind: Kind::Text, nullable: false, default: None },
            ColumnDef { name: "hands", kind: Kind::Integer, nullable: false, default: None },
            ColumnDef { name: "net", kind: Kind::Integer, nullable: false, default: None },
        ],
        key: &[0],
        indexes: &[],
    };
    fn key(&self) -> String {
        self.player.clone()
    }
    fn has_key(&self, key: &String) -> bool {
        self.player == *key
    }
    fn blank(key: &String) -> Self {
        Self { player: key.clone(), ..Self::default() }
    }
    fn read(row: &dyn RowValues) -> Result<Self, ColumnError> {
        Ok(Self {
            player: String::read(row.value(0)?)?,
            hands: i64::read(row.value(1)?)?,
            net: i64::read(row.value(2)?)?,
        })
    }
    fn settle_key(&mut self) -> Result<(), ColumnError> {
        Column::settle(&mut self.player)
    }
    fn settle(&mut self) -> Result<(), ColumnError> {
        Ok(())
    }
    fn heap_bytes(&self) -> usize {
        Column::heap_bytes(&self.player)
    }
    fn duplicate(&self) -> Self {
        Self { player: self.player.clone(), ..*self }
    }
}

#[projector("stats", storage = Sqlite)]
struct Players;

#[handlers]
impl Players {
    #[handles(Complete)]
    fn complete(&self, event: &Complete, players: &mut Rows<Stats>) {
        let row = players.entry(&event.player);
        row.hands += 1;
        row.net += event.net;
    }
}

#[tokio::test]
async fn rows_reach_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(folder.path().join("read.db")).unwrap();
    let runtime =
        Runtime::builder(MemoryEventStore::new()).storage(sqlite.clone()).build().await.unwrap();
    for (player, net) in [("ada", 5), ("bob", -5), ("ada", 7)] {
        let event = Complete { player: player.into(), net };
        runtime.append("hand-1", Expected::Any, [event]).await.unwrap();
        runtime.catch_up().await.unwrap();
    }
    let db = sqlite.connect().unwrap();
    let net: i64 =
        db.query_row("SELECT net FROM stats WHERE player = 'ada'", [], |row| row.get(0)).unwrap();
    assert_eq!(net, 12);
    runtime.rebuild("stats").await.unwrap();
    let net: i64 = db.query_row("SELECT sum(hands) FROM stats", [], |row| row.get(0)).unwrap();
    assert_eq!(net, 3);
}
