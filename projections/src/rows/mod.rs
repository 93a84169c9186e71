//! Rows: read models by declaration.
//!
//! A struct with `#[derive(ReadModel)]` is a row of a table, and a handler that takes
//! `&mut Rows<T>` changes rows as if the table were a map. The library creates the table, loads each
//! row at most once a batch, writes what has changed by one statement a table in the transaction of
//! the checkpoint, and empties the table for a rebuild. The same handlers run in process and on
//! every storage that has rows. [`read`](crate::read) reads the rows without SQL.
//!
//! # Rows or SQL
//!
//! Rows are for read models that are looked up by a key and changed a few fields at a time: totals,
//! states, profiles, counters. Take the storage's transaction instead where the database does the
//! work better: full-text search, joins, changes of many rows at once by a condition, tables that
//! other programs write. Both can be in one projector: rows that were changed before are written
//! before a handler gets the transaction, so its queries see them; what the same handler changes in
//! rows afterwards is written after it. So where most events go to handlers that take the
//! transaction, rows are written almost event by event. Statements may read tables of rows, and not
//! write them.
//!
//! # What a row may hold
//!
//! [`Kind`] lists the types of columns; `#[column(json)]` stores anything that is `Serialize` and
//! `Deserialize`. It is written and read again whenever its row was changed, so it is no place for a
//! list that grows. When a handler has returned, each value is brought to the form in which it is
//! stored, so that a row in memory is what a reload would give. A value that cannot be stored, a key
//! that was changed, and a unique key that another row has fail the event.
//!
//! # In memory
//!
//! Rows stay in memory from batch to batch, up to `row_bytes` of the `#[projector]` (64 MiB where it
//! says nothing); what a batch changes comes on top of it, and is written early in its transaction
//! where it is more. [`ProjectorStatus::rows`](crate::ProjectorStatus) shows what they take. They
//! are forgotten with every transaction that is not known to have committed, at each start, and for
//! a rebuild. In process they are the read model itself, and have no bound.
//!
//! Because they stay in memory, a table has one writer: two projectors with one table are a
//! [`BuildError`](crate::BuildError), and a table that belongs to another projector, or was made by
//! another program, is refused at the start. With each batch [`TableDigests`] of what the rows add up
//! to are stored in the checkpoint, by which `projection check` finds tables that another program has
//! written to.
//!
//! # When the declaration changes
//!
//! A column that is added with `#[column(default)]`, or that is an `Option`, is added to the table at
//! the next start; older rows have the default. Any other difference stops the projector with what
//! differs, and a rebuild makes the table anew. So does a table that is new while its projector has
//! passed events, which it would lack.
//!
//! # Storages
//!
//! [`RowAccess`] and [`AsyncRowAccess`] are all that a storage does for rows; `testing::conformance`
//! has the suite that an implementation must pass. A storage behind a network loads the rows of a
//! batch by one query a table before the handlers run: it finds their keys by `#[keys(..)]` on the
//! parameter, or by calling handlers that take nothing but the event, `&Envelope` and rows once
//! before, with blank rows of which nothing is kept.

mod access;
mod column;
mod columns;
mod digest;
mod fault;
mod index;
pub(crate) mod json;
mod kept;
mod map;
mod model;
mod order;

mod select;
mod sets;
mod slots;
mod table;
mod value;
mod wanted;

#[cfg(feature = "sqlite")]
pub(crate) use self::columns::decimal_sort_key;
pub use self::{
    access::{AsyncRowAccess, Found, Prepared, RowAccess, RowWrites, RowsError},
    column::{Column, ColumnError},
    digest::{TableDigest, TableDigester, TableDigests},
    map::{Rows, RowsGuard},
    model::{ColumnOf, IndexedColumn, ReadModel, RowKey},
    sets::{DeclaredTable, RowSets, RowStorage},
    table::{ColumnDef, IndexDef, Kind, LONGEST_NAME, Table},
    value::{OwnedValue, Put, RowValues, Value, Values},
};
pub(crate) use self::{
    fault::{RowFault, unreadable},
    sets::Beginning,
};
