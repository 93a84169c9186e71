//! Appending: one stream at a time, or a chunk of an import.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use super::{
    error::{is_answer, is_refused_commit, is_unique_violation, store_error},
    pool::Pool,
    schema::Schema,
};
use crate::{
    AppendError, AppendRequest, EventId, Expected, GlobalPosition, ImportChunk, ImportReceipt,
    NewEvent, Receipt, StoreError, StoreId, StreamPosition,
    source::{check_event, check_name},
};

/// How often an append is tried where another transaction took an id or a place of the stream at the
/// same moment. The next attempt sees what that one has stored.
const ATTEMPTS: usize = 3;

/// PostgreSQL's first timestamp is in the year -4713. This one is later by some days.
const OLDEST_SECOND: i64 = -210_866_000_000;

/// Keeps all appends of the library out until the transaction ends.
pub(super) const LOCK_OUT_APPENDS: &str =
    "SELECT pg_advisory_xact_lock(({table}::oid::bigint << 32) + 2)";

/// The functions that append. In one transaction of its own each of them: checks that every statement
/// sees what was committed before it, registers, waits for its turn on the stream, and then looks at
/// the stream, draws positions, and inserts. So a stream's positions follow its versions.
///
/// `enable_seqscan` is off, because the plans are kept from when the table was empty. `jit` is off with it:
/// a sequence can be read in no other way, at a cost that would have each append compiled.
///
/// `projections_draw` returns the first of that many positions with none of another append in between.
/// Its lock ends with the block that is rolled back; a sequence takes nothing back. Who draws without
/// the lock, by an INSERT of his own, may still come in between: then positions are drawn anew.
pub(super) const CREATE: &str = "
CREATE FUNCTION {schema}.projections_draw(_count bigint) RETURNS bigint
LANGUAGE plpgsql AS $projections$
DECLARE
    _first bigint;
    _last bigint;
BEGIN
    LOOP
        BEGIN
            PERFORM pg_advisory_xact_lock(({table}::oid::bigint << 32) + 1);
            SELECT min(position), max(position) INTO _first, _last
            FROM (SELECT nextval({positions}) AS position FROM generate_series(1, _count)) drawn;
            RAISE SQLSTATE 'PJ001';
        EXCEPTION WHEN SQLSTATE 'PJ001' THEN
            NULL;
        END;
        IF _last - _first = _count - 1 THEN
            RETURN _first;
        END IF;
    END LOOP;
END $projections$;

CREATE FUNCTION {schema}.projections_begin_append() RETURNS void
LANGUAGE plpgsql AS $projections$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'an append needs a transaction of its own kind: BEGIN ISOLATION LEVEL READ COMMITTED';
    END IF;
    -- An append that has returned is on the disk.
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
END $projections$;

CREATE FUNCTION {schema}.projections_append(
    _stream text, _expected bigint, _ids uuid[], _domains text[], _types text[], _versions bigint[],
    _times timestamptz[], _payloads bytea[], _metadata text[],
    OUT outcome text, OUT first_position bigint, OUT last_position bigint, OUT stream_end bigint,
    OUT event uuid
) LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $projections$
DECLARE
    _count bigint := cardinality(_ids);
    _known bigint;
    _same bigint;
    _in_order boolean;
    _end bigint;
BEGIN
    PERFORM {schema}.projections_begin_append();
    PERFORM pg_advisory_xact_lock_shared(({table}::oid::bigint << 32) + 2);
    PERFORM {schema}.projections_register();
    PERFORM pg_advisory_xact_lock(hashtextextended(_stream, {table}::oid::bigint));

    SELECT count(*), count(*) FILTER (WHERE s.is_same), min(s.position), max(s.position),
        max(s.stream_position), (array_agg(s.id ORDER BY s.is_same, s.number))[1],
        min(s.stream_position - s.number) = max(s.stream_position - s.number)
    INTO _known, _same, first_position, last_position, stream_end, event, _in_order
    FROM (
        SELECT e.id, n.number, e.position, e.stream_position,
            e.stream = _stream AND e.domain = n.domain AND e.type = n.type
            AND e.version = n.version AND e.time = n.time AND e.payload = n.payload
            AND e.metadata IS NOT DISTINCT FROM n.metadata AS is_same
        FROM unnest(_ids, _domains, _types, _versions, _times, _payloads, _metadata)
            WITH ORDINALITY AS n(id, domain, type, version, time, payload, metadata, number)
        CROSS JOIN LATERAL (SELECT * FROM {schema}.events stored WHERE stored.id = n.id LIMIT 1) e
    ) s;
    IF _known > 0 THEN
        outcome := CASE WHEN _same = _count AND _in_order THEN 'known' ELSE 'reused' END;
        RETURN;
    END IF;

    SELECT coalesce(max(stream_position), 0) INTO _end FROM {schema}.events WHERE stream = _stream;
    IF _expected >= 0 AND _expected <> _end THEN
        outcome := 'conflict';
        stream_end := _end;
        RETURN;
    END IF;
    first_position := {schema}.projections_draw(_count);
    INSERT INTO {schema}.events (position, id, stream, stream_position, domain, type, version, time,
        recorded_at, payload, metadata)
    SELECT first_position + n.number - 1, n.id, _stream, _end + n.number, n.domain, n.type,
        n.version, n.time, clock_timestamp(), n.payload, n.metadata
    FROM unnest(_ids, _domains, _types, _versions, _times, _payloads, _metadata)
        WITH ORDINALITY AS n(id, domain, type, version, time, payload, metadata, number)
    ORDER BY n.number;
    outcome := 'stored';
    last_position := first_position + _count - 1;
    stream_end := _end + _count;
END $projections$;

CREATE FUNCTION {schema}.projections_import(
    _streams text[], _ids uuid[], _domains text[], _types text[], _versions bigint[],
    _times timestamptz[], _payloads bytea[], _metadata text[],
    _import uuid, _file text, _lines bigint, _total bigint, OUT stored bigint
) LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $projections$
BEGIN
    PERFORM {schema}.projections_begin_append();
    -- One lock for all streams: the server has no room for one a stream.
    PERFORM pg_advisory_xact_lock(({table}::oid::bigint << 32) + 2);
    WITH fresh AS MATERIALIZED (
        SELECT n.*
        FROM unnest(_streams, _ids, _domains, _types, _versions, _times, _payloads, _metadata)
            WITH ORDINALITY AS n(stream, id, domain, type, version, time, payload, metadata, number)
        WHERE NOT EXISTS (SELECT FROM {schema}.events e WHERE e.id = n.id)
    ), ends AS MATERIALIZED (
        SELECT s.stream, (
            SELECT coalesce(max(e.stream_position), 0) FROM {schema}.events e WHERE e.stream = s.stream
        ) AS stream_end
        FROM (SELECT DISTINCT stream COLLATE \"C\" AS stream FROM fresh) s
    )
    INSERT INTO {schema}.events (id, stream, stream_position, domain, type, version, time,
        recorded_at, payload, metadata)
    SELECT f.id, f.stream,
        ends.stream_end + row_number() OVER (PARTITION BY f.stream ORDER BY f.number),
        f.domain, f.type, f.version, f.time, clock_timestamp(), f.payload, f.metadata
    FROM fresh f JOIN ends ON ends.stream = f.stream
    ORDER BY f.number;
    GET DIAGNOSTICS stored = ROW_COUNT;
    -- A repeat begins at the first line and takes nothing back.
    INSERT INTO {schema}.projections_imports AS i (import, file, lines, total)
    VALUES (_import, _file, _lines, _total) ON CONFLICT (import) DO UPDATE
    SET file = excluded.file, lines = greatest(i.lines, excluded.lines), total = excluded.total;
END $projections$;";

const APPEND: &str = "SELECT outcome, first_position, last_position, stream_end, event \
    FROM {schema}.projections_append($1, $2, $3, $4, $5, $6, $7, $8, $9)";

const IMPORT: &str = "SELECT stored \
    FROM {schema}.projections_import($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// Appends events to a stream, durably.
pub(super) async fn append(
    pool: &Pool,
    schema: &Schema,
    store: StoreId,
    request: &AppendRequest,
) -> Result<Receipt, AppendError> {
    request.validate()?;
    let columns = Columns::of(request.events.iter())?;
    let mut ids = HashSet::new();
    if let Some(twice) = request.events.iter().find(|event| !ids.insert(event.id)) {
        return Err(AppendError::IdReused { id: twice.id });
    }
    let expected = match request.expected {
        Expected::Any => -1,
        Expected::NoStream => 0,
        Expected::At(position) => i64::try_from(position.get()).unwrap_or(i64::MAX),
    };
    let mut parameters: Parameters<'_> =
        vec![(&request.stream, Type::TEXT), (&expected, Type::INT8)];
    parameters.extend(columns.parameters());
    let row = write(pool, &schema.fill(APPEND), &parameters, &columns.ids).await?;
    let answer =
        Answer::read(&row).map_err(|error| store_error("append to", pool.label(), error))?;
    answer.into_receipt(store, request)
}

/// Appends a chunk of an import, durably.
pub(super) async fn import(
    pool: &Pool,
    schema: &Schema,
    chunk: &ImportChunk,
) -> Result<ImportReceipt, AppendError> {
    for (stream, event) in &chunk.events {
        check_name("stream", stream)?;
        check_event(event)?;
    }
    let mut ids = HashSet::new();
    let fresh: Vec<&(String, NewEvent)> =
        chunk.events.iter().filter(|(_, event)| ids.insert(event.id)).collect();
    let streams: Vec<&str> = fresh.iter().map(|(stream, _)| &**stream).collect();
    let columns = Columns::of(fresh.iter().map(|(_, event)| event))?;
    let progress = &chunk.progress;
    let import = Uuid::from_u128(progress.import.as_u128());
    let (lines, total) = (progress.lines.cast_signed(), progress.total.cast_signed());
    let mut parameters: Parameters<'_> = vec![(&streams, Type::TEXT_ARRAY)];
    parameters.extend(columns.parameters());
    parameters.extend([
        (&import as &(dyn ToSql + Sync), Type::UUID),
        (&progress.file, Type::TEXT),
        (&lines, Type::INT8),
        (&total, Type::INT8),
    ]);
    let row = write(pool, &schema.fill(IMPORT), &parameters, &columns.ids).await?;
    let stored = row.try_get::<_, i64>(0);
    let stored = stored.map_err(|error| store_error("import into", pool.label(), error))?;
    let stored = stored.cast_unsigned();
    Ok(ImportReceipt { stored, known: chunk.events.len() as u64 - stored })
}

type Parameters<'a> = Vec<(&'a (dyn ToSql + Sync), Type)>;

/// What is sent of events: a list for each column.
struct Columns<'a> {
    ids: Vec<Uuid>,
    domains: Vec<&'a str>,
    types: Vec<&'a str>,
    versions: Vec<i64>,
    times: Vec<Timestamp>,
    payloads: Vec<&'a [u8]>,
    metadata: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn of(events: impl Iterator<Item = &'a NewEvent> + Clone) -> Result<Self, AppendError> {
        let mut times = Vec::new();
        for event in events.clone() {
            times.push(stored_time(event)?);
        }
        let each = || events.clone();
        Ok(Self {
            ids: each().map(|event| Uuid::from_u128(event.id.as_u128())).collect(),
            // There is one: it was checked.
            domains: each().map(|event| event.domain.as_deref().unwrap_or_default()).collect(),
            types: each().map(|event| &*event.name).collect(),
            versions: each().map(|event| i64::from(event.version)).collect(),
            times,
            payloads: each().map(|event| &*event.payload).collect(),
            metadata: each().map(|event| event.metadata.as_deref()).collect(),
        })
    }

    fn parameters(&self) -> Parameters<'_> {
        vec![
            (&self.ids, Type::UUID_ARRAY),
            (&self.domains, Type::TEXT_ARRAY),
            (&self.types, Type::TEXT_ARRAY),
            (&self.versions, Type::INT8_ARRAY),
            (&self.times, Type::TIMESTAMPTZ_ARRAY),
            (&self.payloads, Type::BYTEA_ARRAY),
            (&self.metadata, Type::TEXT_ARRAY),
        ]
    }
}

/// A time as it comes back, in microseconds.
fn stored_time(event: &NewEvent) -> Result<Timestamp, AppendError> {
    let time = event.time;
    if time.as_second() < OLDEST_SECOND {
        let reason = format!(
            "the time of event `{}` is {time}; PostgreSQL keeps times since 4713 BC",
            event.name.escape_debug()
        );
        return Err(AppendError::invalid(reason));
    }
    Ok(Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time))
}

/// Runs one statement in a transaction of its own and commits.
async fn write(
    pool: &Pool,
    sql: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
    ids: &[Uuid],
) -> Result<Row, AppendError> {
    let mut attempt = 1;
    loop {
        let client = pool.get().await?;
        match write_once(&client, sql, parameters).await {
            Ok(row) => return Ok(row),
            Err(Failure::Refused(error)) if is_unique_violation(&error) && attempt < ATTEMPTS => {
                attempt += 1;
            }
            Err(Failure::Refused(error)) => {
                return Err(store_error("append to", pool.label(), error).into());
            }
            Err(Failure::Unknown(error)) => {
                let ids = ids.iter().map(|id| EventId::from_u128(id.as_u128())).collect();
                let source: StoreError = store_error("append to", pool.label(), error);
                return Err(AppendError::Unknown { ids, source });
            }
        }
    }
}

enum Failure {
    /// The server has answered; nothing is stored.
    Refused(tokio_postgres::Error),
    /// Whether anything is stored, nobody knows.
    Unknown(tokio_postgres::Error),
}

/// Sends the transaction as a whole, so that it takes one trip, and is carried out as a whole where
/// the caller does not wait for the answer.
async fn write_once(
    client: &Client,
    sql: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Row, Failure> {
    let (begun, row, committed) = tokio::join!(
        biased;
        client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"),
        client.query_typed_one(sql, parameters),
        client.batch_execute("COMMIT"),
    );
    // What the server refuses it has not stored: the transaction ends in a rollback. Where it did not
    // answer it may have gone on, because it has all of the transaction.
    let doubtful =
        |error| if is_answer(&error) { Failure::Refused(error) } else { Failure::Unknown(error) };
    begun.map_err(doubtful)?;
    let row = row.map_err(doubtful)?;
    match committed {
        Ok(()) => Ok(row),
        Err(error) if is_refused_commit(&error) => Err(Failure::Refused(error)),
        Err(error) => Err(Failure::Unknown(error)),
    }
}

/// What `projections_append` returned.
struct Answer {
    outcome: String,
    first: Option<i64>,
    last: Option<i64>,
    end: Option<i64>,
    event: Option<Uuid>,
}

impl Answer {
    fn read(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            outcome: row.try_get(0)?,
            first: row.try_get(1)?,
            last: row.try_get(2)?,
            end: row.try_get(3)?,
            event: row.try_get(4)?,
        })
    }

    fn into_receipt(self, store: StoreId, request: &AppendRequest) -> Result<Receipt, AppendError> {
        let position = |number: Option<i64>| number.unwrap_or_default().cast_unsigned();
        let end = StreamPosition::new(position(self.end));
        match &*self.outcome {
            "stored" | "known" => Ok(Receipt::new(
                store,
                &request.stream,
                GlobalPosition::new(position(self.first)),
                GlobalPosition::new(position(self.last)),
                end,
            )),
            "conflict" => {
                let (stream, expected) = (request.stream.clone(), request.expected);
                Err(AppendError::Conflict { stream, expected, actual: end })
            }
            _ => {
                let id = self.event.unwrap_or_default();
                Err(AppendError::IdReused { id: EventId::from_u128(id.as_u128()) })
            }
        }
    }
}
