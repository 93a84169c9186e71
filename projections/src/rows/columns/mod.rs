//! What a column can hold out of the box: [`Column`](super::Column) for types of Rust and of
//! other crates, a family a file.
//!
//! All keep one law: what was settled, put and read is equal to what was settled. So a cached row
//! is what a reload would give.

#[cfg(feature = "decimal")]
mod decimal;
#[cfg(any(feature = "sqlite", test))]
#[cfg_attr(not(feature = "sqlite"), allow(dead_code))] // its tests alone use it then
mod decimal_order;
mod ids;
mod integers;
mod option;
#[cfg(any(feature = "decimal", feature = "sqlite", test))]
mod plain_decimal;
mod reals;
mod texts;
mod times;

#[cfg(test)]
mod laws;

#[cfg(feature = "sqlite")]
pub(crate) use self::decimal_order::decimal_sort_key;
