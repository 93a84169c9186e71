//! Values on their way into SQLite, and out of it.

use rusqlite::{
    Row, Statement, ToSql,
    types::{ToSqlOutput, ValueRef},
};

use super::civil::{CivilText, read_day, read_time};
use crate::rows::{ColumnError, Kind, RowValues, Table, Value, Values, decimal_sort_key};

/// Binds the values of a row, decimals with what sorts them; returns the next parameter.
pub(super) fn bind_row(
    statement: &mut Statement<'_>,
    first: usize,
    table: &Table,
    row: &dyn Values,
) -> rusqlite::Result<usize> {
    let (mut next, mut outcome) = (first, Ok(()));
    let mut columns = table.columns.iter();
    let put = row.put(&mut |value| {
        let is_decimal = columns.next().is_some_and(|column| column.kind == Kind::Decimal);
        if outcome.is_ok() {
            outcome = bind(statement, next, value);
        }
        if outcome.is_ok() && is_decimal {
            next += 1;
            outcome = bind_sought(statement, next, value);
        }
        next += 1;
    });
    outcome?;
    put.map_err(unfit)?;
    Ok(next)
}

/// Binds the values of a key, to look for it; returns the next parameter.
pub(super) fn bind_key(
    statement: &mut Statement<'_>,
    first: usize,
    key: &dyn Values,
) -> rusqlite::Result<usize> {
    let (mut next, mut outcome) = (first, Ok(()));
    let put = key.put(&mut |value| {
        if outcome.is_ok() {
            outcome = bind_sought(statement, next, value);
        }
        next += 1;
    });
    outcome?;
    put.map_err(unfit)?;
    Ok(next)
}

/// Binds a value to look for: of a decimal, what sorts it.
pub(in crate::store::sqlite) fn bind_sought(
    statement: &mut Statement<'_>,
    parameter: usize,
    value: Value<'_>,
) -> rusqlite::Result<()> {
    match value {
        Value::Decimal(text) => {
            let key = decimal_sort_key(text).map_err(unfit)?;
            statement.raw_bind_parameter(parameter, key.as_bytes())
        }
        other => bind(statement, parameter, other),
    }
}

fn bind(statement: &mut Statement<'_>, parameter: usize, value: Value<'_>) -> rusqlite::Result<()> {
    let bytes;
    let stored = match value {
        Value::Null => ValueRef::Null,
        Value::Bool(value) => ValueRef::Integer(i64::from(value)),
        Value::Integer(value) | Value::Timestamp(value) => ValueRef::Integer(value),
        Value::Real(value) => ValueRef::Real(value),
        Value::Text(text) | Value::Decimal(text) | Value::Json(text) => {
            ValueRef::Text(text.as_bytes())
        }
        Value::Bytes(bytes) => ValueRef::Blob(bytes),
        Value::Date(days) => {
            bytes = CivilText::of_day(days).map_err(unfit)?;
            ValueRef::Text(bytes.as_bytes())
        }
        Value::Time(microseconds) => {
            bytes = CivilText::of_time(microseconds).map_err(unfit)?;
            ValueRef::Text(bytes.as_bytes())
        }
        Value::Uuid(ref bytes) => ValueRef::Blob(bytes),
    };
    statement.raw_bind_parameter(parameter, Stored(stored))
}

fn unfit(error: ColumnError) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}

struct Stored<'a>(ValueRef<'a>);

impl ToSql for Stored<'_> {
    #[inline]
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

/// A row that SQLite found, with the table's columns in their order.
pub(in crate::store::sqlite) struct StoredRow<'a> {
    pub(in crate::store::sqlite) row: &'a Row<'a>,
    pub(in crate::store::sqlite) table: &'a Table,
}

impl RowValues for StoredRow<'_> {
    fn value(&self, column: usize) -> Result<Value<'_>, ColumnError> {
        let Some(declared) = self.table.columns.get(column) else {
            return Err(ColumnError::new("it has no such column"));
        };
        let found = self.row.get_ref(column);
        let found = found.map_err(|error| ColumnError::new(error.to_string()))?;
        read(declared.kind, found).map_err(|error| error.of_column(declared.name))
    }
}

#[inline]
fn read(kind: Kind, found: ValueRef<'_>) -> Result<Value<'_>, ColumnError> {
    let value = match (kind, found) {
        (_, ValueRef::Null) => Some(Value::Null),
        (Kind::Integer, ValueRef::Integer(value)) => Some(Value::Integer(value)),
        (Kind::Bool, ValueRef::Integer(value @ (0 | 1))) => Some(Value::Bool(value == 1)),
        (Kind::Timestamp, ValueRef::Integer(value)) => Some(Value::Timestamp(value)),
        (Kind::Real, ValueRef::Real(value)) => Some(Value::Real(value)),
        #[allow(clippy::cast_precision_loss)] // SQLite may keep a whole number as an integer
        (Kind::Real, ValueRef::Integer(value)) => Some(Value::Real(value as f64)),
        (Kind::Text, ValueRef::Text(bytes)) => Some(Value::Text(text(bytes)?)),
        (Kind::Decimal, ValueRef::Text(bytes)) => Some(Value::Decimal(text(bytes)?)),
        (Kind::Json, ValueRef::Text(bytes)) => Some(Value::Json(text(bytes)?)),
        (Kind::Date, ValueRef::Text(bytes)) => read_day(bytes).map(Value::Date),
        (Kind::Time, ValueRef::Text(bytes)) => read_time(bytes).map(Value::Time),
        (Kind::Bytes, ValueRef::Blob(bytes)) => Some(Value::Bytes(bytes)),
        (Kind::Uuid, ValueRef::Blob(bytes)) => bytes.try_into().ok().map(Value::Uuid),
        _ => None,
    };
    value.ok_or_else(|| {
        ColumnError::new(format!("{} was expected, and {} is there", expected(kind), shown(found)))
    })
}

fn text(bytes: &[u8]) -> Result<&str, ColumnError> {
    std::str::from_utf8(bytes).map_err(|_| ColumnError::new("the text there is not UTF-8"))
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "0 or 1",
        Kind::Integer => "an integer",
        Kind::Real => "a real number",
        Kind::Text => "a text",
        Kind::Bytes => "a blob",
        Kind::Decimal => "a decimal number as text",
        Kind::Timestamp => "an integer, microseconds since 1970,",
        Kind::Date => "a day such as `2026-01-31`",
        Kind::Time => "a time such as `13:59:59.000001`",
        Kind::Uuid => "a blob of 16 bytes",
        Kind::Json => "a JSON text",
    }
}

/// What is there, cut short: it may be of any size.
fn shown(found: ValueRef<'_>) -> String {
    const LONGEST: usize = 40;
    match found {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(value) => format!("the integer {value}"),
        ValueRef::Real(value) => format!("the real number {value}"),
        ValueRef::Text(bytes) => {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
            let rest = if bytes.len() > LONGEST { " and so on" } else { "" };
            format!("the text {text:?}{rest}")
        }
        ValueRef::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// What SQLite keeps as an integer to save room, it may hand out as one, where a table is not
    /// `STRICT`.
    #[test]
    fn a_real_may_be_stored_as_an_integer_and_nothing_else_may() {
        let integer = ValueRef::Integer(5);
        assert_eq!(read(Kind::Real, integer).unwrap(), Value::Real(5.0));
        for kind in [Kind::Bool, Kind::Text, Kind::Decimal, Kind::Date, Kind::Time, Kind::Uuid] {
            let why = read(kind, integer).unwrap_err().to_string();
            assert!(why.ends_with("was expected, and the integer 5 is there"), "{why}");
        }
    }
}
