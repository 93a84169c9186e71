//! Tables of rows in SQLite: what they are made of, and what happens to those that are not as
//! declared.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, missing_docs)]

mod declared;
mod file;
mod guard;
mod others;
mod rules;
