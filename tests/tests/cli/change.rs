//! What the command line says of a read model that other code built.

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{App, Ended, Folder, lines};

/// A read model, as a program that differs would have left it.
fn built_otherwise(difference: &str) -> Folder {
    let folder = Folder::new();
    let app = App::new(&folder);
    app.feed(&["events", "import", "-"], lines(10).as_bytes());
    let done = app.run(&["projection", "run", "--until-caught-up"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let db = Connection::open(app.events()).unwrap();
    let sql = format!("UPDATE projections_checkpoints SET {difference} WHERE projector = 'tally'");
    assert_eq!(db.execute(&sql, []).unwrap(), 1);
    folder
}

/// The line of `tally` in the table, and its object in the document.
fn shown(app: &App<'_>) -> (String, Value) {
    let [table, document] = [&["projection", "status"][..], &["projection", "status", "--json"]]
        .map(|command| app.run(command));
    for Ended { code, err, .. } in [&table, &document] {
        assert_eq!((*code, err.as_str()), (Some(0), ""));
    }
    let line = table.out.lines().find(|line| line.contains("tally")).unwrap().to_owned();
    let document: Value = serde_json::from_str(&document.out).unwrap();
    let all = document["projectors"].as_array().unwrap();
    (line, all.iter().find(|one| one["projector"] == "tally").unwrap().clone())
}

fn run(app: &App<'_>) {
    let done = app.run(&["projection", "run", "--until-caught-up"]);
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[test]
fn changed_handlers_show_until_a_rebuild() {
    let folder = built_otherwise("fingerprint = fingerprint + 1");
    let app = App::new(&folder);
    for _before_and_after_a_run in 0..2 {
        let (line, tally) = shown(&app);
        assert!(line.contains("stopped (changed)"), "{line}");
        assert_eq!(tally["changed"], true);
        run(&app);
    }
    // Nobody runs it: by this code only where somebody says so.
    let rebuild = ["projection", "rebuild", "--projector", "tally"];
    let refused = app.run(&rebuild);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("--with-this-code"), "{refused:?}");
    assert_eq!(shown(&app).1["changed"], true);
    let done = app.run(&[&rebuild[..], &["--with-this-code"]].concat());
    assert_eq!(done.code, Some(0), "{done:?}");
    let (line, tally) = shown(&app);
    assert!(!line.contains("changed"), "{line}");
    assert_eq!(tally["changed"], false);
}

/// It is a rebuild by another name.
#[test]
fn a_redrive_by_rebuild_asks_for_this_code_as_a_rebuild_does() {
    let folder = built_otherwise("fingerprint = fingerprint + 1");
    let app = App::new(&folder);
    let redrive =
        ["projection", "dead-letters", "redrive", "--projector", "tally", "--all", "--rebuild"];
    let refused = app.run(&redrive);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("--with-this-code"), "{refused:?}");
    assert_eq!(shown(&app).1["changed"], true);
    let done = app.run(&[&redrive[..], &["--with-this-code"]].concat());
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(shown(&app).1["changed"], false);
}

#[test]
fn status_says_that_the_next_start_rebuilds() {
    let folder = built_otherwise("version = 0, fingerprint = fingerprint + 1");
    let app = App::new(&folder);
    let (line, tally) = shown(&app);
    let reason = "the next start rebuilds it: the version was raised from 0 to 1";
    assert!(line.contains(reason), "{line}");
    assert!(!line.contains("changed"), "a higher version is no change under one version: {line}");
    assert_eq!((&tally["last_error"], &tally["changed"]), (&reason.into(), &false.into()));
    run(&app);
    let (line, tally) = shown(&app);
    assert!(!line.contains("rebuilds"), "{line}");
    assert_eq!((&tally["position"], &tally["last_error"]), (&10.into(), &Value::Null));
}
