//! Projectors in the transaction of the append: acceptance lines 48 and 51, rule R29.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

mod append;
mod changes;
mod failures;
mod import;
mod processes;
mod refusals;
mod support;
