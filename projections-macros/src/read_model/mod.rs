//! `#[derive(ReadModel)]`.

mod checks;
mod expand;
mod fields;
mod indexes;
mod model;
mod parse;

use proc_macro2::TokenStream;

use crate::{errors::Errors, head};

/// Expands `#[derive(ReadModel)]`.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let (input, unread) = match head::parse(input) {
        Ok(read) => read,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    let model = parse::parse(&input, unread.is_some(), &mut errors);
    let mut tokens = expand::row(&model, errors);
    if let Some(error) = unread {
        tokens.extend(head::unread("#[derive(ReadModel)]", input.ident.span(), &error));
    }
    tokens
}
