//! SQLite: an event store in one file, and a storage for read models.
//!
//! Nothing needs to be installed: SQLite is compiled in. [`SqliteEventStore`] keeps the events,
//! [`Sqlite`] the read models with their checkpoints, in a file of its own or, through
//! [`SqliteEventStore::read_models`], in the events' file.
//!
//! ```
//! use projections::{AppendRequest, EventStore, Expected, NewEvent};
//! use projections::sqlite::{Sqlite, SqliteEventStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let in_folder = |name: &str| folder.path().join(name);
//! let events = SqliteEventStore::open(in_folder("events.db"))?;
//! let read_models = Sqlite::open(in_folder("read.db"))?;
//!
//! let placed = NewEvent::json("OrderPlaced", r#"{"order":7}"#).in_domain("orders");
//! let receipt = events.append(AppendRequest::new("order-7", Expected::NoStream, vec![placed])).await?;
//! assert_eq!(receipt.last.get(), 1);
//!
//! // The application's own queries have connections of their own, which only read.
//! let connection = events.connect()?;
//! let sql = "SELECT count(*) FROM events WHERE payload ->> 'order' = 7";
//! let orders: i64 = connection.query_row(sql, [], |row| row.get(0))?;
//! assert_eq!(orders, 1);
//! # let _ = read_models;
//! # Ok(())
//! # }
//! ```
//!
//! # What the event store guarantees
//!
//! - An append that returned is on the disk: the file commits with `synchronous=FULL`, and so does
//!   everything else that is written to it, read models included.
//! - Positions are one after the other, in the order of commits, and never handed out twice, not
//!   even when the last events were deleted. A reader never sees a position before a lower one.
//! - Repeating an append with the same event ids returns the first receipt. A commit that failed
//!   below SQLite is [`AppendError::Unknown`](crate::AppendError::Unknown); repeating it settles it.
//! - Events are plain rows of the table `events`, readable with any SQLite tool: the payload is
//!   text where it is UTF-8, times are microseconds since 1970, ids are blobs of 16 bytes
//!   (`hex(id)`).
//! - A page looks at up to 50,000 positions, in one short snapshot. The filter runs inside SQLite.
//!   There is no index on domain and type: a scan of a page's window takes about 10 ms, and the
//!   index would make appends half as slow again.
//! - An append wakes the waiting projectors of its process at once, and those of other processes
//!   on the same file within a few milliseconds: while somebody waits, one thread asks SQLite every
//!   2 ms whether anything was committed.
//!
//! # What the storage guarantees
//!
//! - A batch's changes to the read model and the checkpoint are committed in one transaction, as a
//!   compare-and-set: *effectively once*, as seen in the read model. What a handler does elsewhere
//!   (another file, a web API) happens at least once.
//! - A file that holds read models only commits with `synchronous=NORMAL`: after a power cut it may
//!   have gone back, read model and checkpoint together, and is caught up from the log. A process
//!   that is killed loses nothing.
//! - Handlers cannot leave the runner's transaction: see [`SqliteTx`]. One that tries, or undoes it
//!   by `INSERT OR ROLLBACK`, fails its event, even if it swallows the error.
//! - One transaction means one file: attaching another one is refused.
//! - Foreign keys are enforced, which is this build's default.
//!
//! # One writer at a time
//!
//! SQLite lets one transaction write to a file. All handles of a process on one file, by whatever
//! path, share one writing connection; batches and appends take turns in the order in which they
//! came, for up to [`queue_timeout`](SqliteOptions::queue_timeout). Other processes are waited for
//! up to [`busy_timeout`](SqliteOptions::busy_timeout). A handler that appends to the event store
//! in its own file waits for itself, and fails when that time is up.
//!
//! # The write-ahead log
//!
//! Commits go to a file beside the database (`-wal`) and from there into the database about every
//! 4 MB. What a long read transaction still sees cannot be moved, so one that stays open makes the
//! log grow until it ends; the library's own read transactions end with each page. `wal_bytes`, on
//! both types, tells the size. `PRAGMA wal_checkpoint(TRUNCATE)` on a connection of one's own that
//! may write empties it. A process that closes the file as the last one may do so, too, but one that
//! is killed, or ends with connections open, leaves `-wal` and `-shm` behind. That is no fault: the
//! next process goes on with them.
//!
//! # Files
//!
//! While a process has the database open it may touch it through SQLite only: copying or opening
//! the file by other means inside the same process drops SQLite's locks, and commits can be lost.
//! The files `-wal` and `-shm` are part of the database, also where no process has it open: the
//! newest commits may be in them only. So copy it with `VACUUM INTO` or SQLite's backup (rusqlite's
//! feature `backup`), not file by file, and never remove them. A file
//! that is removed or replaced while it is open is not used any further. Databases on network file
//! systems cannot be relied on; on Linux, opening one warns.
//!
//! # Tables of rows
//!
//! The table of a [`ReadModel`](crate::ReadModel) is made when its projector first starts, as a
//! plain `STRICT` table, `WITHOUT ROWID` unless its key is one integer; the table at
//! [`Kind`](crate::rows::Kind) tells the types. Any SQLite tool reads it: sort a decimal `net` by
//! the column `net__order` beside it. Its indexes are called like `projections_players(country)`.
//!
//! - Every start compares the table with its declaration. Missing columns that have a default or may
//!   be empty are added, and so are missing indexes, unless they are unique. Anything else halts the
//!   projector and says what differs; a rebuild makes the table anew.
//! - A table that this library did not make is never changed or dropped, not even by a rebuild.
//! - A table belongs to one projector, which `projections_tables` names. Where another one takes its
//!   place, under a new name, a rebuild of the new one takes the table over, and the old one halts at
//!   its next start.
//! - Handlers may read it by SQL, and change it through [`Rows`](crate::Rows) only: rows stay in
//!   memory between batches. That holds for triggers, too: one on a table of rows may write to other
//!   tables, and refuse a row by `RAISE`, but not change rows. Nor may anything else, such as another
//!   program, while the projector runs.
//! - `#[setup]` may add indexes and triggers of its own; it runs again after a rebuild, which drops
//!   them with the table. What a unique index, a foreign key or a trigger refuses fails the event.
//!
//! # The library's own tables
//!
//! The library's own tables are `events`, and those that begin with `projections_`. They carry a
//! version; a file that a newer version of the library made is refused.

mod append;
mod aside;
mod checkpoint;
mod error;
mod events;
mod file;
mod filter;
mod guard;
mod inline;
mod letters;
mod network;
mod options;
mod presences;
mod read;
mod read_rows;
mod requests;
mod rows;
mod schema;
mod select_rows;
mod snapshots;
mod storage;
#[cfg(test)]
mod tests;
mod tx;
mod watch;
mod writer;

pub use rusqlite;

#[cfg(feature = "cli")]
pub(crate) use self::file::is_in_use;
pub use self::{
    events::SqliteEventStore,
    options::SqliteOptions,
    storage::{Main, Sqlite, SqliteSession},
    tx::SqliteTx,
};
