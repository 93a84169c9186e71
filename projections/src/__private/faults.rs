//! Assertions on values that only types know: domains, wire names, the kind of a storage.
//!
//! The routes are data, and data with a fault in it still compiles. What can be wrong is asserted in
//! a `const _: () = ...`, whose first fault is reported at the user's token; its message tells of the
//! others that it hides, so that all are reported, and none twice.

mod domains;
mod parameters;
mod policies;
mod routes;

use std::marker::PhantomData;

use super::{checks::SharedParameter, keys};
use crate::{
    Event, Fallback, Handlers, Hook, Options, ParameterMut, Projector, Registration, Route,
    Storage, engine::Execution, registry::StorageKind,
};

pub(super) use self::routes::{contains, foreign, overlap, same};
pub use self::{
    domains::{domain_name, no_name_fault, no_variant_fault},
    parameters::{
        no_async_fault, no_mut_self_fault, no_shared_fault, no_value_fault, no_view_fault,
    },
    policies::{
        no_fallback_fault, no_park_by_fault, no_park_key_fault, no_rebuild_fault, no_retry_fault,
    },
    routes::{no_domain_fault, no_route_fault},
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

impl<P: Handlers> Lookup<P> {
    /// The projector's facts: one value, to which all assertions refer.
    pub const FACTS: &'static Facts = &Facts {
        name: P::NAME,
        routes: P::ROUTES,
        fallback: P::FALLBACK,
        sound: routes::is_sound(P::ROUTES)
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
