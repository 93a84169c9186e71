//! From tokens to the model, with every fault.

use proc_macro2::TokenStream;
use syn::{
    Item, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
};

use super::model::{Field, OnChange, Options, Projector, Storage, Unregistered};
use crate::{
    attr::{Entry, Keys, Words, not_yet, shown, ungrouped_expression},
    errors::Errors,
    names,
    paths::{Library, ends},
};

const KEYS: Keys = Keys {
    attribute: "`#[projector]`",
    available: &[
        "storage",
        "domain",
        "unregistered",
        "batch",
        "from",
        "version",
        "on_change",
        "on_failure",
        "mode",
        "lanes",
        "register",
        "crate",
    ],
    later: &[
        "exhaustive",
        "ignores",
        "linger",
        "park",
        "park_by",
        "probe",
        "retry",
        "rollback",
        "skip",
        "snapshot",
        "timeout",
    ],
    aliases: &[("input_domain", "domain")],
    types: &["storage", "crate"],
};

const BATCH: Keys = Keys {
    attribute: "`batch`",
    available: &["events", "bytes"],
    later: &["linger"],
    aliases: &[],
    types: &[],
};

const UNREGISTERED: Words =
    Words { noun: "policy", available: &["ignore", "warn", "error"], later: &[] };
const ON_CHANGE: Words =
    Words { noun: "policy", available: &["ignore", "warn", "refuse", "rebuild"], later: &[] };
const ON_FAILURE: Words = Words { noun: "policy", available: &["halt"], later: &["park", "skip"] };
const MODE: Words = Words { noun: "mode", available: &["async"], later: &["inline", "live"] };
/// Where to begin; `#[handles]` takes the same words.
pub(crate) const FROM: Words =
    Words { noun: "start", available: &["beginning", "now"], later: &[] };

/// Reads the attribute and the struct. Without a struct there is no model.
pub(crate) fn parse(
    attribute: TokenStream,
    item: TokenStream,
    errors: &mut Errors,
) -> Option<Projector> {
    let item = read_struct(item, errors)?;
    let (name, entries) = read_attribute(attribute, &item, errors);
    let mut options = Options { register: true, ..Options::default() };
    let mut library = None;
    for entry in &entries {
        options.set(entry, &mut library, errors);
    }
    let library = Library::new(library);
    check_generics(&item, &options, errors);
    check_repeated(&item, &library, errors);
    let (item, fields) = read_fields(item, &library, errors);
    let name = name.unwrap_or_else(|| syn::LitStr::new("", item.ident.span()));
    Some(Projector { name, options, library, item, fields })
}

fn read_struct(item: TokenStream, errors: &mut Errors) -> Option<syn::ItemStruct> {
    let (span, message) = match syn::parse2::<Item>(item) {
        Ok(Item::Struct(item)) => return Some(item),
        Ok(Item::Enum(item)) => (
            item.enum_token.span,
            format!("`#[projector]` goes on a struct, but `{}` is an enum", item.ident),
        ),
        Ok(Item::Union(item)) => (
            item.union_token.span,
            format!("`#[projector]` goes on a struct, but `{}` is a union", item.ident),
        ),
        Ok(Item::Impl(item)) => (
            item.impl_token.span,
            "`#[projector]` goes on the struct\nhelp: use `#[handlers]` on the `impl` block".into(),
        ),
        Ok(other) => (ends(&other).0, "`#[projector]` goes on a struct".into()),
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    errors.at(span, message);
    None
}

fn read_attribute(
    attribute: TokenStream,
    item: &syn::ItemStruct,
    errors: &mut Errors,
) -> (Option<syn::LitStr>, Vec<Entry>) {
    let mut name = None;
    let mut entries = Vec::new();
    let parser = |input: ParseStream<'_>| {
        name = read_name(input, item, errors)?;
        entries = KEYS.read(input, errors);
        Ok(())
    };
    if let Err(error) = parser.parse2(attribute) {
        errors.push(error);
    }
    (name, entries)
}

fn read_name(
    input: ParseStream<'_>,
    item: &syn::ItemStruct,
    errors: &mut Errors,
) -> syn::Result<Option<syn::LitStr>> {
    if input.is_empty() || starts_option(input) {
        let ident = item.ident.unraw();
        errors.at(
            item.ident.span(),
            format!(
                "projector `{ident}` has no name\nhelp: write `#[projector(\"{}\")]`",
                names::kebab(&ident.to_string())
            ),
        );
        return Ok(None);
    }
    let expression: syn::Expr = input.parse()?;
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. }) =
        ungrouped_expression(&expression)
    else {
        errors.on(
            &expression,
            format!(
                "expected a string literal, found `{}`\nnote: a projector's name is fixed at compile time because its checkpoint is stored under it",
                shown(&expression)
            ),
        );
        return Ok(None);
    };
    if let Some(fault) = names::projector_fault(&name.value()) {
        errors.at(name.span(), fault);
    }
    Ok(Some(name.clone()))
}

/// Tells `storage = ..` and `batch(..)` from a name that is not a literal: `NAME`, `name()`.
fn starts_option(input: ParseStream<'_>) -> bool {
    let fork = input.fork();
    let Ok(key) = syn::Ident::parse_any(&fork) else { return false };
    let known = KEYS.available.iter().chain(KEYS.later).any(|known| key == known);
    fork.peek(Token![=]) && !fork.peek(Token![==]) || known
}

impl Options {
    fn set(&mut self, entry: &Entry, library: &mut Option<syn::Path>, errors: &mut Errors) {
        match entry.name().as_str() {
            "storage" => {
                self.storage =
                    entry.ty(errors).map_or(Storage::Unknown, |ty| Storage::Type(Box::new(ty)));
            }
            "domain" => {
                self.domain = entry.string(errors);
                check_domain("domain", self.domain.as_ref(), errors);
            }
            "unregistered" => {
                self.unregistered = match entry.word(&UNREGISTERED, errors).as_deref() {
                    Some("error") => Unregistered::Error,
                    Some("warn") => Unregistered::Warn,
                    _ => Unregistered::Ignore,
                };
            }
            "batch" => self.set_batch(entry, errors),
            "from" => self.from_now = entry.word(&FROM, errors).as_deref() == Some("now"),
            "version" => self.version = entry.number(errors),
            "on_change" => self.on_change = read_on_change(entry, errors),
            "on_failure" => drop(entry.word(&ON_FAILURE, errors)),
            "mode" => drop(entry.word(&MODE, errors)),
            "lanes" => check_lanes(entry, errors),
            "register" => self.register = read_register(entry, errors),
            _ => *library = entry.path(errors), // `crate`, the last of the keys
        }
    }

    fn set_batch(&mut self, entry: &Entry, errors: &mut Errors) {
        let Some(tokens) = entry.list("batch(events = 500)", errors) else { return };
        if tokens.is_empty() {
            errors.at(entry.key.span(), "`batch` sets nothing\nhelp: write `batch(events = 500)`");
        }
        for bound in BATCH.read_list(tokens, errors) {
            match bound.name().as_str() {
                "events" => self.batch_events = bound.number(errors),
                _ => self.batch_bytes = bound.number(errors), // `bytes`, the other key
            }
        }
    }
}

fn check_lanes(entry: &Entry, errors: &mut Errors) {
    if let Some(lanes) = entry.number::<u32>(errors)
        && lanes > 1
        && let Some(value) = entry.expression("lanes = 1", errors)
    {
        errors.on(value, not_yet(&format!("lanes = {lanes}")));
    }
}

fn read_on_change(entry: &Entry, errors: &mut Errors) -> Option<OnChange> {
    match entry.word(&ON_CHANGE, errors)?.as_str() {
        "ignore" => Some(OnChange::Ignore),
        "rebuild" => Some(OnChange::Rebuild),
        "refuse" => Some(OnChange::Refuse),
        _ => Some(OnChange::Warn), // the last of the words
    }
}

fn read_register(entry: &Entry, errors: &mut Errors) -> bool {
    match entry.expression("register = false", errors) {
        Some(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Bool(value), .. })) => value.value,
        Some(other) => {
            errors.on(other, format!("expected `true` or `false`, found `{}`", shown(other)));
            true
        }
        None => true,
    }
}

/// Reports a domain that is not one.
pub(crate) fn check_domain(key: &str, domain: Option<&syn::LitStr>, errors: &mut Errors) {
    if let Some(domain) = domain
        && let Some(fault) = names::domain_fault(key, &domain.value())
    {
        errors.at(domain.span(), fault);
    }
}

fn check_generics(item: &syn::ItemStruct, options: &Options, errors: &mut Errors) {
    let generics = &item.generics;
    let ident = &item.ident;
    if let Some(lifetime) = generics.lifetimes().next() {
        errors.on(
            lifetime,
            format!("projector `{ident}` must not borrow\nnote: a projector must be 'static"),
        );
    } else if !generics.params.is_empty() && options.register {
        let mut brackets = TokenStream::new();
        quote::ToTokens::to_tokens(generics, &mut brackets);
        errors.on(
            brackets,
            format!(
                "generic projector `{ident}` cannot register itself\nhelp: add `register = false` and pass a value to `.projector(..)` of the runtime's builder"
            ),
        );
    }
}

fn check_repeated(item: &syn::ItemStruct, library: &Library, errors: &mut Errors) {
    let ident = &item.ident;
    for attribute in &item.attrs {
        if library.is(attribute.path(), "projector") {
            errors.on(
                &attribute.meta,
                format!(
                    "`{ident}` has two `#[projector]` attributes\nhelp: one struct is one projector"
                ),
            );
        }
    }
}

/// Takes `#[resource]` off the fields.
fn read_fields(
    mut item: syn::ItemStruct,
    library: &Library,
    errors: &mut Errors,
) -> (syn::ItemStruct, Vec<Field>) {
    item.attrs.retain(|attribute| !library.is(attribute.path(), "projector"));
    let mut fields = Vec::new();
    for (member, field) in item.fields.members().zip(field_list(&item.fields)) {
        let resources: Vec<_> =
            field.attrs.iter().filter(|attribute| attribute.path().is_ident("resource")).collect();
        for attribute in &resources {
            if !matches!(attribute.meta, syn::Meta::Path(_)) {
                errors.on(
                    &attribute.meta,
                    "`#[resource]` takes no options: resources are found by type",
                );
            }
        }
        if let [_, second, ..] = resources.as_slice() {
            errors.on(second.path(), "`#[resource]` is given twice");
        }
        let resource = !resources.is_empty();
        let cfg = field.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect();
        fields.push(Field { cfg, member, ty: field.ty.clone(), resource });
    }
    for field in &mut item.fields {
        field.attrs.retain(|attribute| !attribute.path().is_ident("resource"));
    }
    (item, fields)
}

fn field_list(fields: &syn::Fields) -> Vec<syn::Field> {
    fields.iter().cloned().collect()
}
