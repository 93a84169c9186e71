//! Compiles a text as a user's crate, without cargo between.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Where the compiler finds `projections`, and what else the texts name.
#[derive(Debug)]
pub struct Libraries {
    folder: PathBuf,
    named: Vec<(&'static str, PathBuf)>,
}

impl Libraries {
    /// Asks cargo, which has built them for the tests already.
    ///
    /// # Panics
    /// Panics where cargo does not build them.
    #[must_use]
    pub fn find() -> Self {
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
        let projections = library(&artifacts, "projections");
        let folder = projections.parent().unwrap().to_owned();
        let named = vec![("projections", projections), ("serde", library(&artifacts, "serde"))];
        Self { folder, named }
    }

    /// The compiler, which works in a folder and leaves there what it makes.
    #[must_use]
    pub fn rustc(&self, folder: &Path) -> Command {
        let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc
            .args(["--edition=2024", "--cap-lints=allow", "--out-dir"])
            .arg(folder)
            .arg("-L")
            .arg(format!("dependency={}", self.folder.display()))
            .current_dir(folder);
        for (name, path) in &self.named {
            rustc.arg("--extern").arg(format!("{name}={}", path.display()));
        }
        rustc
    }
}

/// The library of that name that programs of this machine link, not one for macros.
fn library(artifacts: &[Value], name: &str) -> PathBuf {
    let mut files = artifacts
        .iter()
        .filter(|line| line["reason"] == "compiler-artifact") // and no warning
        .filter(|artifact| artifact["target"]["name"] == name)
        .flat_map(|artifact| artifact["filenames"].as_array().unwrap())
        .map(|file| PathBuf::from(file.as_str().unwrap()))
        .filter(|file| file.extension().is_some_and(|extension| extension == "rlib"));
    let file = files.next().unwrap();
    assert_eq!(files.next(), None, "cargo built `{name}` twice");
    file
}
