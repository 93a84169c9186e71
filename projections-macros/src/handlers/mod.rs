//! `#[handlers]`.

mod bodies;
mod checks;
mod expand;
#[cfg(test)]
mod fingerprinted;
mod hashed;
mod keys;
mod model;
mod park_key;
mod parse;
mod part;
mod rows;
mod rustdoc;
mod session;
mod signature;
mod whole;

pub(crate) use self::parse::{MARKERS, place_of};

use proc_macro2::TokenStream;

use crate::errors;

/// Expands `#[handlers]`.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    errors::expand(attribute, item, parse::parse, expand::block, expand::inert)
}
