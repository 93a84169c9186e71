//! The example `accounts-api`, as a client meets it: over HTTP, with a kill in between.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use projections_tests::programs::{self, Answer, Running};
use serde_json::json;

/// The program, built once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| programs::built("accounts-api"))
}

fn serve(data: &Path, more: &[&str]) -> Running {
    Running::serve(program(), data, more)
}

fn deposit(server: &Running, account: &str, amount: &str, wait: bool) -> Answer {
    let query = if wait { "?wait=true" } else { "" };
    let body = json!({ "amount": amount }).to_string();
    server.post(&format!("/accounts/{account}/deposits{query}"), &body)
}

fn token(answer: &Answer) -> String {
    answer.json()["token"].as_str().expect("a token").to_owned()
}

fn error(answer: &Answer) -> String {
    answer.json()["error"].as_str().expect("an error").to_owned()
}

#[test]
fn a_client_reads_what_it_has_written_whichever_way_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &["--patience-ms", "60000"]);

    let unknown = server.get("/accounts/ada");
    assert_eq!((unknown.status, error(&unknown)), (404, "there is no account `ada`".to_owned()));

    // With a token.
    let stored = deposit(&server, "ada", "12.50", false);
    assert_eq!(stored.status, 202, "{stored:?}");
    assert!(stored.json().get("balance").is_none());
    let account = server.get(&format!("/accounts/ada?after={}", token(&stored)));
    assert_eq!(account.status, 200, "{account:?}");
    assert_eq!(account.json(), json!({ "account": "ada", "deposits": 1, "balance": "12.5" }));

    // Waiting: the balance comes with the answer, and is there to be read.
    let applied = deposit(&server, "ada", "0.25", true);
    assert_eq!((applied.status, &applied.json()["balance"]), (200, &json!("12.75")));
    assert_eq!(server.get("/accounts/ada").json()["balance"], "12.75");

    // The server dies. What it has acknowledged is there, and its tokens are good for the next.
    let last = token(&deposit(&server, "ada", "1", false));
    server.kill();
    let server = serve(folder.path(), &["--patience-ms", "60000"]);
    let account = server.get(&format!("/accounts/ada?after={last}"));
    assert_eq!(account.json(), json!({ "account": "ada", "deposits": 3, "balance": "13.75" }));
    // A stream's name is no trouble in a token.
    let odd = deposit(&server, "%C3%A4%20%26%2F", "7", false);
    let account = server.get(&format!("/accounts/%C3%A4%20%26%2F?after={}", token(&odd)));
    assert_eq!((account.status, &account.json()["account"]), (200, &json!("ä &/")));
    server.stop();
}

#[test]
fn a_client_is_told_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &["--no-projectors", "--patience-ms", "50"]);
    for (body, status) in [
        (r#"{"amount":"-1"}"#, 400),
        (r#"{"amount":"0"}"#, 400),
        (r#"{"amount":"much"}"#, 422),
        ("{", 400),
    ] {
        let refused = server.post("/accounts/bob/deposits", body);
        assert_eq!(refused.status, status, "{body}: {refused:?}");
        assert!(!error(&refused).is_empty());
    }
    let garbage = server.get("/accounts/bob?after=gibberish");
    assert_eq!(garbage.status, 400);
    assert!(error(&garbage).contains("not a position token"), "{garbage:?}");
    let foreign = server.get("/accounts/bob?after=00000000000000000000000000000007.1.1.s");
    assert_eq!(foreign.status, 400);
    assert!(error(&foreign).starts_with("the token is of store "), "{foreign:?}");

    // Nobody projects. The deposit is stored, and the client is told not to repeat it.
    let stored = deposit(&server, "bob", "5", true);
    assert_eq!(stored.status, 202);
    let body = stored.json();
    let problem = body["problem"].as_str().unwrap();
    assert!(problem.contains("projector `accounts` did not reach position 1"), "{problem}");
    assert!(problem.ends_with("1 behind, and nobody has run it yet"), "{problem}");
    let path = format!("/accounts/bob?after={}", token(&stored));
    let late = server.get(&path);
    assert_eq!(late.status, 503);
    assert!(late.head.contains("\r\nretry-after: 1"), "{late:?}");
    assert!(error(&late).contains("nobody has run it yet"), "{late:?}");

    // Another process projects; the client has asked once more, as it was told to.
    let projecting = Running::start(program(), folder.path(), &["projection", "run"]);
    let account = loop {
        let answer = server.get(&path);
        if answer.status != 503 {
            break answer;
        }
    };
    assert_eq!(account.json(), json!({ "account": "bob", "deposits": 1, "balance": "5" }));
    // A wait reaches over to that process, which keeps what its handlers return to itself.
    let patient = serve(folder.path(), &["--no-projectors", "--patience-ms", "60000"]);
    let applied = deposit(&patient, "bob", "6", true);
    assert_eq!((applied.status, applied.json().get("balance")), (200, None));
    assert_eq!(patient.get("/accounts/bob").json()["balance"], "11");
    projecting.kill();
}
