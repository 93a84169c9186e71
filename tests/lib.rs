//! Shared pieces of the test suite.
#![allow(clippy::unwrap_used, clippy::expect_used)] // test code

pub mod around;
pub mod compile;
pub mod halves;
pub mod inline;
pub mod ledger;
pub mod programs;
