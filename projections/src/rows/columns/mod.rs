//! What a column can hold out of the box: [`Column`](super::Column) for types of Rust and of
//! other crates, a family a file.
//!
//! All keep one law: what was settled, put and read is equal to what was settled. So a cached row
//! is what a reload would give.

mod ids;
mod integers;
mod option;
mod reals;
mod texts;
mod times;

#[cfg(test)]
mod laws;
