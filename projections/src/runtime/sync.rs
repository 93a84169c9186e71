//! [`SyncAppend`]: an append that waits until projectors have applied its events.

use std::{
    borrow::Cow,
    fmt,
    future::{IntoFuture, poll_fn},
    ops::RangeInclusive,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use super::{Append, Inner, routing, slot::Slot, wait::check_place};
use crate::{
    AppendRequest, EventStore, GlobalPosition, Mode, NewEvent, Receipt, SyncError,
    UnknownProjector, WaitError, engine::BoxFuture,
};

/// Whether an append waits for projectors. Those do not know: their code is the same either way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum SyncMode {
    /// It returns as soon as the events are stored.
    #[default]
    Async,
    /// It returns once projectors have applied the events.
    Simple,
}

/// Events to be appended, and whom to wait for; awaiting it does both. Made by [`Append::sync`].
///
/// Without more it waits for every asynchronous projector of this runtime that takes one of the
/// events, for [10 seconds](Self::TIMEOUT). Whichever process runs it: an application that only
/// appends waits for the one that projects. What the handlers of a projector in this process return
/// comes back in the [`Receipt`].
///
/// ```standalone_crate
/// use std::time::Duration;
/// use projections::{Event, Expected, Runtime, SyncMode, handlers, memory::MemoryEventStore, projector};
///
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// #[event(domain = "accounts")]
/// struct Deposited { cents: i64 }
///
/// #[projector("balance")]
/// struct Balance { cents: i64 }
///
/// #[handlers]
/// impl Balance {
///     #[handles(Deposited)]
///     fn deposited(&mut self, event: &Deposited) -> Result<i64, std::convert::Infallible> {
///         self.cents += event.cents;
///         Ok(self.cents)
///     }
/// }
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> Result<(), projections::Error> {
///     let runtime = Runtime::builder(MemoryEventStore::new()).build().await?;
///     let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
///     let projecting = runtime.run(async { _ = stopped.await });
///     let appending = async {
///         let receipt = runtime
///             .append("account-1", Expected::Any, [Deposited { cents: 500 }])
///             .sync(SyncMode::Simple)
///             .timeout(Duration::from_secs(5))
///             .await?;
///         // What was appended is there to be read.
///         assert_eq!(runtime.read::<Balance, _>(|balance| balance.cents).await?, 500);
///         assert_eq!(receipt.results("balance"), [500]);
///         drop(stop);
///         Ok(())
///     };
///     let (projected, appended): (_, Result<(), projections::Error>) = tokio::join!(projecting, appending);
///     projected?;
///     appended
/// }
/// ```
#[must_use = "nothing is appended until this is awaited"]
pub struct SyncAppend<'a, S> {
    append: Append<'a, S>,
    mode: SyncMode,
    projectors: Option<Vec<String>>,
    timeout: Duration,
}

impl<'a, S> SyncAppend<'a, S> {
    /// For how long is waited unless [`timeout`](Self::timeout) says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    pub(super) fn new(append: Append<'a, S>, mode: SyncMode) -> Self {
        Self { append, mode, projectors: None, timeout: Self::TIMEOUT }
    }

    /// Waits for these projectors alone, whether or not they take the events: one that takes none
    /// of them is waited for until it has passed them.
    pub fn projectors<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.projectors = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets for how long is waited, once the events are stored. The append itself is not cut off.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// As [`Append::domain`].
    pub fn domain(mut self, domain: impl Into<Cow<'static, str>>) -> Self {
        self.append = self.append.domain(domain);
        self
    }
}

impl<S> fmt::Debug for SyncAppend<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncAppend")
            .field("append", &self.append)
            .field("mode", &self.mode)
            .field("projectors", &self.projectors)
            .field("timeout", &self.timeout)
            .finish()
    }
}

impl<'a, S: EventStore> IntoFuture for SyncAppend<'a, S> {
    type Output = Result<Receipt, SyncError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.carry_out())
    }
}

impl<S: EventStore> SyncAppend<'_, S> {
    async fn carry_out(self) -> Result<Receipt, SyncError> {
        let Self { append, mode, projectors, timeout } = self;
        let inner = append.inner;
        // Everything that can be refused is refused before anything is stored.
        if mode == SyncMode::Simple {
            check_place().map_err(SyncError::Refused)?;
        }
        let named = projectors.map(|names| inner.named(&names)).transpose();
        let named = named.map_err(|unknown| SyncError::Refused(unknown.into()))?;
        let request = append.request()?;
        let awaited = match (mode, named) {
            (SyncMode::Async, _) => Vec::new(),
            (SyncMode::Simple, Some(named)) => named,
            (SyncMode::Simple, None) => inner.concerned(&request),
        };
        // Claimed before they are stored: a projector may be faster than the append's answer.
        let ids: Vec<_> = request.events.iter().map(|event| event.id).collect();
        let claim = |slot: &&Arc<Slot>| slot.shared.wanted.claim(ids.clone());
        let claims: Vec<_> = awaited.iter().map(claim).collect();
        let mut receipt = inner.source.append(request).await?;
        let events = receipt.first..=receipt.last;
        let mut reasons = inner.wait_for_all(&awaited, &events, timeout).await;
        for (slot, claim) in awaited.iter().zip(claims) {
            match claim.values() {
                Ok(values) => receipt.add_results(&slot.name, values),
                Err(reason) => {
                    reasons.push(WaitError::Value { projector: slot.name.clone(), reason });
                }
            }
        }
        match reasons.is_empty() {
            true => Ok(receipt),
            false => Err(SyncError::Unapplied { receipt: Box::new(receipt), reasons }),
        }
    }
}

impl<S> Inner<S> {
    /// The projectors of these names.
    fn named(&self, names: &[String]) -> Result<Vec<&Arc<Slot>>, UnknownProjector> {
        names.iter().map(|name| self.slot(name)).collect()
    }

    /// The asynchronous projectors that take any of these events.
    fn concerned(&self, request: &AppendRequest) -> Vec<&Arc<Slot>> {
        let takes = |slot: &&Arc<Slot>| {
            let registration = &slot.registration;
            let is_taken = |event: &NewEvent| {
                let domain = event.domain.as_deref().unwrap_or_default();
                routing::concerns(registration, domain, &event.name)
            };
            registration.options.mode == Mode::Async && request.events.iter().any(is_taken)
        };
        self.slots.iter().filter(takes).collect()
    }

    /// Waits until all of these have come as far; else returns who has not, and why. One that has
    /// halted ends it at once.
    async fn wait_for_all(
        &self,
        slots: &[&Arc<Slot>],
        events: &RangeInclusive<GlobalPosition>,
        timeout: Duration,
    ) -> Vec<WaitError> {
        let wait = |slot| Box::pin(self.wait_within(slot, events.clone(), timeout));
        let mut waits: Vec<_> = slots.iter().map(|slot| wait(*slot)).collect();
        let mut late = Vec::new();
        poll_fn(|context| {
            let mut fatal = None;
            waits.retain_mut(|wait| match wait.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(outcome) => {
                    match outcome {
                        Ok(()) => {}
                        Err(error) if error.is_timed_out() => late.push(error),
                        Err(error) => _ = fatal.get_or_insert(error),
                    }
                    false
                }
            });
            match fatal {
                Some(error) => Poll::Ready(vec![error]),
                None if waits.is_empty() => Poll::Ready(std::mem::take(&mut late)),
                None => Poll::Pending,
            }
        })
        .await
    }
}
