//! What the compiler says about a text.

use std::{fs, ops::Range, path::Path};

use projections_tests::compile::Libraries;
use serde_json::Value;

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

/// The errors of a text, in the compiler's order. `folder` is the caller's alone.
pub(crate) fn errors(libraries: &Libraries, text: &str, folder: &Path) -> Vec<Diagnostic> {
    fs::write(folder.join("mutant.rs"), text).unwrap();
    let mut rustc = libraries.rustc(folder);
    rustc.args(["--crate-type=lib", "--emit=metadata", "--error-format=json", "mutant.rs"]);
    let output = rustc.output().unwrap();
    let report = String::from_utf8(output.stderr).unwrap();
    let is_json = |line: &str| line.starts_with('{');
    assert!(report.lines().all(is_json), "the compiler broke off:\n{report}\nat\n{text}");
    let errors: Vec<_> = report.lines().filter_map(diagnostic).collect();
    assert_eq!(output.status.success(), errors.is_empty(), "{report}");
    errors
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
