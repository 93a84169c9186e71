//! A [`Page`]: a run of events as read from a source, in a few buffers.

use std::{fmt, ops::Range, sync::Arc};

use jiff::Timestamp;

use crate::{Envelope, EventId, GlobalPosition, StreamPosition};

/// One stored event, as an [`EventSource`](crate::EventSource) hands it to a [`PageBuilder`].
///
/// The fields are public and the struct is exhaustive on purpose: a source must say all of them.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct RecordedEvent<'a> {
    /// Place in the store's total order.
    pub position: GlobalPosition,
    /// The event's identity.
    pub id: EventId,
    /// The stream that it belongs to.
    pub stream: &'a str,
    /// Its index in that stream.
    pub stream_position: StreamPosition,
    /// The domain that published it.
    pub domain: &'a str,
    /// Its wire name.
    pub name: &'a str,
    /// The version of its shape, from 1.
    pub version: u32,
    /// When it happened, by the producer's clock.
    pub time: Timestamp,
    /// When it was stored, by the store's clock.
    pub recorded_at: Timestamp,
    /// The encoded event.
    pub payload: &'a [u8],
    /// A JSON object about the event.
    pub metadata: Option<&'a str>,
}

/// The last event that a read looked at, matching or not: how far the log is scanned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)]
pub struct Scanned {
    /// Its position.
    pub position: GlobalPosition,
    /// Its id.
    pub id: EventId,
}

/// A run of matching events in global order, and how far the log was scanned for them.
///
/// A page is a few buffers, whatever the number of its events; clones share them.
#[derive(Clone)]
pub struct Page {
    contents: Arc<Contents>,
    scanned: Option<Scanned>,
}

impl Page {
    /// Returns how many events the page holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.contents.records.len()
    }

    /// Tells whether nothing matched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.contents.records.is_empty()
    }

    /// Returns the last event that was looked at; `None` where there was nothing after the place
    /// from which the page was read.
    #[must_use]
    pub fn scanned(&self) -> Option<Scanned> {
        self.scanned
    }

    /// Returns the (domain, wire name) pairs of the page, in order of first appearance. A pair is
    /// there once for each version that events of it have.
    pub fn names(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.contents.names.iter().map(|name| (&*name.domain, &*name.name))
    }

    /// Returns the envelopes, in order.
    pub fn events(&self) -> impl ExactSizeIterator<Item = Envelope> {
        (0..self.len()).map(|index| Envelope::new(self.clone(), index))
    }

    #[inline]
    pub(crate) fn record(&self, index: usize) -> &Record {
        &self.contents.records[index] // callers take `index` from `0..len()`
    }

    /// The index of the first event after a position.
    pub(crate) fn first_after(&self, position: GlobalPosition) -> usize {
        self.contents.records.partition_point(|record| record.position <= position)
    }

    #[inline]
    pub(crate) fn name(&self, record: &Record) -> &Name {
        &self.contents.names[record.name] // set by `PageBuilder::push` in the same page
    }

    #[inline]
    pub(crate) fn text(&self, range: &Range<usize>) -> &str {
        &self.contents.texts[range.clone()] // ranges come from `PageBuilder::push`
    }

    #[inline]
    pub(crate) fn payload(&self, index: usize) -> &[u8] {
        let Contents { records, payloads, .. } = &*self.contents;
        let start = index.checked_sub(1).map_or(0, |before| records[before].payload_end);
        &payloads[start..records[index].payload_end] // ends only grow, in `PageBuilder::push`
    }

    pub(crate) fn details(&self, index: usize) -> &Details {
        &self.contents.details[index] // one for each record
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("len", &self.len()).field("scanned", &self.scanned).finish()
    }
}

struct Contents {
    records: Vec<Record>,
    details: Vec<Details>,
    names: Vec<Name>,
    texts: String,
    payloads: Vec<u8>,
}

/// A kind of event in a page: what is the same for all events of one shape.
pub(crate) struct Name {
    pub(crate) domain: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) version: u32,
}

/// What the batch loop reads of every event. It is small and apart from the rest, so that the loop
/// goes through little memory.
pub(crate) struct Record {
    pub(crate) position: GlobalPosition,
    pub(crate) name: usize,
    /// The payload begins where that of the event before ends.
    payload_end: usize,
}

/// What only a handler that takes the envelope reads.
pub(crate) struct Details {
    pub(crate) id: EventId,
    pub(crate) stream_position: StreamPosition,
    pub(crate) time: Timestamp,
    pub(crate) recorded_at: Timestamp,
    pub(crate) stream: Range<usize>,
    pub(crate) metadata: Option<Range<usize>>,
}

/// Collects the events of a page.
///
/// ```
/// use projections::{PageBuilder, GlobalPosition, EventId, RecordedEvent, Scanned, StreamPosition};
///
/// let id = EventId::random();
/// let position = GlobalPosition::new(1);
/// let mut page = PageBuilder::default();
/// page.push(RecordedEvent {
///     position, id, stream: "order-1", stream_position: StreamPosition::new(1), domain: "orders",
///     name: "OrderPlaced", version: 1, time: jiff::Timestamp::UNIX_EPOCH, recorded_at: jiff::Timestamp::UNIX_EPOCH,
///     payload: b"{}", metadata: None,
/// });
/// let page = page.finish(Some(Scanned { position, id }));
/// assert_eq!(page.names().next(), Some(("orders", "OrderPlaced")));
/// ```
#[derive(Default)]
pub struct PageBuilder {
    records: Vec<Record>,
    details: Vec<Details>,
    names: Vec<Name>,
    texts: String,
    payloads: Vec<u8>,
}

impl PageBuilder {
    /// Makes a builder with room for this many events.
    #[must_use]
    pub fn with_capacity(events: usize) -> Self {
        Self {
            records: Vec::with_capacity(events),
            details: Vec::with_capacity(events),
            ..Self::default()
        }
    }

    /// Adds the next event.
    pub fn push(&mut self, event: RecordedEvent<'_>) {
        let name = self.intern(event.domain, event.name, event.version);
        let stream = match self.details.last() {
            // Events of one stream often stand together; they share its text.
            Some(last) if self.texts[last.stream.clone()] == *event.stream => last.stream.clone(),
            _ => append_text(&mut self.texts, event.stream),
        };
        self.payloads.extend_from_slice(event.payload);
        let payload_end = self.payloads.len();
        self.records.push(Record { position: event.position, name, payload_end });
        let metadata = event.metadata.map(|text| append_text(&mut self.texts, text));
        self.details.push(Details {
            id: event.id,
            stream_position: event.stream_position,
            time: event.time,
            recorded_at: event.recorded_at,
            stream,
            metadata,
        });
    }

    /// Returns how many events were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Tells whether no event was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns how many bytes of payload and text were added.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.payloads.len() + self.texts.len()
    }

    /// Ends the page. `scanned` is the last event that was looked at, matching or not.
    #[must_use]
    pub fn finish(self, scanned: Option<Scanned>) -> Page {
        let Self { records, details, names, texts, payloads } = self;
        Page { contents: Arc::new(Contents { records, details, names, texts, payloads }), scanned }
    }

    fn intern(&mut self, domain: &str, name: &str, version: u32) -> usize {
        let same = |known: &Name| {
            known.version == version && *known.name == *name && *known.domain == *domain
        };
        if let Some(last) = self.records.last()
            && same(&self.names[last.name])
        {
            return last.name;
        }
        self.names.iter().position(same).unwrap_or_else(|| {
            self.names.push(Name { domain: domain.into(), name: name.into(), version });
            self.names.len() - 1
        })
    }
}

impl fmt::Debug for PageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageBuilder").field("len", &self.len()).finish_non_exhaustive()
    }
}

fn append_text(texts: &mut String, text: &str) -> Range<usize> {
    let start = texts.len();
    texts.push_str(text);
    start..texts.len()
}
