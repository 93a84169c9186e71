//! [`SqliteEventStore`].

use std::{path::Path, sync::Arc};

use rusqlite::Connection;

use super::{
    Sqlite, SqliteOptions, append, error::store_error, file::File, presences::SqlitePresences,
    read, schema, snapshots::SqliteSnapshots, writer,
};
use crate::{
    AppendError, AppendRequest, EventId, EventSource, EventStore, Filter, GlobalPosition,
    ImportChunk, ImportProgress, ImportReceipt, Page, PresenceStore, ReadError, ReadRequest,
    Receipt, Scanned, SnapshotStore, StoreError, StoreErrorKind, StoreId, inline::Database,
};

/// An event store in an SQLite file.
///
/// Clones share the file, as do all handles of this process on it. See the
/// [module's documentation](super) for what it guarantees.
#[derive(Clone, Debug)]
pub struct SqliteEventStore {
    file: Arc<File>,
    id: StoreId,
    options: SqliteOptions,
}

impl SqliteEventStore {
    /// Opens the event store in a file; a missing file is created, and a database without an event
    /// store is given one.
    ///
    /// # Errors
    /// Fails when the file is not a database, may not be opened or written, was made by a newer
    /// version of this library, or has a table `events` of somebody else.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path.as_ref(), SqliteOptions::new())
    }

    pub(super) fn open_with(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let file = File::open(path, options)?;
        let known = file.read(options, |connection| {
            schema::check_versions(connection, file.label())?;
            match schema::has_events(connection, file.label())? {
                true => schema::store_id(connection, file.label()),
                false => Ok(None),
            }
        })?;
        let id = match known {
            Some(id) => id,
            None => create(&file, options)?,
        };
        file.set_holds_events();
        Ok(Self { file, id, options })
    }

    /// Opens a storage for read models in the event store's own file.
    #[must_use]
    pub fn read_models(&self) -> Sqlite {
        Sqlite::of_event_store(Arc::clone(&self.file), self.options)
    }

    /// Opens a connection that can only read, for queries of the application's own.
    ///
    /// # Errors
    /// Fails when the file cannot be opened.
    pub fn connect(&self) -> Result<Connection, StoreError> {
        self.file.connect_reader(self.options)
    }

    /// Returns the size of the write-ahead log in bytes; 0 where there is none.
    #[must_use]
    pub fn wal_bytes(&self) -> u64 {
        self.file.wal_bytes()
    }

    /// Runs blocking work where it may block.
    async fn blocking<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let store = self.clone();
        let work = tokio::task::spawn_blocking(move || work(&store));
        work.await.unwrap_or_else(|error| Err(cut_off(self.file.label(), error).into()))
    }
}

fn cut_off(label: &str, error: tokio::task::JoinError) -> StoreError {
    let doing = format!("use {label}: the work was cut off");
    StoreError::new(StoreErrorKind::Unavailable, doing).with_source(error)
}

fn create(file: &Arc<File>, options: SqliteOptions) -> Result<StoreId, StoreError> {
    let turn = writer::Turn::begin_durable(file, options)?;
    let id = schema::create_events(&turn.connection(), file.label())?;
    turn.commit().map_err(writer::Uncommitted::into_error)?;
    Ok(id)
}

impl EventSource for SqliteEventStore {
    fn store_id(&self) -> StoreId {
        self.id
    }

    fn label(&self) -> String {
        self.file.label().to_owned()
    }

    fn presences(&self) -> Option<Arc<dyn PresenceStore>> {
        Some(SqlitePresences::of(&self.file, self.options))
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        Some(SqliteSnapshots::of(&self.file, self.options))
    }

    async fn head(&self) -> Result<Option<Scanned>, StoreError> {
        self.blocking(|store| store.reading("read", read::head)).await
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<Page, ReadError> {
        let filter = request.filter.clone();
        let ReadRequest { after, verify, max_events, max_bytes, .. } = request;
        self.blocking(move |store| {
            let request = ReadRequest { after, verify, filter: &filter, max_events, max_bytes };
            let look = |connection: &_| read::page(connection, store.file.label(), request);
            store.file.read(store.options, look)
        })
        .await
    }

    async fn count(
        &self,
        filter: &Filter,
        after: GlobalPosition,
        up_to: GlobalPosition,
    ) -> Result<u64, StoreError> {
        if filter.is_empty() {
            return Ok(0);
        }
        let filter = filter.clone();
        self.blocking(move |store| store.count_matching(&filter, after, up_to)).await
    }

    async fn wait(&self, after: GlobalPosition) -> Result<(), StoreError> {
        let watch = self.file.watch();
        let heard = watch.head();
        if heard > after {
            let head = self.head().await?.map_or(GlobalPosition::BEGINNING, |head| head.position);
            if head > after {
                return Ok(());
            }
            watch.correct(heard, head);
        }
        let connect = || self.file.connect_reader(self.options);
        watch.wait(after, self.file.label(), connect).await
    }

    async fn unfinished_imports(&self) -> Result<Vec<ImportProgress>, StoreError> {
        self.blocking(|store| {
            let look = |connection: &_| read::unfinished_imports(connection, store.file.label());
            store.file.read(store.options, look)
        })
        .await
    }

    fn database(&self) -> Option<Database> {
        Some(Database::new(Arc::clone(&self.file)))
    }
}

impl SqliteEventStore {
    /// Runs an append; where it is cut off, nobody knows what became of it.
    async fn writing<T: Send + 'static>(
        &self,
        ids: Vec<EventId>,
        work: impl FnOnce(&Self) -> Result<T, AppendError> + Send + 'static,
    ) -> Result<T, AppendError> {
        let store = self.clone();
        let work = tokio::task::spawn_blocking(move || work(&store));
        work.await.unwrap_or_else(|error| {
            Err(AppendError::Unknown { ids, source: cut_off(self.file.label(), error) })
        })
    }

    fn reading<T>(
        &self,
        what: &str,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.file.read(self.options, |connection| {
            look(connection).map_err(|error| store_error(what, self.file.label(), error))
        })
    }

    /// Counts window by window, each in a snapshot of its own: what is stored does not change.
    fn count_matching(
        &self,
        filter: &Filter,
        mut after: GlobalPosition,
        up_to: GlobalPosition,
    ) -> Result<u64, StoreError> {
        let mut total = 0;
        while let Some((count, end)) = self.reading("count events in", |connection| {
            read::count_window(connection, filter, after, up_to)
        })? {
            total += count;
            after = end;
        }
        Ok(total)
    }
}

impl EventStore for SqliteEventStore {
    async fn append(&self, request: AppendRequest) -> Result<Receipt, AppendError> {
        let ids = request.events.iter().map(|event| event.id).collect();
        let work =
            move |store: &Self| append::append(&store.file, store.options, store.id, &request);
        self.writing(ids, work).await
    }

    async fn import(&self, chunk: ImportChunk) -> Result<ImportReceipt, AppendError> {
        let ids = chunk.events.iter().map(|(_, event)| event.id).collect();
        self.writing(ids, move |store| append::import(&store.file, store.options, &chunk)).await
    }
}
