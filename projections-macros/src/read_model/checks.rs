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

/// The type of a part of the key: the field's, where that can be one, and else an error.
pub(super) fn key_part(row: &Row, column: &Column) -> TokenStream {
    let ty = &column.ty;
    let (first, last) = ends(ty);
    let (private, here) = (row.library.private(), row.library.private_at(first));
    let shown = shown(ty);
    let fault = quote_spanned!(Span::mixed_site()=> #private::KeyField::<#ty>::FAULT);
    let arguments = quote_spanned!(last=> (#fault, #shown));
    let check = quote_spanned!(first=> #here::is_key #arguments);
    quote_spanned! {Span::mixed_site()=>
        <#private::KeyPart<{
            #[allow(unused_imports)]
            use #private::KeyFieldFallback as _;
            #check
        }, #ty> as #private::KeyType>::Type
    }
}
