//! A key is marked once, without options.
use projections::{ReadModel, Rows};

#[derive(Default, ReadModel)]
struct Stats {
    #[key]
    #[key]
    player: String,
    hands: i64,
}

#[derive(Default, ReadModel)]
struct Options {
    #[key("id")]
    player: String,
    #[index(player)]
    hands: i64,
    #[unique = "yes"]
    email: String,
}

#[derive(Default, ReadModel)]
#[key(player)]
#[index(hands)]
struct OnStruct {
    #[key]
    player: String,
    #[read_model(table = "x")]
    hands: i64,
}

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
