//! `#[projector]`.

mod checks;
mod combinations;
mod constant;
mod expand;
mod model;
mod options;
mod parse;
mod refusals;
mod rustdoc;
mod snapshot;

pub(crate) use self::options::{FROM, check_domain};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;

use crate::{errors, stray};

/// Expands `#[projector]`.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let item = without_markers(item);
    errors::expand(attribute, item, parse::parse, expand::projector, expand::inert)
}

/// What the attribute is on; of an `impl`, which it is refused on, without what `#[handlers]` would
/// read.
fn without_markers(item: TokenStream) -> TokenStream {
    let is_impl = |token| matches!(token, TokenTree::Ident(word) if word == "impl");
    if !item.clone().into_iter().any(is_impl) {
        return item;
    }
    match syn::parse2(item.clone()) {
        Ok(block) => stray::without_markers(block).into_token_stream(),
        Err(_) => item,
    }
}
