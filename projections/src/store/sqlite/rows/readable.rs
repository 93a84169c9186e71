//! What keeps a table from being read.

use rusqlite::Connection;

use super::{
    compare::{FoundColumn, found_columns},
    ddl::{self, SqlColumn},
    record,
};
use crate::{
    StoreError,
    rows::Table,
    store::sqlite::{error::store_error, schema},
};

/// A table as a reader finds it.
pub(in crate::store::sqlite) enum Readable {
    /// There is none.
    Missing,
    /// It can be read; it has an owner where this library has made it.
    As { owner: Option<String> },
    /// It cannot be read, in words.
    Not(String),
}

/// Compares a table with its declaration. To a reader neither its indexes matter nor columns that
/// the program does not know, which a newer one may have added.
pub(in crate::store::sqlite) fn readable(
    connection: &Connection,
    label: &str,
    table: &Table,
) -> Result<Readable, StoreError> {
    let failed = |error| store_error("read the schema of", label, error);
    let found = found_columns(connection, table.name).map_err(failed)?;
    if found.is_empty() {
        return Ok(Readable::Missing);
    }
    let declared = match ddl::columns(table) {
        Ok(declared) => declared,
        Err(error) => return Ok(Readable::Not(error.to_string())),
    };
    let difference = declared.iter().find_map(|column| column_difference(&found, column));
    if let Some(what) = difference.or_else(|| key_difference(&found, table)) {
        return Ok(Readable::Not(what));
    }
    let record = match schema::has_tables(connection, label)? {
        true => record::find(connection, table.name).map_err(failed)?,
        false => None,
    };
    match record.as_ref().and_then(|record| record.differences(table).into_iter().next()) {
        Some(what) => Ok(Readable::Not(what)),
        None => Ok(Readable::As { owner: record.map(|record| record.projector) }),
    }
}

fn column_difference(found: &[FoundColumn], declared: &SqlColumn) -> Option<String> {
    let SqlColumn { name, sql_type, nullable, .. } = declared;
    let Some(found) = found.iter().find(|found| found.name.eq_ignore_ascii_case(name)) else {
        return Some(format!("it has no column `{name}`"));
    };
    if !found.sql_type.eq_ignore_ascii_case(sql_type) {
        let there = if found.sql_type.is_empty() { "of any type" } else { &found.sql_type };
        return Some(format!("column `{name}` is {there} there, and {sql_type} in the program"));
    }
    (found.nullable && !nullable)
        .then(|| format!("column `{name}` may be NULL there, and not in the program"))
}

fn key_difference(found: &[FoundColumn], table: &Table) -> Option<String> {
    let mut key: Vec<&FoundColumn> = found.iter().filter(|column| column.key > 0).collect();
    key.sort_by_key(|column| column.key);
    let found: Vec<&str> = key.iter().map(|column| &*column.name).collect();
    let declared = table.key.iter().map(|column| ddl::sorted(&table.columns[*column])); // declared
    let declared: Vec<_> = declared.collect();
    let is_same = found.len() == declared.len()
        && found.iter().zip(&declared).all(|(one, other)| one.eq_ignore_ascii_case(other));
    (!is_same).then(|| {
        let (found, declared) = (found.join(", "), declared.join(", "));
        format!("its key is ({found}) there, and ({declared}) in the program")
    })
}
