//! Dead letters as rows.

use jiff::Timestamp;
use rusqlite::{
    Connection, Row, named_params,
    types::{FromSqlError, ValueRef},
};

use super::{error::store_error, schema};
use crate::{
    CheckpointKey, GlobalPosition, Letter, LetterChanges, LetterFailure, LetterQuery, ParkedKey,
    Parking, Passed, StoreError, StreamPosition,
};

const OF_MODEL: &str = "namespace = :namespace AND projector = :projector \
    AND generation = :generation AND lane = :lane AND \"partition\" = :partition";

/// Writes what a commit changes. The tables are made with the first letter.
pub(super) fn write(
    connection: &Connection,
    label: &str,
    key: &CheckpointKey,
    changes: &LetterChanges,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    schema::create_letters(connection, label)?;
    let write = || {
        remove(connection, key, &changes.remove)?;
        put(connection, key, &changes.put)?;
        count(connection, key, changes.passed)
    };
    write().map_err(|error| store_error("write the dead letters to", label, error))
}

fn remove(
    connection: &Connection,
    key: &CheckpointKey,
    positions: &[GlobalPosition],
) -> rusqlite::Result<()> {
    let sql = format!("DELETE FROM main.projections_letters WHERE {OF_MODEL} AND position = :at");
    for position in positions {
        connection.prepare_cached(&sql)?.execute(named_params! {
            ":namespace": key.namespace, ":projector": key.projector,
            ":generation": key.generation, ":lane": key.lane, ":partition": key.partition,
            ":at": signed(*position),
        })?;
    }
    Ok(())
}

/// Texts are kept as bytes: they are other people's, and may hold anything.
fn put(connection: &Connection, key: &CheckpointKey, letters: &[Letter]) -> rusqlite::Result<()> {
    for letter in letters {
        let failure = letter.failure.as_ref();
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO main.projections_letters (namespace, projector, generation, \
                 lane, \"partition\", position, event_id, name, domain, stream, stream_position, \
                 park_key, replay, attempts, error, first_at, last_at) VALUES (:namespace, \
                 :projector, :generation, :lane, :partition, :position, :event_id, :name, :domain, \
                 :stream, :stream_position, :park_key, :replay, :attempts, :error, :first_at, \
                 :last_at)",
            )?
            .execute(named_params! {
                ":namespace": key.namespace, ":projector": key.projector,
                ":generation": key.generation, ":lane": key.lane, ":partition": key.partition,
                ":position": signed(letter.position),
                ":event_id": letter.event.to_string(),
                ":name": letter.name.as_bytes(),
                ":domain": letter.domain.as_bytes(),
                ":stream": letter.stream.as_bytes(),
                ":stream_position": letter.stream_position.get().cast_signed(),
                ":park_key": letter.park_key.as_bytes(),
                ":replay": letter.replay,
                ":attempts": failure.map(|failure| failure.attempts),
                ":error": failure.map(|failure| failure.error.as_bytes()),
                ":first_at": failure.map(|failure| failure.first_at.as_microsecond()),
                ":last_at": failure.map(|failure| failure.last_at.as_microsecond()),
            })?;
    }
    Ok(())
}

fn count(connection: &Connection, key: &CheckpointKey, passed: Passed) -> rusqlite::Result<()> {
    if passed == Passed::default() {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO main.projections_passed (namespace, projector, generation, lane, \
             \"partition\", skipped, discarded, erased) VALUES (:namespace, :projector, \
             :generation, :lane, :partition, :skipped, :discarded, :erased) ON CONFLICT DO UPDATE \
             SET skipped = skipped + excluded.skipped, discarded = discarded + excluded.discarded, \
             erased = erased + excluded.erased",
        )?
        .execute(named_params! {
            ":namespace": key.namespace, ":projector": key.projector,
            ":generation": key.generation, ":lane": key.lane, ":partition": key.partition,
            ":skipped": passed.skipped.cast_signed(),
            ":discarded": passed.discarded.cast_signed(),
            ":erased": passed.erased.cast_signed(),
        })
        .map(drop)
}

/// Removes the letters of a read model, and what was counted.
pub(super) fn reset(
    connection: &Connection,
    label: &str,
    key: &CheckpointKey,
) -> Result<(), StoreError> {
    if !schema::has_letters(connection, label)? {
        return Ok(());
    }
    let reset = |table: &str| {
        let sql = format!("DELETE FROM main.{table} WHERE {OF_MODEL}");
        connection.prepare_cached(&sql)?.execute(named_params! {
            ":namespace": key.namespace, ":projector": key.projector,
            ":generation": key.generation, ":lane": key.lane, ":partition": key.partition,
        })
    };
    let both = || reset("projections_letters").and_then(|_| reset("projections_passed"));
    both().map(drop).map_err(|error| store_error("empty the dead letters in", label, error))
}

/// Reads which keys are parked.
pub(super) fn parked(
    connection: &Connection,
    label: &str,
    key: &CheckpointKey,
) -> Result<Vec<ParkedKey>, StoreError> {
    if !schema::has_letters(connection, label)? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT park_key, min(position), max(position), count(*) FROM main.projections_letters \
         WHERE {OF_MODEL} GROUP BY park_key"
    );
    let read = || {
        connection
            .prepare_cached(&sql)?
            .query_map(
                named_params! {
                    ":namespace": key.namespace, ":projector": key.projector,
                    ":generation": key.generation, ":lane": key.lane, ":partition": key.partition,
                },
                |row| {
                    Ok(ParkedKey {
                        park_key: text(row, 0)?,
                        first: row.get::<_, u64>(1)?.into(),
                        last: row.get::<_, u64>(2)?.into(),
                        letters: row.get(3)?,
                    })
                },
            )?
            .collect::<rusqlite::Result<_>>()
    };
    read().map_err(|error| store_error("read the dead letters from", label, error))
}

/// Reads letters, in the order of their positions.
pub(super) fn read(
    connection: &Connection,
    label: &str,
    key: &CheckpointKey,
    query: &LetterQuery,
) -> Result<Vec<Letter>, StoreError> {
    if !schema::has_letters(connection, label)? {
        return Ok(Vec::new());
    }
    let of_key = query.park_key.as_ref().map_or("", |_| "AND park_key = :park_key");
    let sql = format!(
        "SELECT position, event_id, name, domain, stream, stream_position, park_key, replay, \
         attempts, error, first_at, last_at FROM main.projections_letters \
         WHERE {OF_MODEL} AND position > :after {of_key} ORDER BY position LIMIT :limit"
    );
    let read = || {
        let mut statement = connection.prepare_cached(&sql)?;
        let after = signed(query.after);
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
        let park_key = query.park_key.as_deref().map(str::as_bytes);
        let mut params: Vec<(&str, &dyn rusqlite::ToSql)> = vec![
            (":namespace", &key.namespace),
            (":projector", &key.projector),
            (":generation", &key.generation),
            (":lane", &key.lane),
            (":partition", &key.partition),
            (":after", &after),
            (":limit", &limit),
        ];
        if park_key.is_some() {
            params.push((":park_key", &park_key));
        }
        statement.query_map(&*params, letter)?.collect::<rusqlite::Result<_>>()
    };
    read().map_err(|error| store_error("read the dead letters from", label, error))
}

/// Counts what is parked.
pub(super) fn parking(
    connection: &Connection,
    label: &str,
    key: &CheckpointKey,
) -> Result<Parking, StoreError> {
    if !schema::has_letters(connection, label)? {
        return Ok(Parking::default());
    }
    let sql = format!(
        "SELECT count(DISTINCT park_key), count(*), \
         (SELECT skipped FROM main.projections_passed WHERE {OF_MODEL}), \
         (SELECT discarded FROM main.projections_passed WHERE {OF_MODEL}), \
         (SELECT erased FROM main.projections_passed WHERE {OF_MODEL}) \
         FROM main.projections_letters WHERE {OF_MODEL}"
    );
    let read = || {
        connection.prepare_cached(&sql)?.query_row(
            named_params! {
                ":namespace": key.namespace, ":projector": key.projector,
                ":generation": key.generation, ":lane": key.lane, ":partition": key.partition,
            },
            |row| {
                let counted =
                    |column| row.get::<_, Option<u64>>(column).map(Option::unwrap_or_default);
                Ok(Parking {
                    keys: row.get(0)?,
                    letters: row.get(1)?,
                    passed: Passed {
                        skipped: counted(2)?,
                        discarded: counted(3)?,
                        erased: counted(4)?,
                    },
                })
            },
        )
    };
    read().map_err(|error| store_error("count the dead letters in", label, error))
}

fn letter(row: &Row<'_>) -> rusqlite::Result<Letter> {
    let attempts: Option<u32> = row.get(8)?;
    let failure = match attempts {
        None => None,
        Some(attempts) => Some(LetterFailure {
            attempts,
            error: text(row, 9)?,
            first_at: time(row, 10)?,
            last_at: time(row, 11)?,
        }),
    };
    Ok(Letter {
        position: row.get::<_, u64>(0)?.into(),
        event: row.get::<_, String>(1)?.parse().map_err(|error| damaged(1, error))?,
        name: text(row, 2)?,
        domain: text(row, 3)?,
        stream: text(row, 4)?,
        stream_position: StreamPosition::from(row.get::<_, u64>(5)?),
        park_key: text(row, 6)?,
        replay: row.get(7)?,
        failure,
    })
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => {
            Ok(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => Err(damaged(column, FromSqlError::InvalidType)),
    }
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|error| damaged(column, error))
}

fn damaged(column: usize, error: impl Into<crate::BoxError>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, error.into())
}

fn signed(position: GlobalPosition) -> i64 {
    position.get().cast_signed()
}
