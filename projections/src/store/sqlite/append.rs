//! Appending: one stream at a time, or a chunk of an import.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params, types::ValueRef};

use super::{
    error::store_error,
    file::File,
    inline::Running,
    options::SqliteOptions,
    writer::{Turn, Uncommitted},
};
use crate::{
    AppendError, AppendRequest, EventId, Expected, GlobalPosition, ImportChunk, ImportReceipt,
    NewEvent, PageBuilder, Receipt, RecordedEvent, Scanned, StoreError, StoreErrorKind, StoreId,
    StreamPosition,
    inline::{Fault, Writes},
    source::{check_event, check_name},
};

/// Appends events to a stream, durably.
pub(super) fn append(
    file: &Arc<File>,
    options: SqliteOptions,
    store: StoreId,
    request: &AppendRequest,
) -> Result<Receipt, AppendError> {
    request.validate()?;
    attempts(|writes| {
        let turn = Turn::begin(file, options)?;
        let connection = turn.shared();
        let writing = Writing { connection: &connection.lock(), label: file.label() };
        if let Some((first, last)) = writing.known(request)? {
            return Ok(receipt(store, request, first, last));
        }
        let end = writing.stream_end(&request.stream)?;
        expect(request, end)?;
        let mut inserted = Inserted::after(file, &writing)?;
        for (event, stream_position) in request.events.iter().zip(end + 1..) {
            inserted.insert(&writing, event, &request.stream, stream_position)?;
        }
        let (first, last) = (inserted.first.unwrap_or_default(), inserted.last);
        inserted.commit(file, turn, writes, || ids(request.events.iter()))?;
        Ok(receipt(store, request, first, last))
    })
}

/// Appends a chunk of an import, durably.
pub(super) fn import(
    file: &Arc<File>,
    options: SqliteOptions,
    chunk: &ImportChunk,
) -> Result<ImportReceipt, AppendError> {
    for (stream, event) in &chunk.events {
        check_name("stream", stream)?;
        check_event(event)?;
    }
    attempts(|writes| {
        let turn = Turn::begin(file, options)?;
        let connection = turn.shared();
        let writing = Writing { connection: &connection.lock(), label: file.label() };
        let mut receipt = ImportReceipt::default();
        let mut ends: HashMap<&str, i64> = HashMap::new();
        let mut inserted = Inserted::after(file, &writing)?;
        for (stream, event) in &chunk.events {
            if writing.is_known(event.id)? {
                receipt.known += 1;
                continue;
            }
            let end = match ends.get(&**stream) {
                Some(end) => *end,
                None => writing.stream_end(stream)?,
            };
            inserted.insert(&writing, event, stream, end + 1)?;
            ends.insert(stream, end + 1);
            receipt.stored += 1;
        }
        writing.save_progress(chunk)?;
        inserted.commit(file, turn, writes, || ids(chunk.events.iter().map(|(_, event)| event)))?;
        Ok(receipt)
    })
}

/// Tries an append once more, event by event, where that shows which one is to blame.
fn attempts<T>(mut attempt: impl FnMut(Writes) -> Result<T, Fault>) -> Result<T, AppendError> {
    let outcome = match attempt(Writes::Batched) {
        Err(Fault::Unclear) => attempt(Writes::EventByEvent),
        outcome => outcome,
    };
    outcome.map_err(|fault| match fault {
        Fault::Append(error) => *error,
        Fault::Unclear => {
            let doing = "tell which event's rows a table refuses";
            StoreError::new(StoreErrorKind::Other, doing).into()
        }
    })
}

/// The events that an append has inserted, on their way to its commit.
struct Inserted {
    recorded_at: Timestamp,
    first: Option<i64>,
    last: Place,
    last_id: Option<EventId>,
    /// Whom they are to be shown before they are committed, and what: nobody and nothing, mostly.
    inline: Option<(Running, PageBuilder)>,
}

impl Inserted {
    /// None yet. Where a projector must run that this program cannot run, there will be none.
    fn after(file: &File, writing: &Writing<'_>) -> Result<Self, AppendError> {
        let running = Running::find(file, writing.connection)?;
        Ok(Self {
            recorded_at: in_microseconds(Timestamp::now()),
            first: None,
            last: Place { position: 0, stream_position: 0 },
            last_id: None,
            inline: running.map(|running| (running, PageBuilder::default())),
        })
    }

    fn insert(
        &mut self,
        writing: &Writing<'_>,
        event: &NewEvent,
        stream: &str,
        stream_position: i64,
    ) -> Result<(), AppendError> {
        let recorded_at = self.recorded_at;
        let position =
            writing.insert(event, stream, stream_position, recorded_at.as_microsecond())?;
        self.first.get_or_insert(position);
        self.last = Place { position, stream_position };
        self.last_id = Some(event.id);
        if let Some((_, page)) = &mut self.inline {
            page.push(RecordedEvent {
                position: position.cast_unsigned().into(),
                id: event.id,
                stream,
                stream_position: stream_position.cast_unsigned().into(),
                domain: event.domain.as_deref().unwrap_or_default(), // there is one: it was checked
                name: &event.name,
                version: event.version,
                time: in_microseconds(event.time),
                recorded_at,
                payload: &event.payload,
                metadata: event.metadata.as_deref(),
            });
        }
        Ok(())
    }

    /// Runs the inline projectors over them and commits.
    fn commit(
        self,
        file: &File,
        turn: Turn,
        writes: Writes,
        ids: impl FnOnce() -> Vec<EventId>,
    ) -> Result<(), Fault> {
        let position = self.last.position.cast_unsigned().into();
        let (running, turn) = match (self.inline, self.last_id) {
            (Some((running, page)), Some(id)) => {
                let page = page.finish(Some(Scanned { position, id }));
                let turn = running.run(turn, &page, writes)?;
                (Some(running), turn)
            }
            _ => (None, turn),
        };
        let then = || running.into_iter().for_each(Running::committed);
        turn.commit_and(then).map_err(|failure| match failure {
            Uncommitted::Certain(error) | Uncommitted::Refused(error) => AppendError::Store(error),
            Uncommitted::Unknown(source) => AppendError::Unknown { ids: ids(), source },
        })?;
        file.watch().publish(position);
        Ok(())
    }
}

/// A time as it comes back from the file.
fn in_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

fn ids<'a>(events: impl Iterator<Item = &'a NewEvent>) -> Vec<EventId> {
    events.map(|event| event.id).collect()
}

/// Where an event is.
#[derive(Clone, Copy)]
struct Place {
    position: i64,
    stream_position: i64,
}

fn receipt(store: StoreId, request: &AppendRequest, first: i64, last: Place) -> Receipt {
    Receipt::new(
        store,
        &request.stream,
        GlobalPosition::new(first.cast_unsigned()),
        GlobalPosition::new(last.position.cast_unsigned()),
        StreamPosition::new(last.stream_position.cast_unsigned()),
    )
}

fn expect(request: &AppendRequest, end: i64) -> Result<(), AppendError> {
    let actual = StreamPosition::new(end.cast_unsigned());
    let as_expected = match request.expected {
        Expected::Any => true,
        Expected::At(position) => position == actual,
        Expected::NoStream => actual == StreamPosition::BEGINNING,
    };
    if as_expected {
        return Ok(());
    }
    let (stream, expected) = (request.stream.clone(), request.expected);
    Err(AppendError::Conflict { stream, expected, actual })
}

/// The statements of an append, inside its transaction.
struct Writing<'a> {
    connection: &'a Connection,
    label: &'a str,
}

impl Writing<'_> {
    /// Returns where the events of a repeated append are: the ids are there in this order, with
    /// this content, together at one place of this stream.
    fn known(&self, request: &AppendRequest) -> Result<Option<(i64, Place)>, AppendError> {
        let mut places: Option<(i64, Place)> = None;
        for event in &request.events {
            let stored = self.stored(event, &request.stream)?;
            places = match (places, stored) {
                // The first id decides whether this is a repeat; later ones are unique by the
                // table's constraint.
                (None, Stored::Absent) => return Ok(None),
                (None, Stored::Same(place)) => Some((place.position, place)),
                (Some((first, last)), Stored::Same(place))
                    if place.position == last.position + 1 =>
                {
                    Some((first, place))
                }
                (Some(_), Stored::Absent) => {
                    // A part of the request is stored: it is the part that is reused.
                    let id = request.events.first().map_or(event.id, |first| first.id);
                    return Err(AppendError::IdReused { id });
                }
                _ => return Err(AppendError::IdReused { id: event.id }),
            };
        }
        Ok(places)
    }

    fn stored(&self, event: &NewEvent, stream: &str) -> Result<Stored, StoreError> {
        let select = || {
            self.connection
                .prepare_cached(
                    "SELECT position, stream_position, stream, domain, type, time, payload, \
                     metadata, version FROM main.events WHERE id = ?1",
                )?
                .query_row([event.id.to_bytes()], |row| {
                    let texts_are = row.get_ref(2)?.as_bytes() == Ok(stream.as_bytes())
                        && row.get_ref(3)?.as_str().ok() == event.domain.as_deref()
                        && row.get_ref(4)?.as_str().ok() == Some(&*event.name)
                        && row.get_ref(7)?.as_str_or_null().ok().flatten()
                            == event.metadata.as_deref();
                    let is_same = texts_are
                        && row.get::<_, i64>(5)? == event.time.as_microsecond()
                        && row.get::<_, i64>(8)? == i64::from(event.version)
                        && row.get_ref(6)?.as_bytes() == Ok(&event.payload);
                    let place = Place { position: row.get(0)?, stream_position: row.get(1)? };
                    Ok(if is_same { Stored::Same(place) } else { Stored::Other })
                })
                .optional()
        };
        Ok(select().map_err(|error| self.failed(error))?.unwrap_or(Stored::Absent))
    }

    fn is_known(&self, id: EventId) -> Result<bool, StoreError> {
        let select = || {
            self.connection
                .prepare_cached("SELECT 1 FROM main.events WHERE id = ?1")?
                .exists([id.to_bytes()])
        };
        select().map_err(|error| self.failed(error))
    }

    fn stream_end(&self, stream: &str) -> Result<i64, StoreError> {
        let select = || {
            self.connection
                .prepare_cached(
                    "SELECT coalesce(max(stream_position), 0) FROM main.events WHERE stream = ?1",
                )?
                .query_row([stream], |row| row.get(0))
        };
        select().map_err(|error| self.failed(error))
    }

    fn insert(
        &self,
        event: &NewEvent,
        stream: &str,
        stream_position: i64,
        recorded_at: i64,
    ) -> Result<i64, AppendError> {
        let insert = || {
            self.connection
                .prepare_cached(
                    "INSERT INTO main.events (id, stream, stream_position, domain, type, version, \
                     time, recorded_at, payload, metadata) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                )?
                .insert(params![
                    event.id.to_bytes(),
                    stream,
                    stream_position,
                    event.domain,
                    event.name,
                    event.version,
                    event.time.as_microsecond(),
                    recorded_at,
                    Payload(&event.payload),
                    event.metadata,
                ])
        };
        insert().map_err(|error| match error.sqlite_error_code() {
            // Of the table's constraints only the id's can fail: the stream's next position was
            // read in this transaction, and the request was validated.
            Some(ErrorCode::ConstraintViolation) => AppendError::IdReused { id: event.id },
            _ => self.failed(error).into(),
        })
    }

    fn save_progress(&self, chunk: &ImportChunk) -> Result<(), StoreError> {
        let progress = &chunk.progress;
        let upsert = || {
            self.connection
                .prepare_cached(
                    // A repeat begins at the first line and takes nothing back.
                    "INSERT INTO main.projections_imports (import, file, lines, total) \
                     VALUES (?1, ?2, ?3, ?4) ON CONFLICT (import) DO UPDATE SET \
                     file = excluded.file, lines = max(lines, excluded.lines), \
                     total = excluded.total",
                )?
                .execute(params![
                    progress.import.to_string(),
                    progress.file,
                    progress.lines.cast_signed(),
                    progress.total.cast_signed()
                ])
        };
        upsert().map(drop).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: rusqlite::Error) -> StoreError {
        store_error("append to", self.label, error)
    }
}

/// What is stored under an event's id.
enum Stored {
    Absent,
    Other,
    Same(Place),
}

/// A payload as a person can read it where it is text, else as bytes.
struct Payload<'a>(&'a [u8]);

impl rusqlite::ToSql for Payload<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        // The shell would show a text with a NUL only up to it.
        let is_text = !self.0.contains(&0) && std::str::from_utf8(self.0).is_ok();
        let value = if is_text { ValueRef::Text(self.0) } else { ValueRef::Blob(self.0) };
        Ok(rusqlite::types::ToSqlOutput::Borrowed(value))
    }
}
