//! The example `observed`, as Prometheus and OpenTelemetry meet it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running program, killed when it is dropped.
struct Running {
    child: Child,
    address: String,
    /// What it has written, line by line.
    out: Receiver<String>,
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
        let said = BufReader::new(child.stdout.take().unwrap());
        // Read at once: a pipe that is full would hold it up.
        let (sender, out) = channel();
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                let _ = sender.send(line); // the test may have ended
            }
        });
        let mut running = Self { child, address: String::new(), out };
        // The first spans may come before.
        running.address = loop {
            let line = running.out.recv_timeout(PATIENCE).expect("it says where it listens");
            if let Some(address) = line.strip_prefix("listening on http://") {
                break address.to_owned();
            }
        };
        running
    }

    fn ask(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
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
        let began = Instant::now();
        loop {
            let (status, figures) = self.get("/metrics");
            assert_eq!(status, 200);
            if figures.lines().any(|known| known == line) {
                return figures;
            }
            assert!(began.elapsed() < PATIENCE, "there is no {line}:\n{figures}");
        }
    }

    /// SIGTERM; it ends well, and this is what it has written.
    fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let lines: Vec<_> = self.out.iter().collect();
        assert!(self.child.wait().unwrap().success());
        lines.join("\n")
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
