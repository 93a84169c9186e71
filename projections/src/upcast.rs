//! Events of an older shape: [`Stored`], [`Upcast`] and what can go wrong between them.

use crate::{BoxError, Codec, Event};

/// An event as it is stored: the wire name and the version, which name its shape, and its payload.
///
/// The library makes it of every event that it decodes. A test of an upcaster makes one itself:
///
/// ```
/// use projections::{Event, Stored};
///
/// #[derive(Event, serde::Deserialize)]
/// #[event(name = "OrderPlaced")]
/// struct OrderPlacedV1 { euros: u64 }
///
/// #[derive(Event, serde::Deserialize)]
/// #[event(version = 2, upcast(from = OrderPlacedV1))]
/// struct OrderPlaced { cents: u64 }
///
/// impl From<OrderPlacedV1> for OrderPlaced {
///     fn from(older: OrderPlacedV1) -> Self {
///         Self { cents: older.euros * 100 }
///     }
/// }
///
/// let placed = OrderPlaced::decode(Stored::new("OrderPlaced", 1, br#"{"euros":7}"#))?;
/// assert_eq!(placed.cents, 700);
/// # Ok::<(), projections::BoxError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    name: &'a str,
    version: u32,
    payload: &'a [u8],
}

impl<'a> Stored<'a> {
    /// Names a shape and wraps a payload.
    #[inline]
    #[must_use]
    pub const fn new(name: &'a str, version: u32, payload: &'a [u8]) -> Self {
        Self { name, version, payload }
    }

    /// The wire name under which it was stored.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The version that it was stored as.
    #[inline]
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The encoded event.
    #[inline]
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Decodes an event of the present shape, and refuses any other version.
    #[inline(always)] // else the event is copied on its way
    pub(crate) fn decode_current<E: Event + ?Sized>(self) -> Result<E::Decoded<'a>, BoxError> {
        if self.version == E::VERSION {
            E::Codec::decode(self.payload)
        } else {
            Err(refused(E::NAME, self.version, E::VERSION))
        }
    }
}

#[cold]
fn refused(event: &'static str, stored: u32, known: u32) -> BoxError {
    Box::new(if stored > known {
        UpcastError::Newer { event, stored, known }
    } else {
        UpcastError::NoUpcaster { event, stored, current: known }
    })
}

/// An older shape of an event, by a type of its own, with the shapes that are older still.
///
/// `#[event(upcast(from = OlderType))]` writes it. Events are routed by it: the event answers to the
/// names of its older shapes, too.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Upcast {
    /// The wire name of the older shape.
    pub name: &'static str,
    /// Its still older names.
    pub aliases: &'static [&'static str],
    /// The domain that publishes it, where it has just one.
    pub domain: Option<&'static str>,
    /// Its version.
    pub version: u32,
    /// The shapes that are turned into this one.
    pub upcasts: &'static [Upcast],
}

impl Upcast {
    /// Describes an event type.
    #[must_use]
    pub const fn of<E: Event>() -> Self {
        Self {
            name: E::NAME,
            aliases: E::ALIASES,
            domain: E::DOMAIN,
            version: E::VERSION,
            upcasts: E::UPCASTS,
        }
    }

    /// Returns every wire name of the shape and of those before it, each once.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let mut names = Vec::new();
        self.add_names(&mut names);
        names.into_iter()
    }

    fn add_names(&self, names: &mut Vec<&'static str>) {
        for name in std::iter::once(self.name).chain(self.aliases.iter().copied()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        self.upcasts.iter().for_each(|older| older.add_names(names));
    }

    /// Tells whether an event of this name is of the shape, or of one before it.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.is_named(name) || self.upcasts.iter().any(|older| older.answers_to(name))
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// Tells whether this shape, or one before it, has an event of this name and version.
    pub(crate) fn covers(&self, name: &str, version: u32) -> bool {
        (version <= self.version && self.is_named(name))
            || self.upcasts.iter().any(|older| older.covers(name, version))
    }
}

/// A stored event is not of the present shape, and could not be brought to it.
///
/// It is the source of a [`HandleError::Decode`](crate::HandleError::Decode), which names the event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpcastError {
    /// The conversion from an older type failed: mend its `TryFrom`.
    #[error("`{from}` cannot be turned into `{to}`")]
    Conversion {
        /// The older type.
        from: &'static str,
        /// The type that it becomes.
        to: &'static str,
        /// The conversion's error.
        #[source]
        source: BoxError,
    },
    /// A function over the JSON failed: mend it.
    #[error("the upcaster of `{event}` from version {from} to version {to} failed")]
    Function {
        /// The wire name of the present shape.
        event: &'static str,
        /// The version that the function takes.
        from: u32,
        /// The version that it makes.
        to: u32,
        /// The function's error.
        #[source]
        source: BoxError,
    },
    /// A newer program has stored it: run that one.
    #[error(
        "it was stored as version {stored} of `{event}`, and this program knows versions up to {known}: run the newer program"
    )]
    Newer {
        /// The wire name of the shape that this program knows.
        event: &'static str,
        /// The version of the event.
        stored: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// Nothing brings its version to the present one: add an upcaster.
    #[error(
        "it was stored as version {stored} of `{event}`, and there is no upcaster from there to version {current}"
    )]
    NoUpcaster {
        /// The wire name of the present shape.
        event: &'static str,
        /// The version of the event.
        stored: u32,
        /// The present version.
        current: u32,
    },
    /// It is not of the shape that it was stored as.
    #[error("it was stored as version {stored}, and is no `{ty}`")]
    Payload {
        /// The type of the version.
        ty: &'static str,
        /// The version of the event.
        stored: u32,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
    /// The functions over the JSON did not make the present shape: mend them.
    #[error("its upcasters, from version {stored} on, made something else of it")]
    Rewritten {
        /// The version of the event.
        stored: u32,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
}
