//! The command line that every application gets, from the outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

mod change;
mod dead_letters;
mod export;
mod import;
mod kill;
mod process;
mod support;
mod tables;
