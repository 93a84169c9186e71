//! What holds however long the log is, however many processes share it, and whenever one dies.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

mod child;
mod kills;
mod memory;
mod poison;
mod sharing;
mod strays;
