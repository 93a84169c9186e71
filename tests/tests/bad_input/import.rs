//! Imports that are broken, or broken off.

use std::fs;

use projections::{EventSource, GlobalPosition, sqlite::SqliteEventStore};

use crate::support::{App, Running, event, line, lines, numbered};

fn of_version(version: &str) -> String {
    line(17).replace("\"data\"", &format!("\"version\":{version},\"data\""))
}

#[test]
fn a_broken_line_in_the_middle_stores_nothing_and_once_mended_everything() {
    let app = App::new();
    app.import(&lines(1..=10));
    for (broken, why) in [
        ("{\"stream\":\"s-1\",\"domain\":\n".to_owned(), "not JSON"),
        ("\u{feff}".to_owned() + &line(17), "byte order mark"),
        ("\n".to_owned(), "line"),
        (line(17).replace("2019-07-01", "yesterday"), "`time`"),
        (line(17).replace("\"data\"", "\"date\""), "date"),
        (line(17).replace("\"stream\":\"s-3\",", ""), "stream"),
        (line(17).replace("s-3", ""), "stream"),
        (line(17).replace("s-3", "\\u0000"), "stream"),
        (of_version("0"), "`version` is not a version: `0`; write a whole number from 1 on"),
        (of_version("-1"), "`version` is not a version: `-1`"),
        (of_version("1.5"), "`version` is not a version: `1.5`"),
        (of_version("\"2\""), "`version` is not a version: `\"2\"`"),
    ] {
        let file = app.file(
            "numbers.ndjson",
            format!("{}{broken}{}", lines(11..=6_000), lines(6_002..=12_000)),
        );
        app.refuse(
            &["events", "import", &file],
            &["numbers.ndjson`, line 5991: ", why, "nothing was stored; correct the file"],
        );
        assert_eq!(app.head(), 10, "{why}");
    }
    // The restored line, the same command.
    let file = app.file("numbers.ndjson", lines(11..=12_000));
    app.succeed(&["events", "import", &file]);
    assert_eq!(app.head(), 12_000);
    app.catch_up(12_000);
}

#[test]
fn what_is_no_file_of_events_is_refused() {
    let app = App::new();
    for (name, content, why) in [
        ("noise", &b"\x00\xff\xfe\x80"[..], "line 1: "),
        ("half.gz", &b"\x1f\x8b\x08\x00"[..], "line 1: "),
        ("list.json", &b"[1, 2, 3]"[..], "line 1: "),
    ] {
        let file = app.file(name, content);
        app.refuse(&["events", "import", &file], &[name, why, "nothing was stored"]);
    }
    let missing = app.path("missing.ndjson");
    app.refuse(&["events", "import", missing.to_str().unwrap()], &["missing.ndjson", "No such"]);
    app.refuse(
        &["events", "import", app.path("").to_str().unwrap()],
        &["is a folder; name a file in it"],
    );
    assert!(!app.path("events.db").exists());
}

#[tokio::test]
async fn an_import_that_is_asked_to_stop_says_where_and_goes_on_there() {
    const LINES: u64 = 60_000;
    let app = App::new();
    let file = app.file("numbers.ndjson", lines(1..=LINES));
    let events = SqliteEventStore::open(app.path("events.db")).unwrap();
    let importing = Running::start(app.through("env", &[], &["events", "import", &file]));
    events.wait(GlobalPosition::BEGINNING).await.unwrap();
    importing.signal("-TERM");
    let (code, said) = importing.end();
    let stored = events.head().await.unwrap().unwrap().position.get();
    assert!(stored.is_multiple_of(10_000) && stored < LINES, "{stored}: {said}");
    assert_eq!(code, Some(1), "{said}");
    let interrupted =
        format!("interrupted after {stored} of {LINES} lines; the same command continues there");
    assert!(said.contains(&interrupted), "{said}");
    drop(events);

    assert!(app.succeed(&["projection", "status"]).out.contains("is not finished"));
    app.catch_up(stored);
    app.succeed(&["events", "import", &file]);
    app.catch_up(LINES);
}

#[test]
fn an_event_type_that_nobody_knows_is_stored_and_only_the_strict_mind() {
    let app = App::new();
    app.import(&(lines(1..=50) + &event(51, "Vanished", "{\"n\":51}") + &lines(52..=60)));
    app.succeed(&["projection", "run", "--until-caught-up"]);
    assert_eq!(app.ledger().rows.len(), 59);
    assert_eq!(app.status("ledger")["scanned"], 60);
    app.refuse(
        &["--wiring", "strict", "projection", "run", "--until-caught-up"],
        &[
            "projector `strict` halted: event ",
            "`Vanished` at position 51 of stream `s-2` cannot be applied: ",
            "no handler takes `Vanished` of domain `numbers`; handled are Added",
        ],
    );
    // The others have gone on, and the next start tries it again.
    assert_eq!(app.status("ledger")["behind"], 0);
}

#[test]
fn paths_with_spaces_and_letters_of_all_kinds_work() {
    let base = App::new();
    let folder = base.path("ein Ordner/with 'quotes' \"and\" ?x=1#%41 ☃ ß");
    fs::create_dir_all(&folder).unwrap();
    let app = App::at(&folder);
    let file = app.file("zahlen & more.ndjson", lines(1..=100));
    app.succeed(&["events", "import", &file]);
    app.catch_up(100);
    let mut here: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    here.sort();
    assert_eq!(here, ["events.db", "read.db", "zahlen & more.ndjson"]);
    let label = app.succeed(&["events", "head"]).out;
    assert!(label.contains("☃ ß/events.db"), "{label}");
    assert!(app.ledger() == numbered(100));
}
