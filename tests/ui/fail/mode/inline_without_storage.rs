use projections::projector;

#[projector("hand-history", mode = "inline")]
struct HandHistory;

fn main() {}
