//! What a `#[handlers]` block says, after it was understood.

use proc_macro2::Span;
use syn::{Attribute, Ident, Type};

use super::{hashed::Hashed, keys::Keys, park_key::ParkKey};
use crate::{paths::Library, policies::Policies};

/// A block.
pub(crate) struct Block {
    pub(crate) library: Library,
    /// The `impl`, without the attributes that the macro reads.
    pub(crate) item: syn::ItemImpl,
    /// What is wrong with the items that could not be read.
    pub(crate) unread: Option<syn::Error>,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) setup: Option<Method>,
    pub(crate) reset: Option<Method>,
    pub(crate) park_key: Option<ParkKey>,
    /// The hashes of all that is no handler.
    pub(crate) others: Vec<Hashed>,
}

impl Block {
    pub(crate) fn is_generic(&self) -> bool {
        !self.item.generics.params.is_empty()
    }
}

/// A method with `#[handles]`.
pub(crate) struct Handler {
    /// Its number in the `match`.
    pub(crate) id: u32,
    pub(crate) event: Type,
    /// The event in messages.
    pub(crate) shown_event: String,
    pub(crate) input_domain: Option<syn::LitStr>,
    pub(crate) from_now: bool,
    /// Of the method's tokens.
    pub(crate) hash: u64,
    pub(crate) method: Method,
    pub(crate) argument: Argument,
    /// Whether nothing is wrong with it. What is unsound is reported, and not expanded.
    pub(crate) sound: bool,
}

/// A method with `#[fallback]`.
pub(crate) struct Fallback {
    pub(crate) id: u32,
    pub(crate) scope: Scope,
    /// The attribute's name.
    pub(crate) span: Span,
    pub(crate) method: Method,
    pub(crate) argument: Argument,
}

/// Which events a fallback takes.
pub(crate) enum Scope {
    All,
    Domains(Vec<syn::LitStr>),
    HandlersDomains,
}

/// A method that generated code calls.
pub(crate) struct Method {
    /// What it is called in messages: ``handler `on_placed` ``.
    pub(crate) subject: String,
    pub(crate) name: Ident,
    /// `#[cfg]` attributes, which its route and its arm get, too.
    pub(crate) cfg: Vec<Attribute>,
    pub(crate) asyncness: Option<syn::Token![async]>,
    /// The receiver, where it is `&mut self`.
    pub(crate) mut_self: Option<syn::Receiver>,
    /// What it takes after its event.
    pub(crate) parameters: Vec<Parameter>,
    /// What each of them is bound to, and which rows its `#[keys(..)]` name.
    pub(crate) patterns: Vec<syn::Pat>,
    pub(crate) keys: Vec<Option<Keys>>,
    pub(crate) output: Option<Type>,
    /// None but a handler's.
    pub(crate) policies: Policies,
}

/// A handler's event, as its signature takes it.
pub(crate) struct Argument {
    pub(crate) ty: Type,
    pub(crate) pattern: syn::Pat,
    pub(crate) by_reference: bool,
}

/// A parameter after the event.
#[derive(PartialEq)]
pub(crate) enum Parameter {
    /// `&T`
    Shared(Type),
    /// `&mut T`
    View(Type),
    /// `T`, which nothing is.
    Value(Type),
}
