//! Projectors whose pages cannot link everything: none of them makes `rustdoc` warn.

use projections::sqlite::{Sqlite, SqliteTx};
use projections::{Envelope, Event, handlers, projector};
use serde::Deserialize;

use crate::events::{OrderPaid, ParcelSent};

type Files = Sqlite;

/// Written by a macro, with a storage by a private name.
macro_rules! count {
    ($name:literal, $projector:ident, $event:ty) => {
        /// Made by a macro.
        #[projector($name, storage = Files, register = false)]
        #[derive(Clone, Debug)]
        pub struct $projector;

        #[handlers]
        impl $projector {
            #[handles($event, retry(none), replay = "skip")]
            fn count(&self, _event: &$event, _db: &mut SqliteTx<'_>) {}

            #[park_key]
            fn parcel(at: &Envelope) -> &str {
                at.stream()
            }
        }
    };
}

count!("sent-parcels", SentParcels, ParcelSent);

/// Generic, with an event that is a parameter.
#[projector("last", domain = "orders", register = false)]
#[derive(Clone, Debug)]
pub struct Last<E> {
    last: Option<E>,
}

impl<E> Last<E> {
    /// The last event.
    #[must_use]
    pub fn last(&self) -> Option<&E> {
        self.last.as_ref()
    }
}

#[handlers]
impl<E> Last<E>
where
    E: for<'a> Event<Decoded<'a> = E> + Clone,
{
    #[handles(E)]
    fn last_of(&mut self, event: &E) {
        self.last = Some(event.clone());
    }
}

/// Names a projector that is declared in the function, with its event.
#[must_use]
pub fn in_a_function() -> &'static str {
    /// Only here.
    #[derive(Deserialize, Event)]
    #[event(domain = "orders")]
    pub struct Noted;

    /// Only here.
    #[projector("noted", register = false)]
    pub struct Notes;

    #[handlers]
    impl Notes {
        #[handles(Noted)]
        fn noted(&self, _event: &Noted) {}

        #[handles(OrderPaid)]
        fn paid(&self, _event: OrderPaid) {}
    }

    <Notes as projections::Projector>::NAME
}
