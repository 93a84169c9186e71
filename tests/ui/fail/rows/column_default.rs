//! The default of a column is of its type.
use projections::{ReadModel, Rows};

#[derive(ReadModel)]
struct Stats {
    #[key]
    player: String,
    #[column(default = "many")]
    hands: i64,
    #[column(default = unknown())]
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

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
