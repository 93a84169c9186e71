//! Two routes that would take one event, and events of another domain.

use super::{Facts, UNKNOWN_DOMAIN};
use crate::{
    __private::{message::Message, upcasts::shared_name},
    Route,
};

/// Asserts that a route has a domain, and that no route before it takes the same event.
///
/// # Panics
/// While compiling, at the caller's place, which is the event of the `#[handles]`.
#[track_caller]
pub const fn no_route_fault(facts: &Facts, id: u32, event: &'static str) {
    let Some((route, before)) = find(facts.routes, id) else { return };
    if route.domain.is_empty() {
        let message = Message::new()
            .name(event)
            .push(" is handled without a domain\nhelp: write `#[handles(")
            .push(event)
            .push(", input_domain = \"...\")]`, or `#[event(domain = \"...\")]` on ")
            .name(event)
            .push("\nnote: what a projector reads is built from the domains of its handlers");
        hidden(message, facts.routes, before.len() + 1).report();
    }
    let Some((earlier, name)) = taken(before, route) else { return };
    // Of a hand-written event the path is not known.
    let unknown = earlier.type_path.is_empty() || route.type_path.is_empty();
    let message = if unknown || same(earlier.type_path, route.type_path) {
        Message::new()
            .name(event)
            .push(" from ")
            .name(route.domain)
            .push(" already has a handler: ")
            .name(earlier.method)
    } else {
        same_name(earlier, route, name)
    };
    let message = if is_foreign(route) { of_domain(message, route) } else { message };
    hidden(message, facts.routes, before.len() + 1).report();
}

/// Asserts that a route's `input_domain` is its event's own domain, where the event has one.
///
/// # Panics
/// While compiling, at the caller's place, which is the domain's literal.
#[track_caller]
pub const fn no_domain_fault(facts: &Facts, id: u32, event: &'static str) {
    let Some((route, before)) = find(facts.routes, id) else { return };
    if let Some(own) = route.own_domain
        && is_foreign(route)
    {
        let message = Message::new()
            .name(event)
            .push(" belongs to domain ")
            .name(own)
            .push(", not ")
            .name(route.domain)
            .push("\nhelp: remove `input_domain`: the event names its domain");
        hidden(message, facts.routes, before.len() + 1).report();
    }
}

/// Tells of the faults of the routes from one on, which the fault before them hides.
const fn hidden(mut message: Message, routes: &'static [Route], mut next: usize) -> Message {
    while next < routes.len() {
        let (before, rest) = routes.split_at(next);
        let route = &rest[0]; // there is one, by the condition
        if route.domain.is_empty() {
            message = message
                .push("\nnote: there is no domain for the event of ")
                .name(route.method)
                .push(", either");
        } else if let Some((earlier, _)) = taken(before, route) {
            message = message
                .push("\nnote: ")
                .name(route.method)
                .push(" takes what ")
                .name(earlier.method)
                .push(" takes, too");
        }
        if is_foreign(route) {
            message = of_domain(message, route);
        }
        next += 1;
    }
    message
}

const fn of_domain(message: Message, route: &Route) -> Message {
    let Some(own) = route.own_domain else { return message };
    message
        .push("\nnote: the event of ")
        .name(route.method)
        .push(" belongs to domain ")
        .name(own)
        .push(", not ")
        .name(route.domain)
}

/// Tells whether a route takes its event from a domain that is not the event's own.
const fn is_foreign(route: &Route) -> bool {
    match route.own_domain {
        Some(own) => !same(own, route.domain) && !same(own, UNKNOWN_DOMAIN),
        None => false,
    }
}

const fn same_name(first: &Route, second: &Route, name: &str) -> Message {
    Message::new()
        .name(first.type_path)
        .push(" and ")
        .name(second.type_path)
        .push(" are both called \"")
        .push(name)
        .push("\" in domain ")
        .name(second.domain)
        .push("\nnote: a stored event would belong to both")
}

#[track_caller]
pub(crate) const fn foreign(event: &str, own: &str, other: &str) -> ! {
    Message::new()
        .name(event)
        .push(" belongs to domain ")
        .name(own)
        .push(", not ")
        .name(other)
        .report()
}

/// Tells whether neither `no_route_fault` nor `no_domain_fault` has anything to say. The compiler
/// interprets this for each projector: a route is compared with those before it only where one of
/// them may have its name, as far as the keys tell.
pub(super) const fn is_sound(routes: &'static [Route]) -> bool {
    const WORDS: usize = 16;
    let mut seen = [0_u64; WORDS];
    let mut has_unknown = false;
    let mut rest = routes;
    while let [route, after @ ..] = rest {
        let (word, bit) = (route.key as usize % WORDS, 1 << (route.key >> 58));
        let may_be_taken = has_unknown || route.key == 0 || seen[word] & bit != 0; // in bounds
        seen[word] |= bit;
        has_unknown |= route.key == 0;
        if (route.is_domain_doubtful && (route.domain.is_empty() || is_foreign(route)))
            || (may_be_taken
                && taken(routes.split_at(routes.len() - rest.len()).0, route).is_some())
        {
            return false;
        }
        rest = after;
    }
    true
}

/// Finds the first route that takes an event of another, and that event's name.
const fn taken(
    mut before: &'static [Route],
    route: &'static Route,
) -> Option<(&'static Route, &'static str)> {
    while let [earlier, rest @ ..] = before {
        if same(earlier.domain, route.domain)
            && let Some(name) = shared_name(&earlier.shape, &route.shape)
        {
            return Some((earlier, name));
        }
        before = rest;
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

pub(crate) const fn overlap(a: &[&str], b: &[&str]) -> bool {
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

pub(crate) const fn contains(names: &[&str], name: &str) -> bool {
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

/// Compares two texts. The compiler interprets this for each pair of a projector's routes that may
/// be of one event, and each step costs it as much as a thousand instructions: so there is no call
/// in the loop, and a turn of it compares four bytes. The last byte comes first: names that begin
/// alike are many.
pub(crate) const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    if let ([.., a_last], [.., b_last]) = (a, b)
        && *a_last != *b_last
    {
        return false;
    }
    while let ([a0, a1, a2, a3, a_rest @ ..], [b0, b1, b2, b3, b_rest @ ..]) = (a, b) {
        if *a0 != *b0 || *a1 != *b1 || *a2 != *b2 || *a3 != *b3 {
            return false;
        }
        (a, b) = (a_rest, b_rest);
    }
    while let ([a_next, a_rest @ ..], [b_next, b_rest @ ..]) = (a, b) {
        if *a_next != *b_next {
            return false;
        }
        (a, b) = (a_rest, b_rest);
    }
    true
}
