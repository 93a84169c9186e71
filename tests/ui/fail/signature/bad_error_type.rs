use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderShipped;

struct Opaque;

type Outcome = Result<(), Opaque>;

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced) -> Result<(), Opaque> {
        Ok(())
    }

    #[handles(OrderShipped)]
    fn on_shipped(&self, _event: &OrderShipped) -> Outcome {
        Ok(())
    }
}

fn main() {}
