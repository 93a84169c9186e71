//! [`SqliteRows`]: declared rows in tables of a file.

mod check;
mod civil;
mod compare;
mod ddl;
mod fault;
mod prepare;
mod readable;
mod record;
mod statements;
mod values;

use std::sync::Arc;

use rusqlite::{Connection, Statement};

use self::{
    fault::Fault,
    prepare::Preparation,
    statements::Insertion,
    values::{bind_key, bind_row},
};
use super::{
    guard::Guard,
    writer::{SharedConnection, Turn},
};
use crate::{
    StoreError,
    rows::{Found, OwnedValue, Prepared, RowAccess, RowWrites, RowsError, Table, Values},
};

pub(super) use self::{
    check::check,
    ddl::{quoted, sorted},
    readable::{Readable, readable},
    statements::Plans,
    values::{StoredRow, bind_sought},
};

/// The tables of an open transaction.
pub(super) struct SqliteRows {
    connection: SharedConnection,
    guard: Arc<Guard>,
    plans: Arc<Plans>,
    label: String,
}

impl SqliteRows {
    /// Those of a transaction that has just begun.
    pub(super) fn of(turn: &Turn) -> Result<Self, StoreError> {
        record::tell_guard(&turn.connection(), turn.label(), turn.guard())?;
        Ok(Self {
            connection: turn.shared(),
            guard: Arc::clone(turn.guard()),
            plans: turn.plans(),
            label: turn.label().to_owned(),
        })
    }

    /// Runs statements of the library's own, between those of handlers.
    fn own<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        let handlers = self.guard.admit_handlers(false);
        let outcome = work(&self.connection.lock());
        self.guard.admit_handlers(handlers);
        outcome
    }

    /// Changes which tables there are.
    fn change<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, RowsError> {
        let outcome = self.own(|connection| {
            let done = work(connection)?;
            record::tell_guard_of_changes(connection, &self.label, &self.guard)?;
            Ok(done)
        });
        outcome.map_err(|fault: Fault| fault.of_tables(&self.label))
    }

    fn read(
        &self,
        table: &Table,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        self.own(|connection| {
            work(connection).map_err(|error| fault::of_read(connection, &self.label, table, error))
        })
    }
}

impl RowAccess for SqliteRows {
    fn prepare(&self, table: &Table, projector: &str) -> Result<Prepared, RowsError> {
        self.change(|connection| {
            Preparation { connection, label: &self.label, table, projector }.run()
        })
    }

    fn drop_table(&self, table: &Table) -> Result<(), RowsError> {
        self.change(|connection| prepare::drop_table(connection, &self.label, table.name))
    }

    fn load(&self, table: &Table, key: &dyn Values, found: Found<'_>) -> Result<(), StoreError> {
        let plan = self.plans.of(table);
        self.read(table, |connection| {
            let mut statement = connection.prepare_cached(&plan.load)?;
            bind_key(&mut statement, 1, key)?;
            each(&mut statement, table, found)
        })
    }

    fn find(
        &self,
        table: &Table,
        columns: &[usize],
        values: &[OwnedValue],
        found: Found<'_>,
    ) -> Result<(), StoreError> {
        let sql = self.plans.of(table).find(columns);
        self.read(table, |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            for (value, parameter) in values.iter().zip(1..) {
                bind_sought(&mut statement, parameter, value.as_value())?;
            }
            each(&mut statement, table, found)
        })
    }

    fn write(&self, table: &Table, writes: RowWrites<'_>) -> Result<(), RowsError> {
        let plan = self.plans.of(table);
        let is_bare = self.guard.is_bare(table.name, plan.columns);
        let insertion = if is_bare { &plan.replace } else { &plan.upsert };
        self.own(|connection| {
            let written = delete(connection, &plan.delete, writes.deletes)
                .and_then(|()| insert(connection, insertion, table, writes.upserts));
            written.map_err(|error| {
                fault::of_write(connection, &self.label, table, error, || self.guard.take_denied())
            })
        })
    }
}

/// Hands over what a query finds.
fn each(statement: &mut Statement<'_>, table: &Table, found: Found<'_>) -> rusqlite::Result<()> {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        found(&StoredRow { row, table });
    }
    Ok(())
}

fn delete(connection: &Connection, sql: &str, keys: &[&dyn Values]) -> rusqlite::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(sql)?;
    for key in keys {
        bind_key(&mut statement, 1, *key)?;
        statement.raw_execute()?;
    }
    Ok(())
}

fn insert(
    connection: &Connection,
    insertion: &Insertion,
    table: &Table,
    rows: &[&dyn Values],
) -> rusqlite::Result<()> {
    let chunks = rows.chunks_exact(insertion.rows);
    let rest = chunks.remainder();
    for (sql, chunks) in [(&insertion.many, chunks), (&insertion.one, rest.chunks_exact(1))] {
        if chunks.len() == 0 {
            continue;
        }
        let mut statement = connection.prepare_cached(sql)?;
        for chunk in chunks {
            let mut next = 1;
            for row in chunk {
                next = bind_row(&mut statement, next, table, *row)?;
            }
            statement.raw_execute()?;
        }
    }
    Ok(())
}
