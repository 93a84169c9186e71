use projections::projector;

#[projector("hand-history", version = 1, unregistered = "warn", version = 2)]
struct HandHistory;

#[projector("tables", timeout = "1s", timeout = "2s")]
struct Tables;

fn main() {}
