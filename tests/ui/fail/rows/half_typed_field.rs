//! What is half typed in the fields is reported by the compiler alone.
use projections::{ReadModel, Rows};

#[derive(Default, ReadModel)]
#[read_model(table = "players")]
struct Stats {
    #[key]
    player: String,
    hands:
}

#[derive(Default, ReadModel)]
struct Other {
    #[key]
    player: String,
    #[index]
    hands: i64
    net: i64,
}

fn uses(rows: &mut Rows<Stats>, others: &mut Rows<Other>) {
    rows.entry("Ada");
    others.entry("Ada").hands += 1;
    let _ = Other::HANDS;
}

fn main() {}
