use projections::projector;

#[projector("hand-history", mode = "live", from = "now")]
struct HandHistory;

#[projector("tables", from = "beginning", mode = "live")]
struct Tables;

#[projector("hands", mode = "live", snapshot)]
struct Hands;

fn main() {}
