//! SQLite: an event store in one file, and a storage for read models.

mod append;
mod checkpoint;
mod error;
mod events;
mod file;
mod filter;
mod guard;
mod network;
mod options;
mod read;
mod schema;
mod storage;
mod tx;
mod watch;
mod writer;

pub use rusqlite;

pub use self::{
    events::SqliteEventStore,
    options::SqliteOptions,
    storage::{Main, Sqlite, SqliteSession},
    tx::SqliteTx,
};
