//! Faults that a review found, each with the test that shows it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

mod first_open;
mod in_process;
mod outages;
mod owners;
mod pins;
mod rebuilds;
mod support;
