//! Standard output that is closed or full, and documents that must stay documents.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{App, CATCH_UP, Ended, REBUILD, STATUS, ended, event, lines};

const PRINTING: [&[&str]; 7] = [
    &["projection", "status"],
    &["projection", "status", "--json"],
    &["projection", "graph"],
    &["projection", "check"],
    &["events", "head"],
    &["events", "head", "--json"],
    &["events", "export"],
];

/// Runs a command inside a line of the shell, where it is `"$@"`.
fn in_shell(app: &App, line: &str, command: &[&str]) -> Ended {
    ended(app.through("sh", &["-c", line, "sh", "timeout", "60"], command))
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let app = App::projected(5_000);
    for command in PRINTING {
        for line in ["\"$@\" | true", "\"$@\" | head -c 1 > /dev/null", "\"$@\" >&-"] {
            // The command's own exit code comes through a descriptor of its own.
            let coded = format!(
                "{{ {{ {} ; }} 3>&1 | :; }}",
                line.replace("\"$@\"", "{ \"$@\"; echo $? >&3; }")
            );
            let done = in_shell(&app, &coded.replace("| :", "| cat >&2"), command);
            assert_eq!(done.err.trim(), "0", "{line} {command:?}: {done:?}");
        }
    }
}

#[test]
fn a_full_standard_output_is_a_failure_that_is_said() {
    let app = App::projected(100);
    for command in PRINTING {
        let mut command = app.command(command);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let done = Ended::of(command.stdout(Stdio::from(full)).output().unwrap());
        done.refused(&["error: cannot write to standard output: No space left on device"]);
    }
}

#[test]
fn watching_ends_when_nobody_reads() {
    let app = App::projected(100);
    let command = ["projection", "status", "--watch", "--json"];
    let done = in_shell(&app, "\"$@\" | head -n 1", &command);
    let document: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((done.code, document["projectors"][1]["position"].as_u64()), (Some(0), Some(100)));
}

#[test]
fn a_document_is_whole_whatever_it_tells_of() {
    let app = App::new();
    let hostile = "\\u001b]0;x\\u0007<script>\\\"]; drop\\u202e";
    app.import(&event(1, "Added", &format!("\"{hostile}\"")).replace("s-1", hostile));
    app.refuse(&CATCH_UP, &["cannot be applied"]);
    app.refuse(&REBUILD, &["cannot be applied"]);
    let status = app.succeed(&STATUS);
    assert_eq!((status.err.as_str(), status.out.matches('\n').count()), ("", 1));
    assert!(!status.out.trim_end().chars().any(char::is_control), "{status:?}");
    let error = app.status("ledger")["last_error"].as_str().unwrap().to_owned();
    assert!(error.contains("cannot be decoded"), "{error}");
    // A document that cannot be made is not begun.
    app.sql("read.db", "UPDATE projections_checkpoints SET state = 'x'");
    app.refuse(&STATUS, &["the checkpoint of projector `ledger` is damaged"]);
    app.refuse(&["projection", "status", "--watch", "--json"], &["is damaged"]);
    assert_eq!(app.run(&["projection", "status", "--jsno"]).code, Some(2));
}

#[test]
fn an_export_that_cannot_be_written_leaves_no_file() {
    let app = App::projected(10);
    for file in ["/dev/full/x.ndjson", "/no/such/folder/x.ndjson", "/"] {
        app.refuse(&["events", "export", file], &[file]);
    }
    let taken = app.file("taken.ndjson", "mine");
    app.refuse(&["events", "export", &taken], &["taken.ndjson", "exists already"]);
    assert_eq!(std::fs::read_to_string(taken).unwrap(), "mine");
    app.import(&lines(11..=12));
    app.catch_up(12);
}
