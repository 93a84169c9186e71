//! [`StoredTable`]: a table of rows, as a database would keep it.

use std::{cmp::Ordering, collections::BTreeMap};

use super::rows::Check;
use crate::rows::{ColumnDef, Kind, OwnedValue, RowWrites, RowsError, Table, Values};

/// A declared table, whose it is, and its rows.
#[derive(Clone, Debug)]
pub(super) struct StoredTable {
    projector: String,
    columns: Vec<StoredColumn>,
    key: Vec<usize>,
    indexes: Vec<StoredIndex>,
    rows: BTreeMap<StoredKey, Vec<OwnedValue>>,
}

#[derive(Clone, Debug)]
struct StoredColumn {
    name: String,
    kind: Kind,
    nullable: bool,
}

#[derive(Clone, Debug)]
struct StoredIndex {
    columns: Vec<usize>,
    unique: bool,
}

/// A key, which sorts by its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StoredKey(pub(super) Vec<OwnedValue>);

impl StoredTable {
    pub(super) fn declared(table: &Table, projector: &str) -> Self {
        let column = |column: &ColumnDef| StoredColumn {
            name: column.name.to_owned(),
            kind: column.kind,
            nullable: column.nullable,
        };
        let index = |index: &crate::rows::IndexDef| StoredIndex {
            columns: index.columns.to_vec(),
            unique: index.unique,
        };
        Self {
            projector: projector.to_owned(),
            columns: table.columns.iter().map(column).collect(),
            key: table.key.to_vec(),
            indexes: table.indexes.iter().map(index).collect(),
            rows: BTreeMap::new(),
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (&StoredKey, &Vec<OwnedValue>)> {
        self.rows.iter()
    }

    pub(super) fn all(&self) -> Vec<Vec<OwnedValue>> {
        self.rows.values().cloned().collect()
    }

    /// Adds columns that older rows can have a value for, and indexes that refuse none of them.
    pub(super) fn become_declared(
        &mut self,
        table: &Table,
        projector: &str,
    ) -> Result<(), RowsError> {
        let declared = Self::declared(table, projector);
        let differences = self.differences(&declared, table);
        if !differences.is_empty() {
            let (name, differences) = (table.name, differences.join("; "));
            return Err(RowsError::Differs(format!(
                "table `{name}` is not as declared: {differences}; rebuild the projector"
            )));
        }
        let values: Vec<_> = table.columns.iter().map(|column| self.value_of(column)).collect();
        let rows = std::mem::take(&mut self.rows).into_iter();
        let rows = rows.map(|(key, row)| (key, values.iter().map(|value| value(&row)).collect()));
        *self = Self { rows: rows.collect(), ..declared };
        Ok(())
    }

    /// How many columns it has.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// How an older row has a value for a column.
    fn value_of(&self, column: &ColumnDef) -> impl Fn(&[OwnedValue]) -> OwnedValue + use<> {
        let known = self.columns.iter().position(|stored| stored.name == column.name);
        let default = column.default.map_or(OwnedValue::Null, |default| default());
        move |row| known.and_then(|at| row.get(at)).unwrap_or(&default).clone()
    }

    fn differences(&self, declared: &Self, table: &Table) -> Vec<String> {
        let mut all = Vec::new();
        if self.projector != declared.projector {
            let (is, other) = (&self.projector, &declared.projector);
            all.push(format!("it belongs to projector `{is}`, and not to `{other}`"));
        }
        for column in table.columns {
            all.extend(self.difference_of(column));
        }
        let is_declared = |name: &str| declared.columns.iter().any(|column| column.name == name);
        let others = self.columns.iter().filter(|column| !is_declared(&column.name));
        all.extend(others.map(|column| format!("column `{}` is not declared", column.name)));
        let (key, declared_key) = (self.names(&self.key), declared.names(&declared.key));
        if key != declared_key {
            all.push(format!("its key is {key}, and is declared as {declared_key}"));
        }
        all.extend(self.differences_of_indexes(declared));
        all
    }

    fn difference_of(&self, column: &ColumnDef) -> Option<String> {
        let name = column.name;
        let Some(stored) = self.columns.iter().find(|stored| stored.name == name) else {
            let can_be_added = column.nullable || column.default.is_some();
            return (!can_be_added)
                .then(|| format!("column `{name}` is missing, without a default"));
        };
        if stored.kind != column.kind {
            let (is, declared) = (stored.kind, column.kind);
            return Some(format!("column `{name}` is {is:?}, and is declared as {declared:?}"));
        }
        let differs = stored.nullable != column.nullable;
        differs.then(|| format!("column `{name}` differs in whether it may be NULL"))
    }

    fn differences_of_indexes(&self, declared: &Self) -> Vec<String> {
        let mut all = Vec::new();
        let indexes = |of: &Self| -> BTreeMap<String, bool> {
            of.indexes.iter().map(|index| (of.names(&index.columns), index.unique)).collect()
        };
        let (stored, declared) = (indexes(self), indexes(declared));
        for (columns, unique) in &stored {
            match declared.get(columns) {
                None => all.push(format!("the index on {columns} is not declared")),
                Some(declared) if declared != unique => {
                    all.push(format!("the index on {columns} differs in whether it is unique"));
                }
                Some(_) => {}
            }
        }
        let added =
            declared.iter().filter(|(columns, unique)| **unique && !stored.contains_key(*columns));
        all.extend(added.map(|(columns, _)| format!("the unique index on {columns} is missing")));
        all
    }

    fn names(&self, columns: &[usize]) -> String {
        let names = columns.iter().filter_map(|column| self.columns.get(*column));
        let names: Vec<_> = names.map(|column| format!("`{}`", column.name)).collect();
        format!("({})", names.join(", "))
    }

    pub(super) fn write(
        &mut self,
        name: &str,
        writes: RowWrites<'_>,
        checks: &[Check],
    ) -> Result<(), RowsError> {
        for key in writes.deletes {
            self.rows.remove(&StoredKey(put(*key)));
        }
        for row in writes.upserts {
            let row = put(*row);
            if let Some(fault) = self.fault(&row, checks) {
                return Err(RowsError::Refused(format!("table `{name}`: {fault}").into()));
            }
            self.rows.insert(StoredKey(pick(&row, &self.key)), row);
        }
        Ok(())
    }

    fn fault(&self, row: &[OwnedValue], checks: &[Check]) -> Option<String> {
        if !checks.iter().all(|is_allowed| is_allowed(row)) {
            return Some(format!("a check refuses the row {row:?}"));
        }
        let key = StoredKey(pick(row, &self.key));
        let unique = self.indexes.iter().filter(|index| index.unique);
        let mut unique = unique.map(|index| (&index.columns, pick(row, &index.columns)));
        unique.find_map(|(columns, values)| {
            let has_them = |other: &Vec<OwnedValue>| pick(other, columns) == values;
            let mut others = self.rows.iter().filter(|(other, _)| **other != key);
            let taken = !values.contains(&OwnedValue::Null) && others.any(|(_, row)| has_them(row));
            taken.then(|| format!("another row has the unique values {values:?}"))
        })
    }
}

/// The values of a row or a key.
pub(super) fn put(values: &dyn Values) -> Vec<OwnedValue> {
    let mut all = Vec::new();
    // What reaches a storage was settled, and can be put.
    let _ = values.put(&mut |value| all.push(value.into()));
    all
}

pub(super) fn pick(row: &[OwnedValue], columns: &[usize]) -> Vec<OwnedValue> {
    columns.iter().filter_map(|column| row.get(*column).cloned()).collect()
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
