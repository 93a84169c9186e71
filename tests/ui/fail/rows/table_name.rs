//! A table has a name that every database takes.
use projections::{ReadModel, Rows};

#[derive(Default, ReadModel)]
#[read_model(table = "")]
struct Stats {
    #[key]
    player: String,
    hands: i64,
}

#[derive(Default, ReadModel)]
#[read_model(table = "player-stats")]
struct Hyphen {
    #[key]
    player: String,
    hands: i64,
}

#[derive(Default, ReadModel)]
#[read_model(table = "2024")]
struct Digit {
    #[key]
    player: String,
    hands: i64,
}

#[derive(Default, ReadModel)]
#[read_model(table = "a23456789012345678901234567890123456789012345678x")]
struct Long {
    #[key]
    player: String,
    hands: i64,
}

#[derive(Default, ReadModel)]
#[read_model(table = "projections_x")]
struct Reserved {
    #[key]
    player: String,
    hands: i64,
}

#[derive(Default, ReadModel)]
#[read_model(table = "sqlite_x")]
struct OfSqlite {
    #[key]
    player: String,
    hands: i64,
}

#[derive(Default, ReadModel)]
#[read_model(table = "a__b")]
struct Joined {
    #[key]
    player: String,
    hands: i64,
}

#[derive(Default, ReadModel)]
#[read_model(table = "Events")]
struct OfStore {
    #[key]
    player: String,
    hands: i64,
}

#[derive(Default, ReadModel)]
#[read_model(table = "größe")]
struct Foreign {
    #[key]
    player: String,
    hands: i64,
}

#[derive(Default, ReadModel)]
struct Events {
    #[key]
    player: String,
}

#[derive(Default, ReadModel)]
struct Größe {
    #[key]
    player: String,
}

#[derive(Default, ReadModel)]
struct ARowWithANameThatIsLongerThanATableMayHaveItWhereverItIs {
    #[key]
    player: String,
}

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
