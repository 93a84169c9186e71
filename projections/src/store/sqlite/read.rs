//! Reading the log: pages, counts, the head.

use jiff::Timestamp;
use rusqlite::{
    Connection, OptionalExtension, Row, params_from_iter,
    types::{Type, Value},
};

use super::{error::store_error, filter};
use crate::{
    EventId, Filter, GlobalPosition, ImportProgress, Page, PageBuilder, ReadError, ReadRequest,
    RecordedEvent, Scanned, StoreError, StoreErrorKind,
};

/// How many positions a page looks at, so that a filter that matches little neither holds a
/// snapshot for long nor goes unreported for long.
const WINDOW: i64 = 50_000;

/// Reads a page in the connection's snapshot.
pub(super) fn page(
    connection: &Connection,
    label: &str,
    request: ReadRequest<'_>,
) -> Result<Page, ReadError> {
    let failed = |error| store_error("read", label, error);
    if let Some(seen) = request.verify
        && id_at(connection, seen.position).map_err(failed)? != Some(seen.id)
    {
        return Err(ReadError::Diverged { position: seen.position, event: seen.id });
    }
    let after = signed(request.after);
    let Some(first) = first_after(connection, after).map_err(failed)? else {
        return Ok(PageBuilder::default().finish(None));
    };
    let window = Window { after, up_to: first.saturating_add(WINDOW - 1) };
    let page = window.collect(connection, &request).map_err(failed)?;
    Ok(page)
}

/// Returns the last event of the log.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<Option<Scanned>> {
    last_up_to(connection, i64::MAX)
}

/// Counts the matching events of one window after `after`; returns where the window ends, too.
pub(super) fn count_window(
    connection: &Connection,
    filter: &Filter,
    after: GlobalPosition,
    up_to: GlobalPosition,
) -> rusqlite::Result<Option<(u64, GlobalPosition)>> {
    let Some(first) = first_after(connection, signed(after))? else { return Ok(None) };
    if first > signed(up_to) {
        return Ok(None);
    }
    let end = first.saturating_add(WINDOW - 1).min(signed(up_to));
    let (condition, names) = filter::condition(filter);
    let sql = format!(
        "SELECT count(*) FROM main.events WHERE position > ?1 AND position <= ?2 AND ?3{condition}"
    );
    let parameters = [Value::from(signed(after)), end.into(), 1.into()];
    let count: i64 = connection
        .prepare_cached(&sql)?
        .query_row(params_from_iter(parameters.into_iter().chain(names)), |row| row.get(0))?;
    Ok(Some((count.cast_unsigned(), end.cast_unsigned().into())))
}

/// Lists the imports that were begun and not finished.
pub(super) fn unfinished_imports(
    connection: &Connection,
    label: &str,
) -> Result<Vec<ImportProgress>, StoreError> {
    let select = || {
        connection
            .prepare_cached(
                "SELECT import, file, lines, total FROM main.projections_imports \
                 WHERE lines < total ORDER BY import",
            )?
            .query_map([], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    unsigned(row.get(2)?),
                    unsigned(row.get(3)?),
                ))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()
    };
    let rows = select().map_err(|error| store_error("read the imports of", label, error))?;
    rows.into_iter()
        .map(|(import, file, lines, total)| {
            let import = import.parse().map_err(|error| {
                let doing = format!("read the imports of {label}: `{id}` in `projections_imports` is no id; restore the file from a backup, or delete the row and repeat the import", id = import.escape_debug());
                StoreError::new(StoreErrorKind::Corrupt, doing).with_source(error)
            })?;
            Ok(ImportProgress { import, file, lines, total })
        })
        .collect()
}

/// A run of positions that holds at least one event.
struct Window {
    after: i64,
    up_to: i64,
}

impl Window {
    fn collect(
        &self,
        connection: &Connection,
        request: &ReadRequest<'_>,
    ) -> rusqlite::Result<Page> {
        let mut page = PageBuilder::with_capacity(request.max_events.min(1_000));
        let stopped_at = if request.filter.is_empty() {
            None
        } else {
            self.fill(connection, request, &mut page)?
        };
        let scanned = match stopped_at {
            Some(last) => Some(last),
            None => last_up_to(connection, self.up_to)?,
        };
        Ok(page.finish(scanned))
    }

    /// Adds the matching events; returns the last one where the page was full before the window
    /// was looked through.
    fn fill(
        &self,
        connection: &Connection,
        request: &ReadRequest<'_>,
        page: &mut PageBuilder,
    ) -> rusqlite::Result<Option<Scanned>> {
        let (condition, names) = filter::condition(request.filter);
        let mut statement = connection.prepare_cached(&select_page(&condition))?;
        let limit = i64::try_from(request.max_events.max(1)).unwrap_or(i64::MAX);
        let bounds = [Value::from(self.after), self.up_to.into(), limit.into()];
        let mut rows = statement.query(params_from_iter(bounds.into_iter().chain(names)))?;
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let event = recorded(row).map_err(|error| at_position(row, error))?;
            let (position, id) = (event.position, event.id);
            bytes += event.payload.len();
            page.push(event);
            if page.len() >= request.max_events || bytes >= request.max_bytes {
                return Ok(Some(Scanned { position, id }));
            }
        }
        Ok(None)
    }
}

/// The statement that reads a page of the events that meet a condition.
fn select_page(condition: &str) -> String {
    // A parameter that is all of a LIMIT is a part of SQLite's plan: whenever it is bound, were it to
    // the same value, the statement is prepared anew, which takes longer than to read ten events.
    format!(
        "SELECT position, id, stream, stream_position, domain, type, time, recorded_at, \
         payload, metadata, version FROM main.events \
         WHERE position > ?1 AND position <= ?2{condition} ORDER BY position LIMIT ?3 + 0"
    )
}

/// Looks at a row where it is, without copying its texts.
fn recorded<'a>(row: &'a Row<'_>) -> rusqlite::Result<RecordedEvent<'a>> {
    let text = |column| -> rusqlite::Result<&'a str> {
        row.get_ref(column)?.as_str().map_err(|error| damaged(column, error))
    };
    let time = |column| {
        Timestamp::from_microsecond(row.get(column)?).map_err(|error| damaged(column, error))
    };
    Ok(RecordedEvent {
        position: unsigned(row.get(0)?).into(),
        id: id(row, 1)?,
        stream: text(2)?,
        stream_position: unsigned(row.get(3)?).into(),
        domain: text(4)?,
        name: text(5)?,
        version: version(row, 10)?,
        time: time(6)?,
        recorded_at: time(7)?,
        payload: row.get_ref(8)?.as_bytes().map_err(|error| damaged(8, error))?,
        metadata: row.get_ref(9)?.as_str_or_null().map_err(|error| damaged(9, error))?,
    })
}

/// Returns the first position after one at which there is an event.
fn first_after(connection: &Connection, after: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT position FROM main.events WHERE position > ?1 ORDER BY position LIMIT 1",
        )?
        .query_row([after], |row| row.get(0))
        .optional()
}

fn last_up_to(connection: &Connection, position: i64) -> rusqlite::Result<Option<Scanned>> {
    connection
        .prepare_cached(
            "SELECT position, id FROM main.events WHERE position <= ?1 \
             ORDER BY position DESC LIMIT 1",
        )?
        .query_row([position], |row| {
            Ok(Scanned { position: unsigned(row.get(0)?).into(), id: id(row, 1)? })
        })
        .optional()
}

fn id_at(connection: &Connection, position: GlobalPosition) -> rusqlite::Result<Option<EventId>> {
    connection
        .prepare_cached("SELECT id FROM main.events WHERE position = ?1")?
        .query_row([signed(position)], |row| id(row, 0))
        .optional()
}

fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<EventId> {
    let bytes = row.get_ref(column)?.as_bytes().map_err(|error| damaged(column, error))?;
    bytes.try_into().map(EventId::from_bytes).map_err(|error| damaged(column, error))
}

/// A version that no program can have written is damage, not a shape that is not known yet.
fn version(row: &Row<'_>, column: usize) -> rusqlite::Result<u32> {
    let version = row.get::<_, i64>(column)?;
    match u32::try_from(version) {
        Ok(version) if version > 0 => Ok(version),
        _ => Err(rusqlite::Error::FromSqlConversionFailure(
            column,
            Type::Integer,
            format!("{version} is no version").into(),
        )),
    }
}

/// Says which event is damaged.
fn at_position(row: &Row<'_>, error: rusqlite::Error) -> rusqlite::Error {
    match (row.get::<_, i64>(0), error) {
        (Ok(position), rusqlite::Error::FromSqlConversionFailure(column, ty, reason)) => {
            let name = row.as_ref().column_name(column).unwrap_or_default();
            let reason =
                format!("the event at position {position} is damaged in `{name}`: {reason}");
            rusqlite::Error::FromSqlConversionFailure(column, ty, reason.into())
        }
        (_, error) => error,
    }
}

fn damaged(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, Box::new(error))
}

/// Positions past what SQLite can count do not exist; none is taken for a small one.
fn signed(position: GlobalPosition) -> i64 {
    i64::try_from(position.get()).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::sqlite::schema;

    #[test]
    fn the_statement_of_a_page_is_prepared_once() {
        let connection = Connection::open_in_memory().unwrap();
        schema::create_events(&connection, "memory").unwrap();
        let event = "INSERT INTO events (id, stream, stream_position, domain, type, time, \
                     recorded_at, payload) VALUES (zeroblob(16), 's', 1, 'd', 't', 0, 0, '{}')";
        connection.execute(event, []).unwrap();
        let filter = Filter::all();
        for limit in [1, 1, 2] {
            let request = ReadRequest::new(GlobalPosition::BEGINNING, &filter).at_most(limit, 1);
            assert_eq!(page(&connection, "memory", request).unwrap().len(), 1);
        }
        let (condition, _) = filter::condition(&filter);
        let statement = connection.prepare_cached(&select_page(&condition)).unwrap();
        assert_eq!(statement.get_status(StatementStatus::Run), 3, "it is that statement");
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
