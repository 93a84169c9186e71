//! Assertions on the types of the fields, each at the type.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use super::model::{Column, Row, Stored};
use crate::{attr::shown, paths::ends};

/// The statements that assert that each field can be stored as it says.
pub(super) fn types(row: &Row) -> TokenStream {
    if !row.generics.params.is_empty() {
        return TokenStream::new(); // it is refused, whatever its types are
    }
    row.columns.iter().map(|column| stored(row, column)).collect()
}

fn stored(row: &Row, column: &Column) -> TokenStream {
    let ty = &column.ty;
    let (first, last) = ends(ty);
    let check = match column.stored {
        // A key must be more than a column, which `ReadModel` itself asserts.
        Stored::Column if row.is_key(column) => return TokenStream::new(),
        Stored::Column => "check_column",
        Stored::Json => "check_json",
        Stored::Unknown => return TokenStream::new(),
    };
    let (private, check) = (row.library.private_at(first), syn::Ident::new(check, first));
    let path = quote_spanned!(first=> #private::#check::<#ty>);
    let call = quote_spanned!(last=> ());
    quote_spanned!(first=> #path #call;)
}

/// The items that assert that no column of the key may be empty.
pub(super) fn keys(row: &Row) -> TokenStream {
    let ident = &row.ident;
    let mut checks = TokenStream::new();
    for number in row.key() {
        let Some(column) = row.columns.get(*number) else { continue };
        let (first, last) = ends(&column.ty);
        let (private, public) = (row.library.private_at(first), row.library.public_at(first));
        let shown = shown(&column.ty);
        let table = quote_spanned!(first=> <#ident as #public::rows::ReadModel>::TABLE);
        let arguments = quote_spanned!(last=> (#table, #number, #shown));
        let call = quote_spanned!(first=> #private::no_null_key_fault #arguments);
        checks.extend(quote_spanned!(Span::mixed_site().located_at(first)=> const _: () = #call;));
    }
    checks
}
