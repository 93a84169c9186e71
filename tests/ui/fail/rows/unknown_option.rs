//! Unknown options are named, with the one that was meant.
use projections::{ReadModel, Rows};

#[derive(Default, ReadModel)]
#[read_model(tabel = "players", indexes(hands), name = "x", keys(player))]
struct Stats {
    #[key]
    player: String,
    #[column(nmae = "h", rename = "x")]
    hands: i64,
    #[column(jsn)]
    badges: Vec<Vec<u8>>,
    #[column]
    a: i64,
    #[column()]
    empty: i64,
    #[column = "b"]
    b: i64,
    #[column(name)]
    c: i64,
    #[column(name = D)]
    d: i64,
    #[column(json = true)]
    e: i64,
    #[column(default = )]
    f: i64,
    #[column(default(5))]
    net: i64,
    #[column(name = "g")]
    #[column(json)]
    g: i64,
    #[colum(json)]
    h: i64,
}

#[derive(Default, ReadModel)]
#[read_model]
struct Bare {
    #[key]
    player: String,
}

#[derive(Default, ReadModel)]
#[read_model(table = "a", crate = "b")]
#[read_model(table = "b")]
struct Twice {
    #[key]
    player: String,
}

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
