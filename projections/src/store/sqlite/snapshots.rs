//! Snapshots as rows.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::{
    SqliteOptions,
    error::store_error,
    file::File,
    schema,
    writer::{Turn, Uncommitted},
};
use crate::{__private::BoxFuture, CheckpointKey, SnapshotStore, StoreError, StoreErrorKind};

/// The snapshots in a file.
#[derive(Clone)]
pub(super) struct SqliteSnapshots {
    file: Arc<File>,
    options: SqliteOptions,
}

impl SqliteSnapshots {
    pub(super) fn of(file: &Arc<File>, options: SqliteOptions) -> Arc<dyn SnapshotStore> {
        Arc::new(Self { file: Arc::clone(file), options })
    }

    /// Runs blocking work where it may block.
    fn blocking<'a, T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        let snapshots = self.clone();
        Box::pin(async move {
            let label = snapshots.file.label().to_owned();
            let work = tokio::task::spawn_blocking(move || work(&snapshots));
            work.await.unwrap_or_else(|error| {
                let doing = format!("use the snapshots in {label}: the work was cut off");
                Err(StoreError::new(StoreErrorKind::Unavailable, doing).with_source(error))
            })
        })
    }

    /// Changes them in one transaction.
    fn write(
        &self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<usize>,
    ) -> Result<(), StoreError> {
        let label = self.file.label();
        let turn = Turn::begin(&self.file, self.options)?;
        schema::create_snapshots(&turn.connection(), label)?;
        change(&turn.connection())
            .map_err(|error| store_error("write a snapshot to", label, error))?;
        turn.commit().map_err(Uncommitted::into_error)
    }
}

impl SnapshotStore for SqliteSnapshots {
    fn load<'a>(
        &'a self,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        let key = key.clone();
        self.blocking(move |snapshots| {
            let label = snapshots.file.label();
            snapshots.file.read(snapshots.options, |connection| {
                if !schema::has_snapshots(connection, label)? {
                    return Ok(None);
                }
                load(connection, &key)
                    .map_err(|error| store_error("read a snapshot from", label, error))
            })
        })
    }

    fn save<'a>(
        &'a self,
        key: &'a CheckpointKey,
        snapshot: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let key = key.clone();
        self.blocking(move |snapshots| {
            snapshots.write(|connection| {
                connection.prepare_cached(SAVE)?.execute((
                    &key.namespace,
                    &key.projector,
                    key.generation,
                    key.lane,
                    key.partition,
                    Timestamp::now().as_microsecond(),
                    snapshot,
                ))
            })
        })
    }

    fn remove<'a>(&'a self, key: &'a CheckpointKey) -> BoxFuture<'a, Result<(), StoreError>> {
        let key = key.clone();
        self.blocking(move |snapshots| {
            snapshots.write(|connection| {
                connection.prepare_cached(REMOVE)?.execute((
                    &key.namespace,
                    &key.projector,
                    key.generation,
                    key.lane,
                    key.partition,
                ))
            })
        })
    }
}

fn load(connection: &Connection, key: &CheckpointKey) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached(LOAD)?
        .query_row(
            (&key.namespace, &key.projector, key.generation, key.lane, key.partition),
            |row| row.get(0),
        )
        .optional()
}

const LOAD: &str = "SELECT snapshot FROM main.projections_snapshots WHERE namespace = ?1
    AND projector = ?2 AND generation = ?3 AND lane = ?4 AND \"partition\" = ?5";

const SAVE: &str = "INSERT INTO main.projections_snapshots (namespace, projector, generation, lane,
        \"partition\", saved_at, snapshot)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT DO UPDATE SET saved_at = excluded.saved_at, snapshot = excluded.snapshot";

const REMOVE: &str = "DELETE FROM main.projections_snapshots WHERE namespace = ?1
    AND projector = ?2 AND generation = ?3 AND lane = ?4 AND \"partition\" = ?5";
