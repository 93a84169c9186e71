//! Projectors out of the user's own macros, whose fragments arrive in invisible groups.

use projections::{Handlers, Projector, sqlite::{Sqlite, SqliteTx}};

macro_rules! counter {
    ($projector:ident, $name:literal, $event:ident, $path:path, $ty:ty, $domain:literal) => {
        #[derive(projections::Event, serde::Deserialize)]
        #[event(domain = $domain)]
        struct $event;

        #[projections::projector($name)]
        struct $projector {
            count: u64,
        }

        #[projections::handlers]
        impl $projector {
            #[handles($path, input_domain = $domain)]
            fn count(&mut self, _event: &$ty) {
                self.count += 1;
            }
        }
    };
}

counter!(Orders, "orders", OrderPlaced, OrderPlaced, OrderPlaced, "orders");
counter!(Payments, "payments", Paid, crate::Paid, Paid, "payments");

macro_rules! table {
    (
        $projector:ident($name:expr, $storage:ty, $policy:expr, $batch:literal),
        $tx:ty, $domain:expr, $returns:ty, $body:expr,
        $($method:ident: $event:tt,)*
    ) => {
        #[projections::projector(
            $name, storage = $storage, unregistered = $policy, batch(events = $batch)
        )]
        struct $projector;

        #[projections::handlers]
        impl $projector {
            $(
                #[handles($event, input_domain = $domain)]
                fn $method(&self, _event: &$event, _db: &mut $tx) -> $returns {
                    $body
                }
            )*
        }
    };
}

type Outcome = Result<(), projections::BoxError>;

#[derive(projections::Event, serde::Deserialize)]
struct Shipped;

table! {
    Shipments("shipments", Sqlite, "warn", 10), SqliteTx<'_>, "shop", Outcome, Ok(()),
    shipped: Shipped,
}

macro_rules! whole {
    ($(#[$attribute:meta])* $projector:ident { $($items:tt)* }) => {
        #[projections::projector("whole", register = false)]
        $(#[$attribute])*
        struct $projector;

        #[projections::handlers]
        impl $projector { $($items)* }
    };
}

whole! {
    /// Documented.
    #[derive(Debug)]
    Whole {
        #[handles(Shipped, input_domain = "shop")]
        fn shipped(&mut self, _event: &Shipped) {}
    }
}

fn main() {
    assert_eq!((Orders::NAME, Orders::ROUTES[0].event), ("orders", "OrderPlaced"));
    assert_eq!((Payments::NAME, Payments::ROUTES[0].domain), ("payments", "payments"));
    assert_eq!((Shipments::NAME, Shipments::ROUTES[0].domain), ("shipments", "shop"));
    assert_eq!(Whole::ROUTES[0].method, "shipped");
}
