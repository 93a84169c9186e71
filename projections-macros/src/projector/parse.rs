//! From tokens to the model, with every fault.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    DeriveInput, Item, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
};

use super::{
    model::{Field, Projector},
    options::{self, KEYS},
};
use crate::{
    attr::{Entry, shown, ungrouped_expression},
    cfg,
    errors::Errors,
    head, names,
    paths::{Library, ends},
};

/// Reads the attribute and the struct. Without a type to name there is no model.
pub(crate) fn parse(
    attribute: TokenStream,
    item: TokenStream,
    errors: &mut Errors,
) -> Option<Projector> {
    let (item, unread) = read_item(item, errors)?;
    let mut faults = Errors::default();
    let (name, entries) = read_attribute(attribute, &item, &mut faults);
    let is_readable = !faults.any();
    errors.append(faults);
    let (options, library) = options::read(&entries, is_readable, errors);
    check_generics(&item, options.register && is_readable, errors);
    let (item, fields) = read_fields(item, errors);
    check_repeated(&item, name.as_ref(), &library, errors);
    let item = without_repeated(item, &library);
    let name = name.unwrap_or_else(|| syn::LitStr::new("", item.ident.span()));
    Some(Projector { name, options, library, item, unread, fields })
}

/// Reads what the attribute is on. An enum or a union is a fault, and still a type whose handlers
/// are read, so that they are not blamed.
fn read_item(item: TokenStream, errors: &mut Errors) -> Option<(DeriveInput, Unread)> {
    let span_and_kind = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(_)) => None,
        Ok(Item::Enum(item)) => Some((item.enum_token.span, "an enum")),
        Ok(Item::Union(item)) => Some((item.union_token.span, "a union")),
        Ok(Item::Impl(item)) => {
            errors.at(
                item.impl_token.span,
                "`#[projector]` goes on the struct\nhelp: use `#[handlers]` on the `impl` block",
            );
            return None;
        }
        Ok(other) => {
            errors.at(ends(&other).0, "`#[projector]` goes on a struct");
            return None;
        }
        Err(_) => {
            let whole = item.clone();
            let read = head::parse(item).map_err(|error| errors.push(error)).ok();
            return read.map(|(item, error)| {
                (item, error.map(|error| (head::change_content(whole, without_resources), error)))
            });
        }
    };
    let item: DeriveInput = syn::parse2(item).ok()?; // one of the three above
    if let Some((span, kind)) = span_and_kind {
        let ident = &item.ident;
        errors.at(span, format!("`#[projector]` goes on a struct, but `{ident}` is {kind}"));
    }
    Some((item, None))
}

/// The struct's tokens and why they cannot be read.
type Unread = Option<(TokenStream, syn::Error)>;

/// The fields without `#[resource]`, which the compiler would not know.
fn without_resources(fields: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for token in fields {
        let is_resource = match &token {
            TokenTree::Group(group) => group.stream().to_string() == "resource",
            _ => false,
        };
        if is_resource {
            kept.pop(); // the `#`
        } else {
            kept.push(token);
        }
    }
    kept.into_iter().collect()
}

fn read_attribute(
    attribute: TokenStream,
    item: &DeriveInput,
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
    item: &DeriveInput,
    errors: &mut Errors,
) -> syn::Result<Option<syn::LitStr>> {
    if input.is_empty() || input.peek(Token![,]) || starts_option(input) {
        if KEYS.has_misplaced(input) {
            return Ok(None); // reported where it is
        }
        let _ = input.parse::<Token![,]>(); // what is missing is before it
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
    let known = KEYS.available.iter().any(|known| key == known);
    fork.peek(Token![=]) && !fork.peek(Token![==]) || known
}

fn check_generics(item: &DeriveInput, registers: bool, errors: &mut Errors) {
    let generics = &item.generics;
    let ident = &item.ident;
    if let Some(lifetime) = generics.lifetimes().next() {
        errors.on(
            lifetime,
            format!("projector `{ident}` must not borrow\nnote: a projector must be 'static"),
        );
    } else if !generics.params.is_empty() && registers {
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

/// Reports each further `#[projector]`, at its name.
fn check_repeated(
    item: &DeriveInput,
    name: Option<&syn::LitStr>,
    library: &Library,
    errors: &mut Errors,
) {
    let ident = &item.ident;
    let first = name.map(|name| format!("(\"{}\")", name.value())).unwrap_or_default();
    for attribute in &item.attrs {
        if library.is(attribute.path(), "projector") {
            let place = match &attribute.meta {
                syn::Meta::List(list) => ends(&list.tokens).0,
                _ => ends(attribute.path()).1,
            };
            errors.at(place, format!("`{ident}` already has `#[projector{first}]`"));
        }
    }
}

fn without_repeated(mut item: DeriveInput, library: &Library) -> DeriveInput {
    item.attrs.retain(|attribute| !library.is(attribute.path(), "projector"));
    item
}

/// Takes `#[resource]` off the fields.
fn read_fields(mut item: DeriveInput, errors: &mut Errors) -> (DeriveInput, Vec<Field>) {
    let syn::Data::Struct(data) = &mut item.data else { return (item, Vec::new()) };
    let mut fields = Vec::new();
    let members: Vec<_> = data.fields.members().collect();
    for (member, field) in members.into_iter().zip(&mut data.fields) {
        let resource = take_resource(field, errors);
        let cfg = cfg::of(&field.attrs);
        fields.push(Field { cfg, member, ty: field.ty.clone(), resource });
    }
    (item, fields)
}

/// Takes `#[resource]` off a field; tells whether it was there.
fn take_resource(field: &mut syn::Field, errors: &mut Errors) -> bool {
    let (resources, others): (Vec<_>, _) = std::mem::take(&mut field.attrs)
        .into_iter()
        .partition(|attribute| attribute.path().is_ident("resource"));
    field.attrs = others;
    for attribute in &resources {
        if !matches!(attribute.meta, syn::Meta::Path(_)) {
            errors
                .on(&attribute.meta, "`#[resource]` takes no options: resources are found by type");
        }
    }
    if let [_, second, ..] = resources.as_slice() {
        errors.on(second.path(), "`#[resource]` is given twice");
    }
    !resources.is_empty()
}
