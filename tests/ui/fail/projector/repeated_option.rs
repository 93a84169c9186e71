use projections::projector;

#[projector("hand-history", version = 1, unregistered = "warn", version = 2)]
struct HandHistory;

fn main() {}
