//! `#[handles]` and its like where no `#[handlers]` block reads them: always an error.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{ImplItem, ImplItemFn, Item, ItemImpl, ext::IdentExt};

use crate::{
    errors::Errors,
    handlers::{MARKERS, place_of},
    paths::{Library, ends},
};

/// Reports the attribute and returns the item, which stays as it was.
pub(crate) fn expand(attribute: &str, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let item = match syn::parse2(item.clone()) {
        Ok(Item::Impl(block)) => {
            errors.at(
                block.impl_token.span,
                format!(
                    "`#[{attribute}]` goes on {}\nhelp: use `#[handlers]` on the `impl` block",
                    place_of(attribute)
                ),
            );
            without_markers(block).into_token_stream()
        }
        _ => {
            check_method(attribute, &item, &mut errors);
            item
        }
    };
    let errors = errors.finish();
    quote!(#item #errors)
}

/// Reports `#[keys]`, which stands on a parameter of a method, and returns the item as it was.
pub(crate) fn keys(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    errors.at(
        ends(&item).0,
        "`#[keys]` goes on a `&mut Rows<..>` parameter of a handler, in a `#[handlers]` block",
    );
    let errors = errors.finish();
    quote!(#item #errors)
}

fn check_method(attribute: &str, item: &TokenStream, errors: &mut Errors) {
    let Ok(method) = syn::parse2::<ImplItemFn>(item.clone()) else {
        let place = place_of(attribute);
        let message = format!("`#[{attribute}]` goes on {place} in a `#[handlers]` block");
        errors.at(ends(item).0, message);
        return;
    };
    let name = &method.sig.ident;
    let help = if attribute == "park_key" {
        "put it into the `impl` block that has `#[handlers]`"
    } else if method.sig.receiver().is_some() {
        "put `#[handlers]` on the `impl` block around it"
    } else {
        "make it a method with `&self`, in an `impl` block with `#[handlers]`"
    };
    errors.at(
        name.span(),
        format!("`#[{attribute}]` on `{}` is never collected\nhelp: {help}", name.unraw()),
    );
}

/// The block, whose methods' attributes would be reported for the same reason.
pub(crate) fn without_markers(mut block: ItemImpl) -> ItemImpl {
    let library = Library::new(None);
    for item in &mut block.items {
        if let ImplItem::Fn(method) = item {
            method.attrs.retain(|attribute| {
                !MARKERS.iter().any(|marker| library.is(attribute.path(), marker))
            });
        }
    }
    block
}
