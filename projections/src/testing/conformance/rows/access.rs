//! One way to call blocking and async access to tables.

use std::sync::Arc;

use super::Broken;
use crate::{
    error::chain,
    rows::{
        AsyncRowAccess, ColumnError, OwnedValue, Prepared, Put, RowAccess, RowSets, RowValues,
        RowWrites, RowsError, Table, Values,
    },
};

/// The values of a row or a key.
pub(super) type Row = Vec<OwnedValue>;

/// The tables within a transaction.
pub(super) enum Access {
    Blocking(Arc<dyn RowAccess>),
    Network(Arc<dyn AsyncRowAccess>),
}

impl Access {
    pub(super) fn of(sets: &RowSets) -> Result<Self, Broken> {
        let blocking = sets.blocking_access().map(Self::Blocking);
        let access = blocking.or_else(|| sets.network_access().map(Self::Network));
        access.ok_or_else(|| Broken("a session has access to the tables of rows".to_owned()))
    }

    pub(super) async fn prepare(
        &self,
        table: &Table,
        projector: &str,
    ) -> Result<Prepared, RowsError> {
        match self {
            Self::Blocking(access) => access.prepare(table, projector),
            Self::Network(access) => access.prepare(table, projector).await,
        }
    }

    pub(super) async fn drop_table(&self, table: &Table) -> Result<(), Broken> {
        match self {
            Self::Blocking(access) => access.drop_table(table),
            Self::Network(access) => access.drop_table(table).await,
        }
        .map_err(|error| failed("drop a table", &error))
    }

    /// Loads the rows with these keys, in their order.
    pub(super) async fn load(&self, table: &Table, keys: &[Row]) -> Result<Vec<Row>, Broken> {
        let mut found = Vec::new();
        let keys: Vec<Given<'_>> = keys.iter().map(Given).collect();
        match self {
            Self::Blocking(access) => {
                for key in &keys {
                    access.load(table, key, &mut |row| found.push(taken(table, row)))?;
                }
            }
            Self::Network(access) => {
                let keys: Vec<&dyn Values> = keys.iter().map(|key| key as &dyn Values).collect();
                access.load(table, &keys, &mut |row| found.push(taken(table, row))).await?;
            }
        }
        let rows = found.into_iter().collect::<Result<Vec<Row>, Broken>>()?;
        let of_key =
            |key: &Given<'_>| rows.iter().find(|row| key_of(table, row) == *key.0).cloned();
        let in_order: Vec<Row> = keys.iter().filter_map(of_key).collect();
        if in_order.len() != rows.len() {
            return Err(Broken(format!(
                "a load finds the rows with the keys, each once; it found {rows:?}"
            )));
        }
        Ok(in_order)
    }

    pub(super) async fn find(
        &self,
        table: &Table,
        columns: &[usize],
        values: &[OwnedValue],
    ) -> Result<Vec<Row>, Broken> {
        let mut found = Vec::new();
        match self {
            Self::Blocking(access) => {
                access.find(table, columns, values, &mut |row| found.push(taken(table, row)))?;
            }
            Self::Network(access) => {
                let mut take = |row: &dyn RowValues| found.push(taken(table, row));
                access.find(table, columns, &[values.to_vec()], &mut take).await?;
            }
        }
        found.into_iter().collect()
    }

    pub(super) async fn write(
        &self,
        table: &Table,
        deletes: &[Row],
        upserts: &[Row],
    ) -> Result<(), RowsError> {
        let (deletes, upserts) = (given(deletes), given(upserts));
        let (deletes, upserts) = (borrowed(&deletes), borrowed(&upserts));
        let writes = RowWrites { deletes: &deletes, upserts: &upserts };
        match self {
            Self::Blocking(access) => access.write(table, writes),
            Self::Network(access) => access.write(table, writes).await,
        }
    }
}

/// A call failed that must succeed.
pub(super) fn failed(what: &str, error: &RowsError) -> Broken {
    let why = match error {
        RowsError::Store(error) => chain(error),
        RowsError::Refused(error) => chain(&**error),
        RowsError::Differs(what) => what.clone(),
    };
    Broken(format!("a call failed that must succeed, to {what}: {why}"))
}

fn key_of(table: &Table, row: &[OwnedValue]) -> Row {
    table.key.iter().map(|column| row[*column].clone()).collect() // a row has all columns
}

fn taken(table: &Table, row: &dyn RowValues) -> Result<Row, Broken> {
    let columns = 0..table.columns.len();
    let values = columns.map(|column| row.value(column).map(OwnedValue::from));
    let row: Result<Row, ColumnError> = values.collect();
    Ok(row?)
}

struct Given<'a>(&'a Row);

impl Values for Given<'_> {
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        self.0.as_slice().put(put)
    }
}

fn given(rows: &[Row]) -> Vec<Given<'_>> {
    rows.iter().map(Given).collect()
}

fn borrowed<'a>(rows: &'a [Given<'a>]) -> Vec<&'a dyn Values> {
    rows.iter().map(|row| row as &dyn Values).collect()
}
