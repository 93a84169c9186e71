//! Waiting for the projector that keeps the rows.

use std::{fmt, ops::RangeInclusive, time::Duration};

use super::Reader;
use crate::{GlobalPosition, ReadModel, Receipt, Token, WaitError, engine::BoxFuture};

/// What a reader waits for: the place of an event in the log.
///
/// A [`GlobalPosition`], a [`Receipt`] and a [`Token`] become one.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum At {
    /// A position in the log that the runtime reads.
    Position(GlobalPosition),
    /// The events of an append, with the store that they are in.
    Token(Token),
}

impl At {
    /// The events that are to be applied.
    pub(crate) fn events(&self) -> RangeInclusive<GlobalPosition> {
        match self {
            Self::Position(position) => *position..=*position,
            Self::Token(token) => token.first()..=token.last(),
        }
    }
}

impl From<GlobalPosition> for At {
    fn from(position: GlobalPosition) -> Self {
        Self::Position(position)
    }
}

impl From<Receipt> for At {
    fn from(receipt: Receipt) -> Self {
        Self::Token(receipt.token())
    }
}

impl From<&Receipt> for At {
    fn from(receipt: &Receipt) -> Self {
        Self::Token(receipt.token())
    }
}

impl From<Token> for At {
    fn from(token: Token) -> Self {
        Self::Token(token)
    }
}

impl From<&Token> for At {
    fn from(token: &Token) -> Self {
        Self::Token(token.clone())
    }
}

/// A reader that is to wait, once it is known for how long. Made by [`Reader::at`].
#[must_use = "say for how long with `within`"]
pub struct AtLeast<T> {
    pub(super) reader: Reader<T>,
    pub(super) at: At,
}

impl<T: ReadModel> AtLeast<T> {
    /// Returns a reader that waits so long before each read. Once the projector has come as far the
    /// wait takes no time. A read whose time is up fails, and its error names the projector and how
    /// far behind it is.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Reader<T> {
        self.reader.waiting(Wait { at: self.at, within: timeout })
    }
}

impl<T: ReadModel> fmt::Debug for AtLeast<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtLeast").field("reader", &self.reader).field("at", &self.at).finish()
    }
}

/// What a reader waits for, and for how long.
#[derive(Clone)]
pub(super) struct Wait {
    pub(super) at: At,
    pub(super) within: Duration,
}

/// Whoever knows how far the projector has come that keeps the rows.
pub(crate) trait Waits: Send + Sync {
    fn wait<'a>(&'a self, at: &'a At, within: Duration) -> BoxFuture<'a, Result<(), WaitError>>;
}
