//! The macros of `projections`; their documentation is on that crate's re-exports.

mod attr;
mod cfg;
mod domain;
mod errors;
mod event;
#[cfg(test)]
mod expansion;
mod fingerprint;
#[cfg(test)]
mod half_typed;
mod handlers;
mod head;
mod names;
mod paths;
mod policies;
mod projector;
mod read_model;
mod rustdoc;
mod stray;
mod suggest;
mod upcast;
mod writer;

use proc_macro::TokenStream;

/// Writes `projections::Event` for a struct.
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    event::expand(input.into()).into()
}

/// Writes `projections::Domain` for an enum of events.
#[proc_macro_derive(Domain, attributes(domain))]
pub fn derive_domain(input: TokenStream) -> TokenStream {
    domain::expand(input.into()).into()
}

/// Writes `projections::ReadModel` for a struct.
#[proc_macro_derive(ReadModel, attributes(read_model, key, index, unique, column))]
pub fn derive_read_model(input: TokenStream) -> TokenStream {
    read_model::expand(input.into()).into()
}

/// Names a projector and registers it.
#[proc_macro_attribute]
pub fn projector(attribute: TokenStream, item: TokenStream) -> TokenStream {
    projector::expand(attribute.into(), item.into()).into()
}

/// Collects a projector's handlers.
#[proc_macro_attribute]
pub fn handlers(attribute: TokenStream, item: TokenStream) -> TokenStream {
    handlers::expand(attribute.into(), item.into()).into()
}

/// Marks a handler; `#[handlers]` reads it.
#[proc_macro_attribute]
pub fn handles(_attribute: TokenStream, item: TokenStream) -> TokenStream {
    stray::expand("handles", item.into()).into()
}

/// Marks the handler of everything else; `#[handlers]` reads it.
#[proc_macro_attribute]
pub fn fallback(_attribute: TokenStream, item: TokenStream) -> TokenStream {
    stray::expand("fallback", item.into()).into()
}

/// Marks the method that creates the read model; `#[handlers]` reads it.
#[proc_macro_attribute]
pub fn setup(_attribute: TokenStream, item: TokenStream) -> TokenStream {
    stray::expand("setup", item.into()).into()
}

/// Marks the method that empties the read model; `#[handlers]` reads it.
#[proc_macro_attribute]
pub fn reset(_attribute: TokenStream, item: TokenStream) -> TokenStream {
    stray::expand("reset", item.into()).into()
}

/// Marks the function that says what waits behind a parked event; `#[handlers]` reads it.
#[proc_macro_attribute]
pub fn park_key(_attribute: TokenStream, item: TokenStream) -> TokenStream {
    stray::expand("park_key", item.into()).into()
}

/// Names the rows that a handler asks for; `#[handlers]` reads it.
#[proc_macro_attribute]
pub fn keys(_attribute: TokenStream, item: TokenStream) -> TokenStream {
    stray::keys(item.into()).into()
}

/// Is not available yet; `#[handlers]` says so.
#[proc_macro_attribute]
pub fn flush(_attribute: TokenStream, item: TokenStream) -> TokenStream {
    stray::expand("flush", item.into()).into()
}
