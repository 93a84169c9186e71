//! Declared rows: random programs against a plain map, and rules R27 and R28 line by line.
//!
//! `PROJECTIONS_ROWS=20` runs twenty times as many random programs, and `PROJECTIONS_SEED` the one
//! that a failure has printed.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod crashes;
mod double;
mod in_process;
mod memory;
mod mixed;
mod model;
mod others;
mod plain;
mod programs;
mod projectors;
mod random;
mod rules;
mod run;
mod tables;
mod trouble;
mod uniques;
