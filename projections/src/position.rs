//! Places in the log: [`GlobalPosition`] and [`StreamPosition`].

use std::fmt;

/// Defines a newtype over `u64` that counts from 1, with 0 for "before the first event".
macro_rules! position {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[derive(serde::Deserialize, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Before the first event: what nothing has been read up to.
            pub const BEGINNING: Self = Self(0);

            /// Wraps a number; 0 is [`BEGINNING`](Self::BEGINNING).
            #[must_use]
            pub const fn new(position: u64) -> Self {
                Self(position)
            }

            /// Returns the number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// Returns the position after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<u64> for $name {
            fn from(position: u64) -> Self {
                Self(position)
            }
        }
    };
}

position! {
    /// A place in the store's total order; the first event is at 1.
    ///
    /// ```
    /// use projections::GlobalPosition;
    /// assert!(GlobalPosition::BEGINNING < GlobalPosition::new(1));
    /// assert_eq!(GlobalPosition::new(7).to_string(), "7");
    /// ```
    GlobalPosition
}

position! {
    /// The index of an event in its stream; the first event is at 1.
    ///
    /// ```
    /// use projections::StreamPosition;
    /// assert_eq!(StreamPosition::BEGINNING.next(), StreamPosition::new(1));
    /// ```
    StreamPosition
}
