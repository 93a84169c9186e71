//! The constant `OPTIONS`: the defaults, and a call for each option that is written.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, spanned::Spanned};

use super::model::{
    Batch, Mode, OnChange, OnFailure, Options, Park, ParkBy, Projector, Unregistered,
};
use crate::policies::duration;

/// The value. The domain is given apart, because an inert projector has one always.
pub(super) fn options(model: &Projector, domain: Option<&syn::LitStr>) -> TokenStream {
    let public = model.library.public();
    let options = &model.options;
    let mut tokens = quote_spanned!(Span::mixed_site()=> #public::Options::DEFAULT);
    if let Some(domain) = domain {
        tokens.extend(quote_spanned!(Span::mixed_site()=> .domain(#domain)));
    }
    let of_type = |option: &str, name: &str, word: Option<&str>| {
        let word = Ident::new(word?, Span::mixed_site());
        let [option, name] = [option, name].map(|text| Ident::new(text, Span::mixed_site()));
        Some(quote_spanned!(Span::mixed_site()=> .#option(#public::#name::#word)))
    };
    tokens.extend(of_type("unregistered", "UnregisteredPolicy", unregistered(options)));
    tokens.extend(listed(model, "exhaustive", "DomainEvents", &options.exhaustive));
    tokens.extend(listed(model, "ignores", "IgnoredEvent", &options.ignores));
    tokens.extend(batch(options.batch, &public));
    tokens.extend(of_type("mode", "Mode", mode(options.mode)));
    if let Some(bytes) = options.row_bytes {
        tokens.extend(quote_spanned!(Span::mixed_site()=> .row_bytes(#bytes)));
    }
    if let Some(probe) = options.probe {
        tokens.extend(quote_spanned!(Span::mixed_site()=> .probe(#probe)));
    }
    tokens.extend(of_type("start_from", "StartFrom", options.from_now.then_some("Now")));
    if let Some(version) = options.version {
        tokens.extend(quote_spanned!(Span::mixed_site()=> .version(#version)));
    }
    tokens.extend(of_type("on_change", "OnChange", on_change(options)));
    tokens.extend(of_type("on_failure", "OnFailure", options.on_failure.map(on_failure)));
    tokens.extend(of_type("park_by", "ParkBy", park_by(options)));
    tokens.extend(options.park.map(|caps| park(caps, &public)));
    if let Some(retry) = options.retry {
        let retry = retry.tokens(&public);
        tokens.extend(quote_spanned!(Span::mixed_site()=> .retry(#retry)));
    }
    if let Some(time) = options.timeout.map(duration::tokens) {
        tokens.extend(quote_spanned!(Span::mixed_site()=> .timeout(#time)));
    }
    tokens
}

fn unregistered(options: &Options) -> Option<&'static str> {
    match options.unregistered {
        Unregistered::Error => Some("Error"),
        Unregistered::Ignore => None,
        Unregistered::Warn => Some("Warn"),
    }
}

fn mode(mode: Mode) -> Option<&'static str> {
    match mode {
        Mode::Async => None,
        Mode::Inline => Some("Inline"),
        Mode::Live => Some("Live"),
    }
}

fn on_change(options: &Options) -> Option<&'static str> {
    options.on_change.map(|(policy, _)| match policy {
        OnChange::Ignore => "Ignore",
        OnChange::Rebuild => "Rebuild",
        OnChange::Refuse => "Refuse",
        OnChange::Warn => "Warn",
    })
}

fn on_failure(policy: OnFailure) -> &'static str {
    match policy {
        OnFailure::Halt => "Halt",
        OnFailure::Park => "Park",
        OnFailure::Skip => "Skip",
    }
}

fn park_by(options: &Options) -> Option<&'static str> {
    options.park_by.map(|(key, _)| match key {
        ParkBy::Domain => "Domain",
        ParkBy::Projector => "Projector",
        ParkBy::Stream => "Stream",
    })
}

fn batch(bounds: Batch, public: &TokenStream) -> Option<TokenStream> {
    let Batch { events, bytes, linger } = bounds;
    let policy = quote_spanned!(Span::mixed_site()=> #public::BatchPolicy);
    let sized = (events.is_some() || bytes.is_some()).then(|| {
        let [events, bytes] = [
            ("events", events.map(|events| quote!(#events))),
            ("bytes", bytes.map(|bytes| quote!(#bytes))),
        ]
        .map(|(field, value)| value.unwrap_or_else(|| default(&policy, field)));
        quote_spanned!(Span::mixed_site()=> #policy::new(#events, #bytes))
    });
    let linger = linger.map(|time| {
        let time = duration::tokens(time);
        quote_spanned!(Span::mixed_site()=> .linger(#time))
    });
    if sized.is_none() && linger.is_none() {
        return None;
    }
    let bounds = sized.unwrap_or_else(|| quote_spanned!(Span::mixed_site()=> #policy::DEFAULT));
    Some(quote_spanned!(Span::mixed_site()=> .batch(#bounds #linger)))
}

fn park(Park { per_key, keys, total }: Park, public: &TokenStream) -> TokenStream {
    let caps = quote_spanned!(Span::mixed_site()=> #public::ParkCaps);
    let [per_key, keys, total] = [("per_key", per_key), ("keys", keys), ("total", total)]
        .map(|(field, cap)| cap.map_or_else(|| default(&caps, field), |cap| quote!(#cap)));
    quote_spanned!(Span::mixed_site()=> .park(#caps::new(#per_key, #keys, #total)))
}

/// What a bound is that is not written.
fn default(policy: &TokenStream, field: &str) -> TokenStream {
    let field = Ident::new(field, Span::mixed_site());
    quote_spanned!(Span::mixed_site()=> #policy::DEFAULT.#field)
}

/// The types that an option names, each looked up at its place.
fn listed(
    model: &Projector,
    option: &str,
    entry: &str,
    types: &[syn::Type],
) -> Option<TokenStream> {
    let entries = types.iter().map(|ty| {
        let span = ty.span();
        let public = model.library.public_at(span);
        let entry = Ident::new(entry, span);
        quote_spanned!(span=> #public::#entry::of::<#ty>())
    });
    let option = Ident::new(option, Span::mixed_site());
    (!types.is_empty())
        .then(|| quote_spanned!(Span::mixed_site()=> .#option(const { &[#(#entries),*] })))
}
