//! The library's own tables, and which version of them a file holds.

use rusqlite::{Connection, OptionalExtension};

use super::error::store_error;
use crate::{StoreError, StoreErrorKind, StoreId};

/// The newest version of the event store's tables that this library knows.
const EVENTS: (&str, u32) = ("events_schema", 3);
/// The version that it makes. A file becomes one of version 3 when a projector first runs inline in
/// it: programs that would not run it are then told to be too old, and others go on.
const PLAIN_EVENTS: u32 = 2;
/// The version of the checkpoints' table that this library writes.
const CHECKPOINTS: (&str, u32) = ("checkpoints_schema", 3);
/// The version of the record of rows' tables that this library writes.
const TABLES: (&str, u32) = ("tables_schema", 1);
/// The version of the snapshots' table that this library writes.
const SNAPSHOTS: (&str, u32) = ("snapshots_schema", 1);
/// The version of the dead letters' tables that this library writes.
const LETTERS: (&str, u32) = ("letters_schema", 1);
/// The version of the presences' table that this library writes.
const PRESENCES: (&str, u32) = ("presences_schema", 1);
/// The version of the requests' table that this library writes.
const REQUESTS: (&str, u32) = ("requests_schema", 1);
const STORE_ID: &str = "store_id";

const CREATE_META: &str = "CREATE TABLE IF NOT EXISTS main.projections_meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID";

/// Positions are AUTOINCREMENT: those of a deleted tail are never handed out again.
const CREATE_EVENTS: &str = "CREATE TABLE main.events (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              BLOB NOT NULL UNIQUE,
    stream          TEXT NOT NULL,
    stream_position INTEGER NOT NULL,
    domain          TEXT NOT NULL,
    type            TEXT NOT NULL,
    version         INTEGER NOT NULL DEFAULT 1, -- of the event's shape
    time            INTEGER NOT NULL, -- microseconds since 1970, by the producer's clock
    recorded_at     INTEGER NOT NULL, -- microseconds since 1970, by this store's clock
    payload         ANY NOT NULL,     -- TEXT where it is UTF-8, else BLOB
    metadata        TEXT,             -- a JSON object
    UNIQUE (stream, stream_position)
) STRICT;
CREATE TABLE main.projections_imports (
    import TEXT NOT NULL PRIMARY KEY, -- the id of its first event
    file   TEXT NOT NULL,
    lines  INTEGER NOT NULL,
    total  INTEGER NOT NULL
) STRICT, WITHOUT ROWID";

/// From version 1 of the tables to version 2. What was stored before is of version 1, and so is what
/// a program that still knows the old tables alone goes on to store.
const ADD_EVENT_VERSIONS: &str =
    "ALTER TABLE main.events ADD COLUMN version INTEGER NOT NULL DEFAULT 1";

const CREATE_CHECKPOINTS: &str = "CREATE TABLE IF NOT EXISTS main.projections_checkpoints (
    namespace             TEXT NOT NULL,
    projector             TEXT NOT NULL,
    generation            INTEGER NOT NULL,
    lane                  INTEGER NOT NULL,
    \"partition\"           INTEGER NOT NULL,
    store_id              TEXT NOT NULL,
    position              INTEGER NOT NULL, -- the last event that was applied
    scanned               INTEGER NOT NULL, -- the last event that was looked at
    event_id              TEXT,             -- the id of the event at `scanned`
    epoch                 INTEGER NOT NULL,
    version               INTEGER NOT NULL,
    fingerprint_algorithm INTEGER,
    fingerprint           INTEGER,
    subscriptions         TEXT NOT NULL,    -- JSON
    effects_mark          INTEGER NOT NULL,
    state                 TEXT NOT NULL,
    last_error            TEXT,
    heartbeat_at          INTEGER NOT NULL, -- microseconds since 1970
    tables                TEXT NOT NULL DEFAULT '{}', -- what the rows of its tables add up to: JSON
    owner                 TEXT,             -- who runs it
    process               TEXT NOT NULL DEFAULT '',   -- of the owner, for people
    lease                 INTEGER NOT NULL DEFAULT 0, -- how long the owner may be silent: milliseconds
    beat                  INTEGER NOT NULL DEFAULT 0, -- raised by each write of the owner
    superseded            TEXT NOT NULL DEFAULT '[]', -- fingerprints that were replaced: JSON
    PRIMARY KEY (namespace, projector, generation, lane, \"partition\")
) STRICT, WITHOUT ROWID";

/// From version 1 of the checkpoints to version 2. What is in tables of before is not known.
const ADD_DIGESTS: &str =
    "ALTER TABLE main.projections_checkpoints ADD COLUMN tables TEXT NOT NULL DEFAULT '{}'";

/// From version 2 of the checkpoints to version 3. Who ran a projector before is not known.
const ADD_LEASES: &str = "
ALTER TABLE main.projections_checkpoints ADD COLUMN owner TEXT;
ALTER TABLE main.projections_checkpoints ADD COLUMN process TEXT NOT NULL DEFAULT '';
ALTER TABLE main.projections_checkpoints ADD COLUMN lease INTEGER NOT NULL DEFAULT 0;
ALTER TABLE main.projections_checkpoints ADD COLUMN beat INTEGER NOT NULL DEFAULT 0;
ALTER TABLE main.projections_checkpoints ADD COLUMN superseded TEXT NOT NULL DEFAULT '[]'";

const CREATE_TABLES: &str = "CREATE TABLE IF NOT EXISTS main.projections_tables (
    name        TEXT NOT NULL PRIMARY KEY COLLATE NOCASE,
    projector   TEXT NOT NULL, -- with its namespace, if it has one
    kinds       TEXT NOT NULL  -- of its columns: a JSON object
) STRICT, WITHOUT ROWID";

const CREATE_SNAPSHOTS: &str = "CREATE TABLE IF NOT EXISTS main.projections_snapshots (
    namespace   TEXT NOT NULL,
    projector   TEXT NOT NULL,
    generation  INTEGER NOT NULL,
    lane        INTEGER NOT NULL,
    \"partition\" INTEGER NOT NULL,
    saved_at    INTEGER NOT NULL, -- microseconds since 1970, by the clock of whoever saved it
    snapshot    BLOB NOT NULL,    -- with a checksum
    PRIMARY KEY (namespace, projector, generation, lane, \"partition\")
) STRICT";
/// Texts are other people's, and are kept as bytes.
const CREATE_LETTERS: &str = "CREATE TABLE IF NOT EXISTS main.projections_letters (
    namespace       TEXT NOT NULL,
    projector       TEXT NOT NULL,
    generation      INTEGER NOT NULL,
    lane            INTEGER NOT NULL,
    \"partition\"     INTEGER NOT NULL,
    position        INTEGER NOT NULL,
    event_id        TEXT NOT NULL,
    name            BLOB NOT NULL,
    domain          BLOB NOT NULL,
    stream          BLOB NOT NULL,
    stream_position INTEGER NOT NULL,
    park_key        BLOB NOT NULL,    -- letters of one key are in order
    replay          INTEGER NOT NULL, -- whether it was history when it was parked
    attempts        INTEGER,          -- NULL: it waits behind another
    error           BLOB,
    first_at        INTEGER,          -- microseconds since 1970, by the clock of whoever tried
    last_at         INTEGER,
    PRIMARY KEY (namespace, projector, generation, lane, \"partition\", position)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS main.projections_letters_by_key ON projections_letters
    (namespace, projector, generation, lane, \"partition\", park_key, position);
CREATE TABLE IF NOT EXISTS main.projections_passed (
    namespace   TEXT NOT NULL,
    projector   TEXT NOT NULL,
    generation  INTEGER NOT NULL,
    lane        INTEGER NOT NULL,
    \"partition\" INTEGER NOT NULL,
    skipped     INTEGER NOT NULL,
    discarded   INTEGER NOT NULL,
    erased      INTEGER NOT NULL,
    PRIMARY KEY (namespace, projector, generation, lane, \"partition\")
) STRICT, WITHOUT ROWID";

const CREATE_PRESENCES: &str = "CREATE TABLE IF NOT EXISTS main.projections_presences (
    namespace   TEXT NOT NULL,
    projector   TEXT NOT NULL,
    generation  INTEGER NOT NULL,
    lane        INTEGER NOT NULL,
    \"partition\" INTEGER NOT NULL,
    owner       TEXT NOT NULL,
    process     TEXT NOT NULL,    -- of the owner, for people
    lease       INTEGER NOT NULL, -- how long the owner may be silent: milliseconds
    state       TEXT NOT NULL,
    position    INTEGER NOT NULL,
    scanned     INTEGER NOT NULL,
    last_error  TEXT,
    said_at     INTEGER NOT NULL, -- microseconds since 1970
    PRIMARY KEY (namespace, projector, generation, lane, \"partition\", owner)
) STRICT, WITHOUT ROWID";

const CREATE_REQUESTS: &str = "CREATE TABLE IF NOT EXISTS main.projections_requests (
    number      INTEGER PRIMARY KEY, -- in the order in which they were left
    id          TEXT NOT NULL UNIQUE,
    namespace   TEXT NOT NULL,
    projector   TEXT NOT NULL,
    generation  INTEGER NOT NULL,
    lane        INTEGER NOT NULL,
    \"partition\" INTEGER NOT NULL,
    command     TEXT NOT NULL,
    arguments   TEXT NOT NULL,    -- JSON
    asked_at    INTEGER NOT NULL, -- microseconds since 1970, by the clock of whoever asked
    outcome     TEXT,             -- JSON
    done_at     INTEGER           -- microseconds since 1970
) STRICT";

/// The projectors that every append runs in its transaction.
const CREATE_INLINE: &str = "CREATE TABLE main.projections_inline (
    namespace             TEXT NOT NULL,
    projector             TEXT NOT NULL,
    version               INTEGER NOT NULL,
    fingerprint_algorithm INTEGER NOT NULL, -- of the code that runs it, whichever built the read model
    fingerprint           INTEGER NOT NULL,
    PRIMARY KEY (namespace, projector)
) STRICT, WITHOUT ROWID";

/// Refuses a file that a newer version of this library made.
pub(super) fn check_versions(connection: &Connection, label: &str) -> Result<(), StoreError> {
    version(connection, label, EVENTS)?;
    version(connection, label, CHECKPOINTS)?;
    version(connection, label, TABLES)?;
    version(connection, label, SNAPSHOTS)?;
    version(connection, label, PRESENCES)?;
    version(connection, label, REQUESTS)?;
    version(connection, label, LETTERS)?;
    Ok(())
}

/// Returns the identity of the event store in the file, where there is one.
pub(super) fn store_id(
    connection: &Connection,
    label: &str,
) -> Result<Option<StoreId>, StoreError> {
    let Some(text) = meta(connection, label, STORE_ID)? else { return Ok(None) };
    let id = text.parse().map_err(|error| {
        let doing = format!("open {label}: the store's id in `projections_meta` is damaged; restore the file from a backup");
        StoreError::new(StoreErrorKind::Corrupt, doing).with_source(error)
    })?;
    Ok(Some(id))
}

/// Tells whether the event store's tables are there, as this library writes them.
pub(super) fn has_events(connection: &Connection, label: &str) -> Result<bool, StoreError> {
    Ok(version(connection, label, EVENTS)?.is_some_and(|version| version >= PLAIN_EVENTS))
}

/// Tells whether a projector has ever run inline in the file, which holds an event store or
/// checkpoints. It is asked by every append, so it does not look for the table first.
pub(super) fn has_inline(connection: &Connection, label: &str) -> Result<bool, StoreError> {
    let text = known_meta(connection, label, EVENTS.0)?;
    Ok(text.map(|text| parsed(&text, label, EVENTS)).transpose()? == Some(EVENTS.1))
}

/// Creates the list of inline projectors, where it is missing.
pub(super) fn create_inline(connection: &Connection, label: &str) -> Result<(), StoreError> {
    if has_inline(connection, label)? {
        return Ok(());
    }
    let create = || {
        connection.execute_batch(CREATE_INLINE)?;
        set_meta(connection, EVENTS.0, &EVENTS.1.to_string())
    };
    create().map_err(|error| store_error("create the inline projectors in", label, error))
}

/// Creates the event store's tables where they are missing, brings older ones up to date, and
/// returns the store's identity.
pub(super) fn create_events(connection: &Connection, label: &str) -> Result<StoreId, StoreError> {
    let version = version(connection, label, EVENTS)?;
    if let Some(id) = store_id(connection, label)? {
        if version == Some(1) {
            migrate_events(connection).map_err(|error| {
                store_error("bring the event store up to date in", label, error)
            })?;
        }
        return Ok(id);
    }
    if has_table(connection, label, "events")? {
        let doing = format!(
            "make {label} an event store: it has a table `events` that this library did not make; choose another file"
        );
        return Err(StoreError::new(StoreErrorKind::NotOpened, doing));
    }
    let id = StoreId::random();
    let create = || {
        connection.execute_batch(CREATE_META)?;
        connection.execute_batch(CREATE_EVENTS)?;
        set_meta(connection, EVENTS.0, &PLAIN_EVENTS.to_string())?;
        set_meta(connection, STORE_ID, &id.to_string())
    };
    create().map_err(|error| store_error("create an event store in", label, error))?;
    Ok(id)
}

fn migrate_events(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(ADD_EVENT_VERSIONS)?;
    set_meta(connection, EVENTS.0, &PLAIN_EVENTS.to_string())
}

/// Creates the checkpoints' table where it is missing, and brings an older one up to date.
pub(super) fn create_checkpoints(connection: &Connection, label: &str) -> Result<(), StoreError> {
    match checkpoints(connection, label)? {
        Checkpoints::Missing => {}
        Checkpoints::Current => return Ok(()),
        older @ (Checkpoints::First | Checkpoints::Second) => {
            return migrate_checkpoints(connection, older)
                .map_err(|error| store_error("bring the checkpoints up to date in", label, error));
        }
    }
    let create = || {
        connection.execute_batch(CREATE_META)?;
        connection.execute_batch(CREATE_CHECKPOINTS)?;
        set_meta(connection, CHECKPOINTS.0, &CHECKPOINTS.1.to_string())
    };
    create().map_err(|error| store_error("create the checkpoints in", label, error))
}

fn migrate_checkpoints(connection: &Connection, older: Checkpoints) -> rusqlite::Result<()> {
    if older == Checkpoints::First {
        connection.execute_batch(ADD_DIGESTS)?;
    }
    connection.execute_batch(ADD_LEASES)?;
    set_meta(connection, CHECKPOINTS.0, &CHECKPOINTS.1.to_string())
}

/// What checkpoints a file has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Checkpoints {
    /// It was never set up for read models.
    Missing,
    /// Those of version 1, which know nothing of tables.
    First,
    /// Those of version 2, which know nothing of owners.
    Second,
    /// Those that this library writes.
    Current,
}

/// Tells whether the file was ever set up for read models.
pub(super) fn has_checkpoints(connection: &Connection, label: &str) -> Result<bool, StoreError> {
    Ok(checkpoints(connection, label)? != Checkpoints::Missing)
}

/// Tells what checkpoints the file has.
pub(super) fn checkpoints(connection: &Connection, label: &str) -> Result<Checkpoints, StoreError> {
    let Some(version) = version(connection, label, CHECKPOINTS)? else {
        return Ok(Checkpoints::Missing);
    };
    if !has_table(connection, label, "projections_checkpoints")? {
        // Made anew, it would have every projector write its read model a second time.
        let doing = format!(
            "use {label}: its table `projections_checkpoints` is missing; restore the file from a backup, or delete `{}` from `projections_meta` and rebuild every projector of the file",
            CHECKPOINTS.0
        );
        return Err(StoreError::new(StoreErrorKind::Corrupt, doing));
    }
    Ok(match version {
        ..=1 => Checkpoints::First,
        2 => Checkpoints::Second,
        _ => Checkpoints::Current,
    })
}

/// Creates the record of rows' tables, where it is missing.
pub(super) fn create_tables(connection: &Connection, label: &str) -> Result<(), StoreError> {
    if has_tables(connection, label)? {
        return Ok(());
    }
    let create = || {
        connection.execute_batch(CREATE_META)?;
        connection.execute_batch(CREATE_TABLES)?;
        set_meta(connection, TABLES.0, &TABLES.1.to_string())
    };
    create().map_err(|error| store_error("create the record of tables in", label, error))
}

/// Tells whether the file has ever had tables of rows.
pub(super) fn has_tables(connection: &Connection, label: &str) -> Result<bool, StoreError> {
    if version(connection, label, TABLES)?.is_none() {
        return Ok(false);
    }
    if !has_table(connection, label, "projections_tables")? {
        // Made anew, it would let handlers write to tables that rows in memory stand for.
        let doing = format!(
            "use {label}: its table `projections_tables` is missing; restore the file from a backup, or drop the tables of rows, delete `{}` from `projections_meta` and rebuild their projectors",
            TABLES.0
        );
        return Err(StoreError::new(StoreErrorKind::Corrupt, doing));
    }
    Ok(true)
}

/// Creates the snapshots' table, where it is missing.
pub(super) fn create_snapshots(connection: &Connection, label: &str) -> Result<(), StoreError> {
    if has_snapshots(connection, label)? {
        return Ok(());
    }
    let create = || {
        connection.execute_batch(CREATE_META)?;
        connection.execute_batch(CREATE_SNAPSHOTS)?;
        set_meta(connection, SNAPSHOTS.0, &SNAPSHOTS.1.to_string())
    };
    create().map_err(|error| store_error("create the snapshots in", label, error))
}

/// Tells whether the file has ever had snapshots. Where somebody has dropped them, the log is
/// replayed.
pub(super) fn has_snapshots(connection: &Connection, label: &str) -> Result<bool, StoreError> {
    Ok(version(connection, label, SNAPSHOTS)?.is_some()
        && has_table(connection, label, "projections_snapshots")?)
}

/// Creates the dead letters' tables, where they are missing.
pub(super) fn create_letters(connection: &Connection, label: &str) -> Result<(), StoreError> {
    if has_letters(connection, label)? {
        return Ok(());
    }
    let create = || {
        connection.execute_batch(CREATE_META)?;
        connection.execute_batch(CREATE_LETTERS)?;
        set_meta(connection, LETTERS.0, &LETTERS.1.to_string())
    };
    create().map_err(|error| store_error("create the dead letters in", label, error))
}

/// Tells whether the file has ever had dead letters.
pub(super) fn has_letters(connection: &Connection, label: &str) -> Result<bool, StoreError> {
    if version(connection, label, LETTERS)?.is_none() {
        return Ok(false);
    }
    if !has_table(connection, label, "projections_letters")? {
        // Made anew, it would let read models pass for whole that are not.
        let doing = format!(
            "use {label}: its table `projections_letters` is missing; restore the file from a backup, or delete `{}` from `projections_meta` and rebuild every projector of the file",
            LETTERS.0
        );
        return Err(StoreError::new(StoreErrorKind::Corrupt, doing));
    }
    Ok(true)
}

/// Creates the presences' table, where it is missing.
pub(super) fn create_presences(connection: &Connection, label: &str) -> Result<(), StoreError> {
    if has_presences(connection, label)? {
        return Ok(());
    }
    let create = || {
        connection.execute_batch(CREATE_META)?;
        connection.execute_batch(CREATE_PRESENCES)?;
        set_meta(connection, PRESENCES.0, &PRESENCES.1.to_string())
    };
    create().map_err(|error| store_error("create the presences in", label, error))
}

/// Tells whether a process has ever said there what it runs.
pub(super) fn has_presences(connection: &Connection, label: &str) -> Result<bool, StoreError> {
    Ok(version(connection, label, PRESENCES)?.is_some()
        && has_table(connection, label, "projections_presences")?)
}

/// Creates the requests' table, where it is missing.
pub(super) fn create_requests(connection: &Connection, label: &str) -> Result<(), StoreError> {
    if has_requests(connection, label)? {
        return Ok(());
    }
    let create = || {
        connection.execute_batch(CREATE_META)?;
        connection.execute_batch(CREATE_REQUESTS)?;
        set_meta(connection, REQUESTS.0, &REQUESTS.1.to_string())
    };
    create().map_err(|error| store_error("create the requests in", label, error))
}

/// Tells whether anybody has ever left a request there.
pub(super) fn has_requests(connection: &Connection, label: &str) -> Result<bool, StoreError> {
    Ok(version(connection, label, REQUESTS)?.is_some()
        && has_table(connection, label, "projections_requests")?)
}

/// Returns the version of some tables, `None` where they do not exist.
fn version(
    connection: &Connection,
    label: &str,
    known: (&str, u32),
) -> Result<Option<u32>, StoreError> {
    let text = meta(connection, label, known.0)?;
    text.map(|text| parsed(&text, label, known)).transpose()
}

fn parsed(text: &str, label: &str, (key, known): (&str, u32)) -> Result<u32, StoreError> {
    match text.parse::<u32>() {
        Ok(version) if version <= known => Ok(version),
        Ok(version) => {
            let doing = format!(
                "use {label}: it was made by a newer version of this library ({key} is {version}, this program knows {known}); upgrade the program"
            );
            Err(StoreError::new(StoreErrorKind::Newer, doing))
        }
        Err(error) => {
            let doing = format!(
                "use {label}: `{key}` in `projections_meta` is damaged; restore the file from a backup"
            );
            Err(StoreError::new(StoreErrorKind::Corrupt, doing).with_source(error))
        }
    }
}

fn meta(connection: &Connection, label: &str, key: &str) -> Result<Option<String>, StoreError> {
    if !has_table(connection, label, "projections_meta")? {
        return Ok(None);
    }
    known_meta(connection, label, key)
}

fn known_meta(
    connection: &Connection,
    label: &str,
    key: &str,
) -> Result<Option<String>, StoreError> {
    let select = || {
        connection
            .prepare_cached("SELECT value FROM main.projections_meta WHERE key = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()
    };
    select().map_err(|error| store_error("read", label, error))
}

fn set_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO main.projections_meta (key, value) VALUES (?1, ?2) \
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [key, value],
        )
        .map(drop)
}

fn has_table(connection: &Connection, label: &str, name: &str) -> Result<bool, StoreError> {
    let select = || {
        connection
            .prepare_cached(
                "SELECT 1 FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view')",
            )?
            .exists([name])
    };
    select().map_err(|error| store_error("read", label, error))
}
