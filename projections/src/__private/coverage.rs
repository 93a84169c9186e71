//! Assertions of projectors that are `exhaustive`: every event of their domains is handled or
//! ignored, and what is ignored is an event of them that nobody handles.

use super::{
    faults::{Facts, UNKNOWN_DOMAIN, contains, same},
    message::Message,
    upcasts::answers_to,
};
use crate::{DomainEvents, IgnoredEvent, Route};

/// Asserts that every event of a domain is handled or ignored. A `#[fallback]` does not count: it
/// takes what nobody has decided about.
///
/// # Panics
/// While compiling, at the caller's place, which is the domain in `exhaustive`.
#[track_caller]
pub const fn no_coverage_fault(facts: &Facts, index: usize) {
    let (before, from) = facts.options.exhaustive.split_at(index);
    // The macro counts the domains that it writes, so there is one.
    let Some((domain, _)) = from.split_first() else { return };
    // The domain's name is a fault that is told where it is declared.
    if same(domain.domain, UNKNOWN_DOMAIN) {
        return;
    }
    if contains_domain(before, domain.domain) {
        Message::new().push("domain ").name(domain.domain).push(" is given twice").report();
    }
    // Handlers that do not compile are not missing as well.
    if !facts.inert && missing_from(facts, domain, 0).is_some() {
        report_missing(facts, domain);
    }
}

/// Asserts that an event in `ignores` is one of an exhaustive domain, is not handled, and is not
/// ignored already.
///
/// # Panics
/// While compiling, at the caller's place, which is the event in `ignores`.
#[track_caller]
pub const fn no_ignores_fault(facts: &Facts, index: usize, event: &'static str) {
    let (before, from) = facts.options.ignores.split_at(index);
    // As above.
    let Some((ignored, _)) = from.split_first() else { return };
    if contains_event(before, ignored) {
        Message::new().name(event).push(" is ignored twice").report();
    }
    let domains = facts.options.exhaustive;
    let mut places = 0;
    let mut free = 0;
    let mut handler = "";
    let mut next = 0;
    while next < domains.len() {
        let domain = &domains[next]; // in bounds, by the condition
        if is_event_of(ignored, domain) {
            places += 1;
            match find_handler(facts.routes, domain.domain, ignored.event) {
                Some(route) => handler = route.method,
                None => free += 1,
            }
        }
        // The fault of a domain without events, or of another name, is told where it is declared.
        if domain.events.is_empty() || same(domain.domain, UNKNOWN_DOMAIN) {
            return;
        }
        next += 1;
    }
    if places == 0 {
        report_foreign(domains, event);
    }
    if free == 0 {
        Message::new()
            .name(event)
            .push(" is ignored, and handled by ")
            .name(handler)
            .push("\nhelp: remove it from `ignores`, or remove the handler")
            .report();
    }
}

/// Tells whether an ignored event is one of this domain.
pub(crate) const fn is_event_of(ignored: &IgnoredEvent, domain: &DomainEvents) -> bool {
    let own = match ignored.domain {
        Some(own) => same(own, domain.domain) || same(own, UNKNOWN_DOMAIN),
        None => true,
    };
    own && contains(domain.events, ignored.event)
}

#[track_caller]
const fn report_missing(facts: &Facts, domain: &DomainEvents) -> ! {
    let message = Message::new().push("projector ").name(facts.name).push(" handles no ");
    let Some(first) = missing_from(facts, domain, 0) else {
        // It is called only where an event is missing.
        message.report()
    };
    let name = domain.shown(first);
    // What comes after the list: a number, the domain, and the first name twice.
    let reserve = 2 * name.len() + domain.domain.len() + 96;
    let (message, listed) = list_missing(message, facts, domain, reserve);
    let more = count_missing(facts, domain) - listed;
    let message = match (listed, more) {
        (_, 0) => message,
        (0, _) => message.push_number(more as u64).push(" events"),
        _ => message.push(" and ").push_number(more as u64).push(" more"),
    };
    let message = message.push(" of domain ").name(domain.domain);
    if listed == 0 {
        message.push("\nhelp: handle them, or name them in `ignores(..)`").report();
    }
    message
        .push("\nhelp: add `#[handles(")
        .push(name)
        .push(")]`, or `ignores(")
        .push(name)
        .push(")`")
        .report()
}

/// Lists the missing events as far as there is room; tells how many.
const fn list_missing(
    mut message: Message,
    facts: &Facts,
    domain: &DomainEvents,
    reserve: usize,
) -> (Message, usize) {
    let mut listed = 0;
    let mut next = 0;
    while let Some(index) = missing_from(facts, domain, next) {
        let name = domain.shown(index);
        if message.room() < name.len() + 4 + reserve {
            break;
        }
        if listed > 0 {
            message = message.push(", ");
        }
        message = message.name(name);
        listed += 1;
        next = index + 1;
    }
    (message, listed)
}

const fn count_missing(facts: &Facts, domain: &DomainEvents) -> usize {
    let mut count = 0;
    let mut next = 0;
    while let Some(index) = missing_from(facts, domain, next) {
        count += 1;
        next = index + 1;
    }
    count
}

/// Finds the first event from this place on that is neither handled nor ignored.
const fn missing_from(facts: &Facts, domain: &DomainEvents, mut next: usize) -> Option<usize> {
    while next < domain.events.len() {
        let event = domain.events[next]; // in bounds, by the condition
        let handled = find_handler(facts.routes, domain.domain, event).is_some();
        if !handled && !is_ignored(facts.options.ignores, domain, event) {
            return Some(next);
        }
        next += 1;
    }
    None
}

const fn is_ignored(ignores: &[IgnoredEvent], domain: &DomainEvents, event: &str) -> bool {
    let mut next = 0;
    while next < ignores.len() {
        let ignored = &ignores[next]; // in bounds, by the condition
        // The name first: the other looks through the whole domain.
        if answers_to(&ignored.shape, event) && is_event_of(ignored, domain) {
            return true;
        }
        next += 1;
    }
    false
}

/// Tells whether the macro could not read the domain of a handler's event.
const fn is_unknown(route: &Route) -> bool {
    matches!(route.own_domain, Some(own) if same(own, UNKNOWN_DOMAIN))
}

const fn find_handler(
    routes: &'static [Route],
    domain: &str,
    event: &str,
) -> Option<&'static Route> {
    let mut next = 0;
    while next < routes.len() {
        let route = &routes[next]; // in bounds, by the condition
        // The name first: it tells most routes apart, and the domain few.
        if answers_to(&route.shape, event) && (same(route.domain, domain) || is_unknown(route)) {
            return Some(route);
        }
        next += 1;
    }
    None
}

const fn contains_domain(domains: &[DomainEvents], name: &str) -> bool {
    let mut next = 0;
    while next < domains.len() {
        // in bounds, by the condition
        if same(domains[next].domain, name) {
            return true;
        }
        next += 1;
    }
    false
}

const fn contains_event(events: &[IgnoredEvent], ignored: &IgnoredEvent) -> bool {
    let mut next = 0;
    while next < events.len() {
        let other = &events[next]; // in bounds, by the condition
        let same_domain = match (other.domain, ignored.domain) {
            (Some(one), Some(other)) => same(one, other),
            (None, None) => true,
            _ => false,
        };
        if same_domain && same(other.event, ignored.event) {
            return true;
        }
        next += 1;
    }
    false
}

#[track_caller]
const fn report_foreign(domains: &[DomainEvents], event: &str) -> ! {
    let mut message = Message::new().name(event).push(" is not an event of ");
    let mut next = 0;
    while next < domains.len() {
        let separator = if next == 0 { "domain " } else { " or " };
        // in bounds, by the condition
        message = message.push(separator).name(domains[next].domain);
        next += 1;
    }
    message.push("\nnote: `ignores` takes events of the domains in `exhaustive`").report()
}
