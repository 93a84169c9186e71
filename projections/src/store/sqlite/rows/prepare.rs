//! Creating tables, and making sure that those that are there are as declared.

use rusqlite::{Connection, OptionalExtension};

use super::{
    Fault, compare,
    ddl::{self, SqlColumn, quoted},
    record::{self, Record},
};
use crate::{
    rows::{Prepared, Table},
    store::sqlite::{guard::has_own_name, schema},
};

/// A table on its way to being used.
pub(super) struct Preparation<'a> {
    pub(super) connection: &'a Connection,
    pub(super) label: &'a str,
    pub(super) table: &'a Table,
    pub(super) projector: &'a str,
}

impl Preparation<'_> {
    /// Creates the table where it is missing, and else brings it up to date where it can be.
    pub(super) fn run(&self) -> Result<Prepared, Fault> {
        let columns = self.columns()?;
        schema::create_tables(self.connection, self.label)?;
        let record = record::find(self.connection, self.table.name)?;
        let kind = kind_of(self.connection, self.table.name)?;
        match (kind.as_deref(), record) {
            (_, Some(record)) if record.projector != self.projector => {
                Err(self.belongs_to(&record.projector))
            }
            (None, None) => self.create(&columns).map(|()| Prepared::Created),
            (None, Some(_)) => Err(self.differs("is missing: something else has dropped it")),
            (Some("table"), Some(record)) => {
                self.bring_up_to_date(&columns, &record).map(|()| Prepared::Kept)
            }
            (Some(kind), _) => Err(self.is_taken(kind)),
        }
    }

    fn columns(&self) -> Result<Vec<SqlColumn>, Fault> {
        let fault = |why: String| Fault::Differs(format!("{} cannot be made: {why}", self.name()));
        if has_own_name(self.table.name) {
            return Err(fault("names that begin with `projections_` are the library's".to_owned()));
        }
        let columns = ddl::columns(self.table).map_err(|error| fault(error.to_string()))?;
        for (place, column) in columns.iter().enumerate() {
            if columns.iter().take(place).any(|other| other.name.eq_ignore_ascii_case(&column.name))
            {
                return Err(fault(format!(
                    "it has two columns `{}`; SQLite does not tell upper case from lower case, and a decimal `x` has `x__order` beside it",
                    column.name
                )));
            }
        }
        Ok(columns)
    }

    fn create(&self, columns: &[SqlColumn]) -> Result<(), Fault> {
        self.connection.execute_batch(&ddl::create_table(self.table, columns))?;
        for index in ddl::indexes(self.table) {
            self.connection.execute_batch(&ddl::create_index(self.table, &index))?;
        }
        record::enter(self.connection, self.table, self.projector)?;
        Ok(())
    }

    fn bring_up_to_date(&self, columns: &[SqlColumn], record: &Record) -> Result<(), Fault> {
        let mut comparison = compare::compare(self.connection, self.table, columns)?;
        if comparison.differences.is_empty() {
            comparison.differences = record.differences(self.table);
        }
        if !comparison.differences.is_empty() {
            let how = comparison.differences.join("; ");
            return Err(self.differs(&format!("is not as the program declares it: {how}")));
        }
        if comparison.additions.is_empty() {
            return Ok(());
        }
        for addition in &comparison.additions {
            self.connection.execute_batch(addition)?;
        }
        record::enter(self.connection, self.table, self.projector)?;
        Ok(())
    }

    fn name(&self) -> String {
        format!("table `{}` of {}", self.table.name, self.label)
    }

    fn differs(&self, how: &str) -> Fault {
        Fault::Differs(format!(
            "{} {how}; rebuild projector `{}`, which makes the table anew",
            self.name(),
            self.projector
        ))
    }

    fn belongs_to(&self, owner: &str) -> Fault {
        let (name, projector) = (self.name(), self.projector);
        Fault::Differs(format!(
            "{name} belongs to projector `{owner}`, and a table has one projector; name another one for `{projector}` with `#[read_model(table = ..)]`, or, if `{projector}` takes the place of `{owner}`, rebuild `{projector}`, which makes the table anew"
        ))
    }

    fn is_taken(&self, kind: &str) -> Fault {
        Fault::Differs(format!(
            "{} cannot be made: there is a {kind} of that name that this library did not make; name another one with `#[read_model(table = ..)]`, or rename or drop the {kind}",
            self.name()
        ))
    }
}

/// Tells how a table that rows were written to or read from has changed, if it has.
pub(super) fn changed(connection: &Connection, table: &Table) -> rusqlite::Result<Option<String>> {
    if kind_of(connection, table.name)?.as_deref() != Some("table") {
        return Ok(Some("the table is missing".to_owned()));
    }
    let Ok(columns) = ddl::columns(table) else { return Ok(None) };
    let differences = compare::compare(connection, table, &columns)?.differences;
    Ok((!differences.is_empty()).then(|| differences.join("; ")))
}

/// Drops a table, if this library made it: for a rebuild, whoever it belonged to.
pub(super) fn drop_table(connection: &Connection, label: &str, table: &str) -> Result<(), Fault> {
    if !schema::has_tables(connection, label)? || record::find(connection, table)?.is_none() {
        return Ok(());
    }
    if kind_of(connection, table)?.as_deref() == Some("table") {
        connection.execute_batch(&format!("DROP TABLE main.{}", quoted(table)))?;
    }
    record::remove(connection, table)?;
    Ok(())
}

/// Returns what has a name: a table or a view.
fn kind_of(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT type FROM main.sqlite_schema \
               WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view')";
    connection.query_row(sql, [name], |row| row.get(0)).optional()
}
