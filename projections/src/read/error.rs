//! [`QueryError`]: why rows could not be read.

use crate::{
    StoreError, WaitError,
    rows::{ColumnError, Table},
};

/// Rows could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The table is not as this program declares it: another version of it keeps the table.
    #[error(
        "table `{table}` of {place} is not as declared: {what}; read it with the program that keeps it, or rebuild its projector with this one"
    )]
    Differs {
        /// The table.
        table: &'static str,
        /// Where it is.
        place: String,
        /// What differs.
        what: String,
    },
    /// Waiting for a position takes a runtime. Make the reader with
    /// [`Runtime::rows`](crate::Runtime::rows).
    #[error(
        "only a reader that a runtime has made can wait for a position: make the one of table `{table}` with `runtime.rows`"
    )]
    NoRuntime {
        /// The table.
        table: &'static str,
    },
    /// The storage could not be read, or holds a row that is none of the table's type.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A value that is looked for is none that the table can hold.
    #[error("no row of table `{table}` can have what is looked for")]
    Value {
        /// The table.
        table: &'static str,
        /// Why.
        source: ColumnError,
    },
    /// The projector did not reach the position in time, or halted before it.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

impl QueryError {
    pub(super) fn value(table: &Table, source: ColumnError) -> Self {
        Self::Value { table: table.name, source }
    }
}
