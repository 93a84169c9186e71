//! What `projection check` says of the tables of rows.

use std::fs;

use rusqlite::Connection;

use crate::support::{App, Ended, Folder, lines};

/// A read model of rows that is caught up with 100 events.
fn built() -> Folder {
    let folder = Folder::new();
    let app = App::new(&folder);
    app.feed(&["events", "import", "-"], lines(100).as_bytes());
    let done = run(&app, "declared");
    assert_eq!(done.code, Some(0), "{done:?}");
    folder
}

fn run(app: &App<'_>, form: &str) -> Ended {
    app.run(&["--rows", form, "projection", "run", "--until-caught-up"])
}

fn check(app: &App<'_>, form: &str) -> Ended {
    app.run(&["--rows", form, "projection", "check"])
}

/// Asserts that a table has one fault, and that looking for it changes nothing.
#[track_caller]
fn is_at_fault(app: &App<'_>, form: &str, texts: &[&str]) {
    let before = contents(app);
    let found = check(app, form);
    assert_eq!((found.code, found.out.as_str()), (Some(1), ""), "{found:?}");
    assert_eq!(found.err.lines().count(), 1, "one fault is one line: {found:?}");
    for text in ["error: table `streams` "].iter().chain(texts) {
        assert!(found.err.contains(text), "{text} is not in {found:?}");
    }
    assert_eq!(contents(app), before, "a check changes nothing");
}

#[track_caller]
fn is_without_fault(app: &App<'_>, form: &str) {
    let before = contents(app);
    let found = check(app, form);
    assert_eq!((found.code, found.err.as_str()), (Some(0), ""), "{found:?}");
    assert!(found.out.ends_with("3 projectors, no fault\n"), "{found:?}");
    assert_eq!(contents(app), before, "a check changes nothing");
}

/// Everything that is in the file: its schema, its rows, and what it counts of changes to itself.
fn contents(app: &App<'_>) -> String {
    let db = Connection::open(app.events()).unwrap();
    let one = |sql: &str| {
        let mut statement = db.prepare(sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            (0..columns).map(|column| row.get(column)).collect::<Result<Vec<_>, _>>()
        });
        let rows: Vec<Vec<rusqlite::types::Value>> = rows.unwrap().map(Result::unwrap).collect();
        format!("{rows:?}")
    };
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut names = db.prepare(tables).unwrap();
    let names: Vec<String> =
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut text = one("SELECT * FROM sqlite_schema ORDER BY name");
    for name in names {
        text += &format!("\n{name}: {}", one(&format!("SELECT * FROM \"{name}\" ORDER BY 1")));
    }
    text
}

fn execute(app: &App<'_>, sql: &str) {
    Connection::open(app.events()).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_table_as_declared_has_no_fault_before_and_after_the_first_start() {
    let folder = Folder::new();
    let app = App::new(&folder);
    app.feed(&["events", "import", "-"], lines(100).as_bytes());
    is_without_fault(&app, "declared");
    assert_eq!(run(&app, "declared").code, Some(0));
    is_without_fault(&app, "declared");
}

#[test]
fn a_check_creates_no_table() {
    let folder = Folder::new();
    let app = App::new(&folder);
    assert_eq!(check(&app, "declared").code, Some(0));
    assert!(!contents(&app).contains("streams"), "{}", contents(&app));
    let names: Vec<_> =
        fs::read_dir(folder.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| name.to_string_lossy().starts_with("events.db")), "{names:?}");
}

#[test]
fn every_difference_at_which_a_start_halts_is_named() {
    let folder = built();
    let app = App::new(&folder);
    let differences = [
        "column `events` is INTEGER there, and TEXT in the program",
        "the program declares a column `last` that the table does not have",
        "rebuild projector `streams`",
    ];
    is_at_fault(&app, "other", &differences);
    let start = run(&app, "other");
    assert_eq!(start.code, Some(1));
    assert!(start.err.contains(differences[0]), "the start says the same: {start:?}");
    is_at_fault(&app, "other", &differences);

    let rebuild = ["--rows", "other", "projection", "rebuild", "--projector", "streams"];
    let rebuild = [&rebuild[..], &["--with-this-code"]].concat();
    assert_eq!(app.run(&rebuild).code, Some(0));
    is_without_fault(&app, "other");
}

#[test]
fn a_foreign_table_is_named() {
    let folder = Folder::new();
    let app = App::new(&folder);
    app.run(&["events", "head"]);
    execute(&app, "CREATE TABLE Streams (stream TEXT)");
    is_at_fault(
        &app,
        "declared",
        &["there is a table of that name that this library did not make"],
    );
    execute(&app, "DROP TABLE Streams; CREATE VIEW streams AS SELECT 1");
    is_at_fault(&app, "declared", &["there is a view of that name"]);
}

#[test]
fn a_table_of_another_projector_is_named() {
    let folder = built();
    let app = App::new(&folder);
    execute(&app, "UPDATE projections_tables SET projector = 'rivers'");
    is_at_fault(&app, "declared", &["belongs to projector `rivers`"]);
}

#[test]
fn a_table_that_is_gone_is_named() {
    let folder = built();
    let app = App::new(&folder);
    execute(&app, "DROP TABLE streams");
    is_at_fault(&app, "declared", &["is missing: something else has dropped it"]);
    execute(&app, "DELETE FROM projections_tables");
    is_at_fault(&app, "declared", &["is new", "has passed events that it would lack"]);
    // The next start of this one makes it anew.
    is_without_fault(&app, "raised");
}

#[test]
fn a_rebuild_that_the_next_start_makes_meets_no_difference_but_a_foreign_table() {
    let folder = built();
    let app = App::new(&folder);
    execute(&app, "ALTER TABLE streams ADD COLUMN mood TEXT");
    is_at_fault(&app, "declared", &["the table has a column `mood`"]);
    is_without_fault(&app, "raised");
    execute(&app, "DELETE FROM projections_tables");
    is_at_fault(&app, "raised", &["that this library did not make"]);
}

fn count(app: &App<'_>) -> i64 {
    let db = Connection::open(app.events()).unwrap();
    db.query_row("SELECT sum(events) FROM streams", [], |row| row.get(0)).unwrap()
}

/// None of these projectors has a `#[reset]` method.
#[test]
fn a_read_model_of_rows_alone_is_rebuilt_without_a_reset() {
    let folder = built();
    let app = App::new(&folder);
    let spoil = "UPDATE streams SET events = 1000";
    assert_eq!(count(&app), 100);

    execute(&app, spoil);
    let rebuild = ["--rows", "declared", "projection", "rebuild", "--projector", "streams"];
    assert_eq!(app.run(&rebuild).code, Some(0));
    assert_eq!(count(&app), 100, "by the command");

    execute(&app, spoil);
    let changed = run(&app, "changed");
    assert_eq!(changed.code, Some(0), "{changed:?}");
    assert_eq!(count(&app), 200, "because its handlers changed");

    execute(&app, spoil);
    let raised = run(&app, "raised");
    assert_eq!(raised.code, Some(0), "{raised:?}");
    assert_eq!(count(&app), 100, "because its version was raised");
}

#[test]
fn a_table_that_another_program_writes_to_is_named_until_it_is_rebuilt() {
    let folder = built();
    let app = App::new(&folder);
    let row = "stream = (SELECT min(stream) FROM streams)";
    for (sql, how) in [
        (
            format!("UPDATE streams SET events = events + 1 WHERE {row}"),
            "its rows are not those that",
        ),
        (format!("UPDATE streams SET stream = 'x' WHERE {row}"), "its rows are not those that"),
        (format!("DELETE FROM streams WHERE {row}"), "it has 6 rows, and the projector has left 7"),
        ("INSERT INTO streams VALUES ('x', 1)".to_owned(), "it has 8 rows"),
    ] {
        execute(&app, &sql);
        let way_out = "see to it that nothing else writes to the table, and rebuild";
        is_at_fault(
            &app,
            "declared",
            &["was written by something else than projector", how, way_out],
        );
        // Going on does not hide it.
        app.feed(&["events", "import", "-"], lines(107).as_bytes());
        assert_eq!(run(&app, "declared").code, Some(0));
        assert_eq!(check(&app, "declared").code, Some(1), "{sql}");
        let rebuild = ["--rows", "declared", "projection", "rebuild", "--projector", "streams"];
        assert_eq!(app.run(&rebuild).code, Some(0));
        is_without_fault(&app, "declared");
    }
}

/// As a program of before left it: then nobody knows what the rows should add up to.
#[test]
fn a_table_of_a_program_of_before_is_taken_as_it_is_until_a_rebuild() {
    let folder = built();
    let app = App::new(&folder);
    execute(
        &app,
        "ALTER TABLE projections_checkpoints DROP COLUMN tables;
         ALTER TABLE projections_checkpoints DROP COLUMN owner;
         ALTER TABLE projections_checkpoints DROP COLUMN process;
         ALTER TABLE projections_checkpoints DROP COLUMN lease;
         ALTER TABLE projections_checkpoints DROP COLUMN beat;
         ALTER TABLE projections_checkpoints DROP COLUMN superseded;
         UPDATE projections_meta SET value = '1' WHERE key = 'checkpoints_schema';
         UPDATE streams SET events = events + 1",
    );
    is_without_fault(&app, "declared");
    let status = app.run(&["--rows", "declared", "projection", "status"]);
    assert_eq!((status.code, status.err.as_str()), (Some(0), ""), "{status:?}");
    assert_eq!(run(&app, "declared").code, Some(0));
    is_without_fault(&app, "declared");
    let rebuild = ["--rows", "declared", "projection", "rebuild", "--projector", "streams"];
    assert_eq!(app.run(&rebuild).code, Some(0));
    is_without_fault(&app, "declared");
    execute(&app, "UPDATE streams SET events = events + 1");
    is_at_fault(&app, "declared", &["its rows are not those"]);
}
