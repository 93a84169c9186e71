//! `#[projector]`.

mod checks;
mod combinations;
mod expand;
mod model;
mod options;
mod parse;
mod rustdoc;
mod snapshot;

pub(crate) use self::options::{FROM, check_domain};

use proc_macro2::TokenStream;

use crate::errors;

/// Expands `#[projector]`.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    errors::expand(attribute, item, parse::parse, expand::projector, expand::inert)
}
