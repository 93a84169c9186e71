//! Declared tables as SQLite has them: names, types, statements that create them.

use std::{borrow::Cow, fmt::Write as _};

use super::civil::CivilText;
use crate::rows::{ColumnDef, ColumnError, Kind, OwnedValue, Table, decimal_sort_key};

/// A column as SQLite has it. A declared one has one, and a decimal has a second one that sorts it.
pub(super) struct SqlColumn {
    pub(super) name: Cow<'static, str>,
    pub(super) sql_type: &'static str,
    pub(super) nullable: bool,
    /// The value of rows that are older, as SQL, where it may be added to them.
    pub(super) older: Option<String>,
}

impl SqlColumn {
    /// Returns what defines it.
    pub(super) fn definition(&self) -> String {
        let not_null = if self.nullable { "" } else { " NOT NULL" };
        format!("{} {}{not_null}", quoted(&self.name), self.sql_type)
    }
}

/// The columns of a table.
///
/// # Errors
/// When a default cannot be stored.
pub(super) fn columns(table: &Table) -> Result<Vec<SqlColumn>, ColumnError> {
    let mut columns = Vec::with_capacity(table.columns.len());
    for column in table.columns {
        let (own, order) = older(column).map_err(|error| error.of_column(column.name))?;
        let nullable = column.nullable;
        let sql_type = sql_type(column.kind);
        columns.push(SqlColumn { name: column.name.into(), sql_type, nullable, older: own });
        if column.kind == Kind::Decimal {
            columns.push(SqlColumn {
                name: sorted(column),
                sql_type: "BLOB",
                nullable,
                older: order,
            });
        }
    }
    Ok(columns)
}

fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool | Kind::Integer | Kind::Timestamp => "INTEGER",
        Kind::Real => "REAL",
        Kind::Text | Kind::Decimal | Kind::Json | Kind::Date | Kind::Time => "TEXT",
        Kind::Bytes | Kind::Uuid => "BLOB",
    }
}

/// The name of the column that has a declared column's values in their order, and by which they are
/// looked for: the column itself, or what is beside a decimal.
pub(in crate::store::sqlite) fn sorted(column: &ColumnDef) -> Cow<'static, str> {
    match column.kind {
        Kind::Decimal => format!("{}__order", column.name).into(),
        _ => column.name.into(),
    }
}

/// The names of those columns, quoted.
pub(in crate::store::sqlite) fn all_sorted(table: &Table, columns: &[usize]) -> Vec<String> {
    columns.iter().map(|column| quoted(&sorted(&table.columns[*column]))).collect() // declared
}

pub(in crate::store::sqlite) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether SQLite's own row numbers are the key, which is the fastest one there is; tables with any
/// other key have no row numbers.
pub(super) fn has_rowid(table: &Table) -> bool {
    matches!(table.key, [key] if sql_type(table.columns[*key].kind) == "INTEGER")
}

/// An index as SQLite has it.
pub(super) struct SqlIndex {
    pub(super) name: String,
    pub(super) columns: Vec<Cow<'static, str>>,
    pub(super) unique: bool,
}

/// What the names of a table's declared indexes begin with. No name of an index that somebody else
/// makes does, and none of another table.
pub(super) fn index_prefix(table: &str) -> String {
    format!("projections_{table}(")
}

pub(super) fn indexes(table: &Table) -> Vec<SqlIndex> {
    let named = |columns: &[usize]| -> Vec<_> {
        columns.iter().map(|column| table.columns[*column].name).collect() // declared
    };
    let index = |index: &crate::rows::IndexDef| SqlIndex {
        name: format!("{}{})", index_prefix(table.name), named(index.columns).join(",")),
        columns: index.columns.iter().map(|column| sorted(&table.columns[*column])).collect(),
        unique: index.unique,
    };
    table.indexes.iter().map(index).collect()
}

/// The statement that creates a table, without its indexes.
pub(super) fn create_table(table: &Table, columns: &[SqlColumn]) -> String {
    let mut sql = format!("CREATE TABLE main.{} (", quoted(table.name));
    for column in columns {
        let _ = write!(sql, "{}, ", column.definition());
    }
    let without = if has_rowid(table) { "" } else { ", WITHOUT ROWID" };
    let key = all_sorted(table, table.key).join(", ");
    let _ = write!(sql, "PRIMARY KEY ({key})) STRICT{without}");
    sql
}

/// The statement that adds a column; rows that are there get `older` in it.
pub(super) fn add_column(table: &Table, column: &SqlColumn, older: &str) -> String {
    let (table, definition) = (quoted(table.name), column.definition());
    format!("ALTER TABLE main.{table} ADD COLUMN {definition} DEFAULT {older}")
}

pub(super) fn create_index(table: &Table, index: &SqlIndex) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let columns: Vec<_> = index.columns.iter().map(|name| quoted(name)).collect();
    format!(
        "CREATE {unique}INDEX main.{} ON {} ({})",
        quoted(&index.name),
        quoted(table.name),
        columns.join(", ")
    )
}

/// The values of older rows in a column, and in what is beside it where it is a decimal.
fn older(column: &ColumnDef) -> Result<(Option<String>, Option<String>), ColumnError> {
    Ok(match column.default.map(|default| default()) {
        Some(OwnedValue::Decimal(text)) => {
            let order = blob(decimal_sort_key(&text)?.as_bytes());
            (Some(literal(&OwnedValue::Decimal(text))?), Some(order))
        }
        Some(value) => (Some(literal(&value)?), None),
        None if column.nullable => (Some("NULL".to_owned()), Some("NULL".to_owned())),
        None => (None, None),
    })
}

/// A value as SQL.
fn literal(value: &OwnedValue) -> Result<String, ColumnError> {
    let civil = |text: CivilText| format!("'{}'", String::from_utf8_lossy(text.as_bytes()));
    Ok(match value {
        OwnedValue::Null => "NULL".to_owned(),
        OwnedValue::Bool(value) => i64::from(*value).to_string(),
        OwnedValue::Integer(value) | OwnedValue::Timestamp(value) => value.to_string(),
        OwnedValue::Real(value) if value.is_infinite() => {
            if *value > 0.0 { "9e999" } else { "-9e999" }.to_owned()
        }
        OwnedValue::Real(value) => format!("{value:?}"),
        OwnedValue::Text(text) | OwnedValue::Decimal(text) | OwnedValue::Json(text) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        OwnedValue::Bytes(bytes) => blob(bytes),
        OwnedValue::Uuid(bytes) => blob(bytes),
        OwnedValue::Date(days) => civil(CivilText::of_day(*days)?),
        OwnedValue::Time(microseconds) => civil(CivilText::of_time(*microseconds)?),
    })
}

fn blob(bytes: &[u8]) -> String {
    let mut sql = String::from("x'");
    for byte in bytes {
        let _ = write!(sql, "{byte:02x}");
    }
    sql.push('\'');
    sql
}
