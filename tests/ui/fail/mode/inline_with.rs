use projections::{projector, sqlite::Sqlite};

#[projector("hand-history", storage = Sqlite, mode = "inline", retry(max = 3))]
struct HandHistory;

#[projector("tables", storage = Sqlite, mode = "inline", on_failure = "skip")]
struct Tables;

#[projector("players", storage = Sqlite, mode = "inline", park(per_key = 10))]
struct Players;

#[projector("pots", storage = Sqlite, mode = "inline", lanes = 2)]
struct Pots;

#[projector("seats", storage = Sqlite, mode = "inline", batch(events = 100))]
struct Seats;

fn main() {}
