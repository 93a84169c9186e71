//! Rows: read models by declaration.
//!
//! A struct with `#[derive(ReadModel)]` is a row of a table, and a handler that takes
//! `&mut Rows<T>` changes rows as if the table were a map.

mod access;
mod column;
pub(crate) mod json;
mod model;
mod table;
mod value;

pub use self::{
    access::{AsyncRowAccess, Found, RowAccess, RowWrites, RowsError},
    column::{Column, ColumnError},
    model::{ColumnOf, IndexedColumn, ReadModel, RowKey},
    table::{ColumnDef, IndexDef, Kind, LONGEST_NAME, Table},
    value::{OwnedValue, Put, RowValues, Value, Values},
};
