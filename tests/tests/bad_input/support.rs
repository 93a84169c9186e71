//! An application in a folder, and ways to look at what it left there.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use projections::sqlite::rusqlite::Connection;
use projections_tests::ledger::{Ledger, expected, read_sqlite};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes; what hangs fails instead.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) const CATCH_UP: [&str; 3] = ["projection", "run", "--until-caught-up"];
pub(crate) const REBUILD: [&str; 4] = ["projection", "rebuild", "--projector", "ledger"];
pub(crate) const STATUS: [&str; 3] = ["projection", "status", "--json"];
pub(crate) const HEALTH: [&str; 2] = ["projection", "health"];

/// One line of an import file: the number, in a stream of its own remainder.
pub(crate) fn line(n: u64) -> String {
    event(n, "Added", &format!("{{\"n\":{n}}}"))
}

/// One line of an import file.
pub(crate) fn event(n: u64, name: &str, data: &str) -> String {
    format!(
        "{{\"stream\":\"s-{}\",\"domain\":\"numbers\",\"type\":\"{name}\",\
         \"time\":\"2019-07-01T00:00:00Z\",\"data\":{data}}}\n",
        n % 7
    )
}

pub(crate) fn lines(numbers: std::ops::RangeInclusive<u64>) -> String {
    numbers.map(line).collect()
}

/// What the read model must be after the numbers 1, 2, ... at the positions 1, 2, ...
pub(crate) fn numbered(to: u64) -> Ledger {
    expected(&(1..=to).map(|n| (n, n)).collect::<Vec<_>>())
}

/// An application and its folder.
pub(crate) struct App {
    folder: PathBuf,
    _temporary: Option<TempDir>,
}

impl App {
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        Self { folder: temporary.path().to_owned(), _temporary: Some(temporary) }
    }

    /// In a folder that somebody else looks after.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), _temporary: None }
    }

    /// With the numbers from 1 on imported, and projected.
    pub(crate) fn projected(to: u64) -> Self {
        let app = Self::new();
        app.import(&lines(1..=to));
        app.catch_up(to);
        app
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file; returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A command that is not started yet, and does not outlive the patience of a test.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.through("timeout", &["-s", "KILL", "120"], arguments)
    }

    /// A command that another program starts.
    pub(crate) fn through(&self, program: &str, before: &[&str], arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(before).arg(env!("CARGO_BIN_EXE_bad-luck"));
        command.arg("--data").arg(&self.folder).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments))
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended
    }

    /// Runs a command that must fail with 1, say nothing on standard output, and these texts on
    /// standard error.
    #[track_caller]
    pub(crate) fn refuse(&self, arguments: &[&str], texts: &[&str]) {
        self.run(arguments).refused(texts);
    }

    /// Imports lines, which must succeed.
    #[track_caller]
    pub(crate) fn import(&self, lines: &str) {
        let mut command = self.command(&["events", "import", "-"]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let done = Ended::of(child.wait_with_output().unwrap());
        assert_eq!(done.code, Some(0), "{done:?}");
    }

    /// Catches up, after which the read model must hold each number once.
    #[track_caller]
    pub(crate) fn catch_up(&self, to: u64) {
        self.succeed(&CATCH_UP);
        assert!(self.ledger() == numbered(to), "the read model is not exact");
    }

    pub(crate) fn ledger(&self) -> Ledger {
        read_sqlite(&self.path("read.db"))
    }

    /// The last position of the log.
    #[track_caller]
    pub(crate) fn head(&self) -> u64 {
        let head = self.succeed(&["events", "head", "--json"]);
        serde_json::from_str::<Value>(&head.out).unwrap()["position"].as_u64().unwrap()
    }

    /// What status says of a projector.
    #[track_caller]
    pub(crate) fn status(&self, projector: &str) -> Value {
        let status = self.succeed(&STATUS);
        let status: Value = serde_json::from_str(&status.out).unwrap();
        let all = status["projectors"].as_array().unwrap();
        all.iter().find(|one| one["projector"] == projector).unwrap().clone()
    }

    /// Asks until status says this of the ledger.
    #[track_caller]
    pub(crate) fn until(&self, key: &str, value: impl Into<Value>) {
        let (began, value) = (Instant::now(), value.into());
        while self.status("ledger")[key] != value {
            assert!(began.elapsed() < PATIENCE, "{key} did not become {value}");
        }
    }

    /// Does something to a file by hand.
    #[track_caller]
    pub(crate) fn sql(&self, file: &str, sql: &str) {
        Connection::open(self.path(file)).unwrap().execute_batch(sql).unwrap();
    }

    /// Counts by hand.
    #[track_caller]
    pub(crate) fn count(&self, file: &str, sql: &str) -> i64 {
        let connection = Connection::open(self.path(file)).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn refused(&self, texts: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (Some(1), ""), "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        assert!(self.err.lines().count() < 12, "too long to be read: {self:?}");
        for text in texts {
            assert!(self.err.contains(text), "`{text}` is missing: {self:?}");
        }
    }
}

pub(crate) fn ended(mut command: Command) -> Ended {
    Ended::of(command.output().unwrap())
}

/// A process that runs until the test ends it, whose standard error is read line by line.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let told = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in told.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Waits until a line begins like this, and returns it.
    #[track_caller]
    pub(crate) fn hear(&self, start: &str) -> String {
        let mut before = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.starts_with(start) => return line,
                Ok(line) => before.push(line),
                Err(_) => panic!("`{start}` was not said, but {before:?}"),
            }
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.pid()]).status().unwrap().success());
    }

    /// Waits for the end; returns the exit code and the rest of what was said.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert_eq!(out, "");
        (code, self.lines.iter().collect::<Vec<_>>().join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small file system of its own, which goes with the value, whatever became of the test.
pub(crate) struct Tmpfs(TempDir);

impl Tmpfs {
    /// `None` where this user may not mount.
    pub(crate) fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=755");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Changes its options.
    #[track_caller]
    pub(crate) fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let done = Command::new("mount").args(["-o", &options]).arg(self.path()).status().unwrap();
        assert!(done.success(), "{options}");
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a process that a failed test left behind must not keep it.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Says why a part of a test did not run.
pub(crate) fn skipped(why: &str) {
    println!("skipped: {why}");
}
