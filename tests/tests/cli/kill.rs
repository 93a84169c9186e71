//! An import that is killed leaves a prefix, and the same command completes it.

use projections::{EventSource, GlobalPosition, sqlite::SqliteEventStore};
use serde_json::Value;

use crate::support::{App, Folder, gzip, line, lines, stored};

/// Four times as many chunks as kills, because a slow test lets more than one pass between two kills.
const LINES: usize = 200_000;

#[tokio::test]
async fn an_import_killed_five_times_stores_each_line_once_and_in_order() {
    let folder = Folder::new();
    let app = App::new(&folder);
    let path = folder.file("f.ndjson", lines(LINES));
    let events = SqliteEventStore::open(app.events()).unwrap();
    let mut after = GlobalPosition::BEGINNING;
    for _ in 0..5 {
        let mut importing = app.command(&["events", "import", &path]).spawn().unwrap();
        // Another chunk is stored; the next is under way.
        events.wait(after).await.unwrap();
        importing.kill().unwrap();
        importing.wait().unwrap();
        after = events.head().await.unwrap().unwrap().position;
        assert_eq!(after.get() % 10_000, 0, "a chunk is stored whole or not at all");
        assert!(after.get() < LINES as u64, "killed too late to show anything");
    }

    let status = app.run(&["projection", "status", "--json"]);
    let status: Value = serde_json::from_str(&status.out).unwrap();
    let unfinished = serde_json::json!([{"file": path, "lines": after.get(), "total": LINES}]);
    assert_eq!(status["imports"], unfinished);
    assert!(app.run(&["projection", "status"]).out.contains("is not finished"));

    let finished = app.run(&["events", "import", &path]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let (new, known) = (LINES as u64 - after.get(), after.get());
    let summary = format!("{LINES} lines, {new} stored, {known} already there; head {LINES}\n");
    assert!(finished.err.ends_with(&summary), "{finished:?}");
    let status = app.run(&["projection", "status", "--json"]);
    assert!(!status.out.contains("imports"), "{status:?}");

    // Grown by ten lines and compressed, it goes on.
    let grown = folder.file("f.ndjson.gz", gzip(lines(LINES + 10).as_bytes()));
    assert_eq!(app.run(&["events", "import", &grown]).code, Some(0));
    let all = stored(&events).await;
    assert_eq!(all.len(), LINES + 10);
    assert!(all.iter().enumerate().all(|(n, event)| event.data == format!("{{\"n\": {n}}}")));
}

#[tokio::test]
async fn a_broken_line_at_the_end_leaves_not_even_a_store() {
    let folder = Folder::new();
    let app = App::new(&folder);
    let path = folder.file("f.ndjson", format!("{}{{\n", lines(30_000)));
    let refused = app.run(&["events", "import", &path]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains(", line 30001: not JSON: "), "{refused:?}");
    assert!(refused.err.contains("nothing was stored"), "{refused:?}");
    assert!(!std::fs::exists(app.events()).unwrap());
}

#[tokio::test]
async fn the_database_itself_is_refused_and_unharmed() {
    let folder = Folder::new();
    let app = App::new(&folder);
    assert_eq!(app.feed(&["events", "import", "-"], line(1).as_bytes()).code, Some(0));
    let refused = app.run(&["events", "import", &app.events()]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("line 1: not "), "{refused:?}");
    let refused = app.run(&["events", "export", &app.events()]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("exists already"), "{refused:?}");
    assert!(app.run(&["events", "head"]).out.starts_with("position 1 of store "));
}
