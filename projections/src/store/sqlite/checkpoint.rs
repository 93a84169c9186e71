//! Checkpoints as rows.

use std::{str::FromStr, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params_from_iter, types::Type};

use super::schema::Checkpoints;
use crate::{
    BoxError, Checkpoint, CheckpointKey, CheckpointWrite, Fingerprint, GlobalPosition, Lease,
    Subscriptions, rows::TableDigests,
};

const COLUMNS: &str = "namespace, projector, generation, lane, \"partition\", store_id, position, \
     scanned, event_id, epoch, version, fingerprint_algorithm, fingerprint, subscriptions, \
     effects_mark, state, last_error, heartbeat_at";
/// The columns that version 2 has added, and version 3.
const SECOND: &str = "tables";
const THIRD: &str = "owner, process, lease, beat, superseded";

/// The columns as a table has them, and what stands for those that it does not have.
const fn later_columns(kind: Checkpoints) -> (&'static str, &'static str) {
    let nobody = "NULL, '', 0, 0, '[]'";
    match kind {
        Checkpoints::Missing | Checkpoints::First => ("'{}'", nobody),
        Checkpoints::Second => (SECOND, nobody),
        Checkpoints::Current => (SECOND, THIRD),
    }
}

/// Reads one checkpoint.
pub(super) fn load(
    connection: &Connection,
    key: &CheckpointKey,
) -> rusqlite::Result<Option<Checkpoint>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, {SECOND}, {THIRD} FROM main.projections_checkpoints \
             WHERE namespace = ?1 AND projector = ?2 AND generation = ?3 AND lane = ?4 \
             AND \"partition\" = ?5"
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
    let (second, third) = later_columns(kind);
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, {second}, {third} FROM main.projections_checkpoints \
             WHERE namespace = ?1 ORDER BY projector, generation, lane, \"partition\""
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
    let (mut store, mut event, mut owner) = ([0; 36], [0; 36], [0; 36]);
    let values: [&dyn ToSql; 24] = [
        &key.namespace,
        &key.projector,
        &key.generation,
        &key.lane,
        &key.partition,
        &next.store.text(&mut store),
        &signed(next.position),
        &signed(next.scanned),
        &next.event_id.map(|id| id.text(&mut event)),
        &next.epoch.cast_signed(),
        &next.version,
        &next.fingerprint.map(|print| print.algorithm),
        &next.fingerprint.map(|print| print.hash.cast_signed()),
        &next.subscriptions.text(),
        &signed(next.effects_mark),
        &next.state.as_str(),
        &next.last_error,
        &next.heartbeat_at.as_microsecond(),
        &next.tables.encode(),
        &next.lease.as_ref().map(|lease| lease.owner.text(&mut owner)),
        &next.lease.as_ref().map_or("", |lease| &lease.process),
        &next.lease.as_ref().map_or(0, millis),
        &next.lease.as_ref().map_or(0, |lease| lease.beat.cast_signed()),
        &encode_superseded(&next.superseded),
    ];
    let changed = match write.previous {
        None => connection.prepare_cached(INSERT)?.execute(&values[..])?,
        Some(previous) => {
            let previous: [&dyn ToSql; 2] =
                [&previous.epoch.cast_signed(), &signed(previous.position)];
            let values = params_from_iter(values.into_iter().chain(previous));
            connection.prepare_cached(UPDATE)?.execute(values)?
        }
    };
    Ok(changed == 1)
}

const INSERT: &str = "INSERT INTO main.projections_checkpoints (namespace, projector, generation,
        lane, \"partition\", store_id, position, scanned, event_id, epoch, version,
        fingerprint_algorithm, fingerprint, subscriptions, effects_mark, state, last_error,
        heartbeat_at, tables, owner, process, lease, beat, superseded)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
        ?20, ?21, ?22, ?23, ?24)
    ON CONFLICT DO NOTHING";

const UPDATE: &str = "UPDATE main.projections_checkpoints
    SET store_id = ?6, position = ?7, scanned = ?8, event_id = ?9, epoch = ?10, version = ?11,
        fingerprint_algorithm = ?12, fingerprint = ?13, subscriptions = ?14, effects_mark = ?15,
        state = ?16, last_error = ?17, heartbeat_at = ?18, tables = ?19, owner = ?20,
        process = ?21, lease = ?22, beat = ?23, superseded = ?24
    WHERE namespace = ?1 AND projector = ?2 AND generation = ?3 AND lane = ?4
        AND \"partition\" = ?5 AND epoch = ?25 AND position = ?26";

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
        lease: lease(row)?,
        version: row.get(10)?,
        fingerprint: algorithm
            .zip(hash)
            .map(|(algorithm, hash)| Fingerprint { algorithm, hash: hash.cast_unsigned() }),
        superseded: decode_superseded(&row.get::<_, String>(23)?)
            .map_err(|error| damaged(23, error))?,
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

fn lease(row: &Row<'_>) -> rusqlite::Result<Option<Lease>> {
    let Some(owner) = row.get::<_, Option<String>>(19)? else { return Ok(None) };
    let time: i64 = row.get(21)?;
    let time = u64::try_from(time)
        .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(21, time))
        .map(Duration::from_millis)?;
    let (process, beat) = (row.get(20)?, row.get::<_, i64>(22)?.cast_unsigned());
    Ok(Some(Lease { owner: parsed(19, &owner)?, process, time, beat }))
}

fn millis(lease: &Lease) -> i64 {
    i64::try_from(lease.time.as_millis()).unwrap_or(i64::MAX)
}

fn encode_superseded(superseded: &[Fingerprint]) -> String {
    let pairs: Vec<_> = superseded.iter().map(|print| (print.algorithm, print.hash)).collect();
    serde_json::to_string(&pairs).unwrap_or_else(|_| "[]".to_owned()) // numbers always encode
}

fn decode_superseded(text: &str) -> Result<Vec<Fingerprint>, serde_json::Error> {
    let pairs: Vec<(u16, u64)> = serde_json::from_str(text)?;
    Ok(pairs.into_iter().map(|(algorithm, hash)| Fingerprint { algorithm, hash }).collect())
}

fn signed(position: GlobalPosition) -> i64 {
    position.get().cast_signed()
}

pub(super) fn position(row: &Row<'_>, column: usize) -> rusqlite::Result<GlobalPosition> {
    let number: i64 = row.get(column)?;
    match u64::try_from(number) {
        Ok(number) => Ok(number.into()),
        Err(_) => Err(rusqlite::Error::IntegralValueOutOfRange(column, number)),
    }
}

pub(super) fn parsed<T: FromStr<Err: Into<BoxError>>>(
    column: usize,
    text: &str,
) -> rusqlite::Result<T> {
    text.parse().map_err(|error| damaged(column, error))
}

pub(super) fn damaged(column: usize, error: impl Into<BoxError>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}
