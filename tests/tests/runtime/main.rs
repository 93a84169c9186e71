//! The runtime's promises, each proven by a test that breaks something.
//!
//! `docs/promises.md` lists which test proves which promise.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

#[macro_use]
mod support;

mod answers;
mod change;
mod evolution;
mod exactly_once;
mod failure;
mod halted;
mod limits;
mod processes;
mod pushdown;
mod rebuild;
mod repeats;
mod routing;
mod settings;
mod start;
mod status;
