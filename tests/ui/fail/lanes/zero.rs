use projections::projector;

#[projector("hand-history", lanes = 0)]
struct HandHistory;

fn main() {}
