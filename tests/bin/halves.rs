//! Reads the rows of another process.
//!
//! ```text
//! halves READ LAST    until they show the event at LAST; prints each position that they show
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used)] // test code

use projections::sqlite::Sqlite;
use projections_tests::halves::{Half, watch};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [read, last] = &arguments[..] else { panic!("READ LAST") };
    let halves = Sqlite::open(read).unwrap().rows::<Half>();
    let last = last.parse::<u64>().unwrap().into();
    watch(&halves, last, |position| println!("{position}")).await.unwrap();
}
