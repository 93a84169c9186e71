//! Faults of a block as a whole.

use syn::{Attribute, ext::IdentExt, punctuated::Punctuated};

use super::{
    model::{Handler, Scope},
    parse::{Found, MARKERS},
};
use crate::{attr::shown, errors::Errors, paths::Library, suggest};

/// Checks what no method alone can say.
pub(super) fn check(item: &syn::ItemImpl, found: &mut Found, errors: &mut Errors) {
    check_empty(item, found, errors);
    check_duplicates(&mut found.handlers, errors);
    check_scope(found, errors);
}

/// Takes off, and reports, what was meant to be one of our attributes. It never is a handler
/// otherwise, and the compiler's own words for it lead astray.
pub(super) fn check_look_alikes(
    library: &Library,
    attributes: &mut Vec<Attribute>,
    errors: &mut Errors,
) {
    attributes.retain(|attribute| {
        let fault = match conditional(library, attribute) {
            Some((path, marker)) => Some((path, format!(
                "`#[{marker}]` must not be in a `#[cfg_attr(..)]`\nhelp: write `#[{marker}]`, and `#[cfg(..)]` on the method"
            ))),
            None => look_alike(library, attribute.path())
                .map(|fault| (attribute.path().clone(), fault)),
        };
        let Some((path, message)) = fault else { return true };
        errors.on(path, message);
        false
    });
}

/// One of our attributes that depends on a condition. The compiler would resolve it too late for
/// the block.
fn conditional(library: &Library, attribute: &Attribute) -> Option<(syn::Path, String)> {
    if !attribute.path().is_ident("cfg_attr") {
        return None;
    }
    let metas = attribute
        .parse_args_with(Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated)
        .ok()?; // what is not well formed, the compiler reports
    metas.iter().skip(1).find_map(|meta| {
        let name = library.own_name(meta.path())?;
        MARKERS.contains(&name.as_str()).then(|| (meta.path().clone(), name))
    })
}

fn look_alike(library: &Library, path: &syn::Path) -> Option<String> {
    let written = || shown(path);
    let Some(name) = library.own_name(path) else {
        // Another crate's attribute may be called `reset`, but hardly `handles`.
        let last = path.segments.last()?.ident.to_string();
        return ["handles", "fallback"].contains(&last.as_str()).then(|| {
            let written = written();
            format!("unknown attribute `#[{written}]` in a `#[handlers]` block\nhelp: write `#[{last}]`, which needs no path in this block")
        });
    };
    if name == "handlers" {
        return Some(format!(
            "`#[{}]` goes on the `impl` block\nhelp: write `#[handles(..)]` on a method",
            written()
        ));
    }
    if MARKERS.contains(&name.as_str()) {
        return None;
    }
    // A short word is two edits from any other: Rust's own `#[test]` from `#[reset]`.
    let close = suggest::nearest(&name, MARKERS.iter().copied())
        .filter(|meant| name.len() >= 5 || suggest::is_next_to(&name, meant))?;
    let written = written();
    Some(format!(
        "unknown attribute `#[{written}]` in a `#[handlers]` block\nhelp: did you mean `#[{close}]`?"
    ))
}

/// Reports a block that handles nothing.
fn check_empty(item: &syn::ItemImpl, found: &Found, errors: &mut Errors) {
    if found.handlers.is_empty() && found.fallbacks == 0 && !errors.any() {
        errors.on(
            &item.self_ty,
            "no method in this block has `#[handles]` or `#[fallback]`\nhelp: write `#[handles(Event, input_domain = \"...\")]` on a method",
        );
    }
}

/// Two handlers that name one event alike. Those that name it differently are found by their
/// wire names, once the types are known.
fn check_duplicates(handlers: &mut [Handler], errors: &mut Errors) {
    let events: Vec<_> = handlers.iter().map(|handler| handler.shown_event.clone()).collect();
    for index in 1..handlers.len() {
        let (before, rest) = handlers.split_at_mut(index);
        // A faulty attribute may lack just what tells the two apart.
        let Some(second) = rest.first_mut().filter(|second| second.sound) else { continue };
        let Some(event) = events.get(index) else { continue };
        let mut named_alike = before.iter().zip(&events).filter(|(_, first)| *first == event);
        let first = named_alike.find(|(first, _)| first.sound && alike(first, second));
        let Some((first, _)) = first else { continue };
        let from = second
            .input_domain
            .as_ref()
            .map(|domain| format!(" from `{}`", domain.value()))
            .unwrap_or_default();
        errors.on(
            &second.event,
            format!(
                "`{event}`{from} already has a handler\nhelp: do both in one method, or make two projectors"
            ),
        );
        errors.on(
            &first.event,
            format!("the first handler for `{event}` is `{}`", first.method.name.unraw()),
        );
        second.sound = false;
    }
}

/// Tells whether two handlers that name one event take it from one domain.
fn alike(a: &Handler, b: &Handler) -> bool {
    let domain = |handler: &Handler| handler.input_domain.as_ref().map(syn::LitStr::value);
    // Under `#[cfg]` the two may be alternatives.
    domain(a) == domain(b) && a.method.cfg.is_empty() && b.method.cfg.is_empty()
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
