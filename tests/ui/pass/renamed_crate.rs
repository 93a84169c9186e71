//! The library under another name.

mod vendored {
    pub use projections as read_models;
}

use vendored::read_models as rm;

#[derive(rm::Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders", crate = crate::vendored::read_models)]
struct OrderPlaced;

#[derive(rm::Domain)]
#[domain("orders", crate = crate::vendored::read_models)]
enum Orders {
    Placed(OrderPlaced),
}

#[rm::projector("order-summary", crate = crate::vendored::read_models)]
struct OrderSummary;

#[rm::handlers(crate = crate::vendored::read_models)]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced) {}
}

fn main() {
    let _ = Orders::Placed(OrderPlaced);
}
