//! Why an event could not be handled.

use std::error::Error as StdError;

use super::BoxError;

/// An event could not be handled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// Its payload is not what the handler's event type says.
    #[error("the payload cannot be decoded as `{event}`{}", borrowing(&**source))]
    Decode {
        /// The wire name of the handler's event.
        event: &'static str,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
    /// The handler returned an error.
    #[error("handler `{method}` failed")]
    Failed {
        /// The handler.
        method: &'static str,
        /// Its error.
        #[source]
        source: BoxError,
    },
    /// The handler ended the transaction that it was given.
    #[error(
        "handler `{method}` left its transaction: a handler may not commit, roll back or begin one"
    )]
    LeftTransaction {
        /// The handler.
        method: &'static str,
    },
    /// The generated table and `match` do not fit: a bug in this library.
    #[error("no handler has route {route}")]
    NoRoute {
        /// The route.
        route: u32,
    },
    /// The handler panicked.
    #[error("handler `{method}` panicked: {message}")]
    Panicked {
        /// The handler.
        method: &'static str,
        /// The panic's message.
        message: String,
    },
    /// What the event's handler wrote was refused when it was to be committed.
    #[error("what its handler wrote was refused at the commit")]
    Refused {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The handler left a row that cannot be stored.
    #[error("handler `{method}` left a row that cannot be stored")]
    Rows {
        /// The handler.
        method: &'static str,
        /// Which row, and why.
        #[source]
        source: BoxError,
    },
    /// The handler took too long, and was cut off.
    #[error("handler `{method}` did not come back within {limit:?}, which is its `timeout`")]
    TimedOut {
        /// The handler.
        method: &'static str,
        /// How long it may take.
        limit: std::time::Duration,
    },
    /// No handler takes the event, and the projector says `unregistered = "error"`.
    #[error("no handler takes `{event}` of domain `{domain}`; handled are {handled}")]
    Unregistered {
        /// The event's wire name.
        event: String,
        /// Its domain.
        domain: String,
        /// What the projector handles.
        handled: String,
    },
}

impl HandleError {
    pub(crate) fn no_route(route: u32) -> Self {
        Self::NoRoute { route }
    }
}

/// A `&str` field cannot hold a text that is escaped in JSON, which users meet late.
fn borrowing(error: &dyn StdError) -> &'static str {
    match error.to_string().contains("expected a borrowed string") {
        true => {
            " (a `&str` field cannot hold an escaped text: make it `Cow<str>` with `#[serde(borrow)]`, or `String`)"
        }
        false => "",
    }
}
