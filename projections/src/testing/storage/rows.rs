//! Tables for rows, in memory, and what is asked of them.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{
    MemoryStorage,
    script::Call,
    session::Contents,
    table::{StoredKey, StoredTable, pick, put},
};
use crate::{
    StoreError,
    engine::BoxFuture,
    rows::{AsyncRowAccess, OwnedValue, Prepared, RowValues, RowWrites, RowsError, Table, Values},
};

/// What an application allows in a table.
pub(super) type Check = Arc<dyn Fn(&[OwnedValue]) -> bool + Send + Sync>;

/// The tables of an open transaction.
pub(super) struct MemoryRows {
    storage: MemoryStorage,
    contents: Arc<Mutex<Contents>>,
}

impl MemoryRows {
    pub(super) fn new(storage: &MemoryStorage, contents: &Arc<Mutex<Contents>>) -> Self {
        Self { storage: storage.clone(), contents: Arc::clone(contents) }
    }

    /// Runs one query, which other tasks may come before.
    async fn query<T>(
        &self,
        call: Call,
        table: &Table,
        work: impl FnOnce(&mut Contents) -> T,
    ) -> Result<T, StoreError> {
        tokio::task::yield_now().await;
        self.storage.attempt_rows(call, table.name)?;
        Ok(work(&mut self.contents.lock()))
    }

    async fn select(
        &self,
        call: Call,
        table: &Table,
        is_wanted: impl Fn(&StoredKey, &[OwnedValue]) -> bool,
        found: &mut (dyn FnMut(&dyn RowValues) + Send),
    ) -> Result<(), StoreError> {
        let select = |contents: &mut Contents| {
            let table = contents.row_tables.get(table.name).into_iter();
            let rows = table.flat_map(|table| table.rows());
            rows.filter(|(key, row)| is_wanted(key, row)).map(|(_, row)| row.clone()).collect()
        };
        let rows: Vec<Vec<OwnedValue>> = self.query(call, table, select).await?;
        rows.iter().for_each(|row| found(&Stored(row)));
        Ok(())
    }
}

impl AsyncRowAccess for MemoryRows {
    fn prepare<'a>(
        &'a self,
        table: &'a Table,
        projector: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, RowsError>> {
        Box::pin(async move {
            let prepare = |contents: &mut Contents| match contents.row_tables.get_mut(table.name) {
                Some(stored) => {
                    let before = stored.width();
                    Arc::make_mut(stored).become_declared(table, projector)?;
                    let is_wider = before < stored.width();
                    Ok(if is_wider { Prepared::Extended } else { Prepared::Kept })
                }
                None => {
                    let stored = Arc::new(StoredTable::declared(table, projector));
                    contents.row_tables.insert(table.name.to_owned(), stored);
                    Ok(Prepared::Created)
                }
            };
            self.query(Call::PrepareTable, table, prepare).await?
        })
    }

    fn drop_table<'a>(&'a self, table: &'a Table) -> BoxFuture<'a, Result<(), RowsError>> {
        Box::pin(async move {
            let drop = |contents: &mut Contents| drop(contents.row_tables.remove(table.name));
            Ok(self.query(Call::DropTable, table, drop).await?)
        })
    }

    fn load<'a>(
        &'a self,
        table: &'a Table,
        keys: &'a [&'a dyn Values],
        found: &'a mut (dyn FnMut(&dyn RowValues) + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut keys: Vec<StoredKey> = keys.iter().map(|key| StoredKey(put(*key))).collect();
            keys.sort_unstable();
            let is_wanted = |key: &StoredKey, _: &[OwnedValue]| keys.binary_search(key).is_ok();
            self.select(Call::LoadRows, table, is_wanted, found).await
        })
    }

    fn find<'a>(
        &'a self,
        table: &'a Table,
        columns: &'a [usize],
        values: &'a [Vec<OwnedValue>],
        found: &'a mut (dyn FnMut(&dyn RowValues) + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let is_wanted =
                |_: &StoredKey, row: &[OwnedValue]| values.contains(&pick(row, columns));
            self.select(Call::FindRows, table, is_wanted, found).await
        })
    }

    fn write<'a>(
        &'a self,
        table: &'a Table,
        writes: RowWrites<'a>,
    ) -> BoxFuture<'a, Result<(), RowsError>> {
        Box::pin(async move {
            let checks = self.storage.checks(table.name);
            let write = |contents: &mut Contents| match contents.row_tables.get_mut(table.name) {
                Some(stored) => Arc::make_mut(stored).write(table.name, writes, &checks),
                None => Err(RowsError::Differs(format!("there is no table `{}`", table.name))),
            };
            self.query(Call::WriteRows, table, write).await?
        })
    }
}

struct Stored<'a>(&'a [OwnedValue]);

impl RowValues for Stored<'_> {
    fn value(&self, column: usize) -> Result<crate::rows::Value<'_>, crate::rows::ColumnError> {
        self.0.value(column)
    }
}
