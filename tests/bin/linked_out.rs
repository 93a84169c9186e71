//! A binary that depends on the library and never names it: its projectors are not there.
#![allow(clippy::unwrap_used)] // test code

#[path = "linked/program.rs"]
mod program;

fn main() -> std::process::ExitCode {
    program::run()
}
