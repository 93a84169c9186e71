//! Tables that another program has made or changed.

use projections::{BlockingStorage, StoreErrorKind, rows::RowsError, sqlite::Sqlite};

use crate::file::*;

#[test]
fn a_table_that_was_altered_by_hand_is_told() {
    for (by_hand, told) in [
        ("ALTER TABLE players ADD COLUMN x ANY", "a column `x` that the program does not declare"),
        ("ALTER TABLE players ADD COLUMN x TEXT", "a column `x` that the program does not declare"),
        ("ALTER TABLE players DROP COLUMN awake", "a column `awake` that the table does not have"),
        (
            "ALTER TABLE players RENAME COLUMN awake TO asleep",
            "a column `awake` that the table does not have, without a default for the rows that \
             are there; the table has a column `asleep`",
        ),
        ("DROP INDEX \"projections_players(seat)\"", "the unique index on (`seat`) is missing"),
        (
            "DROP INDEX \"projections_players(seat)\";
             CREATE INDEX \"projections_players(seat)\" ON players (seat)",
            "the index on (`seat`) is not unique there, and is in the program",
        ),
        (
            "DROP INDEX \"projections_players(net,born)\";
             CREATE INDEX \"projections_players(net,born)\" ON players (net__order, born DESC)",
            "the index `projections_players(net,born)` is not the plain one on (`net__order`, `born`)",
        ),
        (
            "CREATE INDEX \"projections_players(id)\" ON players (id)",
            "the table has an index on (`id`) that the program does not declare",
        ),
        ("DROP TABLE players", "is missing: something else has dropped it"),
        (
            "DROP TABLE players; CREATE VIEW players AS SELECT 1",
            "there is a view of that name that this library did not make",
        ),
        (
            "DROP TABLE players; CREATE TABLE players (player PRIMARY KEY, net BLOB)",
            "column `player` is of any type there, and TEXT in the program; column `player` may be \
             NULL there, and not in the program; column `net` is BLOB there, and TEXT in the program",
        ),
        (
            "DROP TABLE players; CREATE TABLE players (player TEXT NOT NULL PRIMARY KEY)",
            "the table is not STRICT; the table is not WITHOUT ROWID",
        ),
        (
            "DROP TABLE players; CREATE TABLE players
             (player TEXT NOT NULL COLLATE NOCASE PRIMARY KEY) STRICT, WITHOUT ROWID",
            "the primary key is not in the order of bytes",
        ),
        (
            "DROP TABLE players; CREATE TABLE players (player TEXT NOT NULL PRIMARY KEY,
             seat INTEGER NOT NULL GENERATED ALWAYS AS (7)) STRICT, WITHOUT ROWID",
            "column `seat` is computed there",
        ),
        (
            "UPDATE projections_tables SET kinds = json_set(kinds, '$.born', 'Json')",
            "column `born` holds Json there, and Date in the program",
        ),
        (
            "UPDATE projections_tables SET kinds = '{'",
            "its entry in `projections_tables` is damaged",
        ),
    ] {
        let file = File::with_players();
        file.by_hand().execute_batch(by_hand).unwrap();
        let dump = "SELECT sql FROM sqlite_schema ORDER BY name";
        let before = file.texts(dump);
        let what = file.begin().prepare(&PLAYERS).unwrap_err();
        assert!(what.contains(told), "after {by_hand}: {what}");
        assert!(
            what.starts_with("table `players` of SQLite ") && what.contains("read.db"),
            "{what}"
        );
        assert_eq!(file.texts(dump), before, "{by_hand}");
        if by_hand.contains("VIEW") {
            continue; // nobody takes that away
        }
        // The way out.
        assert!(
            what.ends_with("; rebuild projector `players`, which makes the table anew"),
            "{what}"
        );
        let open = file.begin();
        open.access.drop_table(&PLAYERS).unwrap();
        open.prepare(&PLAYERS).unwrap();
        open.write(&PLAYERS, &[player("bob", "0", 2)]).unwrap();
        open.commit().begin().prepare(&PLAYERS).unwrap();
    }
}

#[test]
fn what_is_added_by_hand_beside_a_table_is_nobodys_business() {
    let file = File::with_players();
    file.by_hand()
        .execute_batch(
            "CREATE INDEX mine ON players (id);
             CREATE TABLE log (player);
             CREATE TRIGGER tell AFTER INSERT ON players BEGIN INSERT INTO log VALUES (new.player); END;
             ALTER TABLE players RENAME COLUMN born TO Born;
             DROP INDEX \"projections_players(net,born)\"",
        )
        .unwrap();
    let open = file.begin();
    open.prepare(&PLAYERS).unwrap();
    open.write(&PLAYERS, &[player("bob", "0", 2)]).unwrap();
    let file = open.commit();
    assert_eq!(file.texts("SELECT player FROM log"), ["bob"]);
    let indexes = "SELECT name FROM pragma_index_list('players') WHERE origin = 'c' ORDER BY 1";
    assert_eq!(
        file.texts(indexes),
        ["mine", "projections_players(net,born)", "projections_players(seat)"]
    );
}

#[test]
fn a_table_of_another_program_is_left_alone() {
    for (by_hand, kind) in [
        ("CREATE TABLE players (x); INSERT INTO players VALUES (7)", "table"),
        ("CREATE TABLE Players (player TEXT PRIMARY KEY); INSERT INTO players VALUES (7)", "table"),
        ("CREATE VIEW players AS SELECT 7", "view"),
    ] {
        let file = File::new();
        file.by_hand().execute_batch(by_hand).unwrap();
        let open = file.begin();
        for _ in 0..2 {
            let what = open.prepare(&PLAYERS).unwrap_err();
            let told = format!("cannot be made: there is a {kind} of that name that this library");
            assert!(what.contains(&told), "{what}");
            assert!(
                what.contains("read.db") && what.contains("#[read_model(table = ..)]"),
                "{what}"
            );
            // Not even a rebuild takes it away.
            open.access.drop_table(&PLAYERS).unwrap();
        }
        let file = open.commit();
        assert_eq!(file.values("SELECT * FROM players").len(), 1);
    }
}

#[test]
fn a_column_that_another_program_adds_is_kept() {
    let file = File::with_numbers();
    file.by_hand()
        .execute_batch(
            "ALTER TABLE numbered ADD COLUMN note TEXT; UPDATE numbered SET note = 'mine'",
        )
        .unwrap();
    let file = write_anew(file.begin());
    assert_eq!(file.texts("SELECT note FROM numbered WHERE amount = 2.0"), ["mine", "mine"]);
}

#[test]
fn a_table_that_is_changed_under_a_running_projector_is_no_fault_of_an_event() {
    for (by_hand, told) in [
        ("DROP TABLE players", "something else has changed it: the table is missing; rebuild"),
        ("ALTER TABLE players DROP COLUMN awake", "a column `awake` that the table does not have"),
    ] {
        let file = File::with_players();
        let open = file.begin();
        open.write(&PLAYERS, &[player("bob", "1.5", 2)]).unwrap();
        let file = open.commit();
        file.by_hand().execute_batch(by_hand).unwrap();
        let open = file.begin();
        let error = match open.write(&PLAYERS, &[player("eve", "1.5", 3)]) {
            Err(RowsError::Store(error)) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
        assert!(error.to_string().contains(told), "{error}");
        let missing = Row(vec![text("ada")]);
        let error = open.access.load(&PLAYERS, &missing, &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn the_record_of_a_newer_version_is_refused_and_one_that_is_gone_is_told() {
    let file = File::with_players();
    file.by_hand().execute_batch("DROP TABLE projections_tables").unwrap();
    let error = file.storage.begin().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(error.to_string().contains("its table `projections_tables` is missing"), "{error}");
    let newer = "UPDATE projections_meta SET value = '2' WHERE key = 'tables_schema'";
    file.by_hand().execute_batch(newer).unwrap();
    let path = file.folder.path().join("read.db");
    let error = Sqlite::open(path).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Newer);
    assert!(error.to_string().contains("tables_schema is 2"), "{error}");
}
