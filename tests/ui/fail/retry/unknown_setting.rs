use projections::projector;

#[projector("hand-history", retry(maximum = 3))]
struct HandHistory;

#[projector("tables", retry(delay = "2s"))]
struct Tables;

#[projector("players", retry = 3)]
struct Players;

fn main() {}
