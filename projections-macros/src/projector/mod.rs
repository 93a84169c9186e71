//! `#[projector]`.

mod expand;
mod model;
mod parse;

pub(crate) use self::parse::{FROM, check_domain};

use proc_macro2::TokenStream;

use crate::errors::Errors;

/// Expands `#[projector]`.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let parsed = parse::parse(attribute, item.clone(), &mut errors);
    let sound = !errors.any();
    let errors = errors.finish();
    let mut tokens = match parsed {
        Some(model) if sound => expand::projector(&model),
        Some(model) => expand::inert(&model),
        None => item,
    };
    tokens.extend(errors);
    tokens
}
