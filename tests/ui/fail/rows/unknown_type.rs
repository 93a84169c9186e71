//! A type that is not there is reported by the compiler alone.
use projections::{ReadModel, Rows};

#[derive(Default, ReadModel)]
struct Stats {
    #[key]
    player: Strin,
    hands: i64,
    #[index]
    #[column(default)]
    net: Chips,
    #[column(json)]
    badges: Badges,
}

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
