//! `projections::testing::Spec`: what is sound passes in every way, and what is not is named.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

mod bugs;
mod expectations;
mod sound;
mod support;
