//! Reading the log: pages, counts, the head.

use jiff::Timestamp;
use tokio_postgres::{
    Client, Error, Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use super::{
    error::{damaged, store_error},
    filter, register,
    schema::Schema,
};
use crate::{
    EventId, Filter, GlobalPosition, ImportProgress, Page, PageBuilder, ReadError, ReadRequest,
    RecordedEvent, Scanned, StoreError,
};

/// How many positions a page looks at, so that a filter that matches little neither runs for long nor
/// goes unreported for long.
const WINDOW: i64 = 50_000;

/// The last position that a page looks at: of the window that begins at the first event.
const END: &str = "least($2, (SELECT position FROM {schema}.events WHERE position > $1 \
    AND position <= $2 ORDER BY position LIMIT 1) + $3 - 1)";

/// Reads a page up to the mark. It is asked for first; the events are read in a later snapshot.
pub(super) async fn page(
    client: &Client,
    label: &str,
    schema: &Schema,
    request: ReadRequest<'_>,
) -> Result<Page, ReadError> {
    let failed = |error| store_error("read", label, error);
    let settled = register::settled(client, schema).await.map_err(failed)?;
    let reading = Reading { client, schema, request, mark: settled.mark };
    // One snapshot for all, so that the event that is verified and those that are read are of one
    // log. All is sent at once, with the end of the transaction.
    let (begun, verified, rows, end, ended) = tokio::join!(
        biased;
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        reading.verified(),
        reading.rows(),
        reading.end(),
        client.batch_execute("COMMIT"),
    );
    begun.map_err(failed)?;
    let is_verified = verified.map_err(failed)?;
    let (rows, end) = (rows.map_err(failed)?, end.map_err(failed)?);
    ended.map_err(failed)?;
    if let (false, Some(seen)) = (is_verified, request.verify) {
        return Err(ReadError::Diverged { position: seen.position, event: seen.id });
    }
    Ok(reading.collect(label, &rows, end)?)
}

/// The statements of one page.
struct Reading<'a> {
    client: &'a Client,
    schema: &'a Schema,
    request: ReadRequest<'a>,
    mark: i64,
}

impl Reading<'_> {
    /// Tells whether the event that must be there is there.
    async fn verified(&self) -> Result<bool, Error> {
        let Some(seen) = self.request.verify else { return Ok(true) };
        let sql = self.schema.fill("SELECT id FROM {schema}.events WHERE position = $1");
        let position = signed(seen.position);
        let row = self.client.query_typed_opt(&sql, &[(&position, Type::INT8)]).await?;
        let id = row.map(|row| row.try_get::<_, Uuid>(0)).transpose()?;
        Ok(id.map(event_id) == Some(seen.id))
    }

    /// Reads the matching events, up to the one that reaches the limit of bytes.
    async fn rows(&self) -> Result<Vec<Row>, Error> {
        if self.request.filter.is_empty() {
            return Ok(Vec::new());
        }
        let (condition, lists) = filter::condition(self.request.filter, 6);
        let sql = self.schema.fill(&select_page(&condition));
        let limit = i64::try_from(self.request.max_events.max(1)).unwrap_or(i64::MAX);
        let bytes = i64::try_from(self.request.max_bytes.max(1)).unwrap_or(i64::MAX);
        let after = signed(self.request.after);
        let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![
            (&after, Type::INT8),
            (&self.mark, Type::INT8),
            (&WINDOW, Type::INT8),
            (&limit, Type::INT8),
            (&bytes, Type::INT8),
        ];
        parameters.extend(lists.iter().map(|list| (list as &(dyn ToSql + Sync), Type::TEXT_ARRAY)));
        self.client.query_typed(&sql, &parameters).await
    }

    /// Returns the last event of the window.
    async fn end(&self) -> Result<Option<Row>, Error> {
        let sql = format!(
            "SELECT position, id FROM {{schema}}.events WHERE position > $1 AND position <= {END} \
             ORDER BY position DESC LIMIT 1"
        );
        let after = signed(self.request.after);
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&after, Type::INT8), (&self.mark, Type::INT8), (&WINDOW, Type::INT8)];
        self.client.query_typed_opt(&self.schema.fill(&sql), &parameters).await
    }

    fn collect(&self, label: &str, rows: &[Row], end: Option<Row>) -> Result<Page, StoreError> {
        let mut page = PageBuilder::with_capacity(rows.len());
        let (mut bytes, mut last) = (0, None);
        for row in rows {
            let event = recorded(row).map_err(|reason| {
                let position = row.try_get::<_, i64>(0).unwrap_or_default();
                damaged(label, format!("the event at position {position} is damaged: {reason}"))
            })?;
            bytes += event.payload.len();
            last = Some(Scanned { position: event.position, id: event.id });
            page.push(event);
        }
        let is_full = page.len() >= self.request.max_events.max(1)
            || !page.is_empty() && bytes >= self.request.max_bytes;
        let end = end.map(|row| scanned(&row)).transpose();
        let end = end.map_err(|error| store_error("read", label, error))?;
        Ok(page.finish(if is_full { last } else { end }))
    }
}

/// The statement that reads a page of the events that meet a condition. Payloads are measured without
/// being read, so that what is over the limit is not sent.
fn select_page(condition: &str) -> String {
    format!(
        "SELECT position, id, stream, stream_position, domain, type, version, time, recorded_at, \
         payload, metadata FROM (SELECT *, sum(octet_length(payload)) OVER (ORDER BY position ROWS \
         BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM (SELECT * FROM \
         {{schema}}.events WHERE position > $1 AND position <= {END}{condition} ORDER BY position \
         LIMIT $4) found) measured WHERE coalesce(before, 0) < $5 ORDER BY position"
    )
}

/// Returns the last event up to the mark, and what it was found by.
pub(super) async fn head(
    client: &Client,
    schema: &Schema,
) -> Result<(Option<Scanned>, register::Settled), Error> {
    let settled = register::settled(client, schema).await?;
    let sql = schema.fill(
        "SELECT position, id FROM {schema}.events WHERE position <= $1 ORDER BY position DESC LIMIT 1",
    );
    let row = client.query_typed_opt(&sql, &[(&settled.mark, Type::INT8)]).await?;
    Ok((row.map(|row| scanned(&row)).transpose()?, settled))
}

/// Counts the matching events after a position, up to another one.
pub(super) async fn count(
    client: &Client,
    label: &str,
    schema: &Schema,
    filter: &Filter,
    (after, up_to): (GlobalPosition, GlobalPosition),
) -> Result<u64, StoreError> {
    let (condition, lists) = filter::condition(filter, 3);
    let sql = format!(
        "SELECT count(*) FROM {{schema}}.events WHERE position > $1 AND position <= $2{condition}"
    );
    let (after, up_to) = (signed(after), signed(up_to));
    let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> =
        vec![(&after, Type::INT8), (&up_to, Type::INT8)];
    parameters.extend(lists.iter().map(|list| (list as &(dyn ToSql + Sync), Type::TEXT_ARRAY)));
    let sql = schema.fill(&sql);
    let look = async { client.query_typed_one(&sql, &parameters).await?.try_get::<_, i64>(0) };
    let count = look.await.map_err(|error| store_error("count events in", label, error))?;
    Ok(count.cast_unsigned())
}

/// Returns the time by the server's clock.
pub(super) async fn now(client: &Client, label: &str) -> Result<Timestamp, StoreError> {
    let look = async { client.query_typed_one("SELECT clock_timestamp()", &[]).await?.try_get(0) };
    look.await.map_err(|error| store_error("ask the time of", label, error))
}

/// Lists the imports that were begun and not finished.
pub(super) async fn unfinished_imports(
    client: &Client,
    label: &str,
    schema: &Schema,
) -> Result<Vec<ImportProgress>, StoreError> {
    let sql = schema.fill(
        "SELECT import, file, lines, total FROM {schema}.projections_imports WHERE lines < total \
         ORDER BY import",
    );
    let read = |row: &Row| {
        Ok(ImportProgress {
            import: event_id(row.try_get(0)?),
            file: row.try_get(1)?,
            lines: row.try_get::<_, i64>(2)?.cast_unsigned(),
            total: row.try_get::<_, i64>(3)?.cast_unsigned(),
        })
    };
    let look = async {
        client.query_typed(&sql, &[]).await?.iter().map(read).collect::<Result<Vec<_>, _>>()
    };
    look.await.map_err(|error| store_error("read the imports of", label, error))
}

/// Looks at a row where it is, without copying its texts.
fn recorded(row: &Row) -> Result<RecordedEvent<'_>, String> {
    let told = |error: Error| error.to_string();
    let version: i64 = row.try_get(6).map_err(told)?;
    // A version that no program can have written is damage, not a shape that is not known yet.
    let version = u32::try_from(version).ok().filter(|version| *version > 0);
    Ok(RecordedEvent {
        position: row.try_get::<_, i64>(0).map_err(told)?.cast_unsigned().into(),
        id: event_id(row.try_get(1).map_err(told)?),
        stream: row.try_get(2).map_err(told)?,
        stream_position: row.try_get::<_, i64>(3).map_err(told)?.cast_unsigned().into(),
        domain: row.try_get(4).map_err(told)?,
        name: row.try_get(5).map_err(told)?,
        version: version.ok_or("its version is none")?,
        time: row.try_get(7).map_err(told)?,
        recorded_at: row.try_get(8).map_err(told)?,
        payload: row.try_get(9).map_err(told)?,
        metadata: row.try_get(10).map_err(told)?,
    })
}

fn scanned(row: &Row) -> Result<Scanned, Error> {
    let position = row.try_get::<_, i64>(0)?.cast_unsigned().into();
    Ok(Scanned { position, id: event_id(row.try_get(1)?) })
}

fn event_id(id: Uuid) -> EventId {
    EventId::from_u128(id.as_u128())
}

/// Positions past what PostgreSQL can count do not exist; none is taken for a small one.
fn signed(position: GlobalPosition) -> i64 {
    i64::try_from(position.get()).unwrap_or(i64::MAX)
}
