//! Runs the `poker` program as a user does.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
};

use projections_tests::programs;
use serde_json::Value;
use tempfile::TempDir;

/// The program, built once.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| programs::built("poker"))
}

/// A folder with a poker room.
pub(crate) struct Room {
    folder: TempDir,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("--data").arg(self.path()).args(arguments);
        command
    }

    /// Runs the program on this folder, whatever comes of it.
    pub(crate) fn poker(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("poker runs")
    }

    /// Runs the program on this folder and returns what it printed.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let output = self.poker(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "poker {arguments:?}: {complaint}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.done(arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    pub(crate) fn import(&self, file: &Path) {
        self.done(&["events", "import", file.to_str().expect("UTF-8")]);
    }

    pub(crate) fn catch_up(&self) {
        self.done(&["projection", "run", "--until-caught-up"]);
    }

    /// Starts projecting and comes back at once.
    #[allow(dead_code)] // one of the two test programs kills what it starts
    pub(crate) fn start(&self) -> Child {
        self.command(&["projection", "run"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("poker runs")
    }
}
