//! [`Token`]: a place in a store that a caller can wait for.

use std::{borrow::Cow, fmt, fmt::Write as _, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{GlobalPosition, StoreId};

/// Where an append's events are: store, first and last position, and stream.
///
/// It is a short string, so that a web API can hand it to its client and get it back later. The
/// string needs no escaping in a URL, a header or JSON, whatever the stream is called. Nothing in it
/// is secret, and nothing is signed: whoever has one learns the stream's name, and a made-up one is
/// waited for in vain.
///
/// ```
/// use projections::{GlobalPosition, StoreId, Token};
///
/// let token = Token::new(StoreId::from_u128(7), 3.into(), 4.into(), "order-1".into());
/// let text = token.to_string();
/// assert_eq!(text, "00000000000000000000000000000007.3.4.order-1");
/// assert_eq!(text.parse::<Token>().unwrap(), token);
/// assert!("gibberish".parse::<Token>().is_err());
///
/// let odd = Token::new(StoreId::from_u128(7), 3.into(), 4.into(), "order 1&2".into());
/// assert_eq!(odd.to_string(), "00000000000000000000000000000007.3.4.order~201~262");
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
        write!(f, "{:032x}.{}.{}.", self.store.as_u128(), self.first, self.last)?;
        // Not by `%`, which each query string takes away.
        for byte in self.stream.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                    f.write_char(char::from(byte))?;
                }
                other => write!(f, "~{other:02X}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Token {
    type Err = ParseTokenError;

    fn from_str(text: &str) -> Result<Self, ParseTokenError> {
        // A token has one text; what only looks like it was made by somebody else.
        let token = parse(text).filter(|token| token.to_string() == text);
        token.ok_or(ParseTokenError(()))
    }
}

fn parse(text: &str) -> Option<Token> {
    let mut parts = text.splitn(4, '.');
    let store = parts.next()?.parse().ok()?;
    let first: u64 = parts.next()?.parse().ok()?;
    let last: u64 = parts.next()?.parse().ok()?;
    let stream = unescape(parts.next()?)?;
    (first <= last).then(|| Token::new(store, first.into(), last.into(), stream))
}

fn unescape(text: &str) -> Option<String> {
    let mut pieces = text.split('~');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// As its text.
impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From its text.
impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A text that is not a [`Token`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a position token: expected the text of `receipt.token()`")]
pub struct ParseTokenError(());
