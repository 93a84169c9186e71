//! Rows: read models by declaration.
//!
//! A struct with `#[derive(ReadModel)]` is a row of a table, and a handler that takes
//! `&mut Rows<T>` changes rows as if the table were a map.

mod access;
mod column;
mod columns;
mod fault;
mod index;
pub(crate) mod json;
mod kept;
mod model;
mod order;
mod rows;
mod select;
mod sets;
mod slots;
mod table;
mod value;
mod wanted;

#[cfg(feature = "sqlite")]
pub(crate) use self::columns::decimal_sort_key;
pub(crate) use self::fault::{RowFault, unreadable};
pub use self::{
    access::{AsyncRowAccess, Found, RowAccess, RowWrites, RowsError},
    column::{Column, ColumnError},
    model::{ColumnOf, IndexedColumn, ReadModel, RowKey},
    rows::{Rows, RowsGuard},
    sets::{DeclaredTable, RowSets, RowStorage},
    table::{ColumnDef, IndexDef, Kind, LONGEST_NAME, Table},
    value::{OwnedValue, Put, RowValues, Value, Values},
};
