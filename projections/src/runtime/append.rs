//! [`Append`]: an append on its way, and the future that carries it out.

use std::{borrow::Cow, fmt, future::IntoFuture};

use super::{Inner, SyncAppend, SyncMode};
use crate::{
    AppendError, AppendRequest, EncodeError, EventStore, Expected, NewEvent, Receipt,
    engine::BoxFuture,
};

/// Events to be appended; awaiting it appends them, all or none. Made by
/// [`Runtime::append`](crate::Runtime::append), which shows how.
#[must_use = "nothing is appended until this is awaited"]
pub struct Append<'a, S> {
    pub(super) inner: &'a Inner<S>,
    pub(super) stream: String,
    pub(super) expected: Expected,
    pub(super) events: Result<Vec<NewEvent>, EncodeError>,
    pub(super) domain: Option<Cow<'static, str>>,
}

impl<'a, S> Append<'a, S> {
    /// Says whether to wait until projectors have applied the events. [`SyncAppend`] tells for whom,
    /// for how long, and what comes back.
    pub fn sync(self, mode: SyncMode) -> SyncAppend<'a, S> {
        SyncAppend::new(self, mode)
    }

    /// Names the domain of the events that name none: neither their type nor their
    /// [`Domain`](trait@crate::Domain) does. Events that name one keep it.
    pub fn domain(mut self, domain: impl Into<Cow<'static, str>>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// What the event store is asked for.
    pub(super) fn request(self) -> Result<AppendRequest, AppendError> {
        let mut events = self.events?;
        for event in &mut events {
            if event.domain.is_none() {
                event.domain.clone_from(&self.domain);
            }
        }
        Ok(AppendRequest::new(self.stream, self.expected, events))
    }
}

impl<S> fmt::Debug for Append<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Append")
            .field("stream", &self.stream)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

impl<'a, S: EventStore> IntoFuture for Append<'a, S> {
    type Output = Result<Receipt, AppendError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let source = &self.inner.source;
            source.append(self.request()?).await
        })
    }
}
