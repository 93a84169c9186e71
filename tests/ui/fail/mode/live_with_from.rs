use projections::projector;

#[projector("hand-history", mode = "live", from = "now")]
struct HandHistory;

#[projector("tables", from = "beginning", mode = "live")]
struct Tables;

fn main() {}
