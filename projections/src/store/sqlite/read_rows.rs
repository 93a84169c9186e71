//! [`SqliteReads`]: declared rows, for readers.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use rusqlite::Connection;

use super::{
    Sqlite, SqliteOptions, checkpoint,
    error::store_error,
    file::File,
    rows::{Readable, StoredRow, bind_sought, check, readable},
    schema,
    select_rows::{Statement, count, select},
};
use crate::{
    GlobalPosition, ReadModel, StoreError, StoreErrorKind,
    engine::BoxFuture,
    read::{QueryError, Reader, RowReads, Selected, Selection, TableCheck},
    rows::{Prepared, RowsError, Table},
};

impl<M> Sqlite<M> {
    /// Reads the rows of a table, whatever process keeps it. See [`read`](crate::read) for what a
    /// reader can do.
    ///
    /// It takes no runtime and no projector, and so cannot wait for one.
    ///
    /// ```standalone_crate
    /// use projections::{ReadModel, sqlite::Sqlite};
    ///
    /// #[derive(ReadModel, Default)]
    /// #[read_model(table = "players")]
    /// struct PlayerStats { #[key] player: String, net: i64 }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), projections::Error> {
    /// # let folder = tempfile::tempdir().expect("a temporary folder");
    /// # let path = folder.path().join("read.db");
    /// let players = Sqlite::open(path)?.rows::<PlayerStats>();
    /// assert!(players.get("ada").await?.is_none(), "no projector has run yet");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn rows<T: ReadModel>(&self) -> Reader<T> {
        Reader::new(self.reads())
    }

    pub(super) fn reads(&self) -> Arc<dyn RowReads> {
        let (file, options) = (Arc::clone(self.file()), self.options());
        Arc::new(SqliteReads(Arc::new(Shared { file, options, seen: Mutex::default() })))
    }
}

/// The tables of a file, each read in a snapshot of its own on a connection that only reads.
struct SqliteReads(Arc<Shared>);

struct Shared {
    file: Arc<File>,
    options: SqliteOptions,
    /// Tables by name, as they were compared last.
    seen: Mutex<HashMap<&'static str, Seen>>,
}

/// A table as it was found, and the version of the file's schema then.
#[derive(Clone)]
struct Seen {
    schema: i64,
    found: Found,
}

#[derive(Clone)]
enum Found {
    Missing,
    Table { owner: Option<Arc<str>> },
}

impl RowReads for SqliteReads {
    fn select(
        &self,
        selection: Selection,
        mut selected: Selected,
    ) -> BoxFuture<'_, Result<GlobalPosition, QueryError>> {
        self.look(move |shared, connection| {
            let table = selection.table;
            let Found::Table { owner } = shared.find(connection, table)? else {
                return Ok(GlobalPosition::BEGINNING);
            };
            let rows = each(connection, &select(&selection), &mut |row| {
                selected(&StoredRow { row, table });
            });
            rows.map_err(|error| shared.failed(table, error))?;
            match owner.filter(|_| selection.with_position) {
                Some(owner) => Ok(shared.position(connection, &owner)?),
                None => Ok(GlobalPosition::BEGINNING),
            }
        })
    }

    fn count(&self, selection: Selection) -> BoxFuture<'_, Result<u64, QueryError>> {
        self.look(move |shared, connection| {
            if let Found::Missing = shared.find(connection, selection.table)? {
                return Ok(0);
            }
            let mut rows = 0;
            let counted = each(connection, &count(&selection), &mut |row| {
                rows = row.get(0).unwrap_or_default(); // a count is a number
            });
            counted.map_err(|error| shared.failed(selection.table, error))?;
            Ok(rows)
        })
    }

    fn check(&self, asked: TableCheck) -> BoxFuture<'_, Result<Prepared, RowsError>> {
        self.look(move |shared, connection| check(connection, shared.file.label(), &asked))
    }
}

impl SqliteReads {
    /// Looks at a snapshot, on a thread that may block.
    fn look<R: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        look: impl FnOnce(&Shared, &Connection) -> Result<R, E> + Send + 'static,
    ) -> BoxFuture<'_, Result<R, E>> {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let read = move || shared.file.read(shared.options, |snapshot| look(&shared, snapshot));
            tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| {
                let doing = "read rows: the reading thread has ended";
                Err(StoreError::new(StoreErrorKind::Other, doing).with_source(error).into())
            })
        })
    }
}

impl Shared {
    /// Looks for a table, and makes sure that it can be read. It is compared with its declaration
    /// once for each version of the file's schema.
    fn find(&self, connection: &Connection, table: &'static Table) -> Result<Found, QueryError> {
        let label = self.file.label();
        let schema = connection
            .prepare_cached("PRAGMA main.schema_version")
            .and_then(|mut version| version.query_row([], |row| row.get(0)))
            .map_err(|error| self.failed(table, error))?;
        if let Some(seen) = self.seen.lock().get(table.name)
            && seen.schema == schema
        {
            return Ok(seen.found.clone());
        }
        let found = match readable(connection, label, table)? {
            Readable::Missing => Found::Missing,
            Readable::As { owner } => Found::Table { owner: owner.map(Arc::from) },
            Readable::Not(what) => {
                let (table, place) = (table.name, label.to_owned());
                return Err(QueryError::Differs { table, place, what });
            }
        };
        self.seen.lock().insert(table.name, Seen { schema, found: found.clone() });
        Ok(found)
    }

    /// The last event that a projector has applied; the beginning where it has not begun.
    fn position(&self, connection: &Connection, owner: &str) -> Result<GlobalPosition, StoreError> {
        let label = self.file.label();
        if !schema::has_checkpoints(connection, label)? {
            return Ok(GlobalPosition::BEGINNING);
        }
        let position = checkpoint::position_of_owner(connection, owner)
            .map_err(|error| store_error("read the checkpoint from", label, error))?;
        Ok(position.unwrap_or_default())
    }

    fn failed(&self, table: &Table, error: rusqlite::Error) -> QueryError {
        let doing = format!("read the rows of table `{}` from", table.name);
        store_error(&doing, self.file.label(), error).into()
    }
}

fn each(
    connection: &Connection,
    statement: &Statement,
    found: &mut dyn FnMut(&rusqlite::Row<'_>),
) -> rusqlite::Result<()> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    for (value, parameter) in statement.values.iter().zip(1..) {
        bind_sought(&mut prepared, parameter, value.as_value())?;
    }
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next()? {
        found(row);
    }
    Ok(())
}
