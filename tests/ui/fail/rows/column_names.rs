//! Columns have names of their own.
use projections::{ReadModel, Rows};

#[derive(Default, ReadModel)]
struct Stats {
    #[key]
    player: String,
    hands: i64,
    #[column(name = "hands")]
    played: i64,
    #[column(name = "Player")]
    name: String,
    größe: i64,
    #[column(name = "a b")]
    a: i64,
    __b: i64,
    #[column(name = "projections_c")]
    c: i64,
    #[column(name = "")]
    d: i64,
}

#[derive(Default, ReadModel)]
#[allow(non_snake_case)]
struct Constants {
    #[key]
    player: String,
    #[column(name = "other")]
    Player: i64,
}

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
