//! Tables for rows, in memory, and what is asked of them.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;

use super::{MemoryStorage, script::Call, session::Contents};
use crate::{
    StoreError,
    engine::BoxFuture,
    rows::{AsyncRowAccess, Kind, OwnedValue, RowValues, RowWrites, RowsError, Table, Values},
};

/// What an application allows in a table.
pub(super) type Check = Arc<dyn Fn(&[OwnedValue]) -> bool + Send + Sync>;

/// A declared table, and its rows.
#[derive(Clone, Debug)]
pub(super) struct StoredTable {
    columns: Vec<StoredColumn>,
    key: Vec<usize>,
    unique: Vec<Vec<usize>>,
    rows: BTreeMap<StoredKey, Vec<OwnedValue>>,
}

#[derive(Clone, Debug, PartialEq)]
struct StoredColumn {
    name: String,
    kind: Kind,
    nullable: bool,
}

/// A key, which sorts by its values.
#[derive(Clone, Debug, PartialEq)]
struct StoredKey(Vec<OwnedValue>);

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
            let rows = table.flat_map(|table| &table.rows);
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
        _projector: &'a str,
    ) -> BoxFuture<'a, Result<(), RowsError>> {
        Box::pin(async move {
            let prepare = |contents: &mut Contents| match contents.row_tables.get_mut(table.name) {
                Some(stored) => Arc::make_mut(stored).become_declared(table),
                None => {
                    let stored = Arc::new(StoredTable::declared(table));
                    contents.row_tables.insert(table.name.to_owned(), stored);
                    Ok(())
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
                Some(stored) => Arc::make_mut(stored).write(writes, &checks),
                None => Err(RowsError::Differs(format!("there is no table `{}`", table.name))),
            };
            self.query(Call::WriteRows, table, write).await?
        })
    }
}

impl StoredTable {
    fn declared(table: &Table) -> Self {
        let unique = table.indexes.iter().filter(|index| index.unique);
        Self {
            columns: columns(table),
            key: table.key.to_vec(),
            unique: unique.map(|index| index.columns.to_vec()).collect(),
            rows: BTreeMap::new(),
        }
    }

    pub(super) fn all(&self) -> Vec<Vec<OwnedValue>> {
        self.rows.values().cloned().collect()
    }

    /// Adds columns at the end that older rows can have a value for.
    fn become_declared(&mut self, table: &Table) -> Result<(), RowsError> {
        let declared = Self::declared(table);
        let known = self.columns.len().min(declared.columns.len());
        let added = &table.columns[known..]; // at most all of them
        let can_be_added = added.iter().all(|column| column.nullable || column.default.is_some());
        if self.columns != declared.columns[..known] || self.key != declared.key || !can_be_added {
            let (is, should_be) = (&self.columns, &declared.columns);
            let name = table.name;
            return Err(RowsError::Differs(format!(
                "table `{name}` has the columns {is:?}, and is declared with {should_be:?}; rebuild the projector"
            )));
        }
        let values = added.iter().map(|column| column.default.map_or(OwnedValue::Null, |of| of()));
        let values: Vec<OwnedValue> = values.collect();
        self.rows.values_mut().for_each(|row| row.extend(values.iter().cloned()));
        *self = Self { rows: std::mem::take(&mut self.rows), ..declared };
        Ok(())
    }

    fn write(&mut self, writes: RowWrites<'_>, checks: &[Check]) -> Result<(), RowsError> {
        for key in writes.deletes {
            self.rows.remove(&StoredKey(put(*key)));
        }
        for row in writes.upserts {
            let row = put(*row);
            if let Some(fault) = self.fault(&row, checks) {
                return Err(RowsError::Refused(fault.into()));
            }
            self.rows.insert(StoredKey(pick(&row, &self.key)), row);
        }
        Ok(())
    }

    fn fault(&self, row: &[OwnedValue], checks: &[Check]) -> Option<String> {
        if !checks.iter().all(|is_allowed| is_allowed(row)) {
            return Some(format!("a check of the table refuses the row {row:?}"));
        }
        let key = StoredKey(pick(row, &self.key));
        let mut unique = self.unique.iter().map(|columns| (columns, pick(row, columns)));
        unique.find_map(|(columns, values)| {
            let has_them = |other: &Vec<OwnedValue>| pick(other, columns) == values;
            let mut others = self.rows.iter().filter(|(other, _)| **other != key);
            let taken = !values.contains(&OwnedValue::Null) && others.any(|(_, row)| has_them(row));
            taken.then(|| format!("another row has the unique values {values:?}"))
        })
    }
}

fn columns(table: &Table) -> Vec<StoredColumn> {
    let stored = |column: &crate::rows::ColumnDef| StoredColumn {
        name: column.name.to_owned(),
        kind: column.kind,
        nullable: column.nullable,
    };
    table.columns.iter().map(stored).collect()
}

fn put(values: &dyn Values) -> Vec<OwnedValue> {
    let mut all = Vec::new();
    // What reaches a storage was settled, and can be put.
    let _ = values.put(&mut |value| all.push(value.into()));
    all
}

fn pick(row: &[OwnedValue], columns: &[usize]) -> Vec<OwnedValue> {
    columns.iter().filter_map(|column| row.get(*column).cloned()).collect()
}

struct Stored<'a>(&'a [OwnedValue]);

impl RowValues for Stored<'_> {
    fn value(&self, column: usize) -> Result<crate::rows::Value<'_>, crate::rows::ColumnError> {
        self.0.value(column)
    }
}

impl Eq for StoredKey {}

impl PartialOrd for StoredKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for StoredKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = self.0.iter().zip(&other.0).map(|(a, b)| compare(a, b));
        parts.fold(Ordering::Equal, Ordering::then)
    }
}

/// Compares two values of one column of a key, which is never a float or JSON.
fn compare(a: &OwnedValue, b: &OwnedValue) -> Ordering {
    use OwnedValue as V;
    match (a, b) {
        (V::Bool(a), V::Bool(b)) => a.cmp(b),
        (V::Integer(a), V::Integer(b))
        | (V::Timestamp(a), V::Timestamp(b))
        | (V::Time(a), V::Time(b)) => a.cmp(b),
        (V::Date(a), V::Date(b)) => a.cmp(b),
        (V::Text(a), V::Text(b)) => a.cmp(b),
        (V::Bytes(a), V::Bytes(b)) => a.cmp(b),
        (V::Uuid(a), V::Uuid(b)) => a.cmp(b),
        (V::Decimal(a), V::Decimal(b)) => {
            let number = |text: &str| text.parse::<f64>().unwrap_or_default();
            number(a).total_cmp(&number(b)).then_with(|| a.cmp(b))
        }
        _ => Ordering::Equal,
    }
}
