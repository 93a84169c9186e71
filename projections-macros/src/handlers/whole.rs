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
    for (index, second) in handlers.iter().enumerate() {
        let Some(first) = handlers.iter().take(index).find(|first| alike(first, second)) else {
            continue;
        };
        let event = shown(&second.event);
        let from = second
            .input_domain
            .as_ref()
            .map(|domain| format!(" from `{}`", domain.value()))
            .unwrap_or_default();
        errors.on(&second.event, format!("`{event}`{from} already has a handler"));
        errors.on(
            &first.event,
            format!("the first handler for `{event}` is `{}`", first.method.name.unraw()),
        );
    }
}

fn alike(a: &Handler, b: &Handler) -> bool {
    let domain = |handler: &Handler| handler.input_domain.as_ref().map(syn::LitStr::value);
    // Under `#[cfg]` the two may be alternatives.
    shown(&a.event) == shown(&b.event)
        && domain(a) == domain(b)
        && a.method.cfg.is_empty()
        && b.method.cfg.is_empty()
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
