//! `projection dead-letters`, as whoever is called at night uses it.

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{App, Ended, Folder, line, line_with};

fn run(app: &App<'_>, form: &str, arguments: &[&str]) -> Ended {
    app.run(&[&["--parking", form, "projection"], arguments].concat())
}

fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.out).unwrap()
}

fn notes(app: &App<'_>) -> Vec<i64> {
    let db = Connection::open(app.events()).unwrap();
    let mut notes = db.prepare("SELECT position FROM notes ORDER BY rowid").unwrap();
    notes.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Sixteen events of seven streams; the second, of stream `s-1`, is bad: 9 and 16 wait behind it.
fn parked() -> Folder {
    let folder = Folder::new();
    let app = App::new(&folder);
    let lines: String =
        (0..16).map(|n| if n == 1 { line_with(n, r#"{"n":"bad"}"#) } else { line(n) }).collect();
    app.feed(&["events", "import", "-"], lines.as_bytes());
    let done = run(&app, "broken", &["run", "--until-caught-up"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    folder
}

#[test]
fn from_the_parked_event_to_the_repaired_read_model() {
    let folder = parked();
    let app = App::new(&folder);
    assert_eq!(notes(&app), [1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15]);

    let status = json(&run(&app, "broken", &["status", "--json"]));
    let parked = &status["projectors"][0]["parked"];
    assert_eq!((&parked["keys"], &parked["letters"]), (&1.into(), &3.into()));
    let told = run(&app, "broken", &["status"]).out;
    assert!(told.contains("`notes` lacks 3 events of 1 parked keys"), "{told}");
    assert_eq!(run(&app, "broken", &["health"]).code, Some(1));

    let list = run(&app, "broken", &["dead-letters", "list"]);
    assert!(!list.out.contains('\u{1b}'), "{list:?}");
    assert_eq!(list.out.matches("waits behind the one before it").count(), 2, "{list:?}");
    let all = json(&run(&app, "broken", &["dead-letters", "list", "--json"]));
    let positions: Vec<_> =
        all["letters"].as_array().unwrap().iter().map(|l| &l["position"]).collect();
    assert_eq!(positions, [2, 9, 16]);
    assert_eq!(
        (&all["letters"][0]["state"], &all["letters"][1]["state"]),
        (&"parked".into(), &"waiting".into())
    );

    let show = ["dead-letters", "show", "--projector", "notes", "2"];
    let one = json(&run(&app, "broken", &[&show[..], &["--json"]].concat()));
    assert_eq!(one["payload"], r#"{"n":"bad"}"#);
    assert_eq!((&one["attempts"], &one["stream"]), (&1.into(), &"s-1".into()));
    let told = run(&app, "broken", &show).out;
    assert!(told.contains("in stream s-1") && !told.contains('\u{1b}'), "{told}");

    // Not repaired yet.
    let all = ["dead-letters", "redrive", "--projector", "notes", "--all"];
    let failed = run(&app, "broken", &all);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.err.contains("the event at position 2 failed again"), "{failed:?}");
    assert_eq!(notes(&app).len(), 13);

    let done = run(&app, "repaired", &all);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.err.contains("3 applied, 0 discarded; 0 are parked or wait"), "{done:?}");
    assert_eq!(notes(&app), (1..=16).collect::<Vec<_>>());
    let none = run(&app, "repaired", &["dead-letters", "list"]);
    assert_eq!(
        (none.code, none.out.as_str(), none.err.as_str()),
        (Some(0), "", "nothing is parked\n")
    );
}

#[test]
fn an_event_is_discarded_and_the_rest_goes_on() {
    let folder = parked();
    let app = App::new(&folder);
    let discard = ["dead-letters", "discard", "--projector", "notes", "--event", "2", "--json"];
    let done = json(&run(&app, "broken", &discard));
    assert_eq!(
        (&done["discarded"], &done["applied"], &done["left"]),
        (&1.into(), &2.into(), &0.into())
    );
    assert_eq!(notes(&app).len(), 15);
    let status = json(&run(&app, "broken", &["status", "--json"]));
    assert_eq!(status["projectors"][0]["parked"]["discarded"], 1);
}

#[test]
fn a_rebuild_is_the_exact_repair() {
    let folder = parked();
    let app = App::new(&folder);
    let rebuild = ["dead-letters", "redrive", "--projector", "notes", "--all", "--rebuild"];
    assert_eq!(run(&app, "broken", &rebuild).code, Some(1));
    let done = run(&app, "repaired", &rebuild);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(notes(&app), (1..=16).collect::<Vec<_>>());
}

#[test]
fn what_is_asked_for_wrongly_is_told() {
    let folder = parked();
    let app = App::new(&folder);
    for (arguments, code, part) in [
        (&["redrive", "--projector", "notes"][..], 2, "--all"),
        (&["redrive", "--projector", "notes", "--all", "--event", "2"], 2, "cannot be used with"),
        (&["redrive", "--projector", "nots", "--all"], 2, "there is no projector `nots`"),
        (
            &["redrive", "--projector", "notes", "--event", "9"],
            1,
            "waits behind that at position 2",
        ),
        (
            &["redrive", "--projector", "notes", "--event", "3"],
            1,
            "has not parked the event at position 3",
        ),
        (&["discard", "--projector", "notes", "--key", "s-2"], 1, "has not parked `s-2`"),
        (&["show", "--projector", "notes", "3"], 1, "has not parked the event at position 3"),
        (
            &["redrive", "--projector", "notes", "--event", "2", "--rebuild"],
            2,
            "say it with `--all`",
        ),
    ] {
        let told = run(&app, "broken", &[&["dead-letters"], arguments].concat());
        assert_eq!(told.code, Some(code), "{told:?}");
        assert!(told.err.contains(part), "{part} is not in {told:?}");
        assert_eq!(notes(&app).len(), 13);
    }
}
