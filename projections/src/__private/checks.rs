//! Assertions on types, each called with the span of the token that it is about.
//!
//! The checked type is always `Self` of the trait, because that is where rustc puts the caret.

use std::future::Future;

use crate::{BoxError, Envelope, Event, HandleError, Handlers, ParameterMut, RawEvent, Storage};

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

impl<T: serde::Serialize, E: Into<BoxError>> HandlerReturn for Result<T, E> {
    #[inline]
    fn into_result(self) -> Result<(), BoxError> {
        self.map(drop).map_err(Into::into)
    }
}

/// Says which type a handler takes whose event decodes as `E`.
#[diagnostic::on_unimplemented(
    message = "this handler is declared for `{E}`, but its event argument is `{Self}`",
    label = "expected `&{E}`, found `&{Self}`"
)]
pub trait EventArgument<E: ?Sized> {}

impl<E: ?Sized> EventArgument<E> for E {}

/// Says which type a `#[fallback]` takes as its event.
#[diagnostic::on_unimplemented(
    message = "a `#[fallback]` takes its event as `&RawEvent<'_>`, not as `&{Self}`",
    label = "expected `&RawEvent<'_>`, found `&{Self}`"
)]
pub trait FallbackArgument {}

impl FallbackArgument for RawEvent<'_> {}

/// What a handler may take as `&T` after its event.
#[diagnostic::on_unimplemented(
    message = "`&{Self}` cannot be a handler parameter",
    label = "not a handler parameter",
    note = "after its event, a handler takes `&Envelope` and `&mut` the storage's transaction"
)]
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

/// What a handler of a projector on `S` may take as `&mut T`: every [`ParameterMut`] of `S`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of this handler: the projector writes to `{S}`",
    label = "not a transaction of `{S}`",
    note = "after its event, a handler takes `&Envelope` and `&mut` the storage's transaction"
)]
pub trait ViewParameter<S> {}

#[diagnostic::do_not_recommend]
impl<T: ParameterMut<S>, S: Storage> ViewParameter<S> for T {}

/// What a handler may take by value after its event: nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler parameter",
    label = "not a handler parameter",
    note = "after its event, a handler takes `&Envelope` and `&mut` the storage's transaction"
)]
pub trait NoParameter {}

/// A projector whose handlers are there, because the macro that asks has written them: what can be
/// missing is only its name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projector",
    label = "`{Self}` has `#[handlers]` but no name to register under",
    note = "add `#[projector(\"...\")]` to the definition of `{Self}`"
)]
pub trait Named: Handlers {}

impl<P: Handlers> Named for P {}

/// Asserts that a fallback's argument is a raw event.
pub fn check_fallback_argument<A: FallbackArgument + ?Sized>() {}

/// Asserts that a `&T` parameter is one.
pub fn check_shared<T: SharedParameter + ?Sized>() {}

/// Asserts that a `&mut T` parameter belongs to the storage.
pub fn check_view<S, T: ViewParameter<S> + ?Sized>() {}

/// Asserts that a parameter by value is one, which it never is.
pub fn check_parameter<T: NoParameter>() {}

/// Asserts that a handler's value can be reported.
pub fn check_return<R: HandlerReturn>() {}

/// Asserts what a projector's type must be, beside the macros' own traits.
pub const fn check_projector<P: Handlers + Send + Sync + 'static>() {}

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
#[inline]
pub(super) fn decode<E: Event>(envelope: &Envelope) -> Result<E::Decoded<'_>, HandleError> {
    E::decode(envelope.stored()).map_err(|source| HandleError::Decode { event: E::NAME, source })
}
