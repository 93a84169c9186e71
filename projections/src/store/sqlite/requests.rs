//! What owners are asked to do, as rows.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    SqliteOptions,
    aside::{Aside, Kind},
    checkpoint::{damaged, parsed},
    error::store_error,
    file::File,
    schema,
};
use crate::{
    Answer, CheckpointKey, Request, RequestId, RequestStore, StoreError, engine::BoxFuture,
};

/// Answers are kept for a day, for those who asked.
const KEPT_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// The requests in a file.
pub(super) struct SqliteRequests(Aside);

impl SqliteRequests {
    pub(super) fn of(file: &Arc<File>, options: SqliteOptions) -> Arc<dyn RequestStore> {
        Arc::new(Self(Aside::new(file, options, &KIND)))
    }
}

const KIND: Kind = Kind {
    create: schema::create_requests,
    exist: schema::has_requests,
    using: "use the requests in",
    reading: "read the requests from",
    writing: "write a request to",
};

impl RequestStore for SqliteRequests {
    fn ask<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<(), StoreError>> {
        let request = request.clone();
        self.0.write(move |connection| {
            let old = Timestamp::now().as_microsecond() - KEPT_MICROS;
            connection.prepare_cached(FORGET_OLD)?.execute([old])?;
            let Request { id, key, command, arguments, asked_at } = request;
            connection
                .prepare_cached(ASK)?
                .execute(params![
                    id.to_string(),
                    key.namespace,
                    key.projector,
                    key.generation,
                    key.lane,
                    key.partition,
                    command,
                    arguments,
                    asked_at.as_microsecond(),
                ])
                .map(drop)
        })
    }

    fn withdraw(&self, id: RequestId) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.write(move |connection| {
            connection.prepare_cached(WITHDRAW)?.execute([id.text(&mut [0; 36])]).map(drop)
        })
    }

    fn pending<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Request>, StoreError>> {
        let namespace = namespace.to_owned();
        self.0.read(move |connection| {
            connection.prepare_cached(PENDING)?.query_map([namespace], request)?.collect()
        })
    }

    fn outcome(&self, id: RequestId) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        self.0.read(move |connection| {
            let outcome = connection
                .prepare_cached(OUTCOME)?
                .query_row([id.text(&mut [0; 36])], |row| row.get::<_, Option<String>>(0));
            Ok(outcome.optional()?.flatten())
        })
    }
}

/// Writes what came of a request, in the transaction of the checkpoint; tells whether it waited for
/// that.
pub(super) fn answer(
    connection: &Connection,
    label: &str,
    answer: &Answer,
) -> Result<bool, StoreError> {
    if !schema::has_requests(connection, label)? {
        return Ok(false);
    }
    let now = Timestamp::now().as_microsecond();
    let mut id = [0; 36];
    let values = params![answer.id.text(&mut id), answer.outcome, now];
    let changed = connection.prepare_cached(ANSWER).and_then(|mut sql| sql.execute(values));
    changed
        .map(|changed| changed == 1)
        .map_err(|error| store_error("write an answer to", label, error))
}

fn request(row: &Row<'_>) -> rusqlite::Result<Request> {
    Ok(Request {
        id: parsed(0, &row.get::<_, String>(0)?)?,
        key: CheckpointKey {
            namespace: row.get(1)?,
            projector: row.get(2)?,
            generation: row.get(3)?,
            lane: row.get(4)?,
            partition: row.get(5)?,
        },
        command: row.get(6)?,
        arguments: row.get(7)?,
        asked_at: Timestamp::from_microsecond(row.get(8)?).map_err(|error| damaged(8, error))?,
    })
}

const ASK: &str =
    "INSERT INTO main.projections_requests (id, namespace, projector, generation, lane,
        \"partition\", command, arguments, asked_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING";

const WITHDRAW: &str = "DELETE FROM main.projections_requests WHERE id = ?1 AND outcome IS NULL";

const FORGET_OLD: &str = "DELETE FROM main.projections_requests WHERE done_at < ?1";

const PENDING: &str = "SELECT id, namespace, projector, generation, lane, \"partition\", command,
        arguments, asked_at
    FROM main.projections_requests WHERE namespace = ?1 AND outcome IS NULL ORDER BY number";

const OUTCOME: &str = "SELECT outcome FROM main.projections_requests WHERE id = ?1";

const ANSWER: &str = "UPDATE main.projections_requests SET outcome = ?2, done_at = ?3
    WHERE id = ?1 AND outcome IS NULL";
