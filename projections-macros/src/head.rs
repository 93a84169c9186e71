//! A struct or an enum in which something is half typed. The compiler has reported what is wrong
//! there, so the macros read the rest, and say nothing.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::quote_spanned;
use syn::DeriveInput;

/// Reads an item; where its fields or variants cannot be read, without them, and with what is wrong
/// there.
pub(crate) fn parse(item: TokenStream) -> syn::Result<(DeriveInput, Option<syn::Error>)> {
    match syn::parse2(item.clone()) {
        Ok(item) => Ok((item, None)),
        Err(error) => match syn::parse2(without_content(item)) {
            Ok(head) => Ok((head, Some(error))),
            Err(_) => Err(error),
        },
    }
}

/// The item with nothing in its braces, or in its parentheses before the semicolon.
fn without_content(item: TokenStream) -> TokenStream {
    change_content(item, |_| TokenStream::new())
}

/// What is in an item's braces, or in its parentheses before the semicolon.
pub(crate) fn content(item: TokenStream) -> TokenStream {
    let mut found = TokenStream::new();
    change_content(item, |content| {
        found = content;
        TokenStream::new()
    });
    found
}

/// Changes what is in an item's braces, or in its parentheses before the semicolon.
pub(crate) fn change_content(
    item: TokenStream,
    change: impl FnOnce(TokenStream) -> TokenStream,
) -> TokenStream {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let is_content = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() != Delimiter::Bracket,
        _ => false,
    };
    if let Some(TokenTree::Group(content)) = tokens.iter_mut().rfind(|token| is_content(token)) {
        let mut changed = Group::new(content.delimiter(), change(content.stream()));
        changed.set_span(content.span());
        *content = changed;
    }
    tokens.into_iter().collect()
}

/// Refuses an item that only the macro cannot read: the compiler's grammar may be ahead of the
/// macro's. Unlike an error, a lint is left out where the compiler has refused the item itself.
pub(crate) fn unread(attribute: &str, place: Span, error: &syn::Error) -> TokenStream {
    let message = format!("`{attribute}` cannot read this item: {error}");
    let span = Span::mixed_site().located_at(place);
    quote_spanned! {span=>
        const _: () = {
            #[must_use = #message]
            const fn item() -> bool { true }
            #[allow(dead_code)]
            #[deny(unused_must_use)]
            const fn read() { item(); }
        };
    }
}
