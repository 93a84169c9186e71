//! The example `accounts-api`, as a client meets it: over HTTP, with a kill in between.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use serde_json::{Value, json};

/// The program, built once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "-p", "examples", "--bin", "accounts-api"])
            .args(["--message-format", "json"])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(built.status.success());
        let messages = String::from_utf8(built.stdout).unwrap();
        let mut messages =
            messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_program = |message: &Value| message["target"]["name"] == "accounts-api";
        let message = messages.find(of_program).expect("cargo says what it has built");
        message["executable"].as_str().unwrap().into()
    })
}

/// A running program, killed when it is dropped.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn serve(data: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]).args(more);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().expect("it says where it listens").unwrap();
        let address = line.strip_prefix("listening on http://").expect(&line).to_owned();
        Self { child, address }
    }

    fn project(data: &Path) -> Self {
        let mut command = Command::new(program());
        command.arg("--data").arg(data).args(["projection", "run"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, address: String::new() }
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; it ends well.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    fn post(&self, path: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n"
        );
        self.ask(&head, body)
    }

    fn deposit(&self, account: &str, amount: &str, wait: bool) -> Answer {
        let query = if wait { "?wait=true" } else { "" };
        let body = json!({ "amount": amount }).to_string();
        self.post(&format!("/accounts/{account}/deposits{query}"), &body)
    }

    fn ask(&self, head: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(stream, "{head}host: here\r\nconnection: close\r\n\r\n{body}").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect(&text);
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: serde_json::from_str(body).expect(body),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Answer {
    fn token(&self) -> String {
        self.body["token"].as_str().expect("a token").to_owned()
    }

    fn error(&self) -> &str {
        self.body["error"].as_str().expect("an error")
    }
}

#[test]
fn a_client_reads_what_it_has_written_whichever_way_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::serve(folder.path(), &["--patience-ms", "60000"]);

    let unknown = server.get("/accounts/ada");
    assert_eq!((unknown.status, unknown.error()), (404, "there is no account `ada`"));

    // With a token.
    let stored = server.deposit("ada", "12.50", false);
    assert_eq!(stored.status, 202, "{stored:?}");
    assert!(stored.body.get("balance").is_none());
    let account = server.get(&format!("/accounts/ada?after={}", stored.token()));
    assert_eq!(account.status, 200, "{account:?}");
    assert_eq!(account.body, json!({ "account": "ada", "deposits": 1, "balance": "12.5" }));

    // Waiting: the balance comes with the answer, and is there to be read.
    let applied = server.deposit("ada", "0.25", true);
    assert_eq!((applied.status, &applied.body["balance"]), (200, &json!("12.75")));
    assert_eq!(server.get("/accounts/ada").body["balance"], "12.75");

    // The server dies. What it has acknowledged is there, and its tokens are good for the next.
    let last = server.deposit("ada", "1", false).token();
    server.kill();
    let server = Running::serve(folder.path(), &["--patience-ms", "60000"]);
    let account = server.get(&format!("/accounts/ada?after={last}"));
    assert_eq!(account.body, json!({ "account": "ada", "deposits": 3, "balance": "13.75" }));
    // A stream's name is no trouble in a token.
    let odd = server.deposit("%C3%A4%20%26%2F", "7", false);
    let account = server.get(&format!("/accounts/%C3%A4%20%26%2F?after={}", odd.token()));
    assert_eq!((account.status, &account.body["account"]), (200, &json!("ä &/")));
    server.stop();
}

#[test]
fn a_client_is_told_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::serve(folder.path(), &["--no-projectors", "--patience-ms", "50"]);
    for (body, status) in [
        (r#"{"amount":"-1"}"#, 400),
        (r#"{"amount":"0"}"#, 400),
        (r#"{"amount":"much"}"#, 422),
        ("{", 400),
    ] {
        let refused = server.post("/accounts/bob/deposits", body);
        assert_eq!(refused.status, status, "{body}: {refused:?}");
        assert!(!refused.error().is_empty());
    }
    let garbage = server.get("/accounts/bob?after=gibberish");
    assert_eq!(garbage.status, 400);
    assert!(garbage.error().contains("not a position token"), "{garbage:?}");
    let foreign = server.get("/accounts/bob?after=00000000000000000000000000000007.1.1.s");
    assert_eq!(foreign.status, 400);
    assert!(foreign.error().starts_with("the token is of store "), "{foreign:?}");

    // Nobody projects. The deposit is stored, and the client is told not to repeat it.
    let stored = server.deposit("bob", "5", true);
    assert_eq!(stored.status, 202);
    let problem = stored.body["problem"].as_str().unwrap();
    assert!(problem.contains("projector `accounts` did not reach position 1"), "{problem}");
    assert!(problem.ends_with("1 behind, and nobody has run it yet"), "{problem}");
    let path = format!("/accounts/bob?after={}", stored.token());
    let late = server.get(&path);
    assert_eq!(late.status, 503);
    assert!(late.head.contains("\r\nretry-after: 1"), "{late:?}");
    assert!(late.error().contains("nobody has run it yet"), "{late:?}");

    // Another process projects; the client has asked once more, as it was told to.
    let projecting = Running::project(folder.path());
    let account = loop {
        let answer = server.get(&path);
        if answer.status != 503 {
            break answer;
        }
    };
    assert_eq!(account.body, json!({ "account": "bob", "deposits": 1, "balance": "5" }));
    // A wait reaches over to that process, which keeps what its handlers return to itself.
    let patient = Running::serve(folder.path(), &["--no-projectors", "--patience-ms", "60000"]);
    let applied = patient.deposit("bob", "6", true);
    assert_eq!((applied.status, applied.body.get("balance")), (200, None));
    assert_eq!(patient.get("/accounts/bob").body["balance"], "11");
    projecting.kill();
}
