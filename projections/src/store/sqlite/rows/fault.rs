//! What goes wrong with tables of rows, and whose fault it is.

use std::fmt;

use rusqlite::{Connection, ErrorCode};

use super::prepare::changed;
use crate::{
    StoreError, StoreErrorKind,
    rows::{RowsError, Table},
    store::sqlite::{
        error::{is_outage, store_error},
        tx::explain,
    },
};

/// Why a table cannot be used.
pub(super) enum Fault {
    Differs(String),
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    pub(super) fn of_tables(self, label: &str) -> RowsError {
        match self {
            Self::Differs(what) => RowsError::Differs(what),
            Self::Store(error) => RowsError::Store(error),
            Self::Sqlite(error) if is_outage(&error) => {
                RowsError::Store(store_error("prepare the tables of rows in", label, error))
            }
            Self::Sqlite(error) => RowsError::Refused(error.into()),
        }
    }
}

/// What an error of a query means.
pub(super) fn of_read(
    connection: &Connection,
    label: &str,
    table: &Table,
    error: rusqlite::Error,
) -> StoreError {
    match is_statement(&error).then(|| changed(connection, table)) {
        Some(Ok(Some(how))) => was_changed("read rows from", label, table, &how),
        _ => store_error("read rows from", label, error),
    }
}

/// What an error of an insert, update or delete means.
pub(super) fn of_write(
    connection: &Connection,
    label: &str,
    table: &Table,
    error: rusqlite::Error,
    denied: impl FnOnce() -> Option<String>,
) -> RowsError {
    if is_outage(&error) {
        return RowsError::Store(store_error("write rows to", label, error));
    }
    match is_statement(&error).then(|| changed(connection, table)) {
        Some(Ok(Some(how))) => was_changed("write rows to", label, table, &how).into(),
        Some(Err(error)) if is_outage(&error) => {
            RowsError::Store(store_error("write rows to", label, error))
        }
        _ => {
            let error = explain(error, denied);
            RowsError::Refused(Box::new(Refused {
                table: table.name,
                label: label.to_owned(),
                error,
            }))
        }
    }
}

/// Whether SQLite could not make anything of the statement itself, or of one in a trigger.
fn is_statement(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqlInputError { .. })
        || error.sqlite_error_code() == Some(ErrorCode::Unknown)
}

fn was_changed(doing: &str, label: &str, table: &Table, how: &str) -> StoreError {
    let doing = format!(
        "{doing} table `{}` of {label}: something else has changed it: {how}; rebuild the projector",
        table.name
    );
    StoreError::new(StoreErrorKind::Corrupt, doing)
}

/// Rows that break a rule which the application has added to a table.
#[derive(Debug)]
struct Refused {
    table: &'static str,
    label: String,
    error: rusqlite::Error,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table `{}` of {} refuses the rows", self.table, self.label)
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
