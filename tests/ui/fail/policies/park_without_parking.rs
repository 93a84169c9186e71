use projections::projector;

#[projector("hand-history", on_failure = "halt", park_by = "stream")]
struct HandHistory;

#[projector("tables", on_failure = "skip", park(keys = 10))]
struct Tables;

fn main() {}
