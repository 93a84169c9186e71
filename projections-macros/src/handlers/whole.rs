//! Faults of a block as a whole.

use syn::{ImplItem, ext::IdentExt};

use super::{
    model::{Handler, Scope},
    parse::{Found, MARKERS},
};
use crate::{attr::shown, errors::Errors, suggest};

/// Checks what no method alone can say.
pub(super) fn check(item: &mut syn::ItemImpl, found: &Found, errors: &mut Errors) {
    check_empty(item, found, errors);
    check_duplicates(&found.handlers, errors);
    check_scope(found, errors);
}

/// Reports a block that handles nothing, and looks for the attribute that was meant to.
fn check_empty(item: &mut syn::ItemImpl, found: &Found, errors: &mut Errors) {
    if !found.handlers.is_empty() || found.fallbacks > 0 || errors.any() {
        return;
    }
    for member in &mut item.items {
        let ImplItem::Fn(method) = member else { continue };
        method.attrs.retain(|attribute| {
            let written = shown(attribute.path());
            let Some(meant) = suggest::nearest(&written, MARKERS.iter().copied()) else {
                return true;
            };
            errors.on(
                attribute.path(),
                format!("unknown attribute `#[{written}]` in a `#[handlers]` block\nhelp: did you mean `#[{meant}]`?"),
            );
            false
        });
    }
    if !errors.any() {
        errors.on(
            &item.self_ty,
            "no method in this block has `#[handles]` or `#[fallback]`\nhelp: write `#[handles(Event, input_domain = \"...\")]` on a method",
        );
    }
}

/// Two handlers that name one event alike. Those that name it differently are found by their
/// wire names, once the types are known.
fn check_duplicates(handlers: &[Handler], errors: &mut Errors) {
    // Showing tokens takes long, so each event is shown once, and not once for each pair.
    let named: Vec<_> = handlers.iter().map(named).collect();
    for (index, (second, name)) in handlers.iter().zip(&named).enumerate() {
        let mut earlier = handlers.iter().zip(&named).take(index);
        // Under `#[cfg]` the two may be alternatives.
        let alike = |first: &Handler| first.method.cfg.is_empty() && second.method.cfg.is_empty();
        let Some((first, _)) = earlier.find(|(first, other)| *other == name && alike(first)) else {
            continue;
        };
        let (event, domain) = name;
        let from = domain.as_ref().map(|domain| format!(" from `{domain}`")).unwrap_or_default();
        errors.on(&second.event, format!("`{event}`{from} already has a handler"));
        errors.on(
            &first.event,
            format!("the first handler for `{event}` is `{}`", first.method.name.unraw()),
        );
    }
}

/// An event and its domain, as a handler names them.
fn named(handler: &Handler) -> (String, Option<String>) {
    (shown(&handler.event), handler.input_domain.as_ref().map(syn::LitStr::value))
}

fn check_scope(found: &Found, errors: &mut Errors) {
    if let Some(fallback) = &found.fallback
        && matches!(fallback.scope, Scope::HandlersDomains)
        && found.handlers.is_empty()
        && !errors.any()
    {
        errors.at(
            fallback.span,
            "`#[fallback]` takes the events of the handlers' domains, and there are no handlers\nhelp: write `#[fallback(domain = \"...\")]` or `#[fallback(all)]`",
        );
    }
}
