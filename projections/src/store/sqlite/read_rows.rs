//! [`SqliteReads`]: declared rows, for readers.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::{
    Sqlite, SqliteOptions, checkpoint,
    error::store_error,
    file::File,
    rows::{Bound, StoredRow, sql_type},
    schema,
    select_rows::{Statement, count, select},
};
use crate::{
    CheckpointKey, GlobalPosition, ReadModel, StoreError, StoreErrorKind,
    engine::BoxFuture,
    read::{QueryError, Reader, RowReads, Selected, Selection},
    rows::Table,
};

impl<M> Sqlite<M> {
    /// Reads the rows of a table, whatever process keeps it. See [`read`](crate::read) for what a
    /// reader can do.
    ///
    /// It takes no runtime and no projector. One that also knows the rows' position is made by
    /// [`rows_of`](Self::rows_of).
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
        Reader::new(self.reads(), None)
    }

    /// As [`rows`](Self::rows), of the projector with a name, whose position the reader then knows.
    /// Where the runtime has a [`namespace`](crate::Builder::namespace), the name is a
    /// [`CheckpointKey`] with it.
    #[must_use]
    pub fn rows_of<T: ReadModel>(&self, projector: impl Into<CheckpointKey>) -> Reader<T> {
        Reader::new(self.reads(), Some(projector.into()))
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

/// A table that was compared with its declaration, and the version of the schema that it was in.
#[derive(Clone, Copy)]
struct Seen {
    schema: i64,
    exists: bool,
}

impl RowReads for SqliteReads {
    fn select(
        &self,
        selection: Selection,
        mut selected: Selected,
    ) -> BoxFuture<'_, Result<GlobalPosition, QueryError>> {
        self.look(move |shared, connection| {
            if shared.exists(connection, selection.table)? {
                let table = selection.table;
                let rows = each(connection, &select(&selection), &mut |row| {
                    selected(&StoredRow { row, table });
                });
                rows.map_err(|error| shared.failed(table, error))?;
            }
            match &selection.checkpoint {
                Some(key) => Ok(shared.position(connection, key)?),
                None => Ok(GlobalPosition::BEGINNING),
            }
        })
    }

    fn count(&self, selection: Selection) -> BoxFuture<'_, Result<u64, QueryError>> {
        self.look(move |shared, connection| {
            let mut rows = 0;
            if shared.exists(connection, selection.table)? {
                let counted = each(connection, &count(&selection), &mut |row| {
                    rows = row.get(0).unwrap_or_default(); // a count is a number
                });
                counted.map_err(|error| shared.failed(selection.table, error))?;
            }
            Ok(rows)
        })
    }
}

impl SqliteReads {
    /// Looks at a snapshot, on a thread that may block.
    fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Shared, &Connection) -> Result<R, QueryError> + Send + 'static,
    ) -> BoxFuture<'_, Result<R, QueryError>> {
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
    /// Tells whether a table is there, and makes sure that it is as declared. It is compared once
    /// for each version of the file's schema.
    fn exists(&self, connection: &Connection, table: &'static Table) -> Result<bool, QueryError> {
        let failed = |error| self.failed(table, error);
        let schema = connection
            .prepare_cached("PRAGMA main.schema_version")
            .and_then(|mut version| version.query_row([], |row| row.get(0)))
            .map_err(failed)?;
        if let Some(seen) = self.seen.lock().get(table.name)
            && seen.schema == schema
        {
            return Ok(seen.exists);
        }
        let exists = table_exists(connection, table).map_err(failed)?;
        if exists && let Some(what) = difference(connection, table).map_err(failed)? {
            let (table, place) = (table.name, self.file.label().to_owned());
            return Err(QueryError::Differs { table, place, what });
        }
        self.seen.lock().insert(table.name, Seen { schema, exists });
        Ok(exists)
    }

    /// The last event that the snapshot shows; the beginning where nothing has run yet.
    fn position(
        &self,
        connection: &Connection,
        key: &CheckpointKey,
    ) -> Result<GlobalPosition, StoreError> {
        let label = self.file.label();
        if !schema::has_checkpoints(connection, label)? {
            return Ok(GlobalPosition::BEGINNING);
        }
        let stored = checkpoint::load(connection, key)
            .map_err(|error| store_error("read the checkpoint from", label, error))?;
        Ok(stored.map_or(GlobalPosition::BEGINNING, |stored| stored.position))
    }

    fn failed(&self, table: &Table, error: rusqlite::Error) -> QueryError {
        let doing = format!("read the rows of table `{}` from", table.name);
        store_error(&doing, self.file.label(), error).into()
    }
}

fn table_exists(connection: &Connection, table: &Table) -> rusqlite::Result<bool> {
    let found = connection
        .prepare_cached("SELECT 1 FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE")?
        .query_row([table.name], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// Says what keeps a table from being read as it is declared. Columns that are not declared do not.
fn difference(connection: &Connection, table: &Table) -> rusqlite::Result<Option<String>> {
    let mut statement = connection
        .prepare_cached("SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?1, 'main')")?;
    let mut rows = statement.query([table.name])?;
    let mut columns = HashMap::new();
    let mut key = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, kind, not_null): (String, String, bool) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let place: usize = row.get(3)?;
        if place > 0 {
            key.push((place, name.clone()));
        }
        columns.insert(name, (kind, not_null));
    }
    for column in table.columns {
        let name = column.name;
        let Some((found, not_null)) = columns.get(name) else {
            return Ok(Some(format!("it has no column `{name}`")));
        };
        let declared = sql_type(column.kind);
        if !found.eq_ignore_ascii_case(declared) {
            return Ok(Some(format!("column `{name}` is {found}, and {declared} is declared")));
        }
        if !not_null && !column.nullable {
            return Ok(Some(format!("column `{name}` may be NULL, which is not declared")));
        }
    }
    key.sort_unstable();
    let found: Vec<_> = key.into_iter().map(|(_, name)| name).collect();
    let declared: Vec<_> = table.key.iter().map(|column| table.columns[*column].name).collect();
    if found != declared {
        let (found, declared) = (found.join(", "), declared.join(", "));
        return Ok(Some(format!("its key is ({found}), and ({declared}) is declared")));
    }
    Ok(None)
}

fn each(
    connection: &Connection,
    statement: &Statement,
    found: &mut dyn FnMut(&rusqlite::Row<'_>),
) -> rusqlite::Result<()> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    let values = statement.values.iter().map(|value| Bound(value.as_value()));
    let mut rows = prepared.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        found(row);
    }
    Ok(())
}
