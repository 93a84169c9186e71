//! Events: the [`Event`] trait, codecs, and events on their way into a store.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{BoxError, EventId, Stored, Upcast};

/// A fact that a handler can take: its wire name, its domain and how it is decoded.
///
/// `#[derive(Event)]` writes it; users implement it by hand only for a codec of their own.
/// The library calls it while routing and decoding. It asks for neither `'static` nor
/// `DeserializeOwned`, so an event may borrow from the payload.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "`{Self}` does not implement `Event`",
    note = "add `#[derive(Event)]` to `{Self}`, or implement `projections::Event` by hand"
)]
pub trait Event {
    /// The name under which the event is stored.
    const NAME: &'static str;
    /// Older names that stored events may carry.
    const ALIASES: &'static [&'static str] = &[];
    /// The domain that publishes the event, where it has just one.
    const DOMAIN: Option<&'static str> = None;
    /// The path of the type, which `std::any::type_name` does not tell while compiling.
    /// A hash of [`NAME`](Self::NAME), which the derive makes. Of 0 nothing is known.
    #[doc(hidden)]
    const KEY: u64 = 0;
    #[doc(hidden)]
    const TYPE: &'static str = "";
    /// The version of the event's shape, stored with it. It rises by one when the shape changes.
    const VERSION: u32 = 1;
    /// The older shapes that have a type of their own. The event answers to their names, too.
    const UPCASTS: &'static [Upcast] = &[];
    /// The event as decoded from a payload that lives for `'a`.
    type Decoded<'a>: Deserialize<'a>;
    /// How payloads are read and written.
    type Codec: Codec;

    /// Decodes a stored event, bringing one of an older shape to the present one.
    ///
    /// As provided it knows the present version alone. `#[derive(Event)]` writes another where the
    /// event has upcasters.
    ///
    /// # Errors
    /// Returns why the payload is not of this event: the codec's error, or an
    /// [`UpcastError`](crate::UpcastError).
    #[inline(always)] // else the event is copied on its way
    fn decode(stored: Stored<'_>) -> Result<Self::Decoded<'_>, BoxError> {
        stored.decode_current::<Self>()
    }
}

/// How an event's payload is read and written.
///
/// [`Json`] is the default. An implementation has no state: it is chosen by type.
pub trait Codec {
    /// Decodes a payload.
    ///
    /// # Errors
    /// Returns why the payload is not a `T`; [`Erased`] where somebody has erased it on purpose.
    fn decode<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, BoxError>;

    /// Encodes an event.
    ///
    /// # Errors
    /// Returns why the value cannot be written.
    fn encode<T: Serialize + ?Sized>(event: &T) -> Result<Vec<u8>, BoxError>;
}

/// What a [`Codec`] answers of a payload that somebody has erased on purpose, as where the key that
/// it was encrypted with is destroyed.
///
/// The event passes: no handler that decodes it is called, nothing is parked, and `status` counts it.
/// It may be the cause of another error. A handler that takes the envelope alone is called all the
/// same.
///
/// ```
/// use projections::{BoxError, Codec, Erased};
/// use serde::{Deserialize, Serialize};
///
/// /// JSON, of which nothing is left once it is erased.
/// enum Erasable {}
///
/// impl Codec for Erasable {
///     fn decode<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, BoxError> {
///         if payload.is_empty() {
///             return Err(Erased.into());
///         }
///         projections::Json::decode(payload)
///     }
///
///     fn encode<T: Serialize + ?Sized>(event: &T) -> Result<Vec<u8>, BoxError> {
///         projections::Json::encode(event)
///     }
/// }
/// # assert!(Erasable::decode::<u32>(b"").unwrap_err().is::<Erased>());
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the payload was erased")]
#[allow(clippy::exhaustive_structs)] // it has nothing to say but its name
pub struct Erased;

impl Erased {
    /// Whether an error is one, or has one behind it.
    pub(crate) fn is_behind(error: &(dyn std::error::Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Self>())
    }
}

/// Payloads as JSON, the default codec.
#[derive(Clone, Copy, Debug)]
pub enum Json {}

impl Codec for Json {
    #[inline(always)] // else the event is copied on its way
    fn decode<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, BoxError> {
        serde_json::from_slice(payload).map_err(Into::into)
    }

    fn encode<T: Serialize + ?Sized>(event: &T) -> Result<Vec<u8>, BoxError> {
        serde_json::to_vec(event).map_err(Into::into)
    }
}

/// The closed list of a domain's events: an enum with one variant an event.
///
/// `#[derive(Domain)]` writes it. Its values can be appended, so one call can append events of
/// several types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a domain",
    label = "`{Self}` does not implement `Domain`",
    note = "add `#[derive(Domain)]` to an enum with one variant an event"
)]
pub trait Domain {
    /// The domain's name.
    const NAME: &'static str;
    /// The wire names of its events, in the order of the variants.
    const EVENTS: &'static [&'static str];
    /// The names of their types, in the same order.
    #[doc(hidden)]
    const TYPES: &'static [&'static str] = Self::EVENTS;
}

/// What can be appended: an event, a variant of a [`Domain`], or a ready-made [`NewEvent`].
pub trait ToEvent {
    /// Encodes the event under a fresh id and the present time.
    ///
    /// # Errors
    /// Returns why the event cannot be written.
    fn to_event(&self) -> Result<NewEvent, EncodeError>;
}

impl<E: Event + Serialize> ToEvent for E {
    fn to_event(&self) -> Result<NewEvent, EncodeError> {
        NewEvent::of(self)
    }
}

impl ToEvent for NewEvent {
    fn to_event(&self) -> Result<NewEvent, EncodeError> {
        Ok(self.clone())
    }
}

/// An event on its way into a store.
///
/// Its id is made here, before the first attempt, so that an append whose answer was lost can be
/// repeated with the same value and stores nothing twice.
///
/// ```
/// use projections::NewEvent;
/// let event = NewEvent::json("OrderPlaced", r#"{"order":7}"#).in_domain("orders");
/// assert_eq!(event.name, "OrderPlaced");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NewEvent {
    /// The event's identity.
    pub id: EventId,
    /// The domain that publishes it.
    pub domain: Option<Cow<'static, str>>,
    /// The wire name.
    pub name: Cow<'static, str>,
    /// The version of the event's shape, from 1.
    pub version: u32,
    /// The encoded event.
    pub payload: Vec<u8>,
    /// A JSON object about the event: correlation, causation, user, and so on.
    pub metadata: Option<String>,
    /// When it happened, by the producer's clock; stored in microseconds.
    pub time: Timestamp,
}

impl NewEvent {
    /// Encodes a typed event.
    ///
    /// # Errors
    /// Returns why the event cannot be written.
    pub fn of<E: Event + Serialize>(event: &E) -> Result<Self, EncodeError> {
        let payload = E::Codec::encode(event)
            .map_err(|source| EncodeError { event: E::NAME.into(), source })?;
        let mut new = Self::raw(E::NAME, payload);
        new.domain = E::DOMAIN.map(Cow::Borrowed);
        Ok(new.with_version(E::VERSION))
    }

    /// Wraps a payload that is JSON already.
    #[must_use]
    pub fn json(name: impl Into<Cow<'static, str>>, payload: impl Into<String>) -> Self {
        Self::raw(name, payload.into().into_bytes())
    }

    /// Wraps a payload in whatever encoding the event's codec reads.
    #[must_use]
    pub fn raw(name: impl Into<Cow<'static, str>>, payload: Vec<u8>) -> Self {
        Self {
            id: EventId::random(),
            domain: None,
            name: name.into(),
            version: 1,
            payload,
            metadata: None,
            time: Timestamp::now(),
        }
    }

    /// Sets the domain.
    #[must_use]
    pub fn in_domain(mut self, domain: impl Into<Cow<'static, str>>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Sets the version of the event's shape, which is 1 where nobody says another.
    #[must_use]
    pub fn with_version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Sets the id, for an event that was given one elsewhere.
    #[must_use]
    pub fn with_id(mut self, id: EventId) -> Self {
        self.id = id;
        self
    }

    /// Sets the metadata: the text of a JSON object.
    #[must_use]
    pub fn with_metadata(mut self, metadata: impl Into<String>) -> Self {
        self.metadata = Some(metadata.into());
        self
    }

    /// Sets when it happened.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = time;
        self
    }
}

/// An event that its codec could not write.
#[derive(Debug, thiserror::Error)]
#[error("event `{event}` cannot be encoded")]
pub struct EncodeError {
    pub(crate) event: Cow<'static, str>,
    #[source]
    pub(crate) source: BoxError,
}
