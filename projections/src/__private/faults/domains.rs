//! Events of a `Domain` enum that belong to another domain.

use super::{
    EventFacts, UNKNOWN_DOMAIN,
    routes::{foreign, same},
};
use crate::__private::message::Message;

/// Asserts that an event of a `Domain` enum does not name another domain as its own.
///
/// # Panics
/// While compiling, at the caller's place, which is the variant's type.
#[track_caller]
pub const fn no_variant_fault(
    facts: &[EventFacts],
    number: usize,
    event: &'static str,
    domain: &'static str,
) {
    // The macro counts the variants.
    if let Some(own) = foreign_domain(&facts[number], domain)
        && common_domain(facts, domain).is_none()
    {
        foreign(event, own, domain);
    }
}

/// Asserts that the events of a `Domain` enum do not all name one other domain as their own: then
/// the enum's is the mistake.
///
/// # Panics
/// While compiling, at the caller's place, which is the domain's name.
#[track_caller]
pub const fn no_name_fault(facts: &[EventFacts], of: &'static str, domain: &'static str) {
    let Some(own) = common_domain(facts, domain) else { return };
    Message::new()
        .push("every event of ")
        .name(of)
        .push(" belongs to domain ")
        .name(own)
        .push(", not ")
        .name(domain)
        .push("\nhelp: write `#[domain(\"")
        .push(own)
        .push("\")]`")
        .report()
}

/// The name of a `Domain` enum, or, where it is the mistake, one for which nobody is blamed.
#[must_use]
pub const fn domain_name(facts: &[EventFacts], domain: &'static str) -> &'static str {
    if common_domain(facts, domain).is_some() { UNKNOWN_DOMAIN } else { domain }
}

/// The other domain that all of several events belong to. Of one event nobody knows who is right.
const fn common_domain(facts: &[EventFacts], domain: &str) -> Option<&'static str> {
    let [first, others @ ..] = facts else { return None };
    let common = foreign_domain(first, domain);
    let mut rest = others;
    while let (Some(common), [next, after @ ..]) = (common, rest) {
        match next.domain {
            Some(own) if same(own, common) => rest = after,
            _ => return None,
        }
    }
    if others.is_empty() { None } else { common }
}

/// The domain of an event that is known to belong to another.
const fn foreign_domain(facts: &EventFacts, domain: &str) -> Option<&'static str> {
    match facts.domain {
        Some(own) if !same(own, UNKNOWN_DOMAIN) && !same(own, domain) => Some(own),
        _ => None,
    }
}
