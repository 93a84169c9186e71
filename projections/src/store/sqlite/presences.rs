//! What processes say that they run, as rows.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, Row};

use super::{
    SqliteOptions,
    aside::{Aside, Kind},
    checkpoint::{damaged, parsed, position},
    file::File,
    schema,
};
use crate::{
    CheckpointKey, Lease, OwnerId, PRESENCE_KEPT, Presence, PresenceStore, StoreError,
    engine::BoxFuture,
};

/// The presences in a file.
pub(super) struct SqlitePresences(Aside);

impl SqlitePresences {
    pub(super) fn of(file: &Arc<File>, options: SqliteOptions) -> Arc<dyn PresenceStore> {
        Arc::new(Self(Aside::new(file, options, &KIND)))
    }
}

const KIND: Kind = Kind {
    create: schema::create_presences,
    exist: schema::has_presences,
    using: "use the presences in",
    reading: "read the presences from",
    writing: "write a presence to",
};

impl PresenceStore for SqlitePresences {
    fn save<'a>(&'a self, said: &'a [Presence]) -> BoxFuture<'a, Result<(), StoreError>> {
        let said = said.to_vec();
        self.0.write(move |connection| {
            let now = Timestamp::now().as_microsecond();
            said.iter().try_for_each(|presence| save(connection, presence, now))?;
            let kept = i64::try_from(PRESENCE_KEPT.as_micros()).unwrap_or(i64::MAX);
            connection.prepare_cached(FORGET_OLD)?.execute([now - kept]).map(drop)
        })
    }

    fn forget(&self, owner: OwnerId) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.write(move |connection| {
            connection.prepare_cached(FORGET)?.execute([owner.to_string()]).map(drop)
        })
    }

    fn list<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(Presence, Duration)>, StoreError>> {
        let namespace = namespace.to_owned();
        self.0.read(move |connection| list(connection, &namespace))
    }
}

fn save(connection: &Connection, presence: &Presence, now: i64) -> rusqlite::Result<()> {
    let Presence { key, lease, state, position, scanned, last_error } = presence;
    connection
        .prepare_cached(SAVE)?
        .execute(rusqlite::params![
            key.namespace,
            key.projector,
            key.generation,
            key.lane,
            key.partition,
            lease.owner.to_string(),
            lease.process,
            i64::try_from(lease.time.as_millis()).unwrap_or(i64::MAX),
            state.to_string(),
            position.get().cast_signed(),
            scanned.get().cast_signed(),
            last_error,
            now,
        ])
        .map(drop)
}

fn list(connection: &Connection, namespace: &str) -> rusqlite::Result<Vec<(Presence, Duration)>> {
    let now = Timestamp::now().as_microsecond();
    connection.prepare_cached(LIST)?.query_map([namespace], |row| presence(row, now))?.collect()
}

fn presence(row: &Row<'_>, now: i64) -> rusqlite::Result<(Presence, Duration)> {
    let silence = now.saturating_sub(row.get(12)?);
    let time: i64 = row.get(7)?;
    let presence = Presence {
        key: CheckpointKey {
            namespace: row.get(0)?,
            projector: row.get(1)?,
            generation: row.get(2)?,
            lane: row.get(3)?,
            partition: row.get(4)?,
        },
        lease: Lease {
            owner: parsed(5, &row.get::<_, String>(5)?)?,
            process: row.get(6)?,
            time: Duration::from_millis(u64::try_from(time).unwrap_or_default()),
            beat: 0,
        },
        state: row.get::<_, String>(8)?.parse().map_err(|error: String| damaged(8, error))?,
        position: position(row, 9)?,
        scanned: position(row, 10)?,
        last_error: row.get(11)?,
    };
    // The clock may have been set back since.
    Ok((presence, Duration::from_micros(u64::try_from(silence).unwrap_or_default())))
}

const SAVE: &str = "INSERT OR REPLACE INTO main.projections_presences (namespace, projector,
        generation, lane, \"partition\", owner, process, lease, state, position, scanned, last_error,
        said_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

const FORGET: &str = "DELETE FROM main.projections_presences WHERE owner = ?1";

const FORGET_OLD: &str = "DELETE FROM main.projections_presences WHERE said_at < ?1";

const LIST: &str = "SELECT namespace, projector, generation, lane, \"partition\", owner, process,
        lease, state, position, scanned, last_error, said_at
    FROM main.projections_presences WHERE namespace = ?1
    ORDER BY projector, generation, lane, \"partition\", process, owner";
