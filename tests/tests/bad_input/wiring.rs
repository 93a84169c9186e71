//! What is wrong before the first event, and hooks that fail.

use crate::support::{App, CATCH_UP, HEALTH, REBUILD, STATUS, lines, numbered};

pub(crate) fn wired<'a>(wiring: &'a str, command: &[&'a str]) -> Vec<&'a str> {
    ["--wiring", wiring].iter().chain(command).copied().collect()
}

#[test]
fn faults_of_the_wiring_are_named_by_every_command() {
    let app = App::new();
    let cases: [(&str, &[&str]); 5] = [
        ("two-of-one-name", &["two projectors are called `ledger`", "bad_luck.rs:", "rename one"]),
        ("missing-resource", &["`mailing` needs a resource", "Mailer`: give it with `.resource("]),
        ("missing-storage", &["`ledger` writes to", "Sqlite`: give it with `.storage(..)`"]),
        ("only-nobody", &["there is no projector to run"]),
        ("only-somebody-else", &["no projector `ledgre`", "there are `counter`, `ledger`"]),
    ];
    for (wiring, texts) in cases {
        for command in [&CATCH_UP[..], &STATUS, &HEALTH, &REBUILD, &["projection", "check"]] {
            app.refuse(&wired(wiring, command), texts);
        }
        // Events do not depend on it.
        assert_eq!(app.run(&wired(wiring, &["events", "head"])).code, Some(0));
    }
    assert!(!app.path("read.db").exists() || app.count("read.db", TABLES) == 0);
}

const TABLES: &str = "SELECT count(*) FROM sqlite_schema";

#[test]
fn an_unknown_projector_is_wrong_usage() {
    let app = App::new();
    let unknown = app.run(&["projection", "rebuild", "--projector", "ledgre"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(2), ""));
    assert_eq!(
        unknown.err,
        "error: there is no projector `ledgre`; there are `counter`, `ledger`\n"
    );
}

#[test]
fn a_setup_that_fails_halts_and_leaves_nothing() {
    let app = App::new();
    app.import(&lines(1..=100));
    let why =
        ["projector `ledger` halted: `#[setup]` failed", ": the schema of the ledger is on strike"];
    app.refuse(&wired("setup-fails", &CATCH_UP), &why);
    assert_eq!(app.count("read.db", TABLES), 0);
    app.catch_up(100);

    // Nor does it touch what an earlier start has made.
    app.import(&lines(101..=200));
    app.refuse(&wired("setup-fails", &CATCH_UP), &why);
    app.refuse(&wired("setup-fails", &REBUILD), &why);
    assert!(app.ledger() == numbered(100));
    app.catch_up(200);
}

#[test]
fn a_reset_that_fails_leaves_the_read_model_as_it_was() {
    let app = App::projected(100);
    let why = ["projector `ledger` halted: `#[reset]` failed", ": the ledger clings to its rows"];
    app.refuse(&wired("reset-fails", &REBUILD), &why);
    assert!(app.ledger() == numbered(100));
    app.import(&lines(101..=200));
    app.catch_up(200);
    app.succeed(&REBUILD);
    assert!(app.ledger() == numbered(200));
}

#[test]
fn a_namespace_may_be_called_anything() {
    let app = App::projected(100);
    let hostile = "o'hara\"; DROP TABLE ledger; --\u{1b}]0;x";
    for namespace in ["", hostile, "☃ und so weiter"] {
        let command: Vec<_> = ["--namespace", namespace].iter().chain(&STATUS).copied().collect();
        let status: serde_json::Value = serde_json::from_str(&app.succeed(&command).out).unwrap();
        let scanned = if namespace.is_empty() { 100 } else { 0 };
        assert_eq!(status["projectors"][1]["scanned"], scanned, "{status}");
    }
    // It is another application, whose rows are in the way: it halts and harms nothing.
    let run: Vec<_> = ["--namespace", hostile].iter().chain(&CATCH_UP).copied().collect();
    app.refuse(&run, &["projector `ledger` halted", "UNIQUE constraint failed: ledger.position"]);
    app.import(&lines(101..=110));
    app.catch_up(110);
    let rows = "SELECT count(*) FROM projections_checkpoints";
    assert_eq!(app.count("read.db", rows), 2);
}

#[test]
fn an_empty_log_is_nothing_to_fear() {
    let app = App::new();
    app.succeed(&STATUS);
    let health = app.run(&HEALTH);
    health.refused(&["projector `ledger` is stopped, 0 behind"]);
    app.catch_up(0);
    app.succeed(&REBUILD);
    assert_eq!((app.head(), app.ledger()), (0, numbered(0)));
    assert_eq!(app.succeed(&["events", "export"]).out, "");
    assert_eq!(app.status("ledger")["state"], "stopped");
}

#[test]
fn a_table_that_was_dropped_is_named_by_its_handler() {
    let app = App::projected(100);
    app.import(&lines(101..=110));
    // `#[setup]` makes one table again, but not as it was.
    app.sql("read.db", "DROP TABLE ledger; CREATE TABLE ledger (something_else TEXT)");
    app.refuse(&CATCH_UP, &["projector `ledger` halted: event ", "`Added` at position 101 of"]);
    assert_eq!(app.status("ledger")["state"], "halted");
    app.sql("read.db", "DROP TABLE ledger");
    app.succeed(&REBUILD);
    assert!(app.ledger() == numbered(110));
}
