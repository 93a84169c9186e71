//! Rows on a storage behind a network: rule R27, and one load and one write a table and batch.

#![allow(clippy::unwrap_used, missing_docs)] // test code

mod failures;
mod keys;
mod loads;
mod players;
