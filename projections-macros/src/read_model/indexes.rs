//! The indexes of a table, and which columns rows can be looked up by.

use proc_macro2::{Span, TokenTree};
use syn::{
    Ident, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
};

use super::{
    fields::Read,
    model::{Index, Key, Stored},
};
use crate::{
    attr::{Entry, next, skip_to_comma},
    errors::Errors,
    suggest,
};

/// What `index(..)` or `unique(..)` of the struct says.
pub(super) struct Declared {
    fields: Vec<Ident>,
    unique: bool,
    place: Span,
}

impl Declared {
    pub(super) fn read(entry: &Entry, errors: &mut Errors) -> Option<Self> {
        let name = entry.name();
        let tokens = entry.list(&format!("{name}(field, other_field)"), errors)?;
        let before = errors.count();
        let mut fields = Vec::new();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                fields.extend(read_field(input, errors));
                let _ = input.parse::<Token![,]>(); // it is there, or the end
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            errors.push(error);
        }
        if fields.is_empty() && errors.count() == before {
            errors.at(
                entry.key.span(),
                format!("`{name}` names no field\nhelp: write `{name}(field, other_field)`"),
            );
        }
        (errors.count() == before).then(|| Self {
            fields,
            unique: name == "unique",
            place: entry.key.span(),
        })
    }
}

fn read_field(input: ParseStream<'_>, errors: &mut Errors) -> Option<Ident> {
    let field = Ident::parse_any(input).ok();
    if field.is_some() && (input.is_empty() || input.peek(Token![,])) {
        return field;
    }
    let (span, found) = next(input);
    match input.fork().parse::<TokenTree>() {
        Ok(TokenTree::Literal(text)) if text.to_string().starts_with('"') => {
            errors.at(span, format!("expected a field, found `{found}`\nhelp: remove the quotes"));
        }
        _ if field.is_some() => errors.at(span, format!("expected `,`, found `{found}`")),
        _ => errors.at(span, format!("expected a field, found `{found}`")),
    }
    skip_to_comma(input);
    None
}

/// Reads all indexes, in the order of the fields and then of the struct's attribute, and marks the
/// columns that can be looked up by. Where an index could not be read, that is every one that can
/// have an index, so that nobody who looks up by it is blamed.
pub(super) fn read(
    declared: &[Declared],
    key: &Key,
    fields: &mut [Read],
    mut is_faulty: bool,
    errors: &mut Errors,
) -> Vec<Index> {
    let before = errors.count();
    let mut found = Found { key, indexes: Vec::new() };
    for (number, field) in fields.iter().enumerate() {
        found.add_of_field(number, field, fields, errors);
    }
    for declared in declared {
        found.add_of_struct(declared, fields, errors);
    }
    let indexes: Vec<Index> = found.indexes;
    is_faulty |= errors.count() > before;
    let firsts = indexes.iter().map(|index| index.columns.as_slice());
    let firsts: Vec<usize> = match key {
        Key::Columns(key) => firsts.chain([key.as_slice()]).filter_map(first).collect(),
        Key::Faulty | Key::Unread => firsts.filter_map(first).collect(),
    };
    for (number, field) in fields.iter_mut().enumerate() {
        let may_be = is_faulty || (field.column.is_key && !matches!(key, Key::Columns(_)));
        field.column.is_indexed =
            firsts.contains(&number) || (may_be && field.column.stored != Stored::Json);
    }
    indexes
}

fn first(columns: &[usize]) -> Option<usize> {
    columns.first().copied()
}

/// The indexes so far.
struct Found<'a> {
    key: &'a Key,
    indexes: Vec<Index>,
}

impl Found<'_> {
    fn add_of_field(&mut self, number: usize, field: &Read, all: &[Read], errors: &mut Errors) {
        for (place, unique) in [(field.index, false), (field.unique, true)] {
            let Some(place) = place else { continue };
            if field.column.stored == Stored::Json {
                errors.at(place, json_fault(field));
            } else {
                self.add(Index { columns: vec![number], unique }, place, all, errors);
            }
        }
    }

    fn add_of_struct(&mut self, declared: &Declared, all: &[Read], errors: &mut Errors) {
        let before = errors.count();
        let mut columns = Vec::new();
        for ident in &declared.fields {
            let Some(number) = all.iter().position(|field| is(field, ident)) else {
                errors.at(ident.span(), no_such_field(ident, all));
                continue;
            };
            let field = &all[number]; // `position` found it
            if columns.contains(&number) {
                errors.at(ident.span(), format!("`{}` is given twice", ident.unraw()));
            } else if field.column.stored == Stored::Json {
                errors.at(ident.span(), json_fault(field));
            }
            columns.push(number);
        }
        if errors.count() == before {
            let index = Index { columns, unique: declared.unique };
            self.add(index, declared.place, all, errors);
        }
    }

    /// Adds an index, unless there is one over the same columns.
    fn add(&mut self, index: Index, place: Span, all: &[Read], errors: &mut Errors) {
        let shown = shown(&index.columns, all);
        if let Key::Columns(key) = self.key
            && (index.columns == *key || (!index.unique && key.starts_with(&index.columns)))
        {
            let what = if index.columns == *key { "is" } else { "begins with" };
            errors.at(
                place,
                format!("{shown} has an index already\nnote: the key {what} {shown}, and has one"),
            );
            return;
        }
        let same = self.indexes.iter().find(|other| other.columns == index.columns);
        if let Some(same) = same {
            let note = match same.unique != index.unique {
                true => "\nnote: what is unique has an index",
                false => "",
            };
            errors.at(place, format!("{shown} has an index already{note}"));
            return;
        }
        self.indexes.push(index);
    }
}

fn is(field: &Read, ident: &Ident) -> bool {
    field.column.field.unraw() == ident.unraw()
}

fn json_fault(field: &Read) -> String {
    format!("`{}` cannot have an index\nnote: it is stored as JSON", field.column.field.unraw())
}

fn no_such_field(ident: &Ident, all: &[Read]) -> String {
    let word = ident.unraw().to_string();
    let names: Vec<_> = all.iter().map(|field| field.column.field.unraw().to_string()).collect();
    // The column's name is what a database's index would take.
    let help = match all.iter().find(|field| field.column.name == word) {
        Some(field) => format!("\nhelp: did you mean `{}`?", field.column.field.unraw()),
        None => suggest::help(&word, names.iter().map(String::as_str)),
    };
    format!("there is no field `{word}`{help}")
}

fn shown(columns: &[usize], all: &[Read]) -> String {
    let names: Vec<_> = columns
        .iter()
        .filter_map(|number| all.get(*number))
        .map(|field| field.column.field.unraw().to_string())
        .collect();
    format!("`{}`", names.join(", "))
}
