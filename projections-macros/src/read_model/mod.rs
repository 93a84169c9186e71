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
    let (item, unread) = match head::parse(input.clone()) {
        Ok(read) => read,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    let model = match &unread {
        None => parse::parse(&item, &mut errors),
        Some(_) => parse::parse_some(&item, head::content(input), &mut errors),
    };
    let mut tokens = expand::row(&model, errors);
    if let Some(error) = unread {
        tokens.extend(head::unread("#[derive(ReadModel)]", item.ident.span(), &error));
    }
    tokens
}
