//! Reading declared rows: by key, by column, in order, in pages.
//!
//! A [`Reader`] reads the rows that a projector keeps as [`Rows<T>`](crate::Rows), without SQL and
//! with the same code whatever the storage. [`Runtime::rows`](crate::Runtime::rows) makes one in
//! the process of the projector; a storage makes one in any other process.
//!
//! ```standalone_crate
//! use std::time::Duration;
//! use projections::{Event, Expected, ReadModel, Rows, Runtime, handlers, memory::MemoryEventStore, projector};
//!
//! #[derive(Event, serde::Serialize, serde::Deserialize)]
//! #[event(domain = "hand")]
//! struct HandComplete { player: String, team: String, net: i64 }
//!
//! #[derive(ReadModel, Default)]
//! #[read_model(table = "players")]
//! struct PlayerStats {
//!     #[key]
//!     player: String,
//!     #[index]
//!     team: String,
//!     net: i64,
//! }
//!
//! #[projector("players")]
//! struct Players;
//!
//! #[handlers]
//! impl Players {
//!     #[handles(HandComplete)]
//!     fn complete(&self, event: &HandComplete, players: &mut Rows<PlayerStats>) {
//!         let row = players.entry(&event.player);
//!         row.team.clone_from(&event.team);
//!         row.net += event.net;
//!     }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), projections::Error> {
//!     let runtime = Runtime::builder(MemoryEventStore::new()).build().await?;
//!     let mut last = None;
//!     for (player, team, net) in [("ada", "red", 50), ("bob", "blue", -70), ("eve", "red", 20)] {
//!         let event = HandComplete { player: player.into(), team: team.into(), net };
//!         last = Some(runtime.append("hand-1", Expected::Any, [event]).await?);
//!     }
//!     runtime.catch_up().await?;
//!
//!     let players = runtime.rows::<PlayerStats>()?;
//!     let ada = players.get("ada").await?;
//!     assert_eq!(ada.map(|row| row.net), Some(50));
//!
//!     let reds = players.by(PlayerStats::TEAM, &"red".to_owned()).await?;
//!     assert_eq!(reds.len(), 2);
//!
//!     let best = players.all().order_by(PlayerStats::NET).descending().limit(1).await?;
//!     assert_eq!(best[0].player, "ada");
//!
//!     let mut pages = players.pages(100);
//!     while let Some(page) = pages.next().await? {
//!         println!("{} players, from {}", page.len(), page[0].player);
//!     }
//!
//!     // What one has just appended is there to be read once the projector has applied it.
//!     let last = last.expect("three were appended");
//!     let current = players.at(last).within(Duration::from_secs(5));
//!     assert_eq!(current.count().await?, 3);
//!     Ok(())
//! }
//! ```
//!
//! # What a read shows
//!
//! - One read is one snapshot of whole batches: all rows of the table as they were after one batch.
//!   [`Query::fetch_with_position`] says after which event.
//! - A read never waits for a projector, unless it is told to with [`Reader::at`], and a projector
//!   of a storage never waits for a read. One in process does: a read holds it up for as long as it
//!   takes, as [`Runtime::read`](crate::Runtime::read) does.
//! - A read model that no projector has begun is empty. While it is rebuilt in place it is empty
//!   first, and then grows: [`Reader::at`] waits for that, too.
//! - A table that is not as the program declares it is an error that says what differs. Columns
//!   that the program does not know are left out, so an older program goes on reading.
//!
//! # What a read costs
//!
//! [`get`](Reader::get) and [`by`](Reader::by) use the table's key and indexes. An order or a range
//! uses an index of its column where there is one; without one, the storage looks at all rows that
//! are left by then. Pages begin by key, not by counting, so the last one costs what the first one
//! does; in process each page looks at all rows.

mod collect;
mod error;
mod pages;
mod query;
mod reader;
mod storage;
mod wait;

pub(crate) use self::wait::Waits;
pub use self::{
    error::QueryError,
    pages::Pages,
    query::Query,
    reader::Reader,
    storage::{Comparison, Condition, OrderBy, RowReads, Selected, Selection, TableCheck},
    wait::{At, AtLeast},
};
