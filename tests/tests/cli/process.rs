//! What an application prints and how it exits.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use crate::support::{App, Ended, Folder, ended, gzip, line_with, lines, signal};

/// A folder with imported lines.
fn imported(lines: &str) -> Folder {
    let folder = Folder::new();
    let done = App::new(&folder).feed(&["events", "import", "-"], lines.as_bytes());
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(done.out, "");
    folder
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn projector<'a>(status: &'a Value, name: &str) -> &'a Value {
    let all = status["projectors"].as_array().unwrap();
    all.iter().find(|one| one["projector"] == name).unwrap()
}

fn status(app: &App<'_>) -> Value {
    let shown = app.run(&["projection", "status", "--json"]);
    assert_eq!((shown.code, shown.err.as_str()), (Some(0), ""), "{shown:?}");
    assert_eq!(shown.out.matches('\n').count(), 1);
    serde_json::from_str(&shown.out).unwrap()
}

#[test]
fn status_is_one_document_with_the_promised_keys() {
    let folder = imported(&lines(100));
    let app = App::new(&folder);
    let before = status(&app);
    assert_eq!(keys(&before), ["projectors"]);
    let tally = projector(&before, "tally");
    let mut wanted = vec![
        "projector",
        "domains",
        "state",
        "changed",
        "position",
        "scanned",
        "head",
        "behind",
        "age_seconds",
        "last_error",
    ];
    wanted.sort_unstable(); // as serde_json's map has them
    assert_eq!(keys(tally), wanted);
    assert_eq!(tally["state"], "stopped");
    assert_eq!(tally["behind"], 100);
    assert!(tally["age_seconds"].as_f64().unwrap() > 0.0);

    let done = app.run(&["projection", "run", "--until-caught-up"]);
    assert_eq!((done.code, done.out.as_str()), (Some(0), ""), "{done:?}");
    assert!(done.err.starts_with("caught up: 2 projectors at position 100 after "), "{done:?}");
    let after = status(&app);
    let tally = projector(&after, "tally");
    assert_eq!((&tally["position"], &tally["behind"]), (&100.into(), &0.into()));
    assert_eq!((&tally["age_seconds"], &tally["last_error"]), (&Value::Null, &Value::Null));

    let exact = app.run(&["projection", "status", "--exact", "--json"]);
    let exact: Value = serde_json::from_str(&exact.out).unwrap();
    assert_eq!(projector(&exact, "echo")["behind"], 100);
}

#[test]
fn head_says_position_and_store() {
    let folder = Folder::new();
    let app = App::new(&folder);
    let empty: Value = serde_json::from_str(&app.run(&["events", "head", "--json"]).out).unwrap();
    assert_eq!(keys(&empty), ["position", "store"]);
    assert_eq!(empty["position"], 0);
    app.feed(&["events", "import", "-"], &gzip(lines(3).as_bytes()));
    let three: Value = serde_json::from_str(&app.run(&["events", "head", "--json"]).out).unwrap();
    assert_eq!((&three["position"], &three["store"]), (&3.into(), &empty["store"]));
}

#[test]
fn wrong_usage_exits_with_2() {
    let folder = Folder::new();
    let app = App::new(&folder);
    let unknown = app.run(&["projection", "rebuild", "--projector", "t\u{1b}"]);
    assert_eq!(unknown.code, Some(2));
    assert_eq!(unknown.err, "error: there is no projector `t\\u{1b}`; there are `echo`, `tally`\n");
    for wrong in [
        &["projection", "status", "--frobnicate"][..],
        &["projection", "graph", "--format", "svg"],
        &["projection"],
        &["events", "import"],
    ] {
        assert_eq!(app.run(wrong).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn check_lists_every_fault() {
    let folder = Folder::new();
    let app = App::new(&folder);
    let good = app.run(&["projection", "check"]);
    assert_eq!(good.code, Some(0));
    assert!(good.out.ends_with("2 projectors, no fault\n"), "{good:?}");
    let bad = app.run(&["--miswired", "projection", "check"]);
    assert_eq!((bad.code, bad.out.as_str()), (Some(1), ""));
    assert!(bad.err.contains("error: projector `absent` is expected but not linked in"));
    assert!(bad.err.contains("error: projector `tally` writes to `"), "{bad:?}");
    // Moving events asks for no wiring.
    assert_eq!(app.run(&["--miswired", "events", "head"]).code, Some(0));
}

#[test]
fn a_rebuild_does_what_it_says() {
    let folder = imported(&lines(100));
    let app = App::new(&folder);
    let tally = app.run(&["projection", "rebuild", "--projector", "tally"]);
    assert_eq!(tally.code, Some(0), "{tally:?}");
    assert!(tally.err.starts_with("rebuilt projector `tally` in "), "{tally:?}");
    let echo = app.run(&["projection", "rebuild", "--projector", "echo"]);
    assert_eq!(echo.code, Some(0), "{echo:?}");
    assert!(echo.err.contains("it is replayed at each start"), "{echo:?}");
}

#[test]
fn a_halt_is_told_escaped_and_is_not_healthy() {
    let text = format!("{}{}{}", lines(10), line_with(11, "\"bad\""), lines(5));
    let folder = imported(&text.replace("s-4", "\\u001b]0;x<script>"));
    let app = App::new(&folder);
    let commands: [&[&str]; 3] = [
        &["projection", "run", "--until-caught-up"],
        &["projection", "status"],
        &["projection", "health"],
    ];
    let [run, status, health] = commands.map(|command| app.run(command));
    for Ended { out, err, .. } in [&run, &status, &health] {
        let shown = format!("{out}{err}");
        assert!(shown.contains("\\u{1b}]0;title\\u{7}"), "{shown}");
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown}");
    }
    assert_eq!((run.code, status.code, health.code), (Some(1), Some(0), Some(1)));
    assert!(health.err.starts_with("error: projector `tally` is halted, "), "{health:?}");
}

#[test]
fn a_halt_is_told_as_it_happens_and_the_others_go_on() {
    let folder = imported(&line_with(11, "\"bad\""));
    let app = App::new(&folder);
    let mut running = app.command(&["projection", "run"]).spawn().unwrap();
    let told = BufReader::new(running.stderr.take().unwrap());
    let mut told = told.lines().map(Result::unwrap);
    assert!(told.any(|line| line.starts_with("projector `tally` halted: ")));
    assert!(running.try_wait().unwrap().is_none());
    signal(&running, "-TERM");
    assert!(told.any(|line| line.starts_with("error: projector `tally` halted: ")));
    assert_eq!(running.wait().unwrap().code(), Some(1));
}

#[test]
fn a_rebuild_by_another_process_leaves_the_owner_in_its_place() {
    let folder = imported(&lines(100));
    let app = App::beside_others(&folder);
    let mut running = app.command(&["projection", "run"]).spawn().unwrap();
    let told = BufReader::new(running.stderr.take().unwrap());
    let mut told = told.lines().map(Result::unwrap);
    assert!(told.next().unwrap().starts_with("running 2 projectors on "));
    app.until_healthy();
    let owner = || {
        let db = rusqlite::Connection::open(folder.path("events.db")).unwrap();
        let sql = "SELECT owner FROM projections_checkpoints WHERE projector = 'tally'";
        db.query_row(sql, [], |row| row.get::<_, Option<String>>(0)).unwrap().unwrap()
    };
    let before = owner();
    let tally = app.run(&["projection", "rebuild", "--projector", "tally"]);
    assert_eq!(tally.code, Some(0), "{tally:?}");
    assert_eq!(owner(), before);
    let more = app.feed(&["events", "import", "-"], lines(120).as_bytes());
    assert_eq!(more.code, Some(0), "{more:?}");
    // Another process has seen the rest only where somebody applies it.
    assert_eq!(app.run(&["projection", "run", "--until-caught-up"]).code, Some(0));
    app.until_healthy();
    assert!(running.try_wait().unwrap().is_none());
    signal(&running, "-TERM");
    assert!(told.any(|line| line.starts_with("stopping; another Ctrl-C stops at once")));
    assert_eq!(running.wait().unwrap().code(), Some(0));
}

#[test]
fn a_projector_is_paused_and_resumed_while_another_process_runs_it() {
    let folder = imported(&lines(100));
    let app = App::beside_others(&folder);
    let mut running = app.command(&["projection", "run"]).spawn().unwrap();
    app.until_healthy();
    let pause = ["projection", "pause", "--projector", "tally"];
    for _twice in 0..2 {
        let paused = app.run(&pause);
        assert_eq!((paused.code, &*paused.err), (Some(0), "paused projector `tally`\n"));
    }
    let more = app.feed(&["events", "import", "-"], lines(120).as_bytes());
    assert_eq!(more.code, Some(0), "{more:?}");
    let health = app.run(&["projection", "health"]);
    assert_eq!(health.code, Some(1));
    assert!(health.err.contains("projector `tally` is paused, 20 behind"), "{health:?}");
    // Killed, and started anew: it stands still, also for a run that is to end.
    signal(&running, "-KILL");
    running.wait().unwrap();
    let ended = app.run(&["projection", "run", "--until-caught-up"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("projector `tally` halted: paused"), "{ended:?}");
    let resumed = app.run(&["projection", "resume", "--projector", "tally"]);
    assert_eq!((resumed.code, &*resumed.err), (Some(0), "resumed projector `tally`\n"));
    let ended = app.run(&["projection", "run", "--until-caught-up"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let nobody = app.run(&["projection", "pause", "--projector", "nobody"]);
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
}

#[test]
fn health_is_good_while_a_process_runs_the_projectors() {
    let folder = imported(&lines(100));
    let app = App::beside_others(&folder);
    assert_eq!(app.run(&["projection", "health"]).code, Some(1));
    let mut running = app.command(&["projection", "run"]).spawn().unwrap();
    let mut told = BufReader::new(running.stderr.take().unwrap());
    let mut first = String::new();
    told.read_line(&mut first).unwrap();
    assert!(first.starts_with("running 2 projectors on "), "{first}");
    app.until_healthy();
    // What is in process there says so.
    let process = format!("process {}", running.id());
    let shown = app.run(&["projection", "status"]).out;
    assert!(
        shown.lines().any(|line| line.starts_with("echo") && line.contains(&process)),
        "{shown}"
    );
    signal(&running, "-TERM");
    assert_eq!(running.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("stopped\n"), "{rest}");
}

#[test]
fn watching_prints_a_document_a_line() {
    let folder = imported(&lines(10));
    let app = App::new(&folder);
    let mut watching = app.command(&["projection", "status", "--watch", "--json"]).spawn().unwrap();
    let out = BufReader::new(watching.stdout.take().unwrap());
    for line in out.lines().take(2) {
        let document: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_eq!(keys(&document), ["projectors"]);
    }
    signal(&watching, "-INT");
    assert!(watching.wait().unwrap().success());
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let folder = imported(&lines(20_000));
    let app = App::new(&folder);
    let mut exporting = app.command(&["events", "export"]).spawn().unwrap();
    let mut out = BufReader::new(exporting.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    drop(out);
    let done = ended(exporting.wait_with_output().unwrap());
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""));
}

#[test]
fn what_is_exported_can_be_imported_through_pipes() {
    let folder = imported(&lines(2_000));
    let exported = App::new(&folder).run(&["events", "export", "-"]);
    assert_eq!(exported.out.lines().count(), 2_000);
    let other = imported(&exported.out);
    let again = App::new(&other).run(&["events", "export"]);
    let id = |line: &str| -> Value { serde_json::from_str::<Value>(line).unwrap()["id"].take() };
    assert!(exported.out.lines().map(id).eq(again.out.lines().map(id)));
}

#[test]
fn graphs_name_everything() {
    let folder = Folder::new();
    let app = App::new(&folder);
    for (format, start) in [("mermaid", "flowchart LR\n"), ("dot", "digraph projections {\n")] {
        let drawn = app.run(&["projection", "graph", "--format", format]);
        assert!(drawn.out.starts_with(start), "{drawn:?}");
        for name in ["numbers", "Counted", "any domain", "any other event", "Sqlite"] {
            assert!(drawn.out.contains(&format!("\"{name}\"")), "{name}: {drawn:?}");
        }
        let line_break = if format == "dot" { "\\n" } else { "<br/>" };
        for label in ["tallyLasync, version 1", "echoLasync, in process, version 1"] {
            let label = format!("\"{}", label.replace('L', line_break));
            assert!(drawn.out.contains(&label), "{label}: {drawn:?}");
        }
    }
}

#[test]
fn a_program_without_commands_of_its_own_has_these() {
    let folder = imported(&lines(4));
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cli-app"));
        ended(command.env("CLI_APP_DATA", folder.path("")).args(arguments).output().unwrap())
    };
    assert!(run(&["events", "head"]).out.starts_with("position 4 of store "));
    assert_eq!(run(&["events", "tail"]).code, Some(2));
}

#[test]
fn a_store_that_cannot_be_opened_is_named() {
    let folder = Folder::new();
    folder.file("events.db", "certainly not a database, and long enough to look like one");
    let app = App::new(&folder);
    for command in [["events", "head"], ["projection", "status"], ["projection", "check"]] {
        let failed = app.run(&command);
        assert_eq!((failed.code, failed.out.as_str()), (Some(1), ""), "{failed:?}");
        assert!(failed.err.contains("events.db"), "{failed:?}");
    }
}
