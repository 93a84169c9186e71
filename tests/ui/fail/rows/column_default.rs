//! The default of a column is of its type.
use projections::{ReadModel, Rows};

#[derive(Clone)]
struct Chips(i64);

#[derive(ReadModel)]
struct Stats {
    #[key]
    player: String,
    #[column(default = "many")]
    hands: i64,
    #[column(default(5))]
    net: i64,
    #[column(json, default)]
    chips: Json,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Json;

impl Default for Stats {
    fn default() -> Self {
        Self { player: String::new(), hands: 0, net: 0, chips: Json }
    }
}

#[derive(Default, ReadModel)]
struct Plain {
    #[key]
    player: String,
    #[column(default = "many")]
    hands: i64,
    #[column(default = unknown())]
    net: i64,
}

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
