//! Runs the compiler: once through cargo for the dependencies, then alone for what is measured.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::application::Way;

const MANIFEST: &str = r#"
[package]
name = "measured"
version = "0.0.0"
edition = "2024"

[lib]
path = "lib.rs"

# What stands here beside the library has its version from Cargo.lock, which is the library's own.
[dependencies]
projections = { path = "LIBRARY", features = ["sqlite"] }
rusqlite = "*"
serde = { version = "*", features = ["derive"] }
serde_json = "*"
tokio = { version = "*", features = ["rt-multi-thread"] }

[workspace]
"#;
const DEPENDENCIES: [&str; 5] = ["projections", "rusqlite", "serde", "serde_json", "tokio"];

/// How far a crate is compiled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// Parsed, with all macros expanded and all names resolved: the compiler writes the list of
    /// files that it has read, and stops.
    Expand,
    /// As `cargo check` does.
    Check,
    /// As `cargo build` does, without incremental compilation.
    Debug,
    /// As `cargo build --release` does.
    Release,
}

impl Stage {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Expand => &["--emit=dep-info"],
            Self::Check => &["--emit=metadata", "-Cdebuginfo=2"],
            Self::Debug => &["--emit=link", "-Cdebuginfo=2"],
            Self::Release => &["--emit=link", "-Copt-level=3", "-Cstrip=debuginfo"],
        }
    }

    /// The arguments of cargo that compile the dependencies for it.
    fn cargo(self) -> &'static [&'static str] {
        match self {
            Self::Expand | Self::Check => &["check"],
            Self::Debug => &["build"],
            Self::Release => &["build", "--release"],
        }
    }
}

/// What one run of the compiler took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Of all threads, where the system tells. It does not grow when others use the machine.
    pub(crate) processor: Option<Duration>,
}

/// The applications' sources and what they are compiled against.
pub(crate) struct Workshop {
    folder: PathBuf,
}

impl Workshop {
    /// Writes the sources into the folder that cargo gives to benchmarks.
    pub(crate) fn set_up(ways: &[Way], projectors: usize) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile");
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let library = repository.join("projections");
        let _ = fs::remove_dir_all(&folder); // of an earlier run with more projectors
        fs::create_dir_all(&folder).unwrap();
        let manifest = MANIFEST.replace("LIBRARY", library.to_str().unwrap());
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::write(folder.join("lib.rs"), "").unwrap();
        fs::copy(repository.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        for way in ways {
            let sources = folder.join(way.name());
            fs::create_dir(&sources).unwrap();
            for (name, text) in way.files(projectors) {
                fs::write(sources.join(name), text).unwrap();
            }
        }
        Self { folder }
    }

    /// Compiles the dependencies and returns what the compiler must be told of them.
    pub(crate) fn dependencies(&self, stage: Stage) -> Dependencies {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap());
        command.args(stage.cargo()).args(["--message-format=json", "--target-dir"]);
        command.arg(Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
        command.current_dir(&self.folder);
        let output = command.stderr(std::process::Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "the dependencies do not compile");
        let mut arguments = Vec::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            arguments.extend(dependency(&serde_json::from_str(line).unwrap()));
        }
        assert_eq!(arguments.len(), DEPENDENCIES.len(), "{arguments:?}");
        let any = arguments[0].split_once('=').unwrap().1;
        let folder = Path::new(any).parent().unwrap().display();
        let mut flags = vec!["-L".to_owned(), format!("dependency={folder}")];
        for argument in arguments {
            flags.extend(["--extern".to_owned(), argument]);
        }
        Dependencies(flags)
    }

    /// Compiles an application, and nothing else.
    pub(crate) fn compile(&self, way: Way, stage: Stage, dependencies: &Dependencies) -> Cost {
        let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.args(["--edition=2024", "--crate-type=bin", "--crate-name", way.name()]);
        rustc.args(stage.arguments()).args(&dependencies.0).arg("-o").arg(self.program(way));
        rustc.arg(self.folder.join(way.name()).join("main.rs"));
        let (began, processor) = (Instant::now(), processor_of_children());
        let output = rustc.output().unwrap();
        let wall = began.elapsed();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{way:?} does not compile:\n{errors}");
        let processor = processor_of_children()
            .zip(processor)
            .map(|(after, before)| after.saturating_sub(before));
        Cost { wall, processor }
    }

    /// The size of the application that was compiled last, in bytes: whole, and without symbols.
    pub(crate) fn sizes(&self, way: Way) -> [u64; 2] {
        let program = self.program(way);
        let stripped = program.with_extension("stripped");
        let status = Command::new("strip").arg("-o").arg(&stripped).arg(&program).status();
        assert!(status.unwrap().success());
        [program, stripped].map(|file| fs::metadata(file).unwrap().len())
    }

    fn program(&self, way: Way) -> PathBuf {
        self.folder.join(way.name()).join("program")
    }

    /// Runs the application that was compiled last, and returns what it says.
    pub(crate) fn run(&self, way: Way) -> String {
        let read = self.folder.join("read.db");
        let _ = fs::remove_file(&read); // of the application before
        let program = self.program(way);
        let output = Command::new(program).arg(&read).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{way:?} does not run:\n{errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The arguments that name the dependencies.
pub(crate) struct Dependencies(Vec<String>);

/// Reads one of cargo's messages: `name=file`, where it is about a direct dependency.
fn dependency(message: &serde_json::Value) -> Option<String> {
    let name = message["target"]["name"].as_str()?;
    if message["reason"] != "compiler-artifact" || !DEPENDENCIES.contains(&name) {
        return None;
    }
    let files = message["filenames"].as_array()?;
    let library = files.iter().filter_map(serde_json::Value::as_str).find(|file| {
        let end = Path::new(file).extension();
        end.is_some_and(|end| end == "rlib") || files.len() == 1
    })?;
    Some(format!("{name}={library}"))
}

/// User and system time of all processes that were waited for, in the fields that Linux gives.
fn processor_of_children() -> Option<Duration> {
    const TICK: Duration = Duration::from_millis(10);
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program is in parentheses and may hold anything.
    let fields: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks =
        fields.get(13..15)?.iter().map(|ticks| ticks.parse::<u32>().ok()).sum::<Option<u32>>()?;
    Some(TICK * ticks)
}
