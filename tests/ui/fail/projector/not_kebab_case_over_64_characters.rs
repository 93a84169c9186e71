use projections::projector;

#[projector("the-summary-of-every-order-that-anybody-ever-placed-in-this-shop-x")]
struct OrderSummary;

fn main() {}
