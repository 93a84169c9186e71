//! Commands run in this process against a store in memory, and what is in the store then.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use projections::{
    EventId, EventSource, Filter, GlobalPosition, ReadRequest, Runtime, cli,
    memory::MemoryEventStore,
};
use tempfile::TempDir;

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
    pub(crate) time: String,
    pub(crate) data: String,
    pub(crate) metadata: Option<String>,
}

pub(crate) async fn stored(events: &MemoryEventStore) -> Vec<Stored> {
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
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
