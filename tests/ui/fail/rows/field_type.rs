//! What a column cannot hold is reported once, at its type.
use projections::{ReadModel, Rows};

#[derive(Clone, Default)]
struct Badge;

mod chips {
    #[derive(Clone, Default)]
    pub struct Chips(pub i64);
}

#[derive(Default, ReadModel)]
struct Stats {
    #[key]
    player: String,
    hands: i64,
    badges: Vec<Badge>,
    #[index]
    #[column(default)]
    net: chips::Chips,
    best: Option<Badge>,
}

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
