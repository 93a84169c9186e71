//! A row begins as its default.
use projections::{ReadModel, Rows};

#[derive(ReadModel)]
struct Stats {
    #[key]
    player: String,
    hands: i64,
}

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
