//! What handlers may do to tables of rows.

use crate::file::*;

#[test]
fn a_handler_may_read_rows_and_not_write_them() {
    let file = File::with_players();
    let mut open = file.begin();
    let mut db = open.tx();
    for sql in [
        "INSERT INTO players (player) VALUES ('bob')",
        "INSERT OR REPLACE INTO main.PLAYERS (player) VALUES ('bob')",
        "UPDATE \"Players\" SET net = '7'",
        "DELETE FROM players",
        "DROP TABLE players",
        "ALTER TABLE players ADD COLUMN x TEXT",
        "ALTER TABLE players RENAME TO others",
    ] {
        for _ in 0..2 {
            let error = db.execute(sql, []).unwrap_err().to_string();
            let why = "holds rows of projector `players`: change it through `Rows<..>`";
            assert!(error.contains(why) && error.starts_with("not authorized: table `"), "{error}");
        }
        let error = db.execute("PRAGMA synchronous = OFF", []).unwrap_err().to_string();
        assert!(error.contains("a handler may not begin"), "{error}");
    }
    for sql in [
        "UPDATE projections_tables SET projector = 'me'",
        "CREATE INDEX \"projections_players(id)\" ON players (id)",
        "DROP INDEX \"projections_players(seat)\"",
    ] {
        let error = db.execute(sql, []).unwrap_err().to_string();
        assert!(error.starts_with("not authorized: a handler may not"), "{error}");
    }
    let seats = db.query_row("SELECT seat FROM players", [], |row| row.get(0));
    assert_eq!(seats, Ok(1));
    db.execute_batch(
        "CREATE INDEX mine ON players (id);
         CREATE TABLE log (player TEXT);
         CREATE TRIGGER tell AFTER INSERT ON players BEGIN INSERT INTO log VALUES (new.player); END;
         CREATE TRIGGER meddle AFTER INSERT ON log BEGIN UPDATE players SET net = '0'; END",
    )
    .unwrap();
    let error = db.execute("INSERT INTO log VALUES ('eve')", []).unwrap_err().to_string();
    assert!(error.contains("table `players` holds rows"), "{error}");
    db.execute_batch("DROP TRIGGER meddle").unwrap();
    open.write(&PLAYERS, &[player("bob", "0", 2)]).unwrap();
    open.access.drop_table(&PLAYERS).unwrap();
    // What is dropped is nobody's any more.
    open.tx().execute_batch("CREATE TABLE players (x); INSERT INTO players VALUES (1)").unwrap();
}

#[test]
fn a_trigger_may_not_change_rows_behind_the_library() {
    let mut open = File::with_players().begin();
    let meddle =
        "CREATE TRIGGER meddle AFTER INSERT ON players BEGIN UPDATE players SET net = '0'; END";
    open.tx().execute_batch(meddle).unwrap();
    let refused = open.write(&PLAYERS, &[player("bob", "0", 2)]);
    assert!(told(refused).contains("table `players` holds rows of projector `players`"));
}

#[test]
fn the_guard_follows_what_is_rolled_back_and_what_others_make() {
    let file = File::new();
    let open = file.begin();
    open.prepare(&PLAYERS).unwrap();
    drop(open);
    let mut open = file.begin();
    open.tx().execute_batch("CREATE TABLE players (x); INSERT INTO players VALUES (1)").unwrap();
    drop(open);
    // Another process makes it.
    let other = File::with_players();
    let schema = other.texts("SELECT sql FROM sqlite_schema WHERE name LIKE 'p%' AND sql NOT NULL");
    let by_hand = file.by_hand();
    for sql in schema {
        by_hand.execute_batch(&sql).unwrap();
    }
    by_hand
        .execute_batch(
            "INSERT INTO projections_tables VALUES ('Players', 'theirs', '{}');
             INSERT INTO projections_meta VALUES ('tables_schema', '1'), ('checkpoints_schema', '3')",
        )
        .unwrap();
    let mut open = file.begin();
    let error = open.tx().execute("DELETE FROM players", []).unwrap_err().to_string();
    assert!(error.contains("table `players` holds rows of projector `theirs`"), "{error}");
}
