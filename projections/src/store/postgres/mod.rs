//! PostgreSQL: an event store in a schema of a database.
//!
//! [`PostgresEventStore`] keeps the events. Read models are not kept here yet: a projector over these
//! events keeps its read model in SQLite, in its own fields, or in a storage of your own. Nor does a
//! projector run inline in this store's appends yet.
//!
//! ```no_run
//! // It is not run here, because it needs a server.
//! use projections::{AppendRequest, EventStore, Expected, NewEvent, postgres::PostgresEventStore};
//!
//! # async fn append() -> Result<(), projections::Error> {
//! let events = PostgresEventStore::connect("postgres://shop:secret@db.example/shop").await?;
//! let placed = NewEvent::json("OrderPlaced", r#"{"order":7}"#).in_domain("orders");
//! let receipt = events.append(AppendRequest::new("order-7", Expected::NoStream, vec![placed])).await?;
//! println!("stored at {}", receipt.last);
//! # Ok(())
//! # }
//! ```
//!
//! # What the event store guarantees
//!
//! - An append that returned is on the server's disk, also where its `synchronous_commit` is off.
//! - A reader never passes an event: neither one of an append that is still running, nor one that
//!   another program inserts, by whatever tool. It waits for transactions that have appended, and for
//!   nothing else: a session that idles in a transaction and has written other tables holds nobody up.
//!   What was rolled back leaves a hole in the positions, which readers pass at once.
//! - The events of one append stand together in the log, and those of a stream in its order.
//! - Repeating an append with the same event ids returns the first receipt. Where the connection broke
//!   before the server's answer the outcome is [`AppendError::Unknown`](crate::AppendError::Unknown);
//!   repeating it settles it.
//! - Events are plain rows of the table `events`. The payload is `bytea`, because it comes back byte for
//!   byte: `convert_from(payload, 'UTF8')::json ->> 'order'` looks into one that is JSON.
//! - A page looks at up to 50,000 positions, by the primary key; the filter runs inside the server.
//! - An append wakes the waiting projectors of its process at once, and those of other processes by
//!   `NOTIFY`, which is sent after the commit, one for all appends made meanwhile. Who waits also looks by
//!   himself every 250 ms, and more often while an append in flight holds him back.
//!
//! # How readers know what is still to come
//!
//! Positions come from a sequence, and transactions end in any order: position 7 may be committed when 6
//! is not. A transaction that appends first takes a shared advisory lock on a lower bound of the
//! positions that it may draw. A reader asks for the last position that was drawn, then for the locks that
//! are held, then, in a third snapshot, for the events below all of them. The trigger
//! `projections_register` takes the lock, so that no program can forget it.
//! [`appends_in_flight`](PostgresEventStore::appends_in_flight) names the transactions that hold one, the
//! log of a process that waits warns of one that does so for over a second, and `pg_terminate_backend`
//! ends it.
//!
//! With [`AppendOrder::Serialised`] appends take turns instead, and whoever reads by position, with
//! whatever tool, misses nothing.
//!
//! What must not be done: set the sequence `projections_positions` back, give it a cache, disable the
//! trigger, or insert positions that were not drawn from the sequence. A store whose trigger is missing or
//! disabled is not opened.
//!
//! # What other programs may do
//!
//! `INSERT` and `COPY` into `events`, without the column `position`, are appends like others. Within a
//! transaction of its own, `READ COMMITTED`, a program may call the function `projections_append`, too,
//! and so append in one transaction with other tables; such an append is told of by the next look.
//!
//! # Connections
//!
//! A store opens up to [`connections`](PostgresOptions::connections), when they are needed, and one more
//! while somebody waits. Nothing that it does outlives a transaction but that one connection's `LISTEN`, and
//! it prepares no statements: a pooler that shares connections between transactions may be in between.
//! `LISTEN` hears nothing through it; [`listen_url`](PostgresOptions::listen_url) names the server itself.
//!
//! Connections are not encrypted yet, so a server that insists on TLS cannot be used; one on the same
//! machine, in a private network, or behind a tunnel can. A standby is refused: it does not show which
//! appends are in flight on its primary.
//!
//! # The library's own tables
//!
//! They are `events` and those that begin with `projections_`, and carry a version; a schema that a newer
//! version of the library made is refused. `pg_dump` and `pg_restore` carry all of them, with the last
//! position, to another cluster. Each schema is an event store of its own, with an identity of its own; a
//! copy has that of the original.

mod append;
mod error;
mod events;
mod filter;
mod options;
mod pool;
mod read;
mod register;
mod schema;
mod watch;

pub use self::{
    events::PostgresEventStore,
    options::{AppendOrder, PostgresOptions},
    register::AppendInFlight,
};
