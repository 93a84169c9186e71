use projections::{projector, sqlite::Sqlite};

#[projector("hand-history", storage = Sqlite, snapshot)]
struct HandHistory;

#[projector("tables", rollback = "clone", storage = Sqlite)]
struct Tables;

fn main() {}
