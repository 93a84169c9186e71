//! From tokens to the model, with every fault.

use proc_macro2::TokenStream;
use syn::{DeriveInput, ext::IdentExt};

use super::{
    fields,
    indexes::{self, Declared},
    model::{Key, Row, Stored},
};
use crate::{
    attr::{Keys, shown},
    errors::Errors,
    names,
    paths::Library,
};

const KEYS: Keys = Keys {
    attribute: "`#[read_model]`",
    available: &["table", "index", "unique", "crate"],
    aliases: &[
        ("indexes", "index"),
        ("indices", "index"),
        ("name", "table"),
        ("table_name", "table"),
        ("uniques", "unique"),
    ],
    types: &["crate"],
    repeatable: &["index", "unique"],
    first: None,
};

/// The most columns that a key has: `projections::rows::RowKey`.
const MOST_KEYS: usize = 4;

/// Reads the struct. What is no row at all has no columns.
pub(super) fn parse(input: &DeriveInput, errors: &mut Errors) -> Row {
    let options = read_attribute(input, errors);
    let syn::Data::Struct(data) = &input.data else {
        check_shape(input, errors);
        return row(input, options, Vec::new(), Key::Faulty);
    };
    if !check_shape(input, errors) {
        return row(input, options, Vec::new(), Key::Faulty);
    }
    let mut columns = fields::read(&data.fields, errors);
    let key = read_key(input, &columns, errors);
    let indexes = indexes::read(&options.indexes, &key, &mut columns, options.is_faulty, errors);
    Row { indexes, ..row(input, options, columns, key) }
}

/// Reads a struct of which not all fields can be read, which the compiler has reported. What uses
/// the others is not to blame.
pub(super) fn parse_some(input: &DeriveInput, content: TokenStream, errors: &mut Errors) -> Row {
    let options = read_attribute(input, errors);
    let (fields, is_key_lost) = fields::readable(content);
    let mut columns = fields::read(&fields, errors);
    for field in &mut columns {
        field.column.is_indexed = field.column.stored != Stored::Json; // an index may be lost
    }
    let has_key = columns.iter().any(|field| field.column.is_key);
    let key = match has_key && !is_key_lost {
        true => read_key(input, &columns, errors),
        false => Key::Unread,
    };
    Row { is_complete: false, ..row(input, options, columns, key) }
}

fn row(input: &DeriveInput, options: Options, columns: Vec<fields::Read>, key: Key) -> Row {
    Row {
        ident: input.ident.clone(),
        generics: input.generics.clone(),
        library: Library::new(options.library),
        table: options.table,
        columns: columns.into_iter().map(|field| field.column).collect(),
        key,
        indexes: Vec::new(),
        is_complete: true,
    }
}

/// What `#[read_model(..)]` says.
struct Options {
    table: String,
    indexes: Vec<Declared>,
    library: Option<syn::Path>,
    /// Whether something of it could not be read, and may have been an index.
    is_faulty: bool,
}

fn read_attribute(input: &DeriveInput, errors: &mut Errors) -> Options {
    let before = errors.count();
    let (mut table, mut indexes, mut library) = (None, Vec::new(), None);
    let mut seen = false;
    for attribute in &input.attrs {
        fields::refuse_on_struct(attribute, errors);
        if !attribute.path().is_ident("read_model") {
            continue;
        }
        if seen {
            errors.on(attribute.path(), "`#[read_model]` is given twice");
            continue;
        }
        seen = true;
        let list = attribute.meta.require_list().ok().filter(|list| !list.tokens.is_empty());
        let Some(list) = list else {
            errors.on(
                &attribute.meta,
                "`#[read_model]` needs options\nhelp: write `#[read_model(table = \"...\")]`",
            );
            continue;
        };
        for entry in KEYS.read_list(list.tokens.clone(), errors) {
            match entry.name().as_str() {
                "table" => table = entry.string(errors),
                "crate" => library = entry.path(errors),
                _ => indexes.extend(Declared::read(&entry, errors)), // `index` or `unique`
            }
        }
    }
    let is_faulty = errors.count() > before;
    let table = table_name(input, table, is_faulty, errors);
    Options { table, indexes, library, is_faulty }
}

fn table_name(
    input: &DeriveInput,
    written: Option<syn::LitStr>,
    is_faulty: bool,
    errors: &mut Errors,
) -> String {
    let (name, span) = match written {
        Some(name) => (name.value(), name.span()),
        None => (names::snake(&input.ident.unraw().to_string()), input.ident.span()),
    };
    // A table that could not be read is not the one of the default's name.
    if !is_faulty && let Some(fault) = names::table_fault(&name) {
        errors.at(span, fault);
    }
    name
}

fn check_shape(input: &DeriveInput, errors: &mut Errors) -> bool {
    let before = errors.count();
    let ident = &input.ident;
    let wrong = |kind: &str| {
        format!(
            "`#[derive(ReadModel)]` goes on a struct with named fields, but `{ident}` is {kind}"
        )
    };
    match &input.data {
        syn::Data::Struct(data) => match &data.fields {
            syn::Fields::Named(_) => {}
            syn::Fields::Unnamed(_) => errors.at(
                ident.span(),
                format!("{}\nnote: a column has the name of its field", wrong("a tuple struct")),
            ),
            syn::Fields::Unit => errors.at(ident.span(), wrong("a unit struct")),
        },
        syn::Data::Enum(data) => errors.at(
            data.enum_token.span,
            format!(
                "{}\nhelp: store it in a field with `#[column(json)]`, or in a struct with a table of its own for each variant",
                wrong("an enum")
            ),
        ),
        syn::Data::Union(data) => errors.at(data.union_token.span, wrong("a union")),
    }
    for parameter in &input.generics.params {
        check_parameter(ident, parameter, errors);
    }
    errors.count() == before
}

fn check_parameter(ident: &syn::Ident, parameter: &syn::GenericParam, errors: &mut Errors) {
    if let syn::GenericParam::Lifetime(lifetime) = parameter {
        errors.on(
            lifetime,
            format!("row `{ident}` must not borrow\nhelp: use types that own their data, such as `String`\nnote: rows are kept when the event is gone"),
        );
    } else {
        errors.on(
            parameter,
            format!(
                "row `{ident}` must not be generic over `{}`\nhelp: write a struct for each type, with a table of its own\nnote: a table belongs to one type",
                shown(parameter)
            ),
        );
    }
}

fn read_key(input: &DeriveInput, columns: &[fields::Read], errors: &mut Errors) -> Key {
    let keys = || columns.iter().enumerate().filter(|(_, field)| field.column.is_key);
    let ident = &input.ident;
    if keys().next().is_none() {
        errors.at(
            ident.span(),
            format!("row `{ident}` has no key\nhelp: write `#[key]` on the field, or on the fields, by which a row is found"),
        );
        return Key::Faulty;
    }
    if let Some((_, field)) = keys().nth(MOST_KEYS) {
        let count = keys().count();
        errors.at(
            field.key.unwrap_or_else(|| field.column.field.span()),
            format!(
                "the key of `{ident}` has {count} columns\nnote: a key has at most {MOST_KEYS}"
            ),
        );
        return Key::Faulty;
    }
    if keys().any(|(_, field)| field.is_faulty_key) {
        return Key::Faulty;
    }
    Key::Columns(keys().map(|(number, _)| number).collect())
}
