//! Columns have one index.
use projections::ReadModel;

#[derive(Default, ReadModel)]
#[read_model(index(hands), index(hands, net), unique(hands, net), index(player, league), index(player))]
struct Stats {
    #[key]
    player: String,
    #[key]
    league: String,
    #[index]
    hands: i64,
    #[index]
    #[unique]
    net: i64,
    #[index]
    #[index]
    last: i64,
}

#[derive(Default, ReadModel)]
struct OfKey {
    #[key]
    #[unique]
    player: String,
    hands: i64,
}

fn main() {}
