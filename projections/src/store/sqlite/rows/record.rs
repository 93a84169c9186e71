//! Which tables hold rows, and whose.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row};

use super::super::{
    error::store_error,
    guard::{Guard, RowTables},
    schema,
};
use crate::{StoreError, rows::Table};

/// What is recorded of a table.
pub(super) struct Record {
    pub(super) projector: String,
    kinds: String,
}

/// Returns what is recorded of a table, if it holds rows.
pub(super) fn find(connection: &Connection, table: &str) -> rusqlite::Result<Option<Record>> {
    let sql = "SELECT projector, kinds FROM main.projections_tables WHERE name = ?1";
    let record = |row: &Row<'_>| Ok(Record { projector: row.get(0)?, kinds: row.get(1)? });
    connection.query_row(sql, [table], record).optional()
}

impl Record {
    /// Says which columns hold something else than the program declares. Several kinds have one
    /// type in SQLite, so that the table itself does not tell.
    pub(super) fn differences(&self, table: &Table) -> Vec<String> {
        let Ok(kinds) = serde_json::from_str::<BTreeMap<String, String>>(&self.kinds) else {
            return vec!["its entry in `projections_tables` is damaged".to_owned()];
        };
        let differences = table.columns.iter().filter_map(|column| {
            let recorded = kinds.get(&column.name.to_ascii_lowercase())?;
            let declared = format!("{:?}", column.kind);
            (*recorded != declared).then(|| {
                format!(
                    "column `{}` holds {recorded} there, and {declared} in the program",
                    column.name
                )
            })
        });
        differences.collect()
    }
}

/// Records a table as it is declared.
pub(super) fn enter(
    connection: &Connection,
    table: &Table,
    projector: &str,
) -> rusqlite::Result<()> {
    let kinds = table.columns.iter();
    let kinds: serde_json::Map<_, _> = kinds
        .map(|column| (column.name.to_ascii_lowercase(), format!("{:?}", column.kind).into()))
        .collect();
    let kinds = serde_json::Value::Object(kinds).to_string();
    let sql = "INSERT INTO main.projections_tables (name, projector, kinds) VALUES (?1, ?2, ?3) \
               ON CONFLICT (name) DO UPDATE SET kinds = excluded.kinds";
    connection.execute(sql, [table.name, projector, &kinds]).map(drop)
}

pub(super) fn remove(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM main.projections_tables WHERE name = ?1", [table]).map(drop)
}

/// Sees to it that the guard knows the tables of rows, which change only together with the schema.
pub(super) fn tell_guard(
    connection: &Connection,
    label: &str,
    guard: &Guard,
) -> Result<(), StoreError> {
    let failed = |error| store_error("read", label, error);
    let mut statement = connection.prepare_cached("PRAGMA main.schema_version").map_err(failed)?;
    let version = statement.query_row([], |row| row.get(0)).map_err(failed)?;
    if !guard.knows_tables(version) {
        tell_guard_anew(connection, label, guard, Some(version))?;
    }
    Ok(())
}

/// As [`tell_guard`], after tables have changed in a transaction that may be rolled back.
pub(super) fn tell_guard_of_changes(
    connection: &Connection,
    label: &str,
    guard: &Guard,
) -> Result<(), StoreError> {
    tell_guard_anew(connection, label, guard, None)
}

fn tell_guard_anew(
    connection: &Connection,
    label: &str,
    guard: &Guard,
    schema_version: Option<i64>,
) -> Result<(), StoreError> {
    let mut tables = RowTables { schema_version, ..RowTables::default() };
    if schema::has_tables(connection, label)? {
        read_all(connection, &mut tables).map_err(|error| store_error("read", label, error))?;
    }
    guard.set_tables(tables);
    Ok(())
}

fn read_all(connection: &Connection, tables: &mut RowTables) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(ALL)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        if row.get(2)? {
            tables.bare.push((name.clone(), row.get(3)?));
        }
        tables.projectors.insert(name, row.get(1)?);
    }
    Ok(())
}

/// Each table with its projector, whether it is bare, and how many columns it has.
const ALL: &str = "SELECT lower(name), projector,
    NOT EXISTS (
        SELECT 1 FROM main.sqlite_schema
        WHERE type IN ('index', 'trigger') AND tbl_name = tables.name COLLATE NOCASE
    ) AND NOT EXISTS (
        SELECT 1 FROM main.sqlite_schema AS child, pragma_foreign_key_list(child.name, 'main') AS key
        WHERE child.type = 'table' AND key.\"table\" = tables.name COLLATE NOCASE
    ),
    (SELECT count(*) FROM pragma_table_xinfo(tables.name, 'main'))
    FROM main.projections_tables AS tables";
