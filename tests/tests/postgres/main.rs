//! The event store on PostgreSQL: no gaps, no stalls, no inversions, and what it says when it fails.
#![allow(clippy::expect_used, clippy::unwrap_used, missing_docs)] // test code

mod catch_up;
mod errors;
mod gaps;
mod naive;
mod opening;
mod register;
mod support;
mod telling;
mod torture;
mod unknown;
