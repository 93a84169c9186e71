//! [`SqliteRows`]: declared rows in tables of a file.

use std::{fmt::Write as _, sync::Arc};

use rusqlite::{
    Connection, Row, ToSql,
    types::{ToSqlOutput, ValueRef},
};

use super::{
    error::{is_outage, store_error},
    guard::Guard,
    writer::SharedConnection,
};
use crate::{
    StoreError,
    rows::{
        ColumnError, Found, Kind, OwnedValue, RowAccess, RowValues, RowWrites, RowsError, Table,
        Value, Values,
    },
};

/// The tables of an open transaction.
pub(super) struct SqliteRows {
    connection: SharedConnection,
    guard: Arc<Guard>,
    label: String,
}

impl SqliteRows {
    pub(super) fn new(connection: SharedConnection, guard: Arc<Guard>, label: &str) -> Self {
        Self { connection, guard, label: label.to_owned() }
    }

    /// Runs statements of the library's own, between those of handlers.
    fn own<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, RowsError> {
        self.guard.admit_handlers(false);
        let outcome = work(&self.connection.lock());
        self.guard.admit_handlers(true);
        outcome.map_err(|error| match is_outage(&error) {
            true => RowsError::Store(store_error(doing, &self.label, error)),
            false => RowsError::Refused(error.into()),
        })
    }

    fn read(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        self.guard.admit_handlers(false);
        let outcome = work(&self.connection.lock());
        self.guard.admit_handlers(true);
        outcome.map_err(|error| store_error("read rows from", &self.label, error))
    }
}

impl RowAccess for SqliteRows {
    fn prepare(&self, table: &Table, _projector: &str) -> Result<(), RowsError> {
        self.own("create a table in", |connection| connection.execute_batch(&create(table)))
    }

    fn drop_table(&self, table: &Table) -> Result<(), RowsError> {
        let sql = format!("DROP TABLE IF EXISTS main.\"{}\"", table.name);
        self.own("empty a table in", |connection| connection.execute_batch(&sql))
    }

    fn load(&self, table: &Table, key: &dyn Values, found: Found<'_>) -> Result<(), StoreError> {
        let sql = select(table, table.key);
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            bind(&mut statement, 1, key)?;
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                found(&StoredRow { row, table });
            }
            Ok(())
        })
    }

    fn find(
        &self,
        table: &Table,
        columns: &[usize],
        values: &[OwnedValue],
        found: Found<'_>,
    ) -> Result<(), StoreError> {
        let sql = select(table, columns);
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            for (index, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(index + 1, Bound(value.as_value()))?;
            }
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                found(&StoredRow { row, table });
            }
            Ok(())
        })
    }

    fn write(&self, table: &Table, writes: RowWrites<'_>) -> Result<(), RowsError> {
        self.own("write rows to", |connection| {
            if !writes.deletes.is_empty() {
                let mut delete = connection.prepare_cached(&delete(table))?;
                for key in writes.deletes {
                    bind(&mut delete, 1, *key)?;
                    delete.raw_execute()?;
                }
            }
            if !writes.upserts.is_empty() {
                let mut upsert = connection.prepare_cached(&upsert(table))?;
                for row in writes.upserts {
                    bind(&mut upsert, 1, *row)?;
                    upsert.raw_execute()?;
                }
            }
            Ok(())
        })
    }
}

fn bind(
    statement: &mut rusqlite::CachedStatement<'_>,
    first: usize,
    values: &dyn Values,
) -> rusqlite::Result<()> {
    let (mut next, mut outcome) = (first, Ok(()));
    let put = values.put(&mut |value| {
        if outcome.is_ok() {
            outcome = statement.raw_bind_parameter(next, Bound(value));
        }
        next += 1;
    });
    outcome?;
    put.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// A value on its way into SQLite.
pub(super) struct Bound<'a>(pub(super) Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match &self.0 {
            Value::Null => ValueRef::Null,
            Value::Bool(value) => ValueRef::Integer(i64::from(*value)),
            Value::Integer(value) | Value::Timestamp(value) | Value::Time(value) => {
                ValueRef::Integer(*value)
            }
            Value::Date(value) => ValueRef::Integer(i64::from(*value)),
            Value::Real(value) => ValueRef::Real(*value),
            Value::Text(text) | Value::Decimal(text) | Value::Json(text) => {
                ValueRef::Text(text.as_bytes())
            }
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            Value::Uuid(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A row that SQLite found.
pub(super) struct StoredRow<'a> {
    pub(super) row: &'a Row<'a>,
    pub(super) table: &'a Table,
}

impl RowValues for StoredRow<'_> {
    fn value(&self, column: usize) -> Result<Value<'_>, ColumnError> {
        let kind = self.table.columns[column].kind; // generated code asks for its own columns
        let found = self.row.get_ref(column);
        let found = found.map_err(|error| ColumnError::new(error.to_string()))?;
        let text = |bytes| {
            std::str::from_utf8(bytes).map_err(|_| ColumnError::new("the text is not UTF-8"))
        };
        Ok(match (kind, found) {
            (_, ValueRef::Null) => Value::Null,
            (Kind::Bool, ValueRef::Integer(value @ (0 | 1))) => Value::Bool(value == 1),
            (Kind::Integer, ValueRef::Integer(value)) => Value::Integer(value),
            (Kind::Timestamp, ValueRef::Integer(value)) => Value::Timestamp(value),
            (Kind::Time, ValueRef::Integer(value)) => Value::Time(value),
            (Kind::Date, ValueRef::Integer(value)) => match i32::try_from(value) {
                Ok(days) => Value::Date(days),
                Err(_) => return Err(ColumnError::unexpected(kind, Value::Integer(value))),
            },
            (Kind::Real, ValueRef::Real(value)) => Value::Real(value),
            (Kind::Text, ValueRef::Text(bytes)) => Value::Text(text(bytes)?),
            (Kind::Decimal, ValueRef::Text(bytes)) => Value::Decimal(text(bytes)?),
            (Kind::Json, ValueRef::Text(bytes)) => Value::Json(text(bytes)?),
            (Kind::Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes),
            (Kind::Uuid, ValueRef::Blob(bytes)) => match bytes.try_into() {
                Ok(bytes) => Value::Uuid(bytes),
                Err(_) => return Err(ColumnError::unexpected(kind, Value::Bytes(bytes))),
            },
            (kind, found) => {
                return Err(ColumnError::new(format!(
                    "{kind:?} was expected, and {} is there",
                    found.data_type()
                )));
            }
        })
    }
}

fn create(table: &Table) -> String {
    let mut sql = format!("CREATE TABLE IF NOT EXISTS main.\"{}\" (", table.name);
    for column in table.columns {
        let not_null = if column.nullable { "" } else { " NOT NULL" };
        let _ = write!(sql, "\"{}\" {}{not_null}, ", column.name, sql_type(column.kind));
    }
    let _ = write!(sql, "PRIMARY KEY ({})) STRICT, WITHOUT ROWID;", names(table, table.key, ", "));
    for index in table.indexes {
        let unique = if index.unique { "UNIQUE " } else { "" };
        let _ = write!(
            sql,
            "CREATE {unique}INDEX IF NOT EXISTS main.\"{}_{}\" ON \"{}\" ({});",
            table.name,
            index.columns.iter().map(|c| table.columns[*c].name).collect::<Vec<_>>().join("_"),
            table.name,
            names(table, index.columns, ", ")
        );
    }
    sql
}

pub(super) fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool | Kind::Integer | Kind::Timestamp | Kind::Date | Kind::Time => "INTEGER",
        Kind::Real => "REAL",
        Kind::Text | Kind::Decimal | Kind::Json => "TEXT",
        Kind::Bytes | Kind::Uuid => "BLOB",
    }
}

pub(super) fn names(table: &Table, columns: &[usize], between: &str) -> String {
    let names: Vec<_> =
        columns.iter().map(|column| format!("\"{}\"", table.columns[*column].name)).collect();
    names.join(between)
}

pub(super) fn all(table: &Table) -> Vec<usize> {
    (0..table.columns.len()).collect()
}

fn select(table: &Table, columns: &[usize]) -> String {
    let conditions: Vec<_> = columns
        .iter()
        .zip(1..)
        .map(|(column, number)| format!("\"{}\" IS ?{number}", table.columns[*column].name))
        .collect();
    format!(
        "SELECT {} FROM main.\"{}\" WHERE {}",
        names(table, &all(table), ", "),
        table.name,
        conditions.join(" AND ")
    )
}

fn delete(table: &Table) -> String {
    let conditions: Vec<_> = table
        .key
        .iter()
        .zip(1..)
        .map(|(column, number)| format!("\"{}\" = ?{number}", table.columns[*column].name))
        .collect();
    format!("DELETE FROM main.\"{}\" WHERE {}", table.name, conditions.join(" AND "))
}

fn upsert(table: &Table) -> String {
    let values: Vec<_> = (1..=table.columns.len()).map(|number| format!("?{number}")).collect();
    let others = all(table).into_iter().filter(|column| !table.key.contains(column));
    let sets: Vec<_> = others
        .map(|column| table.columns[column].name)
        .map(|name| format!("\"{name}\" = excluded.\"{name}\""))
        .collect();
    let conflict = if sets.is_empty() {
        "NOTHING".to_owned()
    } else {
        format!("UPDATE SET {}", sets.join(", "))
    };
    format!(
        "INSERT INTO main.\"{}\" ({}) VALUES ({}) ON CONFLICT ({}) DO {conflict}",
        table.name,
        names(table, &all(table), ", "),
        values.join(", "),
        names(table, table.key, ", ")
    )
}
