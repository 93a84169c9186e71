//! `#[handlers]`.

mod checks;
mod expand;
mod model;
mod parse;
mod rustdoc;
mod signature;
mod whole;

use proc_macro2::TokenStream;

use crate::errors::Errors;

/// Expands `#[handlers]`.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let parsed = parse::parse(attribute, item.clone(), &mut errors);
    let sound = !errors.any();
    let errors = errors.finish();
    let mut tokens = match parsed {
        Some(block) if sound => expand::block(&block),
        Some(block) => expand::inert(&block),
        None => item,
    };
    tokens.extend(errors);
    tokens
}
