//! Waiting for projectors: with the append, by token, in this process and across processes.
//! Acceptance lines 43 and 44, and rule R30 as far as it is here.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

mod cases;
mod inside;
mod looks;
mod modes;
mod random;
mod support;
mod syncing;
mod tokens;
mod values;
