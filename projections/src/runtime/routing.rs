//! [`Routing`]: which events a projector reads, and where each goes.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use crate::{
    FallbackScope, Filter, GlobalPosition, HandleError, Page, Registration, Route, StartFrom,
    Subscriptions, UnregisteredPolicy, checkpoint::Subscribed, engine::Target,
};

/// The routes of one running projector.
#[derive(Clone)]
pub(crate) struct Routing {
    projector: String,
    registration: Registration,
    /// Where each route begins, by its place in the table.
    after: Vec<GlobalPosition>,
    /// Event types that were warned of.
    warned: BTreeSet<(String, String)>,
}

impl Routing {
    pub(crate) fn new(projector: String, registration: Registration) -> Self {
        let after = vec![GlobalPosition::BEGINNING; registration.routes.len()];
        Self { projector, registration, after, warned: BTreeSet::new() }
    }

    /// What to ask the source for.
    pub(crate) fn filter(&self) -> Filter {
        let registration = &self.registration;
        let mut filter = handled(registration);
        if registration.options.unregistered != UnregisteredPolicy::Ignore {
            filter.domains.extend(route_domains(registration));
        }
        filter
    }

    /// What the checkpoint stores, with the places where `from = "now"` handlers begin.
    pub(crate) fn subscriptions(&self) -> Subscriptions {
        let mut list = entries(&self.registration);
        for (route, after) in self.registration.routes.iter().zip(&self.after) {
            if *after > GlobalPosition::BEGINNING {
                let own = |entry: &&mut Subscribed| is_of(entry, route);
                list.iter_mut().filter(own).for_each(|entry| entry.from = Some(*after));
            }
        }
        list.into()
    }

    /// Takes over where `from = "now"` handlers begin from a stored list.
    pub(crate) fn resume(&mut self, stored: &Subscriptions) {
        for (route, after) in self.registration.routes.iter().zip(&mut self.after) {
            let entry = stored.list().iter().find(|entry| is_of(entry, route));
            // One that is `from = "now"` no longer takes everything.
            let entry = entry.filter(|_| route.from == StartFrom::Now);
            *after = entry.and_then(|entry| entry.from).unwrap_or_default();
        }
    }

    /// Lets the `from = "now"` handlers among the added subscriptions begin after a position.
    pub(crate) fn pin(&mut self, stored: &Subscriptions, position: GlobalPosition) {
        for (route, after) in self.registration.routes.iter().zip(&mut self.after) {
            let known = stored.list().iter().any(|entry| is_of(entry, route));
            if route.from == StartFrom::Now && !known {
                *after = position;
            }
        }
    }

    /// What this code subscribes to and the stored list does not: per wire name, the filter that
    /// counts the events that were passed, and whether the handler begins now.
    pub(crate) fn added(&self, stored: &Subscriptions) -> Vec<Added> {
        let covered = |entry: &Subscribed| {
            stored.list().iter().any(|old| {
                let domain = old.domain.is_none() || old.domain == entry.domain;
                domain && (old.event.is_none() || old.event == entry.event)
            })
        };
        let added = entries(&self.registration).into_iter().filter_map(|entry| {
            let from_now = self.is_from_now(&entry);
            let pinned =
                stored.list().iter().find_map(|old| old.from.filter(|_| old.names(&entry)));
            match pinned.filter(|_| !from_now) {
                None if covered(&entry) => None,
                until => Some(Added::new(&entry, stored, from_now, until)),
            }
        });
        added.collect()
    }

    /// The events of subscriptions that the stored list does not have at all.
    pub(crate) fn never_taken(&self, stored: &Subscriptions) -> Vec<Filter> {
        let added = self.added(stored).into_iter().filter(|added| added.until.is_none());
        added.map(|added| added.filter).collect()
    }

    fn is_from_now(&self, entry: &Subscribed) -> bool {
        let mut routes = self.registration.routes.iter();
        routes.any(|route| route.from == StartFrom::Now && is_of(entry, route))
    }

    /// Resolves the names of a page, once a page. Handlers with `replay = "skip"` begin after the
    /// effects mark.
    pub(crate) fn targets(&mut self, page: &Page, effects_mark: GlobalPosition) -> Arc<[Target]> {
        page.names().map(|(domain, name)| self.target(domain, name, effects_mark)).collect()
    }

    /// The handler that takes an event.
    pub(crate) fn route(&self, domain: &str, name: &str) -> Option<&'static Route> {
        let takes = |route: &&Route| route.domain == domain && route.answers_to(name);
        self.registration.routes.iter().find(takes)
    }

    /// Resolves the name of an event that the projector reads.
    pub(crate) fn target(
        &mut self,
        domain: &str,
        name: &str,
        effects_mark: GlobalPosition,
    ) -> Target {
        let takes = |route: &Route| route.domain == domain && route.answers_to(name);
        let routes = self.registration.routes.iter().zip(&self.after);
        if let Some((route, after)) = routes.into_iter().find(|(route, _)| takes(route)) {
            let Route { id, method, is_async, keys, skips_replay, .. } = *route;
            let after = if skips_replay { effects_mark.max(*after) } else { *after };
            return Target::Route { id, method, is_async, keys, after, alone: skips_replay };
        }
        if let Some(fallback) = self.registration.fallback {
            let crate::Fallback { id, method, is_async, keys, skips_replay, .. } = fallback;
            let after = if skips_replay { effects_mark } else { GlobalPosition::BEGINNING };
            return Target::Route { id, method, is_async, keys, after, alone: skips_replay };
        }
        // Somebody has decided about it, so it is not unregistered.
        if self.registration.options.ignores_event(domain, name) {
            return Target::Skip;
        }
        match self.registration.options.unregistered {
            UnregisteredPolicy::Ignore => Target::Skip,
            UnregisteredPolicy::Error => Target::Unregistered,
            UnregisteredPolicy::Warn => {
                self.warn_once(domain, name);
                Target::Skip
            }
        }
    }

    fn warn_once(&mut self, domain: &str, name: &str) {
        if self.warned.insert((domain.to_owned(), name.to_owned())) {
            let projector = &*self.projector;
            tracing::warn!(projector, domain, event = name, "no handler takes this event type");
        }
    }

    /// Completes an error about an unregistered event with what is handled.
    pub(crate) fn explain(&self, error: HandleError) -> HandleError {
        match error {
            HandleError::Unregistered { event, domain, .. } => {
                let names = self.registration.routes.iter().filter(|route| route.domain == domain);
                let handled = names.map(|route| route.event).collect::<Vec<_>>().join(", ");
                HandleError::Unregistered { event, domain, handled }
            }
            other => other,
        }
    }
}

/// A subscription that the stored list does not have.
pub(crate) struct Added {
    pub(crate) what: String,
    pub(crate) filter: Filter,
    pub(crate) from_now: bool,
    /// The handler took everything after this place; `None` where there was no handler.
    pub(crate) until: Option<GlobalPosition>,
}

impl Added {
    fn new(
        entry: &Subscribed,
        stored: &Subscriptions,
        from_now: bool,
        until: Option<GlobalPosition>,
    ) -> Self {
        let what = match (&entry.event, &entry.domain) {
            (Some(event), _) => event.clone(),
            (None, Some(domain)) => format!("the fallback of domain {domain}"),
            (None, None) => "the fallback of all domains".to_owned(),
        };
        // What the old code handled under a name of its own was not passed.
        let mut filter = entry_filter(entry);
        filter.except = stored
            .list()
            .iter()
            .filter(|old| !old.names(entry))
            .filter_map(|old| Some((old.domain.clone()?.into(), old.event.clone()?.into())))
            .collect();
        Self { what, filter, from_now, until }
    }
}

/// Tells whether a projector does anything about an event, be it that it halts at it.
pub(super) fn concerns(registration: &Registration, domain: &str, name: &str) -> bool {
    let takes = |route: &Route| route.domain == domain && route.answers_to(name);
    if registration.routes.iter().any(takes) || handled(registration).matches(domain, name) {
        return true;
    }
    let halts = registration.options.unregistered == UnregisteredPolicy::Error;
    let is_read = || registration.routes.iter().any(|route| route.domain == domain);
    halts && is_read() && !registration.options.ignores_event(domain, name)
}

/// What a projector's handlers and fallback take.
fn handled(registration: &Registration) -> Filter {
    let mut filter = Filter::none();
    for entry in entries(registration) {
        let Filter { all, domains, events, .. } = entry_filter(&entry);
        filter.all |= all;
        filter.domains.extend(domains);
        filter.events.extend(events);
    }
    filter
}

fn entry_filter(entry: &Subscribed) -> Filter {
    match (entry.domain.clone(), entry.event.clone()) {
        (Some(domain), Some(event)) => Filter::none().event(domain, event),
        (Some(domain), None) => Filter::none().domain(domain),
        (None, _) => Filter::all(),
    }
}

/// One entry a wire name, and one a domain of the fallback.
fn entries(registration: &Registration) -> Vec<Subscribed> {
    let entry = |domain: Option<&str>, event: Option<&str>| Subscribed {
        domain: domain.map(str::to_owned),
        event: event.map(str::to_owned),
        from: None,
    };
    let names = registration
        .routes
        .iter()
        .flat_map(|route| route.names().map(|name| entry(Some(route.domain), Some(name))));
    let mut list: Vec<_> = names.collect();
    match registration.fallback.map(|fallback| fallback.scope) {
        None => {}
        Some(FallbackScope::All) => list.push(entry(None, None)),
        Some(FallbackScope::Domains(domains)) => {
            list.extend(domains.iter().map(|domain| entry(Some(domain), None)));
        }
        Some(FallbackScope::HandlersDomains) => {
            let domains = route_domains(registration);
            list.extend(domains.iter().map(|domain| entry(Some(domain), None)));
        }
    }
    list
}

/// The events that a stored list names and this code no longer takes: (domain, wire name).
pub(super) fn dropped<'a>(
    registration: &Registration,
    stored: &'a Subscriptions,
) -> Vec<(&'a str, &'a str)> {
    let present = entries(registration);
    let taken = |domain: &str, event: &str| {
        present.iter().any(|entry| {
            entry.domain.as_deref().is_none_or(|own| own == domain)
                && entry.event.as_deref().is_none_or(|own| own == event)
        })
    };
    let named =
        stored.list().iter().filter_map(|old| old.domain.as_deref().zip(old.event.as_deref()));
    named.filter(|(domain, event)| !taken(domain, event)).collect()
}

fn route_domains(registration: &Registration) -> BTreeSet<Cow<'static, str>> {
    registration.routes.iter().map(|route| Cow::Borrowed(route.domain)).collect()
}

fn is_of(entry: &Subscribed, route: &Route) -> bool {
    let domain = entry.domain.as_deref() == Some(route.domain);
    domain && entry.event.as_deref().is_some_and(|event| route.answers_to(event))
}
