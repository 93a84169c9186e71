use projections::projector;

#[projector("order-summary")]
enum OrderSummary {
    Empty,
}

fn main() {}
