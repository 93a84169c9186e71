//! Projectors in modules and in functions, several in one, with paths of every kind.

mod events {
    #[derive(projections::Event, serde::Deserialize)]
    #[event(domain = "orders")]
    pub struct OrderPlaced;

    pub mod more {
        #[derive(projections::Event, serde::Deserialize)]
        #[event(domain = "orders")]
        pub struct OrderShipped;
    }
}

mod projectors {
    use projections::*;

    use super::events;

    #[projector("orders")]
    #[derive(Debug)]
    pub struct Orders {
        pub(crate) count: u64,
    }

    #[projector("shipments")]
    pub struct Shipments;

    mod handlers_elsewhere {
        use super::*;

        #[handlers]
        impl Orders {
            #[handles(super::events::OrderPlaced)]
            fn on_placed(&mut self, _event: &super::super::events::OrderPlaced) {
                self.count += 1;
            }

            #[handles(crate::events::more::OrderShipped)]
            fn on_shipped(&mut self, _event: &events::more::OrderShipped) {}
        }
    }

    #[projections::handlers]
    impl self::Shipments {
        #[projections::handles(self::events::more::OrderShipped)]
        fn on_shipped(&mut self, _event: &self::events::more::OrderShipped) {}
    }
}

fn main() {
    use projections::{Handlers, handlers, projector};

    #[projector("local")]
    struct Local;

    #[handlers]
    impl Local {
        #[handles(events::OrderPlaced)]
        fn on_placed(&mut self, _event: &events::OrderPlaced) {}
    }

    assert_eq!(projectors::Orders::ROUTES.len(), 2);
    assert_eq!(projectors::Shipments::ROUTES.len(), 1);
    assert_eq!(Local::ROUTES[0].event, "OrderPlaced");
}
