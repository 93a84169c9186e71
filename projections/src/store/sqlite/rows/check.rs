//! Looking at a table as the start of its projector would, and at what is in it.

use rusqlite::{Connection, types::ValueRef};

use super::{
    compare::found_columns,
    ddl::{quoted, sorted},
    fault::Fault,
    prepare::Preparation,
    values::StoredRow,
};
use crate::{
    StoreError,
    read::TableCheck,
    rows::{
        ColumnDef, ColumnError, Kind, Prepared, RowValues, RowsError, Table, TableDigest,
        TableDigester, Value, decimal_sort_key,
    },
    store::sqlite::{
        checkpoint,
        error::store_error,
        schema::{self, Checkpoints},
    },
};

/// Tells what the next start of a table's projector would find, and whether somebody else has
/// written to the table. Nothing is changed.
pub(in crate::store::sqlite) fn check(
    connection: &Connection,
    label: &str,
    check: &TableCheck,
) -> Result<Prepared, RowsError> {
    let TableCheck { table, projector, rebuild, .. } = check;
    let preparation = Preparation { connection, label, table, projector };
    if *rebuild {
        return preparation.foresee_anew().map_err(|fault| fault.of_tables(label));
    }
    let prepared = preparation.foresee().map_err(|fault| fault.of_tables(label))?;
    if prepared != Prepared::Created {
        check_rows(connection, label, check).map_err(|fault| fault.of_tables(label))?;
    }
    Ok(prepared)
}

/// Compares the rows with those that the projector has left.
fn check_rows(connection: &Connection, label: &str, check: &TableCheck) -> Result<(), Fault> {
    let TableCheck { table, checkpoint: key, .. } = check;
    if schema::checkpoints(connection, label)? != Checkpoints::Current {
        return Ok(());
    }
    let failed = |error| store_error("read the checkpoint from", label, error);
    let stored = checkpoint::load(connection, key).map_err(failed)?;
    let Some(digest) = stored.and_then(|stored| stored.tables.of(table)) else { return Ok(()) };
    let found = match add_up(connection, label, table)? {
        Ok(found) => found,
        Err(error) => {
            return Err(written(check, label, &format!("it has a row that is none: {error}")));
        }
    };
    if found == digest {
        return Ok(());
    }
    let how = match (found.rows(), digest.rows()) {
        (found, left) if found == left => {
            "its rows are not those that the projector has left".to_owned()
        }
        (found, left) => format!("it has {found} rows, and the projector has left {left}"),
    };
    Err(written(check, label, &how))
}

fn written(check: &TableCheck, label: &str, how: &str) -> Fault {
    let TableCheck { table, projector, .. } = check;
    Fault::Differs(format!(
        "table `{}` of {label} was written by something else than projector `{projector}`: {how}; rows that a running program holds in memory may differ from it, too; see to it that nothing else writes to the table, and rebuild projector `{projector}`",
        table.name
    ))
}

/// Adds up the rows; the inner error says which one is none of the table's.
fn add_up(
    connection: &Connection,
    label: &str,
    table: &Table,
) -> Result<Result<TableDigest, ColumnError>, StoreError> {
    let failed = |error| store_error(&format!("read table `{}` of", table.name), label, error);
    let sql = select_all(connection, table).map_err(failed)?;
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut digester = TableDigester::new(table);
    while let Some(row) = rows.next().map_err(failed)? {
        let stored = StoredRow { row, table };
        if let Err(error) = digester.add(&stored).and_then(|()| check_order(&stored)) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(digester.digest()))
}

/// The declared columns in their order, and after them what sorts decimals. A column that the next
/// start adds is NULL.
fn select_all(connection: &Connection, table: &Table) -> rusqlite::Result<String> {
    let found = found_columns(connection, table.name)?;
    let is_there = |name: &str| found.iter().any(|found| found.name.eq_ignore_ascii_case(name));
    let column = |name: &str| if is_there(name) { quoted(name) } else { "NULL".to_owned() };
    let declared = table.columns.iter().map(|declared| column(declared.name));
    let orders = decimals(table).map(|(_, declared)| column(&sorted(declared)));
    let columns: Vec<String> = declared.chain(orders).collect();
    Ok(format!("SELECT {} FROM main.{}", columns.join(", "), quoted(table.name)))
}

fn decimals(table: &Table) -> impl Iterator<Item = (usize, &'static ColumnDef)> {
    table.columns.iter().enumerate().filter(|(_, column)| column.kind == Kind::Decimal)
}

/// What is beside a decimal must sort as it does.
fn check_order(stored: &StoredRow<'_>) -> Result<(), ColumnError> {
    let table = stored.table;
    for ((column, declared), order) in decimals(table).zip(table.columns.len()..) {
        let found = stored.row.get_ref(order);
        let found = found.map_err(|error| ColumnError::new(error.to_string()))?;
        let is_right = match (stored.value(column)?, found) {
            (Value::Decimal(text), ValueRef::Blob(key)) => {
                decimal_sort_key(text)?.as_bytes() == key
            }
            (Value::Null, ValueRef::Null) => true,
            _ => false,
        };
        if !is_right {
            let why = format!("`{}` does not sort it", sorted(declared));
            return Err(ColumnError::new(why).of_column(declared.name));
        }
    }
    Ok(())
}
