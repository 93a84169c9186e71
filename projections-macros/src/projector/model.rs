//! What `#[projector]` says, after it was understood.

use std::time::Duration;

use proc_macro2::Span;

use crate::{paths::Library, policies::Retry};

/// A projector.
pub(crate) struct Projector {
    pub(crate) name: syn::LitStr,
    pub(crate) options: Options,
    pub(crate) library: Library,
    /// The struct, without the attributes that the macro reads. In an inert model it may be an
    /// enum or a union.
    pub(crate) item: syn::DeriveInput,
    /// The tokens of the struct, where its fields cannot be read, and why.
    pub(crate) unread: Option<(proc_macro2::TokenStream, syn::Error)>,
    /// The struct's fields, in order.
    pub(crate) fields: Vec<Field>,
}

/// A field: how it is filled.
pub(crate) struct Field {
    /// `#[cfg]` attributes, which its initializer gets, too.
    pub(crate) cfg: Vec<syn::Attribute>,
    pub(crate) member: syn::Member,
    pub(crate) ty: syn::Type,
    pub(crate) resource: bool,
}

/// The options that were given.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) storage: Storage,
    pub(crate) domain: Option<syn::LitStr>,
    pub(crate) unregistered: Unregistered,
    /// The domains of which every event is handled or ignored.
    pub(crate) exhaustive: Vec<syn::Type>,
    /// The events that are ignored.
    pub(crate) ignores: Vec<syn::Type>,
    pub(crate) batch: Batch,
    pub(crate) mode: Mode,
    pub(crate) row_bytes: Option<u64>,
    pub(crate) probe: Option<bool>,
    pub(crate) from_now: bool,
    pub(crate) version: Option<u32>,
    /// The policy, and its place.
    pub(crate) on_change: Option<(OnChange, Span)>,
    pub(crate) on_failure: Option<OnFailure>,
    /// The key, and its place.
    pub(crate) park_by: Option<(ParkBy, Span)>,
    pub(crate) park: Option<Park>,
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) register: bool,
    /// `rollback = "clone"`, and its place.
    pub(crate) rollback: Option<Span>,
    /// `snapshot`, and its place.
    pub(crate) snapshot: Option<Span>,
}

/// `batch(..)`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Batch {
    pub(crate) events: Option<u32>,
    pub(crate) bytes: Option<u64>,
    pub(crate) linger: Option<Duration>,
}

/// `park(..)`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Park {
    pub(crate) per_key: Option<u64>,
    pub(crate) keys: Option<u64>,
    pub(crate) total: Option<u64>,
}

/// How it is run.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub(crate) enum Mode {
    #[default]
    Async,
    Inline,
    Live,
}

/// Where the read model is kept.
#[derive(Default)]
pub(crate) enum Storage {
    /// In the fields.
    #[default]
    InProcess,
    /// In this storage.
    Type(Box<syn::Type>),
    /// The option is there, and cannot be read.
    Unknown,
}

/// What to do with an event that no method handles.
#[derive(Clone, Copy, Default)]
pub(crate) enum Unregistered {
    Error,
    #[default]
    Ignore,
    Warn,
}

/// What to do where the code differs from that which built the read model.
#[derive(Clone, Copy)]
pub(crate) enum OnChange {
    Ignore,
    Rebuild,
    Refuse,
    Warn,
}

/// What to do with an event whose retries are spent.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum OnFailure {
    Halt,
    Park,
    Skip,
}

/// What waits behind a parked event.
#[derive(Clone, Copy)]
pub(crate) enum ParkBy {
    Domain,
    Projector,
    Stream,
}
