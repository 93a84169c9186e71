//! What is stored as JSON goes there and back, between threads.
use projections::{ReadModel, Rows};

use std::cell::Cell;

use serde::Serialize;

#[derive(Default)]
struct Neither;

#[derive(Default, Serialize)]
struct OneWay;

#[derive(Default, ReadModel)]
struct Stats {
    #[key]
    player: String,
    hands: i64,
    #[column(json)]
    neither: Neither,
    #[column(json, default)]
    one_way: Vec<OneWay>,
    #[column(json)]
    text: &'static str,
}

#[derive(Default, ReadModel)]
struct NotSync {
    #[key]
    player: String,
    #[column(json)]
    cell: Cell<u8>,
}

fn uses(rows: &mut Rows<Stats>) -> bool {
    rows.entry("Ada").hands += 1;
    rows.get("Ada").is_some()
}

fn main() {}
