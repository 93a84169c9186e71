//! [`Token`]: a place in a store that a caller can wait for.

use std::{fmt, str::FromStr};

use crate::{GlobalPosition, StoreId};

/// Where an append's events are: store, first and last position, and stream.
///
/// It is a short string, so that a web API can hand it to its client and get it back later:
///
/// ```
/// use projections::{GlobalPosition, StoreId, Token};
///
/// let token = Token::new(StoreId::from_u128(7), 3.into(), 4.into(), "order-1".into());
/// let text = token.to_string();
/// assert_eq!(text, "00000000000000000000000000000007.3.4.order-1");
/// assert_eq!(text.parse::<Token>().unwrap(), token);
/// assert!("gibberish".parse::<Token>().is_err());
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Token {
    store: StoreId,
    first: GlobalPosition,
    last: GlobalPosition,
    stream: String,
}

impl Token {
    /// Makes a token.
    #[must_use]
    pub fn new(
        store: StoreId,
        first: GlobalPosition,
        last: GlobalPosition,
        stream: String,
    ) -> Self {
        Self { store, first, last, stream }
    }

    /// The store that holds the events.
    #[must_use]
    pub fn store(&self) -> StoreId {
        self.store
    }

    /// Position of the first event.
    #[must_use]
    pub fn first(&self) -> GlobalPosition {
        self.first
    }

    /// Position of the last event: what a projector must have passed.
    #[must_use]
    pub fn last(&self) -> GlobalPosition {
        self.last
    }

    /// The stream of the events.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}.{}.{}.{}", self.store.as_u128(), self.first, self.last, self.stream)
    }
}

impl FromStr for Token {
    type Err = ParseTokenError;

    fn from_str(text: &str) -> Result<Self, ParseTokenError> {
        parse(text).ok_or(ParseTokenError(()))
    }
}

fn parse(text: &str) -> Option<Token> {
    let mut parts = text.splitn(4, '.');
    let store = parts.next()?.parse().ok()?;
    let first: u64 = parts.next()?.parse().ok()?;
    let last: u64 = parts.next()?.parse().ok()?;
    let stream = parts.next()?.to_owned();
    (first <= last).then(|| Token::new(store, first.into(), last.into(), stream))
}

/// A text that is not a [`Token`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a position token: expected the text of `receipt.token()`")]
pub struct ParseTokenError(());
