//! What an application adds to a table of rows: indexes, triggers, references.

use projections::{rows::RowWrites, sqlite::rusqlite::types::Value as SqlValue};

use crate::file::*;

#[test]
fn rules_that_an_application_adds_refuse_rows_and_name_the_table() {
    for (by_hand, why) in [
        ("CREATE UNIQUE INDEX mine ON players (net)", "UNIQUE constraint failed: players.net"),
        (
            "CREATE TRIGGER no_bobs BEFORE INSERT ON players WHEN new.player = 'bob'
             BEGIN SELECT raise(ABORT, 'no bobs here'); END",
            "no bobs here",
        ),
        (
            "CREATE TABLE bans (player PRIMARY KEY REFERENCES players (player) ON DELETE RESTRICT);
             CREATE TRIGGER broken AFTER INSERT ON players BEGIN INSERT INTO nowhere VALUES (1); END",
            "no such table: main.nowhere",
        ),
    ] {
        let file = File::with_players();
        file.by_hand().execute_batch(by_hand).unwrap();
        let why_not = told(file.begin().write(&PLAYERS, &[player("bob", "1.5", 2)]));
        assert!(why_not.starts_with("table `players` of SQLite ") && why_not.contains(why), "{why_not}");
    }
    let file = File::with_players();
    file.by_hand()
        .execute_batch(
            "CREATE TABLE bans (player REFERENCES players (player)); INSERT INTO bans VALUES ('ada')",
        )
        .unwrap();
    let open = file.begin();
    let ada = Row(vec![text("ada")]);
    let refused = open.access.write(&PLAYERS, RowWrites { deletes: &[&ada], upserts: &[] });
    assert!(told(refused).contains("FOREIGN KEY constraint failed"));
}

/// What is beside a table whose rows are written anew, and how that shows afterwards.
const DEPENDENTS: &[(&str, &str)] = &[
    (
        "CREATE TABLE bets (number REFERENCES numbered (number) ON DELETE CASCADE);
         INSERT INTO bets VALUES (1)",
        "SELECT count(*) FROM bets",
    ),
    (
        "CREATE TABLE log (x);
         CREATE TRIGGER tell AFTER UPDATE ON numbered BEGIN INSERT INTO log VALUES (1); END",
        "SELECT count(*) FROM log",
    ),
    (
        "CREATE UNIQUE INDEX mine ON numbered (amount)",
        "SELECT count(*) FROM numbered WHERE number = 2",
    ),
];

#[test]
fn what_depends_on_a_row_outlives_that_it_is_written_anew() {
    for (make, count) in DEPENDENTS {
        let by_another_program = File::with_numbers();
        by_another_program.by_hand().execute_batch(make).unwrap();
        let file = write_anew(by_another_program.begin());
        assert_eq!(file.values(count), [SqlValue::Integer(1)], "{make}");

        let mut open = File::with_numbers().begin();
        open.tx().execute_batch(make).unwrap();
        let file = open.commit();
        let file = write_anew(file.begin());
        assert_eq!(file.values(count), [SqlValue::Integer(1)], "{make}, by a handler before");
    }
}

#[test]
fn what_a_handler_makes_outlives_that_rows_are_written_in_its_transaction() {
    for (make, count) in DEPENDENTS {
        let mut open = File::with_numbers().begin();
        open.tx().execute_batch(make).unwrap();
        let is_refused = open.write(&EVENTS_OF, &[number(1, 2.0)]).is_err();
        assert_eq!(is_refused, make.contains("UNIQUE"), "{make}");
        if !is_refused {
            assert_eq!(open.commit().values(count), [SqlValue::Integer(1)], "{make}");
        }
    }
    let mut open = File::with_numbers().begin();
    let temporary = "CREATE TEMP TRIGGER tell AFTER UPDATE ON main.numbered
                     BEGIN SELECT raise(ABORT, 'updated'); END";
    open.tx().execute_batch(temporary).unwrap();
    let file = open.commit();
    let refused = file.begin().write(&EVENTS_OF, &[number(1, 2.0)]);
    assert!(told(refused).contains("updated"), "temporary triggers are in no schema");
}
