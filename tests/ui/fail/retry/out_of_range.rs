use projections::projector;

#[projector("hand-history", retry(jitter = 1.5, factor = 0.5))]
struct HandHistory;

#[projector("tables", retry(initial = "10s", cap = "2s"))]
struct Tables;

#[projector("players", retry(initial = "1m"))]
struct Players;

#[projector("pots", retry(cap = "50ms"))]
struct Pots;

#[projector("seats", retry(jitter = -0.1))]
struct Seats;

fn main() {}
