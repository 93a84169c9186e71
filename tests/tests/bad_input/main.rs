//! Bad input and bad luck: what is said, that nothing is lost, and that the same command completes
//! once the cause is gone.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code
#![cfg(unix)]

mod checkpoints;
mod disk;
mod events;
mod files;
mod import;
mod output;
mod rows;
mod support;
mod waiting;
mod wiring;
