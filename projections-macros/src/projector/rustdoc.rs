//! The table of how a projector runs, and where its struct's page shows it.

use proc_macro2::TokenStream;
use syn::{Attribute, ext::IdentExt, parse_quote};

use super::model::{
    Batch, Mode, OnChange, OnFailure, Options, Park, ParkBy, Projector, Storage, Unregistered,
};
use crate::{
    policies::{Retry, Settings, duration},
    rustdoc::{Table, code, linked},
};

/// Writes the table: policies with their defaults, and what else was given.
pub(super) fn table(model: &Projector) -> TokenStream {
    let Options { storage, domain, version, .. } = &model.options;
    let mut table = Table::new(&["option", "value"]);
    let mut row = |option: &str, value: String| table.row(&[], &[option.to_owned(), value]);

    row("name", code(&model.name.value()));
    row("storage", storage_of(storage));
    if let Some(domain) = domain {
        row("domain", format!("{}, of events that name none", code(&domain.value())));
    }
    row("unregistered", code(unregistered(model.options.unregistered)));
    let mode = model.options.mode;
    row("mode", code(word(mode)));
    if mode != Mode::Live {
        row("from", code(if model.options.from_now { "now" } else { "beginning" }));
    }
    if let Some(batch) = batch(model.options.batch) {
        row("batch", batch);
    }
    if let Some(bytes) = model.options.row_bytes {
        row("row_bytes", format!("{bytes}, which rows may take in memory between batches"));
    }
    failures(&model.options).into_iter().for_each(|(option, value)| row(option, value));
    if model.options.rollback.is_some() {
        row("rollback", code("clone"));
    }
    if model.options.snapshot.is_some() {
        row("snapshot", "of its fields and rows".to_owned());
    }
    if mode != Mode::Live {
        row("version", version.unwrap_or(1).to_string());
        row("on_change", code(on_change(model.options.on_change.map(|(policy, _)| policy))));
    }
    for (option, types) in
        [("exhaustive", &model.options.exhaustive), ("ignores", &model.options.ignores)]
    {
        if !types.is_empty() {
            row(option, types.iter().map(linked).collect::<Vec<_>>().join(", "));
        }
    }
    table.finish()
}

/// What becomes of an event that fails.
fn failures(options: &Options) -> Vec<(&'static str, String)> {
    if options.mode == Mode::Inline {
        return vec![("on_failure", "the append fails".to_owned())];
    }
    let default = if options.mode == Mode::Live { OnFailure::Halt } else { OnFailure::Park };
    let policy = options.on_failure.unwrap_or(default);
    let mut rows = vec![("on_failure", code(on_failure(policy)))];
    if policy == OnFailure::Park {
        let key = options.park_by.map(|(key, _)| code(park_by(key)));
        let of_handlers = || format!("{}, or by its `#[park_key]`", code("stream"));
        rows.push(("park_by", key.unwrap_or_else(of_handlers)));
        rows.extend(options.park.map(|caps| ("park", park(caps))));
    }
    let retry = options.retry.unwrap_or(Retry::Set(Settings::default()));
    rows.push(("retry", retry.text()));
    let timeout = options.timeout.map_or_else(|| "30s".to_owned(), duration::text);
    rows.push(("timeout", format!("{timeout} an attempt")));
    rows
}

/// Says below the user's own words where the tables are. A struct without documentation gets none,
/// so that `missing_docs` still asks for some.
pub(super) fn pointer(model: &Projector) -> Vec<Attribute> {
    let is_documented = model.item.attrs.iter().any(|attribute| {
        attribute.path().is_ident("doc") && matches!(attribute.meta, syn::Meta::NameValue(_))
    });
    if !is_documented {
        return Vec::new();
    }
    let text = format!(
        "Projector {}: [what it handles](#{}) and [how it runs](#{}).",
        code(&model.name.value()),
        anchor(model, "Handlers"),
        anchor(model, "Projector"),
    );
    vec![parse_quote!(#[doc = ""]), parse_quote!(#[doc = #text])]
}

/// Where `rustdoc` puts the implementation of a trait. Parameters are in the name, in a form that
/// is its own affair, so a generic projector is told the way to all of them.
fn anchor(model: &Projector, implemented: &str) -> String {
    if model.item.generics.params.is_empty() {
        format!("impl-{implemented}-for-{}", model.item.ident.unraw())
    } else {
        "trait-implementations".to_owned()
    }
}

fn storage_of(storage: &Storage) -> String {
    match storage {
        Storage::Type(ty) => linked(ty),
        Storage::InProcess | Storage::Unknown => "none: its own fields".to_owned(),
    }
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Async => "async",
        Mode::Inline => "inline",
        Mode::Live => "live",
    }
}

fn unregistered(policy: Unregistered) -> &'static str {
    match policy {
        Unregistered::Error => "error",
        Unregistered::Ignore => "ignore",
        Unregistered::Warn => "warn",
    }
}

fn on_change(policy: Option<OnChange>) -> &'static str {
    match policy {
        Some(OnChange::Ignore) => "ignore",
        Some(OnChange::Rebuild) => "rebuild",
        Some(OnChange::Refuse) => "refuse",
        Some(OnChange::Warn) | None => "warn",
    }
}

fn on_failure(policy: OnFailure) -> &'static str {
    match policy {
        OnFailure::Halt => "halt",
        OnFailure::Park => "park",
        OnFailure::Skip => "skip",
    }
}

pub(super) fn park_by(key: ParkBy) -> &'static str {
    match key {
        ParkBy::Domain => "domain",
        ParkBy::Projector => "projector",
        ParkBy::Stream => "stream",
    }
}

fn park(Park { per_key, keys, total }: Park) -> String {
    let caps = [
        per_key.map(|cap| format!("{cap} events a key")),
        keys.map(|cap| format!("{cap} keys")),
        total.map(|cap| format!("{cap} events in all")),
    ];
    format!("at most {}", caps.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn batch(Batch { events, bytes, linger }: Batch) -> Option<String> {
    let events = events.map(|events| format!("{events} events"));
    let bytes = bytes.map(|bytes| format!("{bytes} bytes"));
    let bounds: Vec<_> = events.into_iter().chain(bytes).collect();
    let bounds = (!bounds.is_empty()).then(|| format!("at most {}", bounds.join(", ")));
    let linger = linger.map(|time| format!("waits {} for more", duration::text(time)));
    let both: Vec<_> = bounds.into_iter().chain(linger).collect();
    (!both.is_empty()).then(|| both.join("; "))
}
