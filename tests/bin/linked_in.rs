//! A binary that names the library whose projectors it runs.
#![allow(clippy::unwrap_used)] // test code

use linked as _;

#[path = "linked/program.rs"]
mod program;

fn main() -> std::process::ExitCode {
    program::run()
}
