//! Who runs a projector that several processes have: promise 8, rules R7, R9 and R10.
#![allow(clippy::unwrap_used, clippy::expect_used)] // test code

mod deploys;
mod leases;
mod presence;
mod processes;
mod requests;
mod support;
