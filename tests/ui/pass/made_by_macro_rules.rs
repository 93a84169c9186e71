//! A projector out of the user's own macro, whose fragments arrive in invisible groups.

use projections::{Handlers, Projector};

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

fn main() {
    assert_eq!((Orders::NAME, Orders::ROUTES[0].event), ("orders", "OrderPlaced"));
    assert_eq!((Payments::NAME, Payments::ROUTES[0].domain), ("payments", "payments"));
}
