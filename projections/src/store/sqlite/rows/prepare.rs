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

/// What a table needs to be as declared.
enum Need {
    /// It is missing.
    Creation(Vec<SqlColumn>),
    /// These statements; none, where it is as declared.
    Additions(Vec<String>),
}

impl Preparation<'_> {
    /// Creates the table where it is missing, and else brings it up to date where it can be.
    pub(super) fn run(&self) -> Result<Prepared, Fault> {
        match self.look()? {
            Need::Creation(columns) => self.create(&columns).map(|()| Prepared::Created),
            Need::Additions(additions) => self.add(&additions),
        }
    }

    /// Tells what [`run`](Self::run) would do, and changes nothing.
    pub(super) fn foresee(&self) -> Result<Prepared, Fault> {
        self.look().map(|need| match need {
            Need::Creation(_) => Prepared::Created,
            Need::Additions(additions) if additions.is_empty() => Prepared::Kept,
            Need::Additions(_) => Prepared::Extended,
        })
    }

    /// As [`foresee`](Self::foresee), where the table is dropped before.
    pub(super) fn foresee_anew(&self) -> Result<Prepared, Fault> {
        self.columns()?;
        match (self.kind()?.as_deref(), self.record()?) {
            (None, _) | (Some("table"), Some(_)) => Ok(Prepared::Created),
            (Some(kind), _) => Err(self.is_taken(kind)),
        }
    }

    fn look(&self) -> Result<Need, Fault> {
        let columns = self.columns()?;
        match (self.kind()?.as_deref(), self.record()?) {
            (_, Some(record)) if record.projector != self.projector => {
                Err(self.belongs_to(&record.projector))
            }
            (None, None) => Ok(Need::Creation(columns)),
            (None, Some(_)) => Err(self.differs("is missing: something else has dropped it")),
            (Some("table"), Some(record)) => self.compare(&columns, &record).map(Need::Additions),
            (Some(kind), _) => Err(self.is_taken(kind)),
        }
    }

    fn record(&self) -> Result<Option<Record>, Fault> {
        match schema::has_tables(self.connection, self.label)? {
            true => Ok(record::find(self.connection, self.table.name)?),
            false => Ok(None),
        }
    }

    fn kind(&self) -> Result<Option<String>, Fault> {
        Ok(kind_of(self.connection, self.table.name)?)
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
        schema::create_tables(self.connection, self.label)?;
        self.connection.execute_batch(&ddl::create_table(self.table, columns))?;
        for index in ddl::indexes(self.table) {
            self.connection.execute_batch(&ddl::create_index(self.table, &index))?;
        }
        record::enter(self.connection, self.table, self.projector)?;
        Ok(())
    }

    /// Returns the statements that bring the table up to date.
    fn compare(&self, columns: &[SqlColumn], record: &Record) -> Result<Vec<String>, Fault> {
        let mut comparison = compare::compare(self.connection, self.table, columns)?;
        if comparison.differences.is_empty() {
            comparison.differences = record.differences(self.table);
        }
        if comparison.differences.is_empty() {
            return Ok(comparison.additions);
        }
        let how = comparison.differences.join("; ");
        Err(self.differs(&format!("is not as the program declares it: {how}")))
    }

    fn add(&self, additions: &[String]) -> Result<Prepared, Fault> {
        if additions.is_empty() {
            return Ok(Prepared::Kept);
        }
        for addition in additions {
            self.connection.execute_batch(addition)?;
        }
        record::enter(self.connection, self.table, self.projector)?;
        Ok(Prepared::Extended)
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
