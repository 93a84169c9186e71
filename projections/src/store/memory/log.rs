//! The log itself: events in columns, and what finds them again.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use crate::{
    AppendError, AppendRequest, EventId, Expected, Filter, GlobalPosition, ImportChunk,
    ImportProgress, ImportReceipt, NewEvent, Page, PageBuilder, ReadError, ReadRequest, Receipt,
    RecordedEvent, Scanned, StoreId, StreamPosition,
};

/// Every event, in order: the one at position `n` is at index `n - 1` of each column.
#[derive(Default)]
pub(super) struct Log {
    /// Which of `names`, each with a version, an event has; a column of its own, because scans read nothing else.
    kinds: Vec<usize>,
    records: Vec<Record>,
    names: Vec<Kind>,
    kind_of: HashMap<Kind, usize>,
    streams: Vec<Stream>,
    stream_of: HashMap<String, usize>,
    index_of: HashMap<EventId, usize>,
    imports: BTreeMap<EventId, ImportProgress>,
}

/// What is the same for all events of one shape: domain, wire name, version.
type Kind = (String, String, u32);

struct Record {
    id: EventId,
    stream: usize,
    stream_position: StreamPosition,
    time: Timestamp,
    recorded_at: Timestamp,
    payload: Box<[u8]>,
    metadata: Option<Box<str>>,
}

struct Stream {
    name: String,
    end: StreamPosition,
}

impl Log {
    pub(super) fn head(&self) -> Option<Scanned> {
        self.scanned_at(self.records.len())
    }

    pub(super) fn read(&self, request: &ReadRequest<'_>) -> Result<Page, ReadError> {
        if let Some(seen) = request.verify
            && self.scanned_at(index(seen.position)) != Some(seen)
        {
            return Err(ReadError::Diverged { position: seen.position, event: seen.id });
        }
        let start = index(request.after).min(self.records.len());
        let wanted = self.wanted(request.filter);
        let mut page = PageBuilder::with_capacity(
            request.max_events.min(self.records.len() - start).min(1_000),
        );
        let mut scanned = start;
        for (kind, record) in self.kinds.iter().zip(&self.records).skip(start) {
            scanned += 1;
            if !wanted[*kind] {
                continue; // `wanted` has an entry for each of `names`
            }
            page.push(self.recorded(scanned, *kind, record));
            if page.len() >= request.max_events || page.bytes() >= request.max_bytes {
                break;
            }
        }
        Ok(page.finish(if scanned > start { self.scanned_at(scanned) } else { None }))
    }

    pub(super) fn count(&self, filter: &Filter, after: GlobalPosition, to: GlobalPosition) -> u64 {
        let wanted = self.wanted(filter);
        let end = index(to).min(self.kinds.len());
        let range = self.kinds.get(index(after)..end).unwrap_or_default();
        range.iter().filter(|kind| wanted[**kind]).count() as u64 // an entry for each of `names`
    }

    pub(super) fn append(
        &mut self,
        store: StoreId,
        request: AppendRequest,
        now: Timestamp,
    ) -> Result<Receipt, AppendError> {
        let AppendRequest { stream, expected, events } = request;
        if let Some((first, last)) = self.repeated(&stream, &events)? {
            return Ok(self.receipt(store, stream, first, last));
        }
        let end = self.stream_of.get(&stream).map(|stream| self.streams[*stream].end); // kept together
        let actual = end.unwrap_or_default();
        let as_expected = match expected {
            Expected::Any => true,
            Expected::At(position) => actual == position,
            Expected::NoStream => actual == StreamPosition::BEGINNING,
        };
        if !as_expected {
            return Err(AppendError::Conflict { stream, expected, actual });
        }
        let first = self.records.len();
        for event in events {
            self.push(&stream, event, now);
        }
        Ok(self.receipt(store, stream, first, self.records.len() - 1)) // at least one was pushed
    }

    pub(super) fn import(&mut self, chunk: ImportChunk, now: Timestamp) -> ImportReceipt {
        let mut receipt = ImportReceipt::default();
        for (stream, event) in chunk.events {
            if self.index_of.contains_key(&event.id) {
                receipt.known += 1;
            } else {
                self.push(&stream, event, now);
                receipt.stored += 1;
            }
        }
        let mut progress = chunk.progress;
        if let Some(before) = self.imports.get(&progress.import) {
            // An import that is repeated from its first line has not lost the later ones.
            progress.lines = progress.lines.max(before.lines);
        }
        self.imports.insert(progress.import, progress);
        receipt
    }

    pub(super) fn unfinished_imports(&self) -> Vec<ImportProgress> {
        self.imports.values().filter(|import| import.lines < import.total).cloned().collect()
    }

    /// Finds the events of a request that was carried out before: the indexes of first and last.
    fn repeated(
        &self,
        stream: &str,
        events: &[NewEvent],
    ) -> Result<Option<(usize, usize)>, AppendError> {
        let mut own = HashSet::new();
        if let Some(twice) = events.iter().find(|event| !own.insert(event.id)) {
            return Err(AppendError::IdReused { id: twice.id });
        }
        let Some(known) = events.iter().find(|event| self.index_of.contains_key(&event.id)) else {
            return Ok(None);
        };
        let reused = AppendError::IdReused { id: known.id };
        let first = match events.first().and_then(|event| self.index_of.get(&event.id)) {
            Some(first) => *first,
            None => return Err(reused),
        };
        for (at, event) in (first..).zip(events) {
            match self.index_of.get(&event.id) {
                Some(found) if *found == at && self.holds(at, stream, event) => {}
                Some(_) => return Err(AppendError::IdReused { id: event.id }),
                None => return Err(reused),
            }
        }
        Ok(Some((first, first + events.len() - 1))) // a valid request has an event
    }

    /// Tells whether the event at an index is this one.
    fn holds(&self, at: usize, stream: &str, event: &NewEvent) -> bool {
        let (record, (domain, name, version)) = (&self.records[at], &self.names[self.kinds[at]]); // `at` is from `index_of`
        self.streams[record.stream].name == stream // set by `push`
            && event.domain.as_deref() == Some(domain)
            && event.name == *name
            && event.version == *version
            && event.payload == *record.payload
            && event.metadata.as_deref() == record.metadata.as_deref()
            && to_microseconds(event.time) == record.time
    }

    fn push(&mut self, stream: &str, event: NewEvent, now: Timestamp) {
        let stream = match self.stream_of.get(stream) {
            Some(known) => *known,
            None => {
                self.stream_of.insert(stream.to_owned(), self.streams.len());
                self.streams
                    .push(Stream { name: stream.to_owned(), end: StreamPosition::BEGINNING });
                self.streams.len() - 1
            }
        };
        let domain = event.domain.unwrap_or_default().into_owned();
        let kind = self.kind((domain, event.name.into_owned(), event.version));
        let end = &mut self.streams[stream].end; // pushed above, or before
        *end = end.next();
        self.index_of.insert(event.id, self.records.len());
        self.kinds.push(kind);
        self.records.push(Record {
            id: event.id,
            stream,
            stream_position: *end,
            time: to_microseconds(event.time),
            recorded_at: to_microseconds(now),
            payload: event.payload.into_boxed_slice(),
            metadata: event.metadata.map(String::into_boxed_str),
        });
    }

    fn kind(&mut self, kind: Kind) -> usize {
        let next = self.names.len();
        if let Some(known) = self.kind_of.get(&kind) {
            return *known;
        }
        self.names.push(kind.clone());
        self.kind_of.insert(kind, next);
        next
    }

    fn recorded<'a>(
        &'a self,
        position: usize,
        kind: usize,
        record: &'a Record,
    ) -> RecordedEvent<'a> {
        let (domain, name, version) = &self.names[kind]; // kinds are indexes of `names`
        RecordedEvent {
            position: GlobalPosition::new(position as u64),
            id: record.id,
            stream: &self.streams[record.stream].name, // set by `push`
            stream_position: record.stream_position,
            domain,
            name,
            version: *version,
            time: record.time,
            recorded_at: record.recorded_at,
            payload: &record.payload,
            metadata: record.metadata.as_deref(),
        }
    }

    fn receipt(&self, store: StoreId, stream: String, first: usize, last: usize) -> Receipt {
        let end = self.records[last].stream_position; // callers found or pushed it
        let position = |at: usize| GlobalPosition::new(at as u64 + 1);
        Receipt::new(store, stream, position(first), position(last), end)
    }

    /// The event at a position, `None` where there is none.
    fn scanned_at(&self, position: usize) -> Option<Scanned> {
        let record = self.records.get(position.checked_sub(1)?)?;
        Some(Scanned { position: GlobalPosition::new(position as u64), id: record.id })
    }

    /// Tells of each of `names` whether the filter wants it.
    fn wanted(&self, filter: &Filter) -> Vec<bool> {
        self.names.iter().map(|(domain, name, _)| filter.matches(domain, name)).collect()
    }
}

/// How many events stand at or before a position; the index of the first one after it.
fn index(position: GlobalPosition) -> usize {
    usize::try_from(position.get()).unwrap_or(usize::MAX)
}

/// Cuts a time to the precision that every store keeps.
fn to_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time) // a part of a valid time is one
}
