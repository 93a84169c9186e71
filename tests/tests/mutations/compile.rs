//! Compiles a text as a user's library, without cargo between.

use std::{
    env, fs,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Where the compiler finds `projections`, and what else the mutants name.
#[derive(Debug)]
pub(crate) struct Libraries {
    folder: PathBuf,
    named: Vec<(&'static str, PathBuf)>,
}

/// An error of the compiler.
#[derive(Debug)]
pub(crate) struct Diagnostic {
    pub(crate) message: String,
    pub(crate) rendered: String,
    /// The places it points at in the compiled file, after macros: what is underlined with `^`.
    pub(crate) places: Vec<Range<usize>>,
    /// What is written beside them.
    pub(crate) labels: Vec<String>,
}

impl Libraries {
    /// Asks cargo, which has built them for this test already.
    pub(crate) fn find() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["test", "--no-run", "--lib", "--package", env!("CARGO_PKG_NAME")])
            .args(["--locked", "--offline", "--message-format=json"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let artifacts: Vec<Value> =
            report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let named = ["projections", "serde"].map(|name| (name, library(&artifacts, name)));
        let folder = named[0].1.parent().unwrap().to_owned();
        Self { folder, named: named.into() }
    }

    /// The errors of a text, in the compiler's order. `folder` is the caller's alone.
    pub(crate) fn errors(&self, text: &str, folder: &Path) -> Vec<Diagnostic> {
        let file = folder.join("mutant.rs");
        fs::write(&file, text).unwrap();
        let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc
            .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--cap-lints=allow"])
            .args(["--error-format=json", "--out-dir"])
            .arg(folder)
            .arg("-L")
            .arg(format!("dependency={}", self.folder.display()))
            .current_dir(folder);
        for (name, path) in &self.named {
            rustc.arg("--extern").arg(format!("{name}={}", path.display()));
        }
        let output = rustc.arg("mutant.rs").output().unwrap();
        let report = String::from_utf8(output.stderr).unwrap();
        let errors: Vec<_> = report.lines().filter_map(diagnostic).collect();
        assert_eq!(output.status.success(), errors.is_empty(), "{report}");
        errors
    }
}

/// The library of that name that programs of this machine link, not one for macros.
fn library(artifacts: &[Value], name: &str) -> PathBuf {
    let mut files = artifacts
        .iter()
        .filter(|artifact| artifact["target"]["name"] == name)
        .flat_map(|artifact| artifact["filenames"].as_array().unwrap())
        .map(|file| PathBuf::from(file.as_str().unwrap()))
        .filter(|file| file.extension().is_some_and(|extension| extension == "rlib"));
    let file = files.next().unwrap();
    assert_eq!(files.next(), None, "cargo built `{name}` twice");
    file
}

fn diagnostic(line: &str) -> Option<Diagnostic> {
    let value: Value = serde_json::from_str(line).unwrap();
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let message = text("message");
    if text("level") != "error" || message.starts_with("aborting due to") {
        return None;
    }
    let spans = value["spans"].as_array().unwrap();
    let primary = || spans.iter().filter(|span| span["is_primary"] == true);
    let places = primary().filter_map(in_the_file).collect();
    let labels = primary().filter_map(|span| span["label"].as_str()).map(Into::into).collect();
    Some(Diagnostic { message, rendered: text("rendered"), places, labels })
}

/// A span's place in the compiled file: where a macro of another file was called.
fn in_the_file(mut span: &Value) -> Option<Range<usize>> {
    while span["file_name"] != "mutant.rs" {
        span = span.get("expansion")?.get("span")?;
    }
    let at = |key: &str| span[key].as_u64().map(|at| at as usize);
    Some(at("byte_start")?..at("byte_end")?)
}
