//! `#[keys(..)]`: what generated code does with it, and the assertions on it.

use std::{borrow::Borrow, hash::Hash};

use super::{
    dispatch::Argument,
    faults::{Facts, Lookup},
    message::Message,
};
use crate::{
    Fallback, Projector, ReadModel, Route, Rows,
    projector::{KeySource, SessionOf},
    registry::StorageKind,
    rows::{RowKey, RowStorage},
};

/// What names a row: its key by reference, as a look-up in a map takes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a row",
    label = "goes through items of type `{Self}`",
    note = "`#[keys(..)]` goes through references to keys, here of type `{K}`, or to what they can be borrowed as: `[&event.player]`, `event.seats.iter().map(|seat| &seat.player)`"
)]
pub trait RowName<K: RowKey> {
    /// Asks for the row.
    fn name<T: ReadModel<Key = K>>(self, rows: &mut Rows<T>);
}

impl<K, Q> RowName<K> for &Q
where
    K: RowKey + Borrow<Q>,
    Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
{
    fn name<T: ReadModel<Key = K>>(self, rows: &mut Rows<T>) {
        rows.want(self);
    }
}

impl<P, T> Argument<P, Rows<T>>
where
    P: Projector<Storage: RowStorage>,
    T: ReadModel,
{
    /// Asks for the rows that a handler's `#[keys(..)]` names.
    pub fn name_keys<I>(self, session: &SessionOf<P>, keys: I)
    where
        I: IntoIterator<Item: RowName<T::Key>>,
    {
        let mut rows = P::Storage::row_sets(session).lend::<T>();
        keys.into_iter().for_each(|key| key.name(&mut *rows));
    }
}

/// Stands in where what a handler takes are no rows.
pub trait NameKeysFallback {
    /// Is never called.
    fn name_keys<Session, I>(self, session: &Session, keys: I);
}

impl<P: ?Sized, T: ?Sized> NameKeysFallback for &Argument<P, T> {
    fn name_keys<Session, I>(self, _session: &Session, _keys: I) {}
}

impl<P: ?Sized, T: ReadModel> Lookup<P, Rows<T>> {
    /// They are rows.
    pub const IS_ROWS: bool = true;
}

/// Tells whether `no_keys_fault` has nothing to say of any route.
pub(super) const fn are_known(routes: &[Route], kind: StorageKind, probe: bool) -> bool {
    if !matches!(kind, StorageKind::Async) {
        return true;
    }
    let mut rest = routes;
    while let [route, others @ ..] = rest {
        if is_lacking(route.keys, probe) {
            return false;
        }
        rest = others;
    }
    true
}

const fn is_lacking(keys: KeySource, probe: bool) -> bool {
    keys.unknown || (keys.probed && !probe)
}

/// Asserts that the rows which a method takes are named, where they are loaded before it runs and
/// the method cannot be called to see them.
///
/// # Panics
/// While compiling, at the caller's place, which is the type of the rows.
#[track_caller]
pub const fn no_keys_fault(
    facts: &Facts,
    id: u32,
    subject: &'static str,
    ty: &'static str,
    why: &'static str,
) {
    let probe = facts.options.probe;
    if !matches!(facts.kind, Some(StorageKind::Async))
        || !is_lacking(keys_of(facts.routes, facts.fallback, id), probe)
    {
        return;
    }
    let message = Message::new().push(subject).push(" must say which rows of `").push(ty);
    let why = if why.is_empty() { ", because of `probe = false`" } else { why };
    let message = message.push("` it asks for").push(why);
    let message = message
        .push("\nnote: ")
        .name(facts.storage)
        .push(" loads the rows of many events at once, before their handlers run")
        .push("\nhelp: name their keys before the parameter: `#[keys([&event.player])]`");
    others(message, facts, id).report();
}

const fn keys_of(routes: &[Route], fallback: Option<Fallback>, id: u32) -> KeySource {
    let mut rest = routes;
    while let [route, others @ ..] = rest {
        if route.id == id {
            return route.keys;
        }
        rest = others;
    }
    match fallback {
        Some(fallback) if fallback.id == id => fallback.keys,
        _ => KeySource::NONE,
    }
}

/// Names the other handlers with the same fault, which the first one hides.
const fn others(mut message: Message, facts: &Facts, id: u32) -> Message {
    let mut rest = facts.routes;
    while let [route, others @ ..] = rest {
        if route.id > id && is_lacking(route.keys, facts.options.probe) {
            message = message.push("\nnote: the same goes for ").name(route.method);
        }
        rest = others;
    }
    message
}

/// Asserts that `#[keys]` is on a parameter that takes rows.
///
/// # Panics
/// While compiling, at the caller's place, which is the attribute's name.
#[track_caller]
pub const fn no_place_of_keys_fault(facts: &Facts, is_rows: bool, ty: &'static str) {
    if is_rows || facts.kind.is_none() {
        return;
    }
    Message::new()
        .push("`#[keys]` goes on a `&mut Rows<..>` parameter of a handler, not on `&mut ")
        .push(ty)
        .push("`")
        .report();
}
