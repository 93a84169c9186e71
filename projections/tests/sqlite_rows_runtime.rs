//! Rows in SQLite, with a runtime: whose tables are whose, and what stops a projector.
#![cfg(all(feature = "sqlite", feature = "macros"))]
#![allow(clippy::unwrap_used, missing_docs)]

use projections::{
    Event, Expected, ReadModel, Rows, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};
use tempfile::TempDir;

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct Complete {
    player: String,
    net: i64,
}

#[derive(Default, ReadModel)]
#[read_model(table = "stats")]
struct Stats {
    #[key]
    player: String,
    hands: i64,
    #[index]
    net: i64,
}

#[projector("stats", storage = Sqlite, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Players;

#[handlers]
impl Players {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS bans (player TEXT PRIMARY KEY);
             CREATE INDEX IF NOT EXISTS stats_by_hands ON stats (hands);
             CREATE TRIGGER IF NOT EXISTS no_bans BEFORE INSERT ON stats
             WHEN new.player IN (SELECT player FROM bans)
             BEGIN SELECT raise(ABORT, 'the player is banned'); END",
        )
    }

    #[reset]
    fn clear(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("DELETE FROM bans")
    }

    #[handles(Complete)]
    fn complete(&self, event: &Complete, stats: &mut Rows<Stats>) {
        let row = stats.entry(&event.player);
        row.hands += 1;
        row.net += event.net;
    }
}

/// The same under another name.
#[projector("standings", storage = Sqlite, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Renamed;

#[handlers]
impl Renamed {
    #[handles(Complete)]
    fn complete(&self, event: &Complete, stats: &mut Rows<Stats>) {
        stats.entry(&event.player).hands += 1;
    }
}

struct World {
    _folder: TempDir,
    events: MemoryEventStore,
    sqlite: Sqlite,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(folder.path().join("read.db")).unwrap();
        Self { _folder: folder, events: MemoryEventStore::new(), sqlite }
    }

    async fn players(&self, namespace: &str) -> Runtime<MemoryEventStore> {
        let builder = Runtime::builder(self.events.clone()).storage(self.sqlite.clone());
        builder.namespace(namespace).without_linked().projector(Players).build().await.unwrap()
    }

    async fn renamed(&self) -> Runtime<MemoryEventStore> {
        let builder = Runtime::builder(self.events.clone()).storage(self.sqlite.clone());
        builder.without_linked().projector(Renamed).build().await.unwrap()
    }

    fn stats(&self) -> Vec<(String, i64, i64)> {
        let db = self.sqlite.connect().unwrap();
        let mut rows = db.prepare("SELECT player, hands, net FROM stats ORDER BY player").unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}

async fn play(runtime: &Runtime<MemoryEventStore>, hands: &[(&str, i64)]) {
    for (player, net) in hands {
        let event = Complete { player: (*player).into(), net: *net };
        runtime.append("hand-1", Expected::Any, [event]).await.unwrap();
    }
}

fn all_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

fn row(player: &str, hands: i64, net: i64) -> (String, i64, i64) {
    (player.to_owned(), hands, net)
}

#[tokio::test]
async fn rows_reach_the_table_and_a_rebuild_makes_it_anew() {
    let world = World::new();
    let runtime = world.players("").await;
    for hand in [("ada", 5), ("bob", -5), ("ada", 7)] {
        play(&runtime, &[hand]).await;
        runtime.catch_up().await.unwrap();
    }
    let expected = [row("ada", 2, 12), row("bob", 1, -5)];
    assert_eq!(world.stats(), expected);
    runtime.rebuild("stats").await.unwrap();
    assert_eq!(world.stats(), expected);
    let db = world.sqlite.connect().unwrap();
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name IN ('stats_by_hands', 'no_bans')";
    let kept: i64 = db.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 2, "`#[setup]` adds what a rebuild has dropped with the table");
}

#[tokio::test]
async fn rows_that_a_trigger_refuses_halt_at_their_event() {
    let world = World::new();
    let runtime = world.players("").await;
    play(&runtime, &[("ada", 5)]).await;
    runtime.catch_up().await.unwrap();
    let ban = |sql: &'static str| {
        let path = world.sqlite.connect().unwrap().path().unwrap().to_owned();
        rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
    };
    ban("INSERT INTO bans VALUES ('bob')");
    play(&runtime, &[("ada", 1), ("eve", 2), ("bob", 3), ("ada", 4)]).await;
    let why = all_of(&runtime.catch_up().await.unwrap_err());
    assert!(why.contains("table `stats` of SQLite") && why.contains("is banned"), "{why}");
    assert_eq!(world.stats(), [row("ada", 2, 6), row("eve", 1, 2)], "its neighbours are written");
    ban("DELETE FROM bans");
    runtime.catch_up().await.unwrap();
    assert_eq!(world.stats(), [row("ada", 3, 10), row("bob", 1, 3), row("eve", 1, 2)]);
}

#[tokio::test]
async fn a_renamed_projector_takes_its_table_over_by_a_rebuild() {
    let world = World::new();
    let runtime = world.players("").await;
    play(&runtime, &[("ada", 5)]).await;
    runtime.catch_up().await.unwrap();
    drop(runtime);

    let renamed = world.renamed().await;
    let why = all_of(&renamed.catch_up().await.unwrap_err());
    assert!(
        why.contains("table `stats` of SQLite") && why.contains("belongs to projector `stats`")
    );
    assert!(
        why.contains("if `standings` takes the place of `stats`, rebuild `standings`"),
        "{why}"
    );
    assert_eq!(world.stats(), [row("ada", 1, 5)]);
    renamed.rebuild("standings").await.unwrap();
    assert_eq!(world.stats(), [row("ada", 1, 0)]);
    drop(renamed);

    let why = all_of(&world.players("").await.catch_up().await.unwrap_err());
    assert!(why.contains("belongs to projector `standings`"), "{why}");
}

#[tokio::test]
async fn applications_with_one_name_do_not_share_a_table() {
    let world = World::new();
    let one = world.players("one").await;
    play(&one, &[("ada", 5)]).await;
    one.catch_up().await.unwrap();
    let why = all_of(&world.players("other").await.catch_up().await.unwrap_err());
    assert!(why.contains("belongs to projector `one/stats`"), "{why}");
    assert!(why.contains("`other/stats`"), "{why}");
    assert_eq!(world.stats(), [row("ada", 1, 5)]);
}

/// What `Players` was before it had rows.
#[projector("stats", storage = Sqlite, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Before;

#[handlers]
impl Before {
    #[handles(Complete)]
    fn complete(&self, _event: &Complete, _db: &mut SqliteTx<'_>) {}
}

#[tokio::test]
async fn a_table_that_is_new_behind_a_checkpoint_asks_for_a_rebuild() {
    let world = World::new();
    let builder = Runtime::builder(world.events.clone()).storage(world.sqlite.clone());
    let before = builder.without_linked().projector(Before).build().await.unwrap();
    play(&before, &[("ada", 5), ("bob", -5)]).await;
    before.catch_up().await.unwrap();

    let runtime = world.players("").await;
    let error = runtime.catch_up().await.unwrap_err().to_string();
    assert!(
        error.contains("table `stats` is new, and projector `stats` has passed events"),
        "{error}"
    );
    assert!(error.contains("rebuild the projector"), "{error}");

    runtime.rebuild("stats").await.unwrap();
    assert_eq!(world.stats(), [("ada".to_owned(), 1, 5), ("bob".to_owned(), 1, -5)]);
}
