use projections::projector;

#[projector("hand-history", mode = "live", on_failure = "park")]
struct HandHistory;

#[projector("tables", mode = "live", park_by = "stream")]
struct Tables;

fn main() {}
