//! What tells a table that is there from its declaration.

use rusqlite::Connection;

use super::ddl::{self, SqlColumn, SqlIndex, index_prefix};
use crate::rows::Table;

/// How a table and its declaration differ.
#[derive(Default)]
pub(super) struct Comparison {
    /// What needs a rebuild, in words.
    pub(super) differences: Vec<String>,
    /// The statements that bring the table up to date, where nothing needs a rebuild.
    pub(super) additions: Vec<String>,
}

pub(super) struct FoundColumn {
    pub(super) name: String,
    pub(super) sql_type: String,
    pub(super) nullable: bool,
    /// Its place in the primary key, from 1 on; else 0.
    pub(super) key: usize,
    computed: bool,
}

struct FoundIndex {
    name: String,
    columns: Vec<String>,
    unique: bool,
    primary: bool,
    /// Over all rows, in ascending order of bytes.
    plain: bool,
}

/// Compares a table that is there with its declaration.
pub(super) fn compare(
    connection: &Connection,
    table: &Table,
    declared: &[SqlColumn],
) -> rusqlite::Result<Comparison> {
    let mut comparison = Comparison::default();
    let found = found_columns(connection, table.name)?;
    comparison.columns(table, &found, declared);
    comparison.key(table, &found);
    comparison.form(connection, table)?;
    let (primary, indexes): (Vec<_>, Vec<_>) =
        found_indexes(connection, table.name)?.into_iter().partition(|index| index.primary);
    if primary.iter().any(|index| !index.plain) {
        comparison.differs("the primary key is not in the order of bytes".to_owned());
    }
    comparison.indexes(table, &indexes);
    Ok(comparison)
}

impl Comparison {
    fn differs(&mut self, how: String) {
        self.differences.push(how);
    }

    fn columns(&mut self, table: &Table, found: &[FoundColumn], declared: &[SqlColumn]) {
        for column in declared {
            let name = &column.name;
            match found.iter().find(|found| found.name.eq_ignore_ascii_case(name)) {
                Some(found) => self.column(found, column),
                None => match &column.older {
                    Some(older) => self.additions.push(ddl::add_column(table, column, older)),
                    None => self.differs(format!(
                        "the program declares a column `{name}` that the table does not have, without a default for the rows that are there"
                    )),
                },
            }
        }
        for FoundColumn { name, .. } in found {
            if !declared.iter().any(|column| column.name.eq_ignore_ascii_case(name)) {
                let how =
                    format!("the table has a column `{name}` that the program does not declare");
                self.differs(how);
            }
        }
    }

    fn column(&mut self, found: &FoundColumn, declared: &SqlColumn) {
        let SqlColumn { name, sql_type, nullable, .. } = declared;
        if !found.sql_type.eq_ignore_ascii_case(sql_type) {
            let there = if found.sql_type.is_empty() { "of any type" } else { &found.sql_type };
            self.differs(format!(
                "column `{name}` is {there} there, and {sql_type} in the program"
            ));
        }
        match (found.nullable, nullable) {
            (true, false) => {
                self.differs(format!("column `{name}` may be NULL there, and not in the program"));
            }
            (false, true) => {
                self.differs(format!(
                    "column `{name}` may not be NULL there, and may in the program"
                ));
            }
            _ => {}
        }
        if found.computed {
            self.differs(format!("column `{name}` is computed there, and written by the program"));
        }
    }

    fn key(&mut self, table: &Table, found: &[FoundColumn]) {
        let mut key: Vec<&FoundColumn> = found.iter().filter(|column| column.key > 0).collect();
        key.sort_by_key(|column| column.key);
        let found: Vec<&str> = key.iter().map(|column| &*column.name).collect();
        let declared: Vec<_> =
            table.key.iter().map(|column| ddl::sorted(&table.columns[*column])).collect(); // declared
        if !same_names(&found, &declared) {
            let (found, declared) = (listed(&found), listed(&declared));
            self.differs(format!(
                "the primary key is {found} there, and {declared} in the program"
            ));
        }
    }

    /// Checks what the table is as a whole.
    fn form(&mut self, connection: &Connection, table: &Table) -> rusqlite::Result<()> {
        let form = "SELECT strict, wr FROM pragma_table_list(?1) WHERE schema = 'main'";
        let (strict, without_rowid): (bool, bool) =
            connection.query_row(form, [table.name], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if !strict {
            self.differs("the table is not STRICT".to_owned());
        }
        match (without_rowid, ddl::has_rowid(table)) {
            (true, true) => self.differs("the table is WITHOUT ROWID".to_owned()),
            (false, false) => self.differs("the table is not WITHOUT ROWID".to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn indexes(&mut self, table: &Table, found: &[FoundIndex]) {
        let declared = ddl::indexes(table);
        for index in &declared {
            match found.iter().find(|found| found.name.eq_ignore_ascii_case(&index.name)) {
                Some(found) => self.index(found, index),
                None if index.unique => {
                    let columns = listed(&index.columns);
                    self.differs(format!("the unique index on {columns} is missing"));
                }
                None => self.additions.push(ddl::create_index(table, index)),
            }
        }
        let prefix = index_prefix(table.name).to_ascii_lowercase();
        for FoundIndex { name, columns, .. } in found {
            let is_ours = name.to_ascii_lowercase().starts_with(&prefix);
            if is_ours && !declared.iter().any(|index| index.name.eq_ignore_ascii_case(name)) {
                let columns = listed(columns);
                self.differs(format!(
                    "the table has an index on {columns} that the program does not declare"
                ));
            }
        }
    }

    fn index(&mut self, found: &FoundIndex, declared: &SqlIndex) {
        let columns = listed(&declared.columns);
        if !found.plain || !same_names(&found.columns, &declared.columns) {
            let name = &found.name;
            self.differs(format!("the index `{name}` is not the plain one on {columns}"));
        }
        match (found.unique, declared.unique) {
            (true, false) => {
                self.differs(format!(
                    "the index on {columns} is unique there, and not in the program"
                ));
            }
            (false, true) => {
                self.differs(format!(
                    "the index on {columns} is not unique there, and is in the program"
                ));
            }
            _ => {}
        }
    }
}

fn same_names(found: &[impl AsRef<str>], declared: &[impl AsRef<str>]) -> bool {
    let pairs = || found.iter().zip(declared);
    found.len() == declared.len()
        && pairs().all(|(one, other)| one.as_ref().eq_ignore_ascii_case(other.as_ref()))
}

fn listed(names: &[impl AsRef<str>]) -> String {
    let each: Vec<_> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    format!("({})", each.join(", "))
}

pub(super) fn found_columns(
    connection: &Connection,
    table: &str,
) -> rusqlite::Result<Vec<FoundColumn>> {
    let sql = "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1, 'main')";
    let mut statement = connection.prepare(sql)?;
    let found = statement.query_map([table], |row| {
        Ok(FoundColumn {
            name: row.get(0)?,
            sql_type: row.get(1)?,
            nullable: !row.get::<_, bool>(2)?,
            key: row.get(3)?,
            computed: row.get::<_, i64>(4)? != 0,
        })
    })?;
    found.collect()
}

fn found_indexes(connection: &Connection, table: &str) -> rusqlite::Result<Vec<FoundIndex>> {
    let sql = "SELECT name, \"unique\", partial, origin = 'pk' FROM pragma_index_list(?1, 'main') \
               WHERE origin IN ('c', 'pk')";
    let mut statement = connection.prepare(sql)?;
    let found = statement.query_map([table], |row| {
        let name: String = row.get(0)?;
        let (columns, plain) = index_columns(connection, &name)?;
        let plain = plain && !row.get::<_, bool>(2)?;
        Ok(FoundIndex { name, columns, unique: row.get(1)?, primary: row.get(3)?, plain })
    })?;
    found.collect()
}

/// The columns of an index, and whether all of them are in the order of bytes.
fn index_columns(connection: &Connection, index: &str) -> rusqlite::Result<(Vec<String>, bool)> {
    let sql =
        "SELECT coalesce(name, ''), \"desc\", coll FROM pragma_index_xinfo(?1, 'main') WHERE key";
    let mut statement = connection.prepare(sql)?;
    let (mut columns, mut plain) = (Vec::new(), true);
    let mut rows = statement.query([index])?;
    while let Some(row) = rows.next()? {
        columns.push(row.get(0)?);
        plain &= !row.get::<_, bool>(1)? && row.get::<_, String>(2)? == "BINARY";
    }
    Ok((columns, plain))
}
