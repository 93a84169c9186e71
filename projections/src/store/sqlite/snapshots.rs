//! Snapshots as rows.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::{
    SqliteOptions,
    aside::{Aside, Kind},
    file::File,
    schema,
};
use crate::{CheckpointKey, SnapshotStore, StoreError, engine::BoxFuture};

/// The snapshots in a file.
pub(super) struct SqliteSnapshots(Aside);

impl SqliteSnapshots {
    pub(super) fn of(file: &Arc<File>, options: SqliteOptions) -> Arc<dyn SnapshotStore> {
        Arc::new(Self(Aside::new(file, options, &KIND)))
    }
}

const KIND: Kind = Kind {
    create: schema::create_snapshots,
    exist: schema::has_snapshots,
    using: "use the snapshots in",
    reading: "read a snapshot from",
    writing: "write a snapshot to",
};

impl SnapshotStore for SqliteSnapshots {
    fn load<'a>(
        &'a self,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        let key = key.clone();
        self.0.read(move |connection| load(connection, &key))
    }

    fn save<'a>(
        &'a self,
        key: &'a CheckpointKey,
        snapshot: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let key = key.clone();
        self.0.write(move |connection| {
            let now = Timestamp::now().as_microsecond();
            connection
                .prepare_cached(SAVE)?
                .execute((
                    &key.namespace,
                    &key.projector,
                    key.generation,
                    key.lane,
                    key.partition,
                    now,
                    snapshot,
                ))
                .map(drop)
        })
    }

    fn remove<'a>(&'a self, key: &'a CheckpointKey) -> BoxFuture<'a, Result<(), StoreError>> {
        let key = key.clone();
        self.0.write(move |connection| {
            connection
                .prepare_cached(REMOVE)?
                .execute((&key.namespace, &key.projector, key.generation, key.lane, key.partition))
                .map(drop)
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
