//! Assertions on values that only types know: domains, wire names, the kind of a storage.
//!
//! The routes are data, and data with a fault in it still compiles. Each fault is reported by one
//! `const _: () = ...` at the user's token, so that all are reported, and none twice.

use super::{checks::Named, message::Message};
use crate::{
    Event, Projector, Route, Storage, UnregisteredPolicy, engine::Execution, registry::StorageKind,
};

/// What the assertions look at. They take it from one function, so that a projector without a name
/// is reported once and not by each of them.
#[derive(Clone, Copy, Debug)]
pub struct Facts(&'static Known);

#[derive(Debug)]
struct Known {
    routes: &'static [Route],
    /// Whether no route has a fault: one look at the table, instead of one for each assertion.
    sound: bool,
    unregistered: UnregisteredPolicy,
    kind: StorageKind,
    storage: &'static str,
}

/// Looks a projector up: once, however many assertions ask.
#[must_use]
pub const fn facts<P: Named>() -> Facts {
    Facts(
        const {
            &Known {
                routes: P::ROUTES,
                sound: is_sound(P::ROUTES),
                unregistered: <P as Projector>::OPTIONS.unregistered,
                kind: <<P::Storage as Storage>::Execution as Execution<P::Storage>>::KIND,
                storage: <P::Storage as Storage>::LABEL,
            }
        },
    )
}

/// What the assertions on a `Domain` enum look at.
#[derive(Clone, Copy, Debug)]
pub struct EventFacts {
    /// The wire name.
    pub name: &'static str,
    domain: Option<&'static str>,
}

/// Looks an event up.
#[must_use]
pub const fn event_facts<E: Event>() -> EventFacts {
    EventFacts { name: E::NAME, domain: E::DOMAIN }
}

/// Asserts that a route has a domain, and that no route before it takes the same event.
///
/// # Panics
/// While compiling, at the caller's place, which is the event of the `#[handles]`.
#[track_caller]
pub const fn no_route_fault(facts: Facts, id: u32, event: &'static str) {
    if !facts.0.sound {
        route_fault(facts.0.routes, id, event);
    }
}

#[track_caller]
const fn route_fault(routes: &'static [Route], id: u32, event: &str) {
    let Some((route, before)) = find(routes, id) else { return };
    if route.domain.is_empty() {
        Message::new()
            .name(event)
            .push(" is handled without a domain\nhelp: write `#[handles(")
            .push(event)
            .push(", input_domain = \"...\")]`\nnote: what a projector reads is built from the domains of its handlers")
            .report();
    }
    if let Some(earlier) = taken(before, route) {
        Message::new()
            .name(event)
            .push(" from ")
            .name(route.domain)
            .push(" already has a handler: ")
            .name(earlier.method)
            .report();
    }
}

/// Asserts that a route's `input_domain` is its event's own domain, where the event has one.
///
/// # Panics
/// While compiling, at the caller's place, which is the domain's literal.
#[track_caller]
pub const fn no_domain_fault(facts: Facts, id: u32, event: &'static str) {
    if !facts.0.sound {
        domain_fault(facts.0.routes, id, event);
    }
}

#[track_caller]
const fn domain_fault(routes: &'static [Route], id: u32, event: &str) {
    let Some((route, _)) = find(routes, id) else { return };
    if let Some(own) = route.own_domain
        && !same(own, route.domain)
    {
        foreign(event, own, route.domain);
    }
}

/// Asserts that a handler on `&mut self` has no storage beside it.
///
/// # Panics
/// While compiling, at the caller's place, which is the `&mut self`.
#[track_caller]
pub const fn no_mut_self_fault(facts: Facts, method: &'static str, projector: &'static str) {
    if matches!(facts.0.kind, StorageKind::InProcess) {
        return;
    }
    Message::new()
        .push("handler ")
        .name(method)
        .push(" takes `&mut self`, but ")
        .name(projector)
        .push(" writes to ")
        .name(facts.0.storage)
        .push("\nnote: a rolled-back transaction cannot roll back fields")
        .push("\nhelp: take `&self`, or drop `storage` to keep the read model in the projector")
        .report();
}

/// Asserts that an `async fn` handler has no blocking storage.
///
/// # Panics
/// While compiling, at the caller's place, which is the `async`.
#[track_caller]
pub const fn no_async_fault(facts: Facts, method: &'static str) {
    if !matches!(facts.0.kind, StorageKind::Blocking) {
        return;
    }
    Message::new()
        .push("handler ")
        .name(method)
        .push(" must not be async: ")
        .name(facts.0.storage)
        .push(" runs its transactions on a blocking thread\nhelp: remove `async`")
        .report();
}

/// Asserts that a projector with a fallback has no policy for what nobody takes.
///
/// # Panics
/// While compiling, at the caller's place, which is the `#[fallback]`.
#[track_caller]
pub const fn no_fallback_fault(facts: Facts, method: &'static str) {
    let policy = match facts.0.unregistered {
        UnregisteredPolicy::Ignore => return,
        UnregisteredPolicy::Error => "error",
        UnregisteredPolicy::Warn => "warn",
    };
    Message::new()
        .push("`unregistered = \"")
        .push(policy)
        .push("\"` has no effect beside the fallback ")
        .name(method)
        .push("\nhelp: remove `unregistered`: the fallback takes every event that no handler takes")
        .report();
}

/// Asserts that an event of a `Domain` enum does not name another domain as its own.
///
/// # Panics
/// While compiling, at the caller's place, which is the variant's type.
#[track_caller]
pub const fn no_variant_fault(facts: EventFacts, event: &'static str, domain: &'static str) {
    if let Some(own) = facts.domain
        && !same(own, domain)
    {
        foreign(event, own, domain);
    }
}

#[track_caller]
const fn foreign(event: &str, own: &str, other: &str) -> ! {
    Message::new()
        .name(event)
        .push(" belongs to domain ")
        .name(own)
        .push(", not ")
        .name(other)
        .report()
}

/// Tells whether neither `no_route_fault` nor `no_domain_fault` has anything to say.
const fn is_sound(routes: &'static [Route]) -> bool {
    let mut next = 0;
    while next < routes.len() {
        let route = &routes[next]; // in bounds, by the condition
        let foreign = match route.own_domain {
            Some(own) => !same(own, route.domain),
            None => false,
        };
        if route.domain.is_empty() || foreign || taken(routes.split_at(next).0, route).is_some() {
            return false;
        }
        next += 1;
    }
    true
}

/// Finds the first route that takes the events of another.
const fn taken(before: &'static [Route], route: &Route) -> Option<&'static Route> {
    let mut next = 0;
    while next < before.len() {
        let earlier = &before[next]; // in bounds, by the condition
        if answers_to_one_name(earlier, route) && same(earlier.domain, route.domain) {
            return Some(earlier);
        }
        next += 1;
    }
    None
}

/// Finds a route by its number, and those before it. One that `#[cfg]` removed is not there.
const fn find(routes: &'static [Route], id: u32) -> Option<(&'static Route, &'static [Route])> {
    let mut next = 0;
    while next < routes.len() {
        // in bounds, by the condition
        if routes[next].id == id {
            return Some((&routes[next], routes.split_at(next).0));
        }
        next += 1;
    }
    None
}

const fn answers_to_one_name(a: &Route, b: &Route) -> bool {
    same(a.event, b.event)
        || (!a.aliases.is_empty() || !b.aliases.is_empty())
            && (contains(a.aliases, b.event)
                || contains(b.aliases, a.event)
                || overlap(a.aliases, b.aliases))
}

const fn overlap(a: &[&str], b: &[&str]) -> bool {
    let mut next = 0;
    while next < a.len() {
        // in bounds, by the condition
        if contains(b, a[next]) {
            return true;
        }
        next += 1;
    }
    false
}

const fn contains(names: &[&str], name: &str) -> bool {
    let mut next = 0;
    while next < names.len() {
        // in bounds, by the condition
        if same(names[next], name) {
            return true;
        }
        next += 1;
    }
    false
}

/// Compares by eight bytes at a time, because the compiler interprets this for every pair of a
/// projector's routes.
const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    while let (Some((first, rest)), Some((other, others))) =
        (a.split_first_chunk::<8>(), b.split_first_chunk::<8>())
    {
        if u64::from_ne_bytes(*first) != u64::from_ne_bytes(*other) {
            return false;
        }
        (a, b) = (rest, others);
    }
    let mut next = 0;
    while next < a.len() {
        // in bounds of both, by the condition and the check above
        if a[next] != b[next] {
            return false;
        }
        next += 1;
    }
    true
}
