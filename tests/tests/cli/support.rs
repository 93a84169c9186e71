//! Commands run in this process against a store in memory, or as a process with its own store.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Child, Command, ExitCode, Output, Stdio},
    time::{Duration, Instant},
};

use clap::Parser;
use projections::{
    EventId, EventSource, Filter, GlobalPosition, ReadRequest, Runtime, cli,
    memory::MemoryEventStore,
};
use tempfile::TempDir;

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: cli::Command,
}

/// Runs a command; tells whether it exited with 0.
pub(crate) async fn succeeds(events: &MemoryEventStore, arguments: &[&str]) -> bool {
    let arguments = ["app"].iter().chain(arguments);
    let command = Arguments::try_parse_from(arguments).unwrap().command;
    let code = cli::execute(command, || Runtime::builder(events.clone())).await;
    code == ExitCode::SUCCESS
}

/// One stored event, as far as an import says what it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stored {
    pub(crate) id: EventId,
    pub(crate) stream: String,
    pub(crate) kind: String,
    pub(crate) version: u32,
    pub(crate) time: String,
    pub(crate) data: String,
    pub(crate) metadata: Option<String>,
}

pub(crate) async fn stored(events: &impl EventSource) -> Vec<Stored> {
    let everything = Filter::all();
    let mut after = GlobalPosition::BEGINNING;
    let mut all = Vec::new();
    loop {
        let page = events.read(ReadRequest::new(after, &everything)).await.unwrap();
        let Some(scanned) = page.scanned() else { return all };
        after = scanned.position;
        all.extend(page.events().map(|event| Stored {
            id: event.id(),
            stream: event.stream().to_owned(),
            kind: format!("{}/{}", event.domain(), event.name()),
            version: event.version(),
            time: event.time().to_string(),
            data: String::from_utf8(event.payload().to_vec()).unwrap(),
            metadata: event.metadata().map(str::to_owned),
        }));
    }
}

/// Files to import.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    /// Writes a file; returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }
}

/// One line of an import file, with its end.
pub(crate) fn line(number: usize) -> String {
    line_with(number, &format!("{{\"n\": {number}}}"))
}

pub(crate) fn line_with(number: usize, data: &str) -> String {
    format!(
        "{{\"stream\":\"s-{}\",\"domain\":\"numbers\",\"type\":\"Counted\",\
         \"time\":\"2019-07-01T00:00:00.7Z\",\"data\":{data}}}\n",
        number % 7
    )
}

pub(crate) fn lines(count: usize) -> String {
    (0..count).map(line).collect()
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// The application as a process, with its files in a folder.
pub(crate) struct App<'a> {
    folder: &'a Folder,
    lease: Option<&'static str>,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl<'a> App<'a> {
    pub(crate) fn new(folder: &'a Folder) -> Self {
        Self { folder, lease: None }
    }

    /// For processes that run at the same time: none loses its projectors to the other because it had
    /// to wait for a processor.
    pub(crate) fn beside_others(folder: &'a Folder) -> Self {
        Self { folder, lease: Some("2000") }
    }

    /// Where the application keeps its events.
    pub(crate) fn events(&self) -> String {
        self.folder.path("events.db")
    }

    /// A command that is not started yet, with nothing to read and its output kept.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cli-app"));
        command.arg("--data").arg(self.folder.path(""));
        command.args(self.lease.map(|lease| ["--lease", lease]).into_iter().flatten());
        command.args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).output().unwrap())
    }

    /// Asks until everything is well.
    #[track_caller]
    pub(crate) fn until_healthy(&self) {
        let began = Instant::now();
        loop {
            let health = self.run(&["projection", "health"]);
            if health.code == Some(0) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{health:?}");
        }
    }

    /// Runs a command to its end, with something to read.
    pub(crate) fn feed(&self, arguments: &[&str], input: &[u8]) -> Ended {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        ended(child.wait_with_output().unwrap())
    }
}

pub(crate) fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Sends a signal to a process that this test started.
pub(crate) fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}
