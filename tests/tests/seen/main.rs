//! What is seen from outside: each state of promise 9 in `status`, `health` and the metrics, rule R35,
//! the spans of a batch, and acceptance lines 31, 33 and 45.
#![allow(clippy::unwrap_used, clippy::expect_used)] // test code

mod figures;
mod spans;
mod stalled;
mod states;
mod support;
