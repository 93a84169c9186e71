//! `#[handles]` and its like where no `#[handlers]` block reads them: always an error.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use crate::errors::Errors;

/// Reports the attribute and returns the item unchanged.
pub(crate) fn expand(attribute: &str, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    match syn::parse2::<syn::ImplItemFn>(item.clone()) {
        Ok(method) => {
            let name = &method.sig.ident;
            let message = if method.sig.receiver().is_some() {
                format!(
                    "`#[{attribute}]` on `{name}` is never collected\nhelp: put `#[handlers]` on the `impl` block around it"
                )
            } else {
                format!("`#[{attribute}]` goes on a method; `{name}` is a free function")
            };
            errors.at(name.span(), message);
        }
        Err(_) => {
            let place = item
                .clone()
                .into_iter()
                .next()
                .map_or_else(proc_macro2::Span::call_site, |token: TokenTree| token.span());
            errors.at(place, format!("`#[{attribute}]` goes on a method in a `#[handlers]` block"));
        }
    }
    let errors = errors.finish();
    quote!(#item #errors)
}
