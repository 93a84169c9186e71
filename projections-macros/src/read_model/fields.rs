//! The fields of a row and their attributes.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{
    Attribute, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser, discouraged::Speculative},
    visit::Visit,
};

use super::model::{Column, DefaultValue, Stored};
use crate::{
    attr::{Entry, Keys, Value, shown},
    errors::Errors,
    names,
};

const KEYS: Keys = Keys {
    attribute: "`#[column]`",
    available: &["name", "json", "default"],
    aliases: &[("rename", "name"), ("serde", "json"), ("with_default", "default")],
    types: &[],
    repeatable: &[],
    first: None,
};

/// The attributes that stand on a field and have no options.
const FLAGS: [&str; 3] = ["key", "index", "unique"];

/// A field with the places of its attributes.
pub(super) struct Read {
    pub(super) column: Column,
    pub(super) key: Option<Span>,
    pub(super) index: Option<Span>,
    pub(super) unique: Option<Span>,
    /// Whether it is a key, and cannot be one, which is reported.
    pub(super) is_faulty_key: bool,
}

/// Reports what stands on the struct and goes on a field.
pub(super) fn refuse_on_struct(attribute: &Attribute, errors: &mut Errors) {
    for name in FLAGS.into_iter().chain(["column"]) {
        if attribute.path().is_ident(name) {
            let help = match name {
                "index" | "unique" => {
                    format!("\nhelp: write `#[read_model({name}(..))]` with the names of fields")
                }
                _ => String::new(),
            };
            errors.on(attribute.path(), format!("`#[{name}]` goes on a field{help}"));
        }
    }
}

/// Reads the fields.
pub(super) fn read<'a>(
    fields: impl IntoIterator<Item = &'a syn::Field>,
    errors: &mut Errors,
) -> Vec<Read> {
    let mut read = Vec::new();
    for field in fields {
        if let Some(ident) = &field.ident {
            let field = read_field(field, ident, errors);
            check_twins(&field, &read, errors);
            read.push(field);
        }
    }
    read.into_iter().map(|(field, _)| field).collect()
}

/// Reads those fields that can be read, where one is half typed. Tells whether one with `#[key]`
/// cannot.
pub(super) fn readable(content: TokenStream) -> (Vec<syn::Field>, bool) {
    let (mut fields, mut is_key_lost) = (Vec::new(), false);
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let ahead = input.fork();
            match syn::Field::parse_named(&ahead) {
                Ok(field) => {
                    input.advance_to(&ahead);
                    fields.push(field);
                }
                Err(_) => is_key_lost |= skip_field(input),
            }
            let _ = input.parse::<Token![,]>(); // what is missing may be the comma
        }
        Ok(())
    };
    let is_read = parser.parse2(content).is_ok();
    (fields, is_key_lost || !is_read)
}

/// Skips a field, and tells whether it has `#[key]`.
fn skip_field(input: ParseStream<'_>) -> bool {
    let mut is_key = false;
    while !input.is_empty() && !input.peek(Token![,]) {
        if let Ok(TokenTree::Group(group)) = input.parse::<TokenTree>() {
            is_key |= group.stream().to_string() == "key";
        }
    }
    is_key
}

/// The field and the place of its column's name, unless the name could not be read.
type Named = (Read, Option<Span>);

fn read_field(field: &syn::Field, ident: &syn::Ident, errors: &mut Errors) -> Named {
    let [mut key, mut index, mut unique] = [None; 3];
    let mut options = Options::default();
    for attribute in &field.attrs {
        let path = attribute.path();
        if path.is_ident("read_model") {
            errors.on(path, "`#[read_model]` goes on the struct");
        } else if path.is_ident("column") {
            options.read(attribute, errors);
        }
        for (name, flag) in FLAGS.into_iter().zip([&mut key, &mut index, &mut unique]) {
            if path.is_ident(name) {
                read_flag(name, attribute, flag, errors);
            }
        }
    }
    options.check_json(&field.ty, errors);
    let (name, place) = options.name(ident, errors);
    let is_key = key.is_some();
    let is_faulty_key = is_key && has_key_fault(&options, errors);
    let column = Column {
        field: ident.clone(),
        visibility: field.vis.clone(),
        ty: field.ty.clone(),
        name,
        stored: options.stored(),
        default: options.default,
        is_key,
        is_indexed: false, // that is seen when all fields are
    };
    (Read { column, key, index, unique, is_faulty_key }, place)
}

fn read_flag(name: &str, attribute: &Attribute, flag: &mut Option<Span>, errors: &mut Errors) {
    let span = crate::paths::ends(attribute.path()).0;
    if flag.is_some() {
        errors.at(span, format!("`#[{name}]` is given twice"));
    } else if !matches!(attribute.meta, syn::Meta::Path(_)) {
        let help = match name {
            "key" => "\nhelp: write `#[key]` on each field of the key".to_owned(),
            _ => format!("\nhelp: several columns are `#[read_model({name}(..))]` on the struct"),
        };
        errors.on(&attribute.meta, format!("`#[{name}]` takes no options{help}"));
    }
    flag.get_or_insert(span);
}

/// What `#[column(..)]` says.
#[derive(Default)]
struct Options {
    is_seen: bool,
    name: Option<syn::LitStr>,
    json: Option<Span>,
    default: Option<DefaultValue>,
    default_place: Option<Span>,
    /// Whether something of it could not be read.
    is_faulty: bool,
}

impl Options {
    fn read(&mut self, attribute: &Attribute, errors: &mut Errors) {
        if self.is_seen {
            errors.on(attribute.path(), "`#[column]` is given twice");
            self.is_faulty = true;
            return;
        }
        self.is_seen = true;
        let before = errors.count();
        match &attribute.meta {
            syn::Meta::List(list) if !list.tokens.is_empty() => {
                for entry in KEYS.read_list(list.tokens.clone(), errors) {
                    self.set(&entry, errors);
                }
            }
            other => errors.on(
                other,
                "`#[column]` needs options\nhelp: write `#[column(name = \"...\")]`, `#[column(json)]` or `#[column(default)]`",
            ),
        }
        self.is_faulty = errors.count() > before;
    }

    fn set(&mut self, entry: &Entry, errors: &mut Errors) {
        match entry.name().as_str() {
            "name" => self.name = entry.string(errors),
            "json" => self.json = entry.flag(errors).then(|| entry.key.span()),
            // `default`, the last of the keys
            _ => {
                self.default_place = Some(entry.key.span());
                self.default = match &entry.value {
                    Value::Expression(value) => {
                        Some(DefaultValue::Expression(value.clone().into()))
                    }
                    Value::Missing => {
                        errors.at(
                            entry.key.span(),
                            "`default` has no value\nhelp: write `default`, which is that of the field's type, or `default = ...`",
                        );
                        None
                    }
                    _ => entry.flag(errors).then(|| DefaultValue::OfType(entry.key.span())),
                };
            }
        }
    }

    /// Reports a reference, of which the compiler would say that something is "not general enough".
    fn check_json(&mut self, ty: &syn::Type, errors: &mut Errors) {
        if self.json.is_some() && has_reference(ty) {
            errors.on(
                ty,
                format!("`{}` cannot be stored as JSON: it borrows\nhelp: use a type that owns its data, such as `String`", shown(ty)),
            );
            self.is_faulty = true;
        }
    }

    fn stored(&self) -> Stored {
        match self.json {
            _ if self.is_faulty => Stored::Unknown,
            Some(_) => Stored::Json,
            None => Stored::Column,
        }
    }

    /// The column's name, and its place, if it is known.
    fn name(&self, ident: &syn::Ident, errors: &mut Errors) -> (String, Option<Span>) {
        let (name, span) = match &self.name {
            Some(name) => (name.value(), name.span()),
            None => (ident.unraw().to_string(), ident.span()),
        };
        if self.name.is_none() && self.is_faulty {
            return (name, None);
        }
        match names::column_fault(&name) {
            Some(fault) => {
                errors.at(span, fault);
                (name, None)
            }
            None => (name, Some(span)),
        }
    }
}

fn has_reference(ty: &syn::Type) -> bool {
    struct References(bool);

    impl<'ast> Visit<'ast> for References {
        fn visit_type_reference(&mut self, _: &'ast syn::TypeReference) {
            self.0 = true;
        }
    }

    let mut references = References(false);
    references.visit_type(ty);
    references.0
}

/// Reports why a field cannot be a key, as far as it is written. Its type is another matter.
fn has_key_fault(options: &Options, errors: &mut Errors) -> bool {
    let before = errors.count();
    if let Some(place) = options.default_place {
        errors.at(place, "a column of the key has no default\nnote: no row is older than its key");
    }
    if let Some(place) = options.json {
        errors.at(place, "JSON cannot be a key\nnote: two texts can be the same value");
    }
    errors.count() > before
}

/// Reports two columns of one name, or two constants.
fn check_twins(new: &Named, before: &[Named], errors: &mut Errors) {
    let (field, Some(place)) = new else { return };
    let column = &field.column;
    for (other, _) in before.iter().filter(|(_, place)| place.is_some()) {
        let other = &other.column;
        if column.name.eq_ignore_ascii_case(&other.name) {
            let note = if column.name == other.name {
                ""
            } else {
                "\nnote: upper and lower case are the same in a database"
            };
            errors.at(
                *place,
                format!(
                    "column `{}` belongs to the field `{}` already{note}",
                    column.name,
                    other.field.unraw()
                ),
            );
            return;
        }
        if column.constant() == other.constant() {
            errors.at(
                column.field.span(),
                format!(
                    "the fields `{}` and `{}` have one constant, `{}`\nhelp: rename one of them, and keep its column by `#[column(name = \"...\")]`",
                    other.field.unraw(),
                    column.field.unraw(),
                    column.constant()
                ),
            );
            return;
        }
    }
}

impl Column {
    /// The name of its constant.
    pub(super) fn constant(&self) -> String {
        self.field.unraw().to_string().to_uppercase()
    }
}
