//! Faults at every step of the batch loop: acceptance lines 10 to 12, 17, 28 and 37.
//!
//! A projector on SQLite is built from parts that can fail on demand, each call of which is a named
//! point: its source, its storage and its handlers. At each point, at each of its passes, a child
//! process dies (`crash`), or the call fails, loses its answer or hangs (`fail`); then the read model
//! must be that of an uninterrupted run, one event at a time. `PROJECTIONS_FAULTS=all` does so at each
//! pass of each point instead of a few; `PROJECTIONS_SEED` repeats the random choices.
#![allow(clippy::unwrap_used, clippy::expect_used)] // test code

mod crash;
mod fail;
mod points;
mod shop;
mod source;
mod storage;
