//! The example `observed`, as Prometheus and OpenTelemetry meet it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

/// The running program, killed when it is dropped.
struct Running {
    child: Child,
    address: String,
    out: Option<BufReader<ChildStdout>>,
}

impl Running {
    fn serve(data: &Path) -> Self {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "-p", "examples", "--bin", "observed"])
            .args(["--message-format", "json"])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(built.status.success());
        let messages = String::from_utf8(built.stdout).unwrap();
        let mut messages =
            messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_program = |message: &Value| message["target"]["name"] == "observed";
        let message = messages.find(of_program).expect("cargo says what it has built");
        let mut child = Command::new(message["executable"].as_str().unwrap())
            .arg("--data")
            .arg(data)
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        // The first spans may come before.
        let address = loop {
            let mut line = String::new();
            assert!(out.read_line(&mut line).unwrap() > 0, "it says where it listens");
            if let Some(address) = line.trim_end().strip_prefix("listening on http://") {
                break address.to_owned();
            }
        };
        Self { child, address, out: Some(out) }
    }

    fn ask(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(stream, "{head}host: here\r\nconnection: close\r\n\r\n{body}").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect(&text);
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    fn deposit(&self, account: &str, cents: u64) {
        let body = json!({ "account": account, "cents": cents }).to_string();
        let head = format!(
            "POST /deposits HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        assert_eq!(self.ask(&head, &body).0, 202);
    }

    /// The figures, once they have this line.
    fn figures_with(&self, line: &str) -> String {
        for _ in 0..2_000 {
            let (status, figures) = self.get("/metrics");
            assert_eq!(status, 200);
            if figures.lines().any(|known| known == line) {
                return figures;
            }
        }
        panic!("there is no {line}:\n{}", self.get("/metrics").1)
    }

    /// SIGTERM; it ends well, and this is what it has written.
    fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut text = String::new();
        self.out.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(self.child.wait().unwrap().success());
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn prometheus_reads_the_figures_and_opentelemetry_gets_the_spans() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::serve(folder.path());
    (1..=3).for_each(|cents| server.deposit("ada", cents));
    let figures = server.figures_with(r#"projections_position{projector="balances"} 3"#);
    for line in [
        "# TYPE projections_position gauge",
        "# TYPE projections_stage_duration histogram",
        r#"projections_events{projector="balances"} 3"#,
        r#"projections_behind{projector="balances"} 0"#,
        r#"projections_lease_held{projector="balances"} 1"#,
    ] {
        assert!(figures.lines().any(|known| known == line), "{line}:\n{figures}");
    }
    let stage = r#"projections_stage_duration_count{projector="balances",stage="commit"} "#;
    assert!(figures.lines().any(|line| line.starts_with(stage)), "{figures}");
    server.figures_with(r#"projections_healthy{projector="balances"} 1"#);
    let (status, health) = server.get("/health");
    assert_eq!(status, 200, "{health}");

    // A poison event is parked, and whoever asks is told.
    server.deposit("eve", 0);
    server.figures_with(r#"projections_parked{projector="balances"} 1"#);
    server.figures_with(r#"projections_state{projector="balances",state="parked"} 1"#);
    let (status, health) = server.get("/health");
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!((status, &health["healthy"]), (503, &json!(false)));
    assert_eq!(health["projectors"][0]["reasons"], json!(["it lacks 1 events of 1 parked keys"]));

    let spans = server.stop();
    for name in ["batch", "read", "handle", "write", "commit"] {
        assert!(spans.contains(&format!("projections.{name}")), "{name}:\n{spans}");
    }
    assert!(spans.contains("a deposit of nothing"), "{spans}");
}
