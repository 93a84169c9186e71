//! 128-bit identities: [`EventId`], [`StoreId`], [`OwnerId`] and [`RequestId`].

use std::{fmt, str::FromStr, sync::OnceLock};

use uuid::Uuid;

/// Defines a newtype over a UUID, written as 36 characters.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps 128 bits that come from elsewhere.
            #[must_use]
            pub const fn from_u128(bits: u128) -> Self {
                Self(Uuid::from_u128(bits))
            }

            /// Returns the 128 bits.
            #[must_use]
            pub const fn as_u128(self) -> u128 {
                self.0.as_u128()
            }

            /// Returns the 16 bytes, most significant first.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                *self.0.as_bytes()
            }

            /// Writes its text into a buffer, for a caller that writes many.
            #[cfg(feature = "sqlite")]
            pub(crate) fn text(self, buffer: &mut [u8; 36]) -> &str {
                self.0.as_hyphenated().encode_lower(buffer)
            }

            /// Wraps 16 bytes, most significant first.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Uuid::parse_str(text)
                    .map(Self)
                    .map_err(|_| ParseIdError { what: $what, text: text.chars().take(64).collect() })
            }
        }
    };
}

id! {
    /// The identity of an event: unique in its store, made before the first attempt to append it.
    ///
    /// ```
    /// use projections::EventId;
    /// let id = EventId::random();
    /// assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
    /// ```
    EventId, "an event id"
}

id! {
    /// The identity of an event store, drawn when the store is created.
    ///
    /// A checkpoint carries it, so that a checkpoint of another store is refused, not compared.
    StoreId, "a store id"
}

id! {
    /// The identity of a runtime that owns projectors, drawn when it is built: not a host and a
    /// process number, which come again.
    OwnerId, "an owner's id"
}

id! {
    /// The identity of a request to the owner of a projector.
    RequestId, "a request's id"
}

impl RequestId {
    /// Draws a new id.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl EventId {
    /// Draws a new id. Ids grow with time (UUID version 7), which keeps the store's index compact.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }
}

impl StoreId {
    /// Draws a new id.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl OwnerId {
    /// Draws a new id. Its first half is that of this process.
    #[must_use]
    pub fn random() -> Self {
        Self::from_u128((u128::from(process()) << 64) | u128::from(half()))
    }

    /// Tells whether this process has drawn it.
    pub(crate) fn is_of_this_process(self) -> bool {
        self.as_u128() >> 64 == u128::from(process())
    }
}

fn process() -> u64 {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    *PROCESS.get_or_init(half)
}

fn half() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}

/// A text that is not an id.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is not {what}: expected 32 hexadecimal digits, with or without hyphens")]
pub struct ParseIdError {
    what: &'static str,
    text: String,
}
