//! Each fault is reported, once and in order.
use projections::{ReadModel, Rows};

#[derive(ReadModel)]
#[read_model(table = "play ers", index(hnds))]
struct Stats {
    player: String,
    #[index]
    #[column(json)]
    hands: i64,
    #[column(nam = "x")]
    net: Vec<i64>,
    rest: Vec<i64>,
}

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
