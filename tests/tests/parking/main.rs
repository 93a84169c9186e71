//! What becomes of an event that fails: retries, parked streams, redrives. Promises 6 and 7, rules
//! R5, R13 to R18, R28 and R30, acceptance lines 24 to 28, 32, 33, 35, 39, 40 and 51.
#![allow(clippy::unwrap_used, clippy::expect_used)] // test code

mod books;
mod caps;
mod effects;
mod erased;
mod handlers;
mod in_process;
mod kinds;
mod letters;
mod limits;
mod outages;
mod random;
mod redrive;
mod requested;
mod retries;
mod unasked;
mod waits;
mod within_batches;
