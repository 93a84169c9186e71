//! Every way to run a projection: live, one-shot, in process, with snapshots.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

mod changes;
mod child;
mod live;
mod one_shot;
mod places;
mod processes;
mod rollback;
mod snapshots;
mod suite;
mod support;
mod tally;
