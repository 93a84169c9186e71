//! One program has one fingerprint, wherever and by whichever compiler it is built.
//!
//! It is compiled as a user's program, by the compiler that runs the tests: with another toolchain
//! they compare the same value.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use projections_tests::compile::Libraries;

const PROGRAM: &str = include_str!("program.rs");

/// As 1.95.0 and a nightly of 1.97.0 had it. Another value is another algorithm: raise
/// `Fingerprint::ALGORITHM` with it.
const FINGERPRINT: &str = "1:85cd854824e66afe";

/// Builds a program in a folder of that name and runs it.
fn printed(libraries: &Libraries, folder: &str, program: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fingerprint").join(folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("program.rs"), program).unwrap();
    let mut rustc = libraries.rustc(&folder);
    let built = rustc.args(["--crate-type=bin", "program.rs"]).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let program: PathBuf = folder.join("program").with_extension(std::env::consts::EXE_EXTENSION);
    let ran = Command::new(program).output().unwrap();
    assert!(ran.status.success());
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_program_has_one_fingerprint_in_every_folder() {
    let libraries = Libraries::find();
    assert_eq!(printed(&libraries, "here", PROGRAM), FINGERPRINT);
    let shifted = format!("// One line more.\r\n{}", PROGRAM.replace('\n', "\r\n"));
    assert_eq!(printed(&libraries, "at another/place", &shifted), FINGERPRINT);
    let changed = PROGRAM.replace("value * 2.0", "value * 2.5");
    assert_ne!(printed(&libraries, "here", &changed), FINGERPRINT);
}
