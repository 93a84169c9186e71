//! An index names fields that are there, can be sorted, and have none yet.
use projections::{ReadModel, Rows};

#[derive(Default, ReadModel)]
#[read_model(index(nam, joined), index(net_chips), unique(xyzzy), index("name"), index(), unique)]
struct Stats {
    #[key]
    player: String,
    name: String,
    joined: i64,
    hands: i64,
    #[column(name = "net_chips")]
    net: i64,
}

#[derive(Default, ReadModel)]
#[read_model(index(hands, badges), index(hands, hands), index(hands last))]
struct Json {
    #[key]
    player: String,
    hands: i64,
    #[index]
    #[column(json)]
    badges: Vec<String>,
}

const NAME: projections::rows::IndexedColumn<Stats, String> = Stats::NAME;

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
