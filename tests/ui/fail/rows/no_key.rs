//! A row is found by its key.
use projections::{ReadModel, Rows};

#[derive(Default, ReadModel)]
#[read_model(table = "players")]
struct Stats {
    player: String,
    hands: i64,
}

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
