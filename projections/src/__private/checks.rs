//! Assertions on types, each called with the span of the token that it is about.
//!
//! The checked type is always `Self` of the trait, because that is where rustc puts the caret.

use std::future::Future;

use super::faults::{Facts, Lookup};
use crate::{BoxError, Envelope, Event, HandleError, Handlers, RawEvent};

/// What a handler may return: `()` or a `Result`.
#[diagnostic::on_unimplemented(
    message = "a handler returns `()` or `Result<T, E>`, not `{Self}`",
    label = "neither `()` nor a `Result`"
)]
pub trait HandlerReturn {
    /// Turns it into what the runner reads.
    #[doc(hidden)]
    fn into_result(self) -> Result<(), BoxError>;
}

impl HandlerReturn for () {
    #[inline]
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<T: HandlerValue, E: HandlerError> HandlerReturn for Result<T, E> {
    #[inline]
    fn into_result(self) -> Result<(), BoxError> {
        self.map(drop).map_err(HandlerError::into_box)
    }
}

/// What a handler may return in `Ok`.
#[diagnostic::on_unimplemented(
    message = "a handler's value must implement `Serialize`, and `{Self}` does not",
    label = "`{Self}` does not implement `Serialize`",
    note = "the value is handed to a caller that waits: derive `serde::Serialize` for it, or return `()`"
)]
pub trait HandlerValue {
    /// Makes JSON of it, for a caller that waits.
    #[doc(hidden)]
    fn hand_over(&self, envelope: &Envelope);
}

#[diagnostic::do_not_recommend]
impl<T: serde::Serialize> HandlerValue for T {
    #[inline]
    fn hand_over(&self, envelope: &Envelope) {
        envelope.hand_over(|| serde_json::to_value(self).map_err(|error| error.to_string()));
    }
}

/// What a handler may return in `Err`.
#[diagnostic::on_unimplemented(
    message = "handler error type `{Self}` cannot be reported by the runtime",
    label = "`{Self}` does not convert into `BoxError`",
    note = "implement `std::error::Error` for `{Self}`, and have it `Send + Sync + 'static`"
)]
pub trait HandlerError {
    /// Turns it into what the runner reads.
    #[doc(hidden)]
    fn into_box(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> HandlerError for E {
    #[inline]
    fn into_box(self) -> BoxError {
        self.into()
    }
}

/// Says which type a handler takes whose event decodes as `E`.
#[diagnostic::on_unimplemented(
    message = "this handler is declared for `{E}`, but its event argument is `{Self}`",
    label = "expected `&{E}`, found `&{Self}`"
)]
pub trait EventArgument<E>: Sized {
    /// Takes the event.
    #[doc(hidden)]
    fn of(event: E) -> Self;
}

impl<E> EventArgument<E> for E {
    #[inline]
    fn of(event: E) -> Self {
        event
    }
}

/// Says which type a `#[fallback]` takes as its event.
#[diagnostic::on_unimplemented(
    message = "a `#[fallback]` takes its event as `&RawEvent<'_>`, not as `&{Self}`",
    label = "expected `&RawEvent<'_>`, found `&{Self}`"
)]
pub trait FallbackArgument {}

impl FallbackArgument for RawEvent<'_> {}

/// What a handler may take as `&T` after its event.
pub trait SharedParameter {
    /// Takes it from what surrounds the event.
    fn shared(envelope: &Envelope) -> &Self;
}

impl SharedParameter for Envelope {
    #[inline]
    fn shared(envelope: &Envelope) -> &Self {
        envelope
    }
}

/// Asserts that a fallback's argument is a raw event.
pub fn check_fallback_argument<A: FallbackArgument + ?Sized>() {}

/// Asserts that a handler returns what it may.
pub fn check_return<R: HandlerReturn>() {}

/// Asserts what a projector's type must be, beside the macros' own traits, and looks it up.
#[must_use]
pub const fn check_projector<P: Handlers + Send + Sync + 'static>() -> Facts {
    *Lookup::<P>::FACTS
}

/// Asserts that a handler's future can move between threads, and hides its type, so that the
/// runner's future is not blamed for it as well.
pub fn handler_future_must_be_send<F: Future + Send>(
    future: F,
) -> impl Future<Output = F::Output> + Send {
    future
}

/// Wraps a handler's error for the runner.
#[inline]
pub(super) fn failed(method: &'static str, source: BoxError) -> HandleError {
    HandleError::Failed { method, source }
}

/// Decodes an event for its handler.
#[inline(always)] // else the event is copied on its way
pub(super) fn decode<E: Event>(envelope: &Envelope) -> Result<E::Decoded<'_>, HandleError> {
    E::decode(envelope.stored()).map_err(|source| HandleError::Decode { event: E::NAME, source })
}
