//! Checkpoints as rows.

use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{
    Connection, OptionalExtension, Row, params_from_iter,
    types::{Type, Value},
};

use super::schema::Checkpoints;
use crate::{
    BoxError, Checkpoint, CheckpointKey, CheckpointWrite, Fingerprint, GlobalPosition,
    Subscriptions, rows::TableDigests,
};

const COLUMNS: &str = "namespace, projector, generation, lane, \"partition\", store_id, position, \
     scanned, event_id, epoch, version, fingerprint_algorithm, fingerprint, subscriptions, \
     effects_mark, state, last_error, heartbeat_at";
/// The column that version 1 of the table does not have, and what is in its place.
const TABLES: (&str, &str) = ("tables", "'{}'");

/// Reads one checkpoint.
pub(super) fn load(
    connection: &Connection,
    key: &CheckpointKey,
) -> rusqlite::Result<Option<Checkpoint>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, {} FROM main.projections_checkpoints WHERE namespace = ?1 \
             AND projector = ?2 AND generation = ?3 AND lane = ?4 AND \"partition\" = ?5",
            TABLES.0
        ))?
        .query_row(
            (&key.namespace, &key.projector, key.generation, key.lane, key.partition),
            checkpoint,
        )
        .optional()
}

/// Reads the position of the projector that tables are recorded to belong to.
pub(super) fn position_of_owner(
    connection: &Connection,
    owner: &str,
) -> rusqlite::Result<Option<GlobalPosition>> {
    connection
        .prepare_cached(
            "SELECT position FROM main.projections_checkpoints WHERE generation = 1 AND lane = 0 \
             AND \"partition\" = 0 AND ?1 = CASE namespace WHEN '' THEN projector \
             ELSE namespace || '/' || projector END",
        )?
        .query_row([owner], |row| position(row, 0))
        .optional()
}

/// Reads every checkpoint of a namespace, in order of their keys.
pub(super) fn list(
    connection: &Connection,
    namespace: &str,
    kind: Checkpoints,
) -> rusqlite::Result<Vec<(CheckpointKey, Checkpoint)>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, {} FROM main.projections_checkpoints WHERE namespace = ?1 \
             ORDER BY projector, generation, lane, \"partition\"",
            if kind == Checkpoints::First { TABLES.1 } else { TABLES.0 }
        ))?
        .query_map([namespace], |row| Ok((key(row)?, checkpoint(row)?)))?
        .collect()
}

/// Writes a checkpoint where the stored one is as expected; tells whether it was.
pub(super) fn compare_and_set(
    connection: &Connection,
    write: &CheckpointWrite,
) -> rusqlite::Result<bool> {
    let (key, next) = (&write.key, &write.next);
    let mut values: Vec<Value> = vec![
        key.namespace.clone().into(),
        key.projector.clone().into(),
        key.generation.into(),
        key.lane.into(),
        key.partition.into(),
        next.store.to_string().into(),
        signed(next.position),
        signed(next.scanned),
        next.event_id.map(|id| id.to_string()).into(),
        next.epoch.cast_signed().into(),
        next.version.into(),
        next.fingerprint.map(|print| i64::from(print.algorithm)).into(),
        next.fingerprint.map(|print| print.hash.cast_signed()).into(),
        next.subscriptions.encode().into(),
        signed(next.effects_mark),
        next.state.as_str().to_owned().into(),
        next.last_error.clone().into(),
        next.heartbeat_at.as_microsecond().into(),
        next.tables.encode().into(),
    ];
    let sql = if let Some(previous) = write.previous {
        values.push(previous.epoch.cast_signed().into());
        values.push(signed(previous.position));
        UPDATE
    } else {
        INSERT
    };
    let changed = connection.prepare_cached(sql)?.execute(params_from_iter(values))?;
    Ok(changed == 1)
}

const INSERT: &str = "INSERT INTO main.projections_checkpoints (namespace, projector, generation,
        lane, \"partition\", store_id, position, scanned, event_id, epoch, version,
        fingerprint_algorithm, fingerprint, subscriptions, effects_mark, state, last_error,
        heartbeat_at, tables)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
    ON CONFLICT DO NOTHING";

const UPDATE: &str = "UPDATE main.projections_checkpoints
    SET store_id = ?6, position = ?7, scanned = ?8, event_id = ?9, epoch = ?10, version = ?11,
        fingerprint_algorithm = ?12, fingerprint = ?13, subscriptions = ?14, effects_mark = ?15,
        state = ?16, last_error = ?17, heartbeat_at = ?18, tables = ?19
    WHERE namespace = ?1 AND projector = ?2 AND generation = ?3 AND lane = ?4
        AND \"partition\" = ?5 AND epoch = ?20 AND position = ?21";

fn key(row: &Row<'_>) -> rusqlite::Result<CheckpointKey> {
    Ok(CheckpointKey {
        namespace: row.get(0)?,
        projector: row.get(1)?,
        generation: row.get(2)?,
        lane: row.get(3)?,
        partition: row.get(4)?,
    })
}

fn checkpoint(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    columns(row).map_err(|error| {
        let (column, reason) = match error {
            rusqlite::Error::FromSqlConversionFailure(column, _, reason) => {
                (column, reason.to_string())
            }
            rusqlite::Error::IntegralValueOutOfRange(column, value) => {
                (column, format!("{value} is out of range"))
            }
            other => return other,
        };
        let projector = row.get::<_, String>(1).unwrap_or_default();
        let name = row.as_ref().column_name(column).unwrap_or_default().to_owned();
        damaged(
            column,
            format!(
                "the checkpoint of projector `{}` is damaged in `{name}`: {reason}; without a backup, delete its row in `projections_checkpoints` and rebuild the projector",
                projector.escape_debug()
            ),
        )
    })
}

fn columns(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    let algorithm: Option<u16> = row.get(11)?;
    let hash: Option<i64> = row.get(12)?;
    let event_id: Option<String> = row.get(8)?;
    Ok(Checkpoint {
        store: parsed(5, &row.get::<_, String>(5)?)?,
        position: position(row, 6)?,
        scanned: position(row, 7)?,
        event_id: event_id.map(|text| parsed(8, &text)).transpose()?,
        epoch: row.get::<_, i64>(9)?.cast_unsigned(),
        version: row.get(10)?,
        fingerprint: algorithm
            .zip(hash)
            .map(|(algorithm, hash)| Fingerprint { algorithm, hash: hash.cast_unsigned() }),
        subscriptions: Subscriptions::decode(&row.get::<_, String>(13)?)
            .map_err(|error| damaged(13, error))?,
        effects_mark: position(row, 14)?,
        state: parsed(15, &row.get::<_, String>(15)?)?,
        last_error: row.get(16)?,
        heartbeat_at: Timestamp::from_microsecond(row.get(17)?)
            .map_err(|error| damaged(17, error))?,
        tables: TableDigests::decode(&row.get::<_, String>(18)?)
            .map_err(|error| damaged(18, error))?,
    })
}

fn signed(position: GlobalPosition) -> Value {
    position.get().cast_signed().into()
}

fn position(row: &Row<'_>, column: usize) -> rusqlite::Result<GlobalPosition> {
    let number: i64 = row.get(column)?;
    match u64::try_from(number) {
        Ok(number) => Ok(number.into()),
        Err(_) => Err(rusqlite::Error::IntegralValueOutOfRange(column, number)),
    }
}

fn parsed<T: FromStr<Err: Into<BoxError>>>(column: usize, text: &str) -> rusqlite::Result<T> {
    text.parse().map_err(|error| damaged(column, error))
}

fn damaged(column: usize, error: impl Into<BoxError>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}
