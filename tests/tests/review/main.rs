//! What happens where two things meet: a run and a rebuild, an outage and a start, two owners.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

mod first_open;
mod in_process;
mod outages;
mod owners;
mod panics;
mod pins;
mod rebuilds;
mod support;
