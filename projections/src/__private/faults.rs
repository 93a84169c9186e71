//! Assertions on values that only types know: domains, wire names, the kind of a storage.
//!
//! The routes are data, and data with a fault in it still compiles. What can be wrong is asserted in
//! a `const _: () = ...`, whose first fault is reported at the user's token; its message tells of the
//! others that it hides, so that all are reported, and none twice.

use std::marker::PhantomData;

use super::{checks::SharedParameter, keys, message::Message, upcasts::shared_name};
use crate::{
    Event, Fallback, Handlers, Hook, Mode, OnFailure, Options, ParameterMut, Projector,
    Registration, Route, Storage, UnregisteredPolicy, engine::Execution, registry::StorageKind,
};

/// Stands for an event's domain that the macro could not read, so that nobody who names the right
/// one is blamed.
pub const UNKNOWN_DOMAIN: &str = "<unknown>";

/// What the assertions look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub(super) name: &'static str,
    pub(super) routes: &'static [Route],
    pub(super) fallback: Option<Fallback>,
    /// Whether no route has a fault: one look at all of them, instead of one for each assertion.
    sound: bool,
    pub(super) options: Options,
    /// There is none where the type is no projector, or its attribute does not compile.
    pub(super) kind: Option<StorageKind>,
    pub(super) storage: &'static str,
    transaction: &'static str,
    /// Whether a rebuild can empty the read model.
    can_reset: bool,
    /// Whether there is a `#[park_key]`.
    has_park_key: bool,
    /// Whether some of the handlers do not compile, so that nothing can be said of all of them.
    pub(super) inert: bool,
}

impl Facts {
    /// Tells whether a route has a fault, so that only then the assertions look for it.
    #[must_use]
    pub const fn has_faulty_routes(&self) -> bool {
        !self.sound
    }

    pub(crate) const fn of(registration: &Registration) -> Self {
        let Registration { name, options, routes, storage, kind, reset, inert, .. } = *registration;
        let can_reset = registration.rows_only || !matches!(reset, Hook::None);
        let has_park_key = registration.park_key.is_some();
        let (kind, transaction) = (Some(kind), "");
        // Nothing is asserted of the routes by this way.
        let sound = true;
        Self {
            name,
            routes,
            fallback: None,
            sound,
            options: *options,
            kind,
            storage,
            transaction,
            can_reset,
            has_park_key,
            inert,
        }
    }
}

/// Looks up what is known of a projector, and of the type of a parameter beside it.
///
/// Each constant exists twice: here where there is something to be found, and in
/// [`LookupFallback`], so that a type without it is reported once and not by each assertion.
#[derive(Debug)]
pub struct Lookup<P: ?Sized, T: ?Sized = ()>(PhantomData<fn(&P)>, PhantomData<fn(&T)>);

impl<P: Projector + Handlers> Lookup<P> {
    /// The projector's facts: one value, to which all assertions refer.
    pub const FACTS: &'static Facts = &Facts {
        name: P::NAME,
        routes: P::ROUTES,
        fallback: P::FALLBACK,
        sound: is_sound(P::ROUTES)
            && keys::are_known(
                P::ROUTES,
                <<P::Storage as Storage>::Execution as Execution<P::Storage>>::KIND,
                P::OPTIONS.probe,
            ),
        options: <P as Projector>::OPTIONS,
        kind: match <<P::Storage as Storage>::Execution as Execution<P::Storage>>::KIND {
            StorageKind::Unknown => None,
            known => Some(known),
        },
        storage: <P::Storage as Storage>::LABEL,
        transaction: <P::Storage as Storage>::TRANSACTION,
        can_reset: P::ROWS_ONLY || !matches!(P::RESET, Hook::None),
        has_park_key: P::PARK_KEY.is_some(),
        inert: P::INERT,
    };
}

impl<P: Projector> Lookup<P> {
    /// The projector's options.
    pub const OPTIONS: &'static Options = &P::OPTIONS;
}

impl<P: Projector, T: ParameterMut<P::Storage> + ?Sized> Lookup<P, T> {
    /// It is a transaction of the projector's storage.
    pub const IS_TRANSACTION: bool = true;
}

impl<P: ?Sized, T: SharedParameter + ?Sized> Lookup<P, T> {
    /// It belongs to what surrounds the event.
    pub const IS_SHARED: bool = true;
}

/// What a [`Lookup`] finds where there is nothing.
pub trait LookupFallback {
    /// The facts of what is no projector.
    const FACTS: &'static Facts = &Facts {
        name: "",
        routes: &[],
        fallback: None,
        sound: true,
        options: Options::DEFAULT,
        kind: None,
        storage: "",
        transaction: "",
        can_reset: false,
        has_park_key: false,
        inert: true,
    };
    /// The options of what is no projector.
    const OPTIONS: &'static Options = &Options::DEFAULT;
    /// It is not a transaction of the projector's storage.
    const IS_TRANSACTION: bool = false;
    /// It does not belong to what surrounds the event.
    const IS_SHARED: bool = false;
    /// They are no rows.
    const IS_ROWS: bool = false;
}

impl<P: ?Sized, T: ?Sized> LookupFallback for Lookup<P, T> {}

/// What the assertions on a `Domain` enum look at.
#[derive(Clone, Copy, Debug)]
pub struct EventFacts {
    /// The wire name.
    pub name: &'static str,
    /// The domain that it names itself.
    pub domain: Option<&'static str>,
}

/// Looks an event up.
#[must_use]
pub const fn event_facts<E: Event>() -> EventFacts {
    EventFacts { name: E::NAME, domain: E::DOMAIN }
}

/// Looks up what is known of an event, as [`Lookup`] does.
#[derive(Debug)]
pub struct EventLookup<E: ?Sized>(PhantomData<fn(&E)>);

impl<E: Event> EventLookup<E> {
    /// The event's facts.
    pub const FACTS: EventFacts = event_facts::<E>();
}

/// What an [`EventLookup`] finds where there is no event, which the list of the domain's events
/// reports.
pub trait EventLookupFallback {
    /// The facts of what is no event.
    const FACTS: EventFacts = EventFacts { name: "", domain: None };
}

impl<E: ?Sized> EventLookupFallback for EventLookup<E> {}

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

/// A method as messages call it, and what they say of the other methods with the same fault.
pub(super) type Subject = (&'static str, &'static str);

/// Asserts that a handler on `&mut self` has no storage beside it.
///
/// # Panics
/// While compiling, at the caller's place, which is the `&mut self`.
#[track_caller]
pub const fn no_mut_self_fault(facts: &Facts, subject: Subject, projector: &'static str) {
    if !matches!(facts.kind, None | Some(StorageKind::InProcess)) {
        mut_self_fault(facts, subject, projector);
    }
}

#[track_caller]
const fn mut_self_fault(facts: &Facts, subject: Subject, projector: &'static str) -> ! {
    Message::new()
        .push(subject.0)
        .push(" takes `&mut self`, but ")
        .name(projector)
        .push(" writes to ")
        .name(facts.storage)
        .push("\nnote: a rolled-back transaction cannot roll back fields")
        .push("\nhelp: take `&self`, or drop `storage` to keep the read model in the projector")
        .push(subject.1)
        .report();
}

/// Asserts that an `async fn` handler has no blocking storage.
///
/// # Panics
/// While compiling, at the caller's place, which is the `async`.
#[track_caller]
pub const fn no_async_fault(facts: &Facts, subject: Subject) {
    if !matches!(facts.kind, Some(StorageKind::Blocking)) {
        return;
    }
    Message::new()
        .push(subject.0)
        .push(" must not be async: ")
        .name(facts.storage)
        .push(" runs its transactions on a blocking thread\nhelp: remove `async`")
        .push(subject.1)
        .report();
}

/// Asserts that what a method takes by `&mut` is the transaction of the projector's storage.
///
/// # Panics
/// While compiling, at the caller's place, which is the type behind the `&mut`.
#[track_caller]
pub const fn no_view_fault(
    facts: &Facts,
    is_transaction: bool,
    subject: Subject,
    ty: &'static str,
    (projector, storage): (&'static str, &'static str),
) {
    if !is_transaction && let Some(kind) = facts.kind {
        foreign_view(facts, kind, subject, ty, (projector, storage));
    }
}

#[track_caller]
const fn foreign_view(
    facts: &Facts,
    kind: StorageKind,
    subject: Subject,
    ty: &'static str,
    (projector, storage): (&'static str, &'static str),
) -> ! {
    let message = Message::new().push(subject.0).push(" takes `&mut ").push(ty).push("`, but ");
    let message = message.name(projector);
    let message = if matches!(kind, StorageKind::InProcess) {
        message
            .push(" names no storage\nhelp: add `storage = ")
            .push(storage)
            .push("` to its `#[projector(\"...\")]`, or keep the read model in its fields")
    } else if facts.transaction.is_empty() {
        let message = message.push(" writes to ").name(facts.storage);
        message.push("\nhelp: take the transaction of ").name(facts.storage)
    } else {
        let message = message.push(" writes to ").name(facts.storage);
        message.push("\nhelp: take `&mut ").push(facts.transaction).push("`")
    };
    message.push(subject.1).report();
}

/// Asserts that what a method takes by `&` belongs to what surrounds the event.
///
/// # Panics
/// While compiling, at the caller's place, which is the type behind the `&`.
#[track_caller]
pub const fn no_shared_fault(
    facts: &Facts,
    (is_transaction, is_shared): (bool, bool),
    subject: Subject,
    ty: &'static str,
) {
    if !is_shared && facts.kind.is_some() {
        foreign_shared(facts, is_transaction, subject, ty);
    }
}

#[track_caller]
const fn foreign_shared(
    facts: &Facts,
    is_transaction: bool,
    subject: Subject,
    ty: &'static str,
) -> ! {
    let message = Message::new().push(subject.0);
    if is_transaction {
        take_by(message.push(" takes its transaction as `&").push(ty), "&mut ", ty, subject);
    }
    cannot_take(message.push(" cannot take `&").push(ty), facts, subject);
}

/// Asserts that a method takes nothing by value after its event: this is only called where it does.
///
/// # Panics
/// While compiling, at the caller's place, which is the type.
#[track_caller]
pub const fn no_value_fault(
    facts: &Facts,
    (is_transaction, is_shared): (bool, bool),
    subject: Subject,
    ty: &'static str,
) {
    if facts.kind.is_none() {
        return;
    }
    let message = Message::new().push(subject.0);
    if is_transaction {
        take_by(message.push(" takes its transaction as `").push(ty), "&mut ", ty, subject);
    }
    if is_shared {
        take_by(message.push(" takes the envelope as `").push(ty), "&", ty, subject);
    }
    cannot_take(message.push(" cannot take `").push(ty), facts, subject);
}

#[track_caller]
const fn take_by(message: Message, reference: &str, ty: &str, subject: Subject) -> ! {
    message.push("`\nhelp: take `").push(reference).push(ty).push("`").push(subject.1).report();
}

#[track_caller]
const fn cannot_take(message: Message, facts: &Facts, subject: Subject) -> ! {
    let message = message.push("`\nnote: after its event it takes `&Envelope`");
    let message = if matches!(facts.kind, Some(StorageKind::InProcess)) {
        message.push(", and nothing else where the projector has no storage")
    } else if facts.transaction.is_empty() {
        message.push(" and `&mut` the transaction of ").name(facts.storage)
    } else {
        message.push(" and `&mut ").push(facts.transaction).push("`")
    };
    message.push(subject.1).report();
}

/// Asserts that a projector with a fallback has no policy for what nobody takes.
///
/// # Panics
/// While compiling, at the caller's place, which is the `#[fallback]`.
#[track_caller]
pub const fn no_fallback_fault(facts: &Facts, method: &'static str) {
    let policy = match facts.options.unregistered {
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

/// Asserts that a projector with a `#[park_key]` parks.
///
/// # Panics
/// While compiling, at the caller's place, which is the `park_key`.
#[track_caller]
pub const fn no_park_key_fault(facts: &Facts, function: &'static str) {
    let (option, why) = match (facts.options.mode, facts.options.on_failure) {
        (Mode::Live, _) => ("mode = \"live\"", "a live projector parks nothing: it halts or skips"),
        (Mode::Inline, _) => ("mode = \"inline\"", INLINE_FAILS),
        (Mode::Async, Some(OnFailure::Halt)) => {
            ("on_failure = \"halt\"", "a projector that halts parks nothing")
        }
        (Mode::Async, Some(OnFailure::Skip)) => {
            ("on_failure = \"skip\"", "a projector that skips parks nothing")
        }
        (Mode::Async, Some(OnFailure::Park) | None) => return,
    };
    Message::new()
        .push("`#[park_key]` function ")
        .name(function)
        .push(" cannot go with ")
        .name(option)
        .push("\nnote: ")
        .push(why)
        .push("\nhelp: remove one of them")
        .report();
}

/// Asserts that a projector which says `park_by` has no `#[park_key]`.
///
/// # Panics
/// While compiling, at the caller's place, which is the value of `park_by`.
#[track_caller]
pub const fn no_park_by_fault(facts: &Facts, key: &'static str) {
    if !facts.has_park_key {
        return;
    }
    Message::new()
        .push("`park_by = \"")
        .push(key)
        .push("\"` cannot go with the `#[park_key]` in the `#[handlers]` of ")
        .name(facts.name)
        .push("\nnote: an event has one key\nhelp: remove one of them")
        .report();
}

/// Asserts that something goes by a handler's policy for failures.
///
/// # Panics
/// While compiling, at the caller's place, which is the option of `#[handles]`.
#[track_caller]
pub const fn no_retry_fault(facts: &Facts, option: &'static str, subject: &'static str) {
    if !matches!(facts.options.mode, Mode::Inline) {
        return;
    }
    Message::new()
        .name(option)
        .push(" of ")
        .push(subject)
        .push(" cannot go with `mode = \"inline\"`\nnote: ")
        .push(INLINE_FAILS)
        .push("\nhelp: remove one of them")
        .report();
}

const INLINE_FAILS: &str =
    "where an inline projector fails, the append fails: nothing is retried or parked";

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

/// Asserts that a projector that has its read model rebuilt by itself can empty it.
///
/// # Panics
/// While compiling, at the caller's place, which is the `"rebuild"` of `on_change`.
#[track_caller]
pub const fn no_rebuild_fault(facts: &Facts) {
    let is_made_anew = matches!(facts.kind, None | Some(StorageKind::InProcess));
    if is_made_anew || facts.inert || facts.can_reset {
        return;
    }
    Message::new()
        .push("`on_change = \"rebuild\"` needs a `#[reset]` method in projector ")
        .name(facts.name)
        .push("\nnote: a rebuild empties the read model in ")
        .name(facts.storage)
        .push(", and only the projector knows what is in it")
        .report();
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
pub(super) const fn foreign(event: &str, own: &str, other: &str) -> ! {
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
const fn is_sound(routes: &'static [Route]) -> bool {
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

pub(super) const fn overlap(a: &[&str], b: &[&str]) -> bool {
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

pub(super) const fn contains(names: &[&str], name: &str) -> bool {
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
pub(super) const fn same(a: &str, b: &str) -> bool {
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
