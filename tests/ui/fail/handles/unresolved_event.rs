use projections::{handlers, projector};

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(Typo, input_domain = "orders")]
    fn on_placed(&self, _event: &Typo) {}
}

fn main() {}
