//! Programs of the examples, as a user runs them. They belong to another package, so cargo does not
//! hand their paths to the tests.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

/// Builds a program, as fast as the test that asks, and returns where it is.
///
/// # Panics
/// Panics where cargo does not build it.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--package", "examples", "--bin", name, "--message-format", "json"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the executable")
}

/// A running program, killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    address: String,
    out: BufReader<ChildStdout>,
}

impl Running {
    /// Starts a program that may listen nowhere.
    ///
    /// # Panics
    /// Panics where it cannot be started.
    #[must_use]
    pub fn start(program: &Path, data: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.arg("--data").arg(data).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, address: String::new(), out }
    }

    /// Starts a program that listens, on any port.
    ///
    /// # Panics
    /// Panics where it cannot be started, or does not say where it listens.
    #[must_use]
    pub fn serve(program: &Path, data: &Path, more: &[&str]) -> Self {
        let mut running =
            Self::start(program, data, &[&["--listen", "127.0.0.1:0"], more].concat());
        // Other lines may come before.
        while running.address.is_empty() {
            let mut line = String::new();
            assert!(running.out.read_line(&mut line).unwrap() > 0, "it says where it listens");
            if let Some(address) = line.trim_end().strip_prefix("listening on http://") {
                address.clone_into(&mut running.address);
            }
        }
        running
    }

    /// Sends a request, and returns what comes back.
    ///
    /// # Panics
    /// Panics where that is no answer.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    /// Sends a body of JSON, and returns what comes back.
    ///
    /// # Panics
    /// Panics where that is no answer.
    #[must_use]
    pub fn post(&self, path: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n"
        );
        self.ask(&head, body)
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
            body: body.to_owned(),
        }
    }

    /// SIGKILL.
    ///
    /// # Panics
    /// Panics where there is no such process any more.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; it ends well, and this is what it has written since.
    ///
    /// # Panics
    /// Panics where it does not end well.
    pub fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut text = String::new();
        self.out.read_to_string(&mut text).unwrap();
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

/// What a server has answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its lines before the body, in lower case.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl Answer {
    /// Reads the body as JSON.
    ///
    /// # Panics
    /// Panics where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }
}
