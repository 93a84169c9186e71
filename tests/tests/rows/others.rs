//! What `check` says of tables that others have written to, and of those that nobody has.

use std::path::Path;

use projections::{
    CheckpointKey, ReadModel as _, Storage as _,
    memory::MemoryEventStore,
    read::TableCheck,
    rows::{Prepared, RowsError, Table},
    sqlite::Sqlite,
};
use rand::{Rng, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use rusqlite::Connection;

use crate::{
    programs::Program,
    projectors::{Small, Tiny, Usual, Watch},
    run::{Applies, TABLES, append, runtime, seeds},
    tables::Player,
};

async fn check(path: &Path, table: &'static Table, projector: &str) -> Result<Prepared, RowsError> {
    let check = TableCheck {
        table,
        projector: projector.to_owned(),
        checkpoint: CheckpointKey::new("", projector),
        rebuild: false,
    };
    let sqlite: Sqlite = Sqlite::open(path).unwrap();
    sqlite.row_reads().unwrap().check(check).await
}

/// Asserts that nobody has written to the tables but their projector.
pub(crate) async fn untouched(path: &Path, projector: &str) {
    for table in TABLES {
        let found = check(path, table, projector).await;
        assert!(matches!(found, Ok(Prepared::Kept)), "{}: {found:?}", table.name);
    }
}

/// Asserts that a table was written to by another, and that all else was not.
async fn touched(path: &Path, projector: &str, table: &str) {
    for other in TABLES {
        let found = check(path, other, projector).await;
        match found {
            Err(RowsError::Differs(what)) if other.name == table => {
                let named = format!("table `{table}` of SQLite ");
                assert!(what.starts_with(&named), "{what}");
                let how = format!("written by something else than projector `{projector}`");
                assert!(what.contains(&how), "{what}");
                let way_out = format!("rebuild projector `{projector}`");
                assert!(what.ends_with(&way_out), "{what}");
            }
            Ok(Prepared::Kept) if other.name != table => {}
            found => panic!("{table} was written to: {} is {found:?}", other.name),
        }
    }
}

/// What another program may do to a table with rows, as SQL.
fn strange(rng: &mut StdRng, db: &Connection, table: &Table) -> Option<String> {
    let name = table.name;
    let key: Vec<_> = table.key.iter().map(|key| table.columns[*key].name).collect();
    let rows = format!("SELECT count(*) FROM {name}");
    let rows: i64 = db.query_row(&rows, [], |row| row.get(0)).unwrap();
    if rows == 0 {
        return None;
    }
    let keys: Vec<_> = key.iter().map(|key| format!("\"{key}\"")).collect();
    let keys = keys.join(", ");
    let row = rng.random_range(0..rows);
    let one =
        format!("({keys}) = (SELECT {keys} FROM {name} ORDER BY {keys} LIMIT 1 OFFSET {row})");
    let texts = match name {
        "players" => ["hands = hands + 1", "hands = hands - 1", "net__order = x'ff'"],
        "seats" => {
            ["stack = stack - (stack > 0) + (stack <= 0)", "taken_by = 'eve'", "number = 77"]
        }
        "accounts" => ["rate = rate + 1", "code = 77", "id = 77"],
        _ => ["real = 77.5", "tags = tags || ' '", "amount = '77', amount__order = x'77'"],
    };
    Some(match rng.random_range(0..4) {
        0 => format!("DELETE FROM {name} WHERE {one}"),
        _ => format!("UPDATE {name} SET {} WHERE {one}", texts.choose(rng).unwrap()),
    })
}

async fn tampered<P: Applies>(seed: u64, projector: &str, make: impl Fn(Watch) -> P) {
    let mut rng = StdRng::seed_from_u64(seed);
    let batch = *[1, 7, 512].choose(&mut rng).unwrap();
    let program = Program::random(seed, 60);
    let (events, folder) = (MemoryEventStore::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("read.db");
    append(&events, &program.steps[..30]).await;
    let sqlite: Sqlite = Sqlite::open(&path).unwrap();
    let runtime = runtime(&events, sqlite, make(Watch::default()), batch).await;
    runtime.catch_up().await.unwrap();
    untouched(&path, projector).await;
    append(&events, &program.steps[30..]).await;
    runtime.catch_up().await.unwrap();
    untouched(&path, projector).await;

    let db = Connection::open(&path).unwrap();
    let table = TABLES.choose(&mut rng).unwrap();
    let Some(sql) = strange(&mut rng, &db, table) else { return };
    println!("{sql}");
    db.execute_batch(&sql).unwrap();
    touched(&path, projector, table.name).await;
    runtime.rebuild(projector).await.unwrap();
    untouched(&path, projector).await;
}

#[tokio::test]
async fn a_table_that_another_program_writes_to_is_named_until_it_is_rebuilt() {
    for seed in seeds(12) {
        tampered(seed, "usual", |watch| Usual { watch }).await;
        tampered(seed, "small", |watch| Small { watch }).await;
        tampered(seed, "tiny", |watch| Tiny { watch }).await;
    }
}

/// Two rows that exchange what they hold add up to something else.
#[tokio::test]
async fn rows_that_another_program_exchanges_are_noticed() {
    let program = Program::of([hands(&["ada"], 1), hands(&["bob"], 2)]);
    let (events, folder) = (MemoryEventStore::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("read.db");
    append(&events, &program.steps).await;
    let sqlite: Sqlite = Sqlite::open(&path).unwrap();
    let projector = Usual { watch: Watch::default() };
    runtime(&events, sqlite, projector, 7).await.catch_up().await.unwrap();
    let db = Connection::open(&path).unwrap();
    assert_eq!(db.execute("UPDATE players SET hands = 3 - hands", []).unwrap(), 2);
    touched(&path, "usual", Player::TABLE.name).await;
    // What is as it was is as if nobody had written.
    db.execute("UPDATE players SET hands = 3 - hands", []).unwrap();
    untouched(&path, "usual").await;
}

fn hands(names: &[&str], count: usize) -> Vec<crate::model::Op> {
    use crate::{
        model::{Act, Op},
        tables::PlayerChange,
    };
    let of =
        |name: &&str| Op::Player(Act::Entry((*name).to_owned(), vec![PlayerChange::Hand; count]));
    names.iter().map(of).collect()
}
