//! A transaction of the storage in memory, and what a handler sees of it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;

use super::table::StoredTable;
use crate::{Checkpoint, CheckpointKey, letters::Letters, rows::RowSets};

/// One version of everything that is stored. Tables are shared until they are written to.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    tables: BTreeMap<String, Arc<Table>>,
    /// Those of rows.
    pub(super) row_tables: BTreeMap<String, Arc<StoredTable>>,
    pub(super) checkpoints: BTreeMap<CheckpointKey, Checkpoint>,
    pub(super) letters: BTreeMap<CheckpointKey, Letters>,
}

type Table = BTreeMap<String, Value>;

impl Contents {
    pub(super) fn rows(&self, table: &str) -> Table {
        self.tables.get(table).map(|rows| Table::clone(rows)).unwrap_or_default()
    }
}

/// A transaction of a [`MemoryStorage`](super::MemoryStorage); dropping it rolls back.
pub struct MemorySession {
    pub(super) contents: Arc<Mutex<Contents>>,
    pub(super) rows: RowSets,
    /// The version that `contents` were copied from.
    pub(super) version: u64,
    _writer: OwnedMutexGuard<()>,
}

impl MemorySession {
    pub(super) fn new(
        contents: Arc<Mutex<Contents>>,
        rows: RowSets,
        version: u64,
        writer: OwnedMutexGuard<()>,
    ) -> Self {
        Self { contents, rows, version, _writer: writer }
    }

    /// Returns what a handler sees of the transaction.
    pub fn tx(&self) -> MemoryTx<'_> {
        MemoryTx { contents: self.contents.lock() }
    }
}

impl fmt::Debug for MemorySession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySession").field("version", &self.version).finish_non_exhaustive()
    }
}

/// What a handler of a projector on [`MemoryStorage`](super::MemoryStorage) takes: its tables,
/// inside the transaction.
///
/// A table is there as soon as something is in it. Keys are texts and values are JSON.
///
/// ```
/// use projections::{
///     Event, Expected, Runtime, handlers, memory::MemoryEventStore, projector,
///     testing::{MemoryStorage, MemoryTx},
/// };
///
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// #[event(domain = "orders")]
/// struct OrderPlaced {
///     order: u64,
/// }
///
/// #[projector("order-count", storage = MemoryStorage)]
/// struct OrderCount;
///
/// #[handlers]
/// impl OrderCount {
///     #[handles(OrderPlaced)]
///     async fn placed(&self, event: &OrderPlaced, tx: &mut MemoryTx<'_>) {
///         let count = tx.get("counts", "orders").and_then(|count| count.as_u64()).unwrap_or(0);
///         tx.set("counts", "orders", count + 1);
///         tx.set("counts", "last", event.order);
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), projections::Error> {
/// let storage = MemoryStorage::new();
/// let events = MemoryEventStore::new();
/// let runtime = Runtime::builder(events).storage(storage.clone()).build().await?;
/// runtime.append("order-7", Expected::Any, [OrderPlaced { order: 7 }]).await?;
///
/// // The start commits, then the batch does, whose answer is lost: the order still counts once.
/// storage.commit_and_fail(2);
/// runtime.catch_up().await?;
/// assert_eq!(storage.rows("counts")["orders"], 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MemoryTx<'a> {
    contents: MutexGuard<'a, Contents>,
}

impl MemoryTx<'_> {
    /// Returns the value under a key.
    #[must_use]
    pub fn get(&self, table: &str, key: &str) -> Option<Value> {
        self.contents.tables.get(table)?.get(key).cloned()
    }

    /// Returns every row of a table, by key.
    #[must_use]
    pub fn rows(&self, table: &str) -> BTreeMap<String, Value> {
        self.contents.rows(table)
    }

    /// Puts a value under a key.
    pub fn set(&mut self, table: &str, key: impl Into<String>, value: impl Into<Value>) {
        let rows = self.contents.tables.entry(table.to_owned()).or_default();
        Arc::make_mut(rows).insert(key.into(), value.into());
    }

    /// Removes what is under a key, and returns it.
    pub fn remove(&mut self, table: &str, key: &str) -> Option<Value> {
        let rows = self.contents.tables.get_mut(table)?;
        Arc::make_mut(rows).remove(key)
    }

    /// Removes every row of a table.
    pub fn clear(&mut self, table: &str) {
        self.contents.tables.remove(table);
    }
}
