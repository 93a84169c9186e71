//! What surrounds an event: [`Envelope`] and [`RawEvent`].

use std::{fmt, sync::Arc};

use jiff::Timestamp;

use crate::{
    BoxError, Event, EventId, GlobalPosition, Page, Stored, StreamPosition,
    page::Name,
    values::{Returned, Values},
};

/// An event's identity, place, time and metadata.
///
/// A handler that wants it takes `&Envelope`. It has no lifetime parameter: its texts live in the
/// page that it came with and are shared, not copied. Keeping a clone keeps that page in memory.
#[derive(Clone)]
pub struct Envelope {
    page: Page,
    index: usize,
    replay: bool,
    redriven: bool,
    /// Where what handlers return goes, where somebody waits for it.
    values: Option<Arc<Values>>,
}

impl Envelope {
    pub(crate) fn new(page: Page, index: usize) -> Self {
        Self { page, index, replay: false, redriven: false, values: None }
    }

    /// Says where what handlers return goes.
    pub(crate) fn with_values(mut self, values: Option<Arc<Values>>) -> Self {
        self.values = values;
        self
    }

    /// Says whether its events come late.
    pub(crate) fn redriven(mut self, redriven: bool) -> Self {
        self.redriven = redriven;
        self
    }

    /// Keeps what the event's handler has returned, if anybody waits for it.
    #[inline]
    pub(crate) fn hand_over(&self, returned: impl FnOnce() -> Returned) {
        if let Some(values) = &self.values
            && values.is_wanted(self.index)
        {
            values.keep(self.index, returned());
        }
    }

    /// Moves on to another event of the same page, so that a batch makes one envelope.
    #[inline]
    pub(crate) fn move_to(&mut self, index: usize, effects_mark: GlobalPosition) {
        self.index = index;
        self.replay = self.position() <= effects_mark;
    }

    /// The event's id.
    #[must_use]
    pub fn id(&self) -> EventId {
        self.page.details(self.index).id
    }

    /// The event's wire name, as stored: an old name where it was stored under one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.page.name(self.page.record(self.index)).name
    }

    /// The version of the event's shape, as stored: an older one where it was stored as that.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.page.name(self.page.record(self.index)).version
    }

    /// The domain that published the event.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.page.name(self.page.record(self.index)).domain
    }

    /// The stream that the event belongs to.
    #[must_use]
    pub fn stream(&self) -> &str {
        self.page.text(&self.page.details(self.index).stream)
    }

    /// The event's index in its stream, from 1.
    #[must_use]
    pub fn stream_position(&self) -> StreamPosition {
        self.page.details(self.index).stream_position
    }

    /// The event's place in the store's total order, from 1.
    #[inline]
    #[must_use]
    pub fn position(&self) -> GlobalPosition {
        self.page.record(self.index).position
    }

    /// When it happened, by the producer's clock.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.page.details(self.index).time
    }

    /// When it was stored, by the store's clock.
    #[must_use]
    pub fn recorded_at(&self) -> Timestamp {
        self.page.details(self.index).recorded_at
    }

    /// The JSON object that was stored beside the event.
    #[must_use]
    pub fn metadata(&self) -> Option<&str> {
        self.page.details(self.index).metadata.as_ref().map(|range| self.page.text(range))
    }

    /// The metadata's `correlation_id`, where it is a string.
    #[must_use]
    pub fn correlation_id(&self) -> Option<String> {
        self.metadata_text("correlation_id")
    }

    /// The metadata's `causation_id`, where it is a string.
    #[must_use]
    pub fn causation_id(&self) -> Option<String> {
        self.metadata_text("causation_id")
    }

    /// Tells whether the event is at or before the projector's *effects mark*: history that was
    /// there before the projector first started, or that it has gone through before a rebuild.
    ///
    /// The effects mark is the highest position whose effects on the outside world are none of this
    /// pass's business. It begins at the head as it was at the first start, grows with every event
    /// applied, and a rebuild does not set it back; so a handler that sends mail leaves it where
    /// this is true. It is a help, not a guarantee: an event whose batch was rolled back is not a
    /// replay when it comes again. In process it begins at the head of each start.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.replay
    }

    /// Tells whether the event was parked, and comes now, after events that are later in the log.
    #[must_use]
    pub fn is_redriven(&self) -> bool {
        self.redriven
    }

    /// The encoded event.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.page.payload(self.index)
    }

    /// What the event is decoded from.
    #[inline]
    pub(crate) fn stored(&self) -> Stored<'_> {
        let Name { name, version, .. } = self.page.name(self.page.record(self.index));
        Stored::new(name, *version, self.payload())
    }

    fn metadata_text(&self, key: &str) -> Option<String> {
        let fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(self.metadata()?).ok()?;
        fields.get(key)?.as_str().map(str::to_owned)
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("position", &self.position())
            .field("id", &self.id())
            .field("domain", &self.domain())
            .field("name", &self.name())
            .field("version", &self.version())
            .field("stream", &self.stream())
            .field("stream_position", &self.stream_position())
            .finish_non_exhaustive()
    }
}

/// An event as it is stored, for a `#[fallback]` handler, which takes events of any type.
#[derive(Clone, Copy, Debug)]
pub struct RawEvent<'a> {
    envelope: &'a Envelope,
}

impl<'a> RawEvent<'a> {
    #[inline]
    pub(crate) fn new(envelope: &'a Envelope) -> Self {
        Self { envelope }
    }

    /// The event's identity, place, time and metadata.
    #[must_use]
    pub fn envelope(&self) -> &'a Envelope {
        self.envelope
    }

    /// The event's wire name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.envelope.name()
    }

    /// The domain that published the event.
    #[must_use]
    pub fn domain(&self) -> &'a str {
        self.envelope.domain()
    }

    /// The version of the event's shape.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.envelope.version()
    }

    /// The encoded event.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.envelope.payload()
    }

    /// Decodes the event as an `E`, whatever its name is, and runs the upcasters of `E` where its
    /// version is an older one.
    ///
    /// # Errors
    /// Returns why the event is not an `E`.
    pub fn decode<E: Event>(&self) -> Result<E::Decoded<'a>, BoxError> {
        E::decode(self.envelope.stored())
    }
}
