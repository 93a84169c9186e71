//! Assertions on types, each called with the span of the token that it is about.
//!
//! The checked type is always `Self` of the trait, because that is where rustc puts the caret.

use std::future::Future;

use super::faults::{Facts, Lookup};
use crate::{BoxError, Envelope, Event, HandleError, Handlers, Projector, RawEvent};

/// What a handler may return: `()` or a `Result`.
#[diagnostic::on_unimplemented(
    message = "a handler returns `()` or `Result<T, E>`, not `{Self}`",
    label = "neither `()` nor a `Result`"
)]
pub trait HandlerReturn {
    /// Turns it into what the runner reads; the value in it goes to a caller that waits for the
    /// event of this envelope.
    #[doc(hidden)]
    fn into_result(self, envelope: Option<&Envelope>) -> Result<(), BoxError>;
}

impl HandlerReturn for () {
    #[inline]
    fn into_result(self, _: Option<&Envelope>) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<T: HandlerValue, E: HandlerError> HandlerReturn for Result<T, E> {
    #[inline]
    fn into_result(self, envelope: Option<&Envelope>) -> Result<(), BoxError> {
        let value = self.map_err(HandlerError::into_box)?;
        // `()` is no value. It cannot be told by its `TypeId`: a value may borrow.
        if let Some(envelope) = envelope
            && std::any::type_name::<T>() != "()"
        {
            value.hand_over(envelope);
        }
        Ok(())
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

/// Says what a function takes that judges errors of this type.
#[diagnostic::on_unimplemented(
    message = "`permanent` judges the errors of its handler, `{Self}`, and this function takes `&{A}`",
    label = "expected a `fn(&{Self}) -> bool`"
)]
pub trait JudgedAs<A: ?Sized> {
    /// The error, as the function takes it.
    #[doc(hidden)]
    fn judged(&self) -> &A;
}

impl<E> JudgedAs<E> for E {
    #[inline]
    fn judged(&self) -> &E {
        self
    }
}

/// What a function answers about an error: whether it is permanent.
#[diagnostic::on_unimplemented(
    message = "`permanent` takes a function that returns `bool`, not `{Self}`",
    label = "returns `{Self}`"
)]
pub trait Answer {
    /// Whether it is.
    #[doc(hidden)]
    fn answer(self) -> bool;
}

impl Answer for bool {
    #[inline]
    fn answer(self) -> bool {
        self
    }
}

/// What judges the errors of a handler that has none, which nothing does.
#[diagnostic::on_unimplemented(
    message = "`permanent` judges errors, and this handler returns none",
    label = "there is nothing to judge",
    note = "return `Result<(), E>`, or remove `permanent`"
)]
pub trait JudgeOfNothing {}

/// Says what a `#[park_key]` function takes.
#[diagnostic::on_unimplemented(
    message = "a `#[park_key]` function takes `&Envelope`, not `&{Self}`",
    label = "expected `&Envelope`, found `&{Self}`",
    note = "an event that cannot be decoded has a key as well, so the key is not in its payload"
)]
pub trait ParkKeyArgument {}

impl ParkKeyArgument for Envelope {}

/// Says what a `#[park_key]` function returns.
#[diagnostic::on_unimplemented(
    message = "a `#[park_key]` function returns `&str`, not `{Self}`",
    label = "expected `&str`, found `{Self}`",
    note = "the key is a part of what the envelope holds, such as `at.stream()`"
)]
pub trait ParkKey<'a> {
    /// The key.
    #[doc(hidden)]
    fn key(self) -> &'a str;
}

impl<'a> ParkKey<'a> for &'a str {
    #[inline]
    fn key(self) -> &'a str {
        self
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

/// Asserts that a `#[park_key]` function takes the envelope.
pub fn check_park_key<A: ParkKeyArgument + ?Sized>() {}

/// Asserts that a `#[park_key]` function returns a key.
#[inline]
pub fn park_key<'a, K: ParkKey<'a>>(key: K) -> &'a str {
    key.key()
}

/// Asserts what a projector's type must be, beside the macros' own traits, and looks it up.
#[must_use]
pub const fn check_projector<P: Projector + Handlers + Send + Sync + 'static>() -> Facts {
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
