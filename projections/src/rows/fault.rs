//! What goes wrong with rows, and whose fault it is.

use std::fmt;

use super::{ColumnError, OwnedValue, RowsError, Table};
use crate::{BoxError, StoreError, StoreErrorKind};

/// Why the batch cannot go on as it is.
#[derive(Debug)]
pub(crate) enum RowFault {
    /// The event's fault.
    Event(BoxError),
    /// Nobody's: an outage.
    Store(StoreError),
    /// A table refused rows that were written before the batch's end.
    Refused(BoxError),
    /// A row is not in memory, and cannot be loaded while a handler runs.
    Missing,
    /// Whether another row has the same unique key shows once that row is loaded.
    Unchecked,
}

impl From<RowsError> for RowFault {
    fn from(error: RowsError) -> Self {
        match error {
            RowsError::Store(error) => Self::Store(error),
            RowsError::Refused(source) => Self::Refused(source),
            RowsError::Differs(what) => Self::Refused(what.into()),
        }
    }
}

impl RowFault {
    pub(super) fn event(table: &Table, problem: RowProblem, key: &[OwnedValue]) -> Self {
        Self::Event(Box::new(RowError { table: table.name, key: shown(key), problem }))
    }

    pub(super) fn unreadable(table: &Table, values: &[OwnedValue], error: ColumnError) -> Self {
        Self::Store(unreadable(table, values, error))
    }
}

/// A row that holds what its type does not.
pub(crate) fn unreadable(table: &Table, key: &[OwnedValue], error: ColumnError) -> StoreError {
    let doing = format!(
        "read the row {} of table `{}`: something else has written to it; rebuild the projector",
        shown(key),
        table.name
    );
    StoreError::new(StoreErrorKind::Corrupt, doing).with_source(error)
}

/// What is wrong with a row that a handler left.
#[derive(Debug)]
pub(super) enum RowProblem {
    /// Its key cannot be stored.
    Key(ColumnError),
    /// Its key was changed to this one.
    Moved(Vec<OwnedValue>),
    /// A value cannot be stored.
    Value(ColumnError),
    /// Another row has the same unique key.
    Taken { columns: String },
}

/// Why an event fails whose handler changed a row.
#[derive(Debug)]
struct RowError {
    table: &'static str,
    key: String,
    problem: RowProblem,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, key, problem } = self;
        match problem {
            RowProblem::Key(error) => {
                write!(f, "the key {key} of table `{table}` cannot be stored: {error}")
            }
            RowProblem::Moved(to) => write!(
                f,
                "the row {key} of table `{table}` was given the key {}; a row keeps its key: remove it and insert another",
                shown(to)
            ),
            RowProblem::Value(error) => {
                write!(f, "the row {key} of table `{table}` cannot be stored: {error}")
            }
            // Not which values, nor whose: they may be what a person has a right to have erased.
            RowProblem::Taken { columns } => write!(
                f,
                "a row of table `{table}` has the same {columns} as another, which is unique",
            ),
        }
    }
}

impl std::error::Error for RowError {}

/// Values as a person writes them.
pub(super) fn shown(values: &[OwnedValue]) -> String {
    let each: Vec<String> = values.iter().map(one).collect();
    match &*each {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    }
}

fn one(value: &OwnedValue) -> String {
    match value {
        OwnedValue::Null => "NULL".to_owned(),
        OwnedValue::Bool(value) => value.to_string(),
        OwnedValue::Integer(value) => value.to_string(),
        OwnedValue::Real(value) => value.to_string(),
        OwnedValue::Text(text) | OwnedValue::Json(text) => format!("{text:?}"),
        OwnedValue::Bytes(bytes) => format!("{} bytes", bytes.len()),
        OwnedValue::Decimal(text) => text.clone(),
        OwnedValue::Timestamp(micros) => match jiff::Timestamp::from_microsecond(*micros) {
            Ok(time) => time.to_string(),
            Err(_) => format!("{micros} µs"),
        },
        OwnedValue::Date(days) => format!("day {days} since 1970"),
        OwnedValue::Time(micros) => format!("{micros} µs of the day"),
        OwnedValue::Uuid(bytes) => uuid::Uuid::from_bytes(*bytes).to_string(),
    }
}
