//! Declared rows against those that were expected.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    ReadModel,
    rows::{ColumnError, OwnedValue, Table},
};

/// At most so many rows of a difference are written out.
const SHOWN: usize = 12;

/// The rows of a table in their stored form, by key.
pub(super) type Stored<T> = BTreeMap<<T as ReadModel>::Key, Vec<OwnedValue>>;

/// Brings rows to the form in which they are stored.
///
/// # Errors
/// Says which row cannot be stored, or is there twice.
pub(super) fn stored<T: ReadModel>(rows: Vec<T>) -> Result<Stored<T>, String> {
    let mut stored = Stored::<T>::new();
    for mut row in rows {
        let values = settled(&mut row)
            .map_err(|error| format!("a row of `{}` cannot be stored: {error}", T::TABLE.name))?;
        if let Some(first) = stored.insert(row.key(), values) {
            let (table, key) = (T::TABLE.name, key(T::TABLE, &first));
            return Err(format!("two rows of `{table}` are expected with {key}"));
        }
    }
    Ok(stored)
}

fn settled<T: ReadModel>(row: &mut T) -> Result<Vec<OwnedValue>, ColumnError> {
    row.settle_key()?;
    row.settle()?;
    let mut values = Vec::with_capacity(T::TABLE.columns.len());
    row.put(&mut |value| values.push(value.into()))?;
    Ok(values)
}

/// Says what differs, in the order of the keys.
pub(super) fn difference<T: ReadModel>(
    expected: &Stored<T>,
    found: &Stored<T>,
) -> Result<(), String> {
    let keys: std::collections::BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let lines = keys.into_iter().filter_map(|key| {
        let (expected, found) = (expected.get(key), found.get(key));
        line(T::TABLE, expected.map(Vec::as_slice), found.map(Vec::as_slice))
    });
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return Ok(());
    }
    let mut text = format!("table `{}` is not as expected:", T::TABLE.name);
    for line in lines.iter().take(SHOWN) {
        // Writing to a text cannot fail.
        let _ = write!(text, "\n  {line}");
    }
    if let Some(more) = lines.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = write!(text, "\n  and {more} more rows");
    }
    Err(text)
}

fn line(
    table: &Table,
    expected: Option<&[OwnedValue]>,
    found: Option<&[OwnedValue]>,
) -> Option<String> {
    match (expected, found) {
        (Some(expected), Some(found)) if expected == found => None,
        (Some(expected), Some(found)) => {
            let columns = table.columns.iter().zip(expected.iter().zip(found));
            let differing = columns.filter(|(_, (expected, found))| expected != found);
            let fields = differing.map(|(column, (expected, found))| {
                format!("{} is {}, expected {}", column.name, shown(found), shown(expected))
            });
            Some(format!("{}: {}", key(table, found), fields.collect::<Vec<_>>().join("; ")))
        }
        (Some(expected), None) => {
            Some(format!("{} is missing: {}", key(table, expected), others(table, expected)))
        }
        (None, Some(found)) => {
            Some(format!("{} is too much: {}", key(table, found), others(table, found)))
        }
        (None, None) => None,
    }
}

fn key(table: &Table, row: &[OwnedValue]) -> String {
    fields(table, row, |column| table.key.contains(&column))
}

fn others(table: &Table, row: &[OwnedValue]) -> String {
    fields(table, row, |column| !table.key.contains(&column))
}

fn fields(table: &Table, row: &[OwnedValue], is_in: impl Fn(usize) -> bool) -> String {
    let columns = table.columns.iter().zip(row).enumerate();
    let fields = columns.filter(|(number, _)| is_in(*number));
    let fields = fields.map(|(_, (column, value))| format!("{} = {}", column.name, shown(value)));
    fields.collect::<Vec<_>>().join(", ")
}

fn shown(value: &OwnedValue) -> String {
    match value {
        OwnedValue::Null => "nothing".to_owned(),
        OwnedValue::Bool(value) => value.to_string(),
        OwnedValue::Integer(value) => value.to_string(),
        OwnedValue::Real(value) => value.to_string(),
        OwnedValue::Text(value) => format!("{value:?}"),
        OwnedValue::Bytes(value) => format!("{value:02x?}"),
        OwnedValue::Decimal(value) | OwnedValue::Json(value) => value.clone(),
        OwnedValue::Timestamp(value) => instant(*value),
        OwnedValue::Date(value) => day(*value),
        OwnedValue::Time(value) => instant(*value).split_off("1970-01-01T".len()),
        OwnedValue::Uuid(value) => uuid::Uuid::from_bytes(*value).to_string(),
    }
}

fn instant(microseconds: i64) -> String {
    let instant = jiff::Timestamp::from_microsecond(microseconds);
    instant.map_or_else(|_| format!("{microseconds} µs"), |instant| instant.to_string())
}

fn day(days: i32) -> String {
    let first = jiff::civil::date(1970, 1, 1);
    let day = first.checked_add(jiff::Span::new().days(days));
    day.map_or_else(|_| format!("day {days}"), |day| day.to_string())
}
