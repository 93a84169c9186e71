//! From the model to tokens.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, ext::IdentExt};

use super::{
    checks,
    model::{Column, DefaultValue, Key, Row, Stored},
};
use crate::errors::Errors;

/// Writes the implementations, the constants of the columns, the assertions and the faults.
pub(super) fn row(row: &Row, errors: Errors) -> TokenStream {
    let (key, faults) = match &row.key {
        Key::Columns(columns) => (key_type(row, columns), errors.finish()),
        Key::Faulty => {
            let (fault, others) = errors.finish_as_type();
            (fault.unwrap_or_else(|| unknown_key(row)), others)
        }
        Key::Unread => (unknown_key(row), errors.finish()),
    };
    let mut tokens = values(row);
    tokens.extend(read_model(row, &key));
    tokens.extend(constants(row));
    tokens.extend(faults);
    tokens
}

fn unknown_key(row: &Row) -> TokenStream {
    let private = row.library.private();
    quote_spanned!(Span::mixed_site()=> #private::UnknownKey)
}

/// The type of the key: that of its column, or a tuple.
fn key_type(row: &Row, columns: &[usize]) -> TokenStream {
    let columns = columns.iter().filter_map(|number| row.columns.get(*number));
    let parts: Vec<_> = columns.map(|column| checks::key_part(row, column)).collect();
    match parts.as_slice() {
        [only] => only.clone(),
        several => quote_spanned!(Span::mixed_site()=> (#(#several),*)),
    }
}

/// The header of an implementation, and the bounds of what is generic, which is a fault. With them
/// the traits hold wherever the types are known.
fn generics(row: &Row) -> (TokenStream, TokenStream, TokenStream) {
    let mut generics = row.generics.clone();
    if !generics.params.is_empty() {
        let bound = quote_spanned!(Span::mixed_site()=> Self: ::core::marker::Send + ::core::marker::Sync + 'static);
        if let Ok(bound) = syn::parse2(bound) {
            generics.make_where_clause().predicates.push(bound);
        }
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    (quote!(#impl_generics), quote!(#type_generics), quote!(#where_clause))
}

/// The body of a method of a row whose fields and key are known, and else of one that is never called.
fn body(row: &Row, body: &TokenStream) -> TokenStream {
    if !row.is_complete || row.key().is_empty() {
        return quote_spanned!(Span::mixed_site()=> ::core::unreachable!());
    }
    let private = row.library.private();
    quote_spanned! {Span::mixed_site()=>
        #[allow(unused_imports)]
        use #private::{FieldFallback as _, KeyFieldFallback as _};
        #body
    }
}

fn values(row: &Row) -> TokenStream {
    let (public, ident) = (row.library.public(), &row.ident);
    let (impl_generics, type_generics, where_clause) = generics(row);
    let puts = row.columns.iter().map(|column| {
        let (steps, field, name) = (column.steps(row), &column.field, &column.name);
        quote_spanned!(Span::mixed_site()=> #steps::put(&self.#field, &mut *put, #name)?;)
    });
    let body = body(
        row,
        &quote_spanned! {Span::mixed_site()=>
            #(#puts)*
            ::core::result::Result::Ok(())
        },
    );
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        #[allow(deprecated, unused_variables)]
        impl #impl_generics #public::rows::Values for #ident #type_generics #where_clause {
            fn put(
                &self,
                put: #public::rows::Put<'_>,
            ) -> ::core::result::Result<(), #public::rows::ColumnError> {
                #body
            }
        }
    }
}

fn read_model(row: &Row, key: &TokenStream) -> TokenStream {
    let (public, ident) = (row.library.public(), &row.ident);
    let (impl_generics, type_generics, where_clause) = generics(row);
    let table = table(row);
    let key_methods = key_methods(row);
    let row_methods = row_methods(row);
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        #[allow(deprecated, unused_variables)]
        impl #impl_generics #public::rows::ReadModel for #ident #type_generics #where_clause {
            type Key = #key;
            const TABLE: &'static #public::rows::Table = #table;
            #key_methods
            #row_methods
        }
    }
}

fn table(row: &Row) -> TokenStream {
    let (public, private) = (row.library.public(), row.library.private());
    let (name, key) = (&row.table, row.key());
    let columns = row.columns.iter().map(|column| column_definition(row, column));
    let indexes = row.indexes.iter().map(|index| {
        let (columns, unique) = (&index.columns, index.unique);
        quote_spanned!(Span::mixed_site()=>
            #public::rows::IndexDef { columns: &[#(#columns),*], unique: #unique }
        )
    });
    let checks = checks::types(row);
    quote_spanned! {Span::mixed_site()=>
        {
            #[allow(unused_imports)]
            use #private::FieldFallback as _;
            #checks
            &#public::rows::Table {
                name: #name,
                columns: &[#(#columns),*],
                key: &[#(#key),*],
                indexes: &[#(#indexes),*],
            }
        }
    }
}

fn column_definition(row: &Row, column: &Column) -> TokenStream {
    let public = row.library.public();
    let (steps, name, ty) = (column.steps(row), &column.name, &column.ty);
    let value = column.default.as_ref().map(|default| match default {
        DefaultValue::OfType(place) => {
            quote_spanned!(*place=> <#ty as ::core::default::Default>::default())
        }
        DefaultValue::Expression(expression) => quote!(#expression),
    });
    let default = match value {
        Some(value) => quote_spanned!(Span::mixed_site()=> ::core::option::Option::Some(|| {
            let value: #ty = #value;
            #steps::owned(value, #name)
        })),
        None => quote_spanned!(Span::mixed_site()=> ::core::option::Option::None),
    };
    quote_spanned! {Span::mixed_site()=>
        #public::rows::ColumnDef {
            name: #name,
            kind: #steps::KIND,
            nullable: #steps::NULLABLE,
            default: #default,
        }
    }
}

/// A column of the key with the expression of its value in `key`.
fn key_parts(row: &Row) -> Vec<(&Column, TokenStream)> {
    let numbers = row.key();
    let columns = numbers.iter().filter_map(|number| row.columns.get(*number)).enumerate();
    columns
        .map(|(at, column)| {
            let at = syn::Index::from(at);
            let part = match numbers.len() {
                1 => quote_spanned!(Span::mixed_site()=> key),
                _ => quote_spanned!(Span::mixed_site()=> &key.#at),
            };
            (column, part)
        })
        .collect()
}

fn key_methods(row: &Row) -> TokenStream {
    let parts = key_parts(row);
    let copies: Vec<_> = parts
        .iter()
        .map(|(column, _)| {
            let field = &column.field;
            column.duplicate(row, &quote_spanned!(Span::mixed_site()=> &self.#field))
        })
        .collect();
    let key = match copies.as_slice() {
        [only] => only.clone(),
        several => quote_spanned!(Span::mixed_site()=> (#(#several),*)),
    };
    let same = parts.iter().map(|(column, part)| {
        let (private, field, ty) = (row.library.private(), &column.field, &column.ty);
        quote_spanned!(Span::mixed_site()=> #private::KeyField::<#ty>::is(&self.#field, #part))
    });
    let has_key = quote_spanned!(Span::mixed_site()=> #(#same)&&*);
    let (key, has_key, blank) =
        (body(row, &key), body(row, &has_key), body(row, &blank(row, &parts)));
    quote_spanned! {Span::mixed_site()=>
        fn key(&self) -> Self::Key {
            #key
        }

        fn has_key(&self, key: &Self::Key) -> ::core::primitive::bool {
            #has_key
        }

        fn blank(key: &Self::Key) -> Self {
            #blank
        }
    }
}

fn blank(row: &Row, parts: &[(&Column, TokenStream)]) -> TokenStream {
    let ident = &row.ident;
    let span = ident.span();
    let private = row.library.private_at(span);
    let blank = quote_spanned!(span=> <#ident as #private::BlankRow>::blank_row());
    let keys = parts.iter().map(|(column, part)| {
        let (field, copy) = (&column.field, column.duplicate(row, part));
        quote_spanned!(Span::mixed_site()=> row.#field = #copy;)
    });
    quote_spanned! {Span::mixed_site()=>
        let mut row: Self = #blank;
        #(#keys)*
        row
    }
}

fn row_methods(row: &Row) -> TokenStream {
    let public = row.library.public();
    let (mut reads, mut sizes, mut copies) = (vec![], vec![], vec![]);
    let (mut settles, mut key_settles) = (vec![], vec![]);
    for (number, column) in row.columns.iter().enumerate() {
        let (steps, field, name) = (column.steps(row), &column.field, &column.name);
        let span = Span::mixed_site();
        reads.push(quote_spanned!(span=> #field: #steps::read(row, #number, #name)?));
        let settles = if column.is_key { &mut key_settles } else { &mut settles };
        settles.push(quote_spanned!(span=> #steps::settle(&mut self.#field, #name)?;));
        sizes.push(quote_spanned!(span=> #steps::heap_bytes(&self.#field)));
        let copy = column.duplicate(row, &quote_spanned!(span=> &self.#field));
        copies.push(quote_spanned!(span=> #field: #copy));
    }
    let ok = quote_spanned!(Span::mixed_site()=> ::core::result::Result::Ok);
    let read = body(row, &quote_spanned!(Span::mixed_site()=> #ok(Self { #(#reads),* })));
    let settle_key = body(row, &quote_spanned!(Span::mixed_site()=> #(#key_settles)* #ok(())));
    let settle = body(row, &quote_spanned!(Span::mixed_site()=> #(#settles)* #ok(())));
    let heap_bytes = body(row, &quote_spanned!(Span::mixed_site()=> #(#sizes)+*));
    let duplicate = body(row, &quote_spanned!(Span::mixed_site()=> Self { #(#copies),* }));
    quote_spanned! {Span::mixed_site()=>
        fn read(
            row: &dyn #public::rows::RowValues,
        ) -> ::core::result::Result<Self, #public::rows::ColumnError> {
            #read
        }

        fn settle_key(&mut self) -> ::core::result::Result<(), #public::rows::ColumnError> {
            #settle_key
        }

        #[inline]
        fn settle(&mut self) -> ::core::result::Result<(), #public::rows::ColumnError> {
            #settle
        }

        fn heap_bytes(&self) -> ::core::primitive::usize {
            #heap_bytes
        }

        fn duplicate(&self) -> Self {
            #duplicate
        }
    }
}

/// One constant for each column, which is as visible as its field.
fn constants(row: &Row) -> TokenStream {
    let (public, ident) = (row.library.public(), &row.ident);
    let (impl_generics, type_generics, where_clause) = generics(row);
    // Of two that have one name the other is reported.
    let is_first = |(number, column): &(usize, &Column)| {
        let mut before = row.columns.iter().take(*number);
        before.all(|other| other.constant() != column.constant())
    };
    let constants = row.columns.iter().enumerate().filter(is_first).map(|(number, column)| {
        let Column { visibility, ty, name, .. } = column;
        let doc = format!("The column `{name}` of the table `{}`.", row.table);
        let constant = column.constant_ident();
        let kind = if column.is_indexed { "IndexedColumn" } else { "ColumnOf" };
        let kind = Ident::new(kind, Span::mixed_site());
        quote_spanned! {Span::mixed_site()=>
            #[doc = #doc]
            #visibility const #constant: #public::rows::#kind<Self, #ty> =
                #public::rows::#kind::new(#number);
        }
    });
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        #[allow(dead_code, deprecated, private_interfaces, unreachable_pub)]
        impl #impl_generics #ident #type_generics #where_clause {
            #(#constants)*
        }
    }
}

impl Row {
    /// Tells whether a column is part of a key that can be one.
    pub(super) fn is_key(&self, column: &Column) -> bool {
        column.is_key && matches!(self.key, Key::Columns(_))
    }
}

impl Column {
    /// The path of the steps that are taken with its field.
    fn steps(&self, row: &Row) -> TokenStream {
        let (private, ty) = (row.library.private(), &self.ty);
        let steps = if self.stored == Stored::Json { "JsonField" } else { "Field" };
        let steps = Ident::new(steps, Span::mixed_site());
        quote_spanned!(Span::mixed_site()=> #private::#steps::<#ty>)
    }

    fn duplicate(&self, row: &Row, value: &TokenStream) -> TokenStream {
        let (steps, name) = (self.steps(row), &self.name);
        quote_spanned!(Span::mixed_site()=> #steps::duplicate(#value, #name))
    }

    fn constant_ident(&self) -> Ident {
        let span = Span::mixed_site().located_at(self.field.span());
        // A letter may have an upper case that no name can have.
        let constant = syn::parse_str::<Ident>(&self.constant());
        let mut ident = constant.unwrap_or_else(|_| self.field.unraw());
        ident.set_span(span);
        ident
    }
}
