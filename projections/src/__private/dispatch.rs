//! The steps of a generated `match` arm: decode, view, call, judge.
//!
//! Each step is a function that exists twice: on the step's type, where the user's type is fit for
//! it, and in a trait, where it is not; or, where it has a value, one reference away. The compiler
//! takes the first that fits, so an arm compiles whatever the types are, and only the assertions of
//! `checks` speak. What is called for each handler takes no `self`: to look up a method of a value,
//! and to make and drop the value, costs the compiler more.

use std::marker::PhantomData;

use serde::Serialize;

use super::checks::{
    Answer, EventArgument, HandlerError, HandlerReturn, HandlerValue, JudgeOfNothing, JudgedAs,
    SharedParameter, decode, failed,
};
use crate::{
    BoxError, EncodeError, Envelope, Event, HandleError, NewEvent, ParameterMut, Permanent,
    Projector, RawEvent, ReadModel, Rows, projector::SessionOf, rows::DeclaredTable,
};

/// Names the types of one step: what it is made from, and what it makes.
#[derive(Debug)]
pub struct Argument<From: ?Sized, To: ?Sized = ()>(PhantomData<fn(&From)>, PhantomData<fn(&To)>);

impl<From: ?Sized, To: ?Sized> Argument<From, To> {
    /// The step.
    pub const STEP: Self = Self(PhantomData, PhantomData);
}

/// The step, as a call: the compiler evaluates a constant in each `match` that names it.
#[inline]
#[must_use]
pub const fn step<From: ?Sized, To: ?Sized>() -> Argument<From, To> {
    Argument(PhantomData, PhantomData)
}

impl<E: Event> Argument<E> {
    /// Decodes an event, and asserts that the handler's argument is what it decodes as.
    ///
    /// # Errors
    /// The payload is not an `E`.
    #[inline(always)] // else the event is copied on its way
    pub fn decode<'a, To: EventArgument<E::Decoded<'a>>>(
        envelope: &'a Envelope,
    ) -> Result<To, HandleError> {
        decode::<E>(envelope).map(To::of)
    }
}

/// Stands in where the event is none, which the routes' table reports.
pub trait DecoderFallback {
    /// Is never called.
    #[allow(clippy::missing_errors_doc)]
    fn decode<To>(envelope: &Envelope) -> Result<To, HandleError>;
}

impl<E: ?Sized> DecoderFallback for Argument<E> {
    fn decode<To>(_envelope: &Envelope) -> Result<To, HandleError> {
        refused()
    }
}

impl<T, E> Argument<Result<T, E>, (T, E)> {
    /// Asserts of both types of a `Result` that a handler may return them, each at its place.
    pub fn check_result<V: HandlerValue, F: HandlerError>(self) {}
}

/// Stands in where what is called `Result` is none.
pub trait ResultFallback {
    /// What is called `Result`.
    type Return;

    /// Asserts that a handler may return it as it is.
    fn check_result<V, F>(self)
    where
        Self: Sized,
        Self::Return: HandlerReturn,
    {
    }
}

impl<R, P> ResultFallback for &Argument<R, P> {
    type Return = R;
}

/// Makes the argument of a fallback.
pub trait RawDecoder<'a, To> {
    /// Wraps the envelope.
    fn raw(self, envelope: &'a Envelope) -> To;
}

impl<'a> RawDecoder<'a, RawEvent<'a>> for Argument<(), RawEvent<'a>> {
    #[inline]
    fn raw(self, envelope: &'a Envelope) -> RawEvent<'a> {
        RawEvent::new(envelope)
    }
}

/// Stands in where a fallback's argument is not a raw event.
pub trait RawDecoderFallback<To> {
    /// Is never called.
    fn raw(self, envelope: &Envelope) -> To;
}

impl<To> RawDecoderFallback<To> for &Argument<(), To> {
    fn raw(self, _envelope: &Envelope) -> To {
        refused()
    }
}

impl<T: SharedParameter + ?Sized> Argument<Envelope, T> {
    /// Borrows a `&T` parameter from the envelope.
    #[inline]
    pub fn shared(envelope: &Envelope) -> &T {
        T::shared(envelope)
    }
}

/// Stands in where a `&T` is no parameter.
pub trait SharedFallback<T: ?Sized> {
    /// Is never called.
    fn shared(envelope: &Envelope) -> &T;
}

impl<T: ?Sized> SharedFallback<T> for Argument<Envelope, T> {
    fn shared(_envelope: &Envelope) -> &T {
        refused()
    }
}

impl<P: Projector, T: ParameterMut<P::Storage>> Argument<P, T> {
    /// Makes what a `&mut T` parameter points at: the view of the session.
    #[inline]
    pub fn view(session: &SessionOf<P>) -> T::View<'_> {
        T::view(session)
    }
}

/// Stands in where a `&mut T` is not of the projector's storage, or there is no projector.
pub trait ViewFallback<T> {
    /// Is never called.
    fn view<Session>(session: &Session) -> T;
}

impl<P: ?Sized, T> ViewFallback<T> for Argument<P, T> {
    fn view<Session>(_session: &Session) -> T {
        refused()
    }
}

/// What a handler returned.
#[derive(Debug)]
pub struct Outcome<R>(pub R);

impl<R: HandlerReturn> Outcome<R> {
    /// Turns a handler's value into what the runner reads, and hands it to a caller that waits.
    ///
    /// # Errors
    /// Says which handler failed, and why.
    #[inline]
    pub fn of_handler(self, method: &'static str, envelope: &Envelope) -> Result<(), HandleError> {
        self.0.into_result(Some(envelope)).map_err(|source| failed(method, source))
    }

    /// Turns a hook's value into what the runner reads.
    ///
    /// # Errors
    /// Why the hook failed.
    #[inline]
    pub fn of_hook(self) -> Result<(), BoxError> {
        self.0.into_result(None)
    }
}

/// What a handler returned whose errors a function judges.
#[derive(Debug)]
pub struct Judged<R>(pub R);

impl<R> Judged<R> {
    /// Names the function. What it takes is not asked before `permanent`, so that it is known then,
    /// and not taken for what it should be.
    #[inline]
    pub fn by<J, A, V>(self, judge: J) -> JudgedBy<R, J, A, V>
    where
        J: Fn(&A) -> V,
        A: ?Sized,
        V: Answer,
    {
        JudgedBy { returned: self.0, judge, types: PhantomData }
    }
}

/// What a handler returned, and the function that judges its errors.
#[derive(Debug)]
pub struct JudgedBy<R, J, A: ?Sized, V> {
    returned: R,
    judge: J,
    types: PhantomData<fn(&A) -> V>,
}

impl<T, E, J, A, V> JudgedBy<Result<T, E>, J, A, V>
where
    T: HandlerValue,
    E: HandlerError,
    J: Fn(&A) -> V,
    A: ?Sized,
    V: Answer,
{
    /// Marks an error as permanent where the function says that it is.
    ///
    /// # Errors
    /// What the handler returned.
    #[inline]
    pub fn permanent(self) -> Result<T, BoxError>
    where
        E: JudgedAs<A>,
    {
        self.returned.map_err(|error| {
            let is_permanent = (self.judge)(error.judged()).answer();
            let error = error.into_box();
            if is_permanent { Permanent::new(error).into() } else { error }
        })
    }
}

impl<J, A: ?Sized, V> JudgedBy<(), J, A, V> {
    /// Is an error where it is called: there is nothing to judge.
    #[allow(clippy::missing_errors_doc)]
    pub fn permanent(self) -> Result<(), BoxError>
    where
        J: JudgeOfNothing,
    {
        refused()
    }
}

/// Stands in where a handler returns anything else.
pub trait JudgedFallback {
    /// Is never called.
    #[allow(clippy::missing_errors_doc)]
    fn permanent(self) -> Result<(), BoxError>;
}

impl<R, J, A: ?Sized, V> JudgedFallback for &JudgedBy<R, J, A, V> {
    fn permanent(self) -> Result<(), BoxError> {
        refused()
    }
}

/// What a handler without a result returned.
#[derive(Debug)]
pub struct Unit(pub ());

impl Unit {
    /// What the runner reads.
    ///
    /// # Errors
    /// None.
    #[inline]
    pub fn of_handler(self, _: &'static str, _: &Envelope) -> Result<(), HandleError> {
        Ok(())
    }

    /// As [`Outcome::of_hook`].
    ///
    /// # Errors
    /// None.
    #[inline]
    pub fn of_hook(self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Stands in where a handler returns anything else.
pub trait OutcomeFallback {
    /// Is never called.
    #[allow(clippy::missing_errors_doc)]
    fn of_handler(self, method: &'static str, envelope: &Envelope) -> Result<(), HandleError>;

    /// Is never called.
    #[allow(clippy::missing_errors_doc)]
    fn of_hook(self) -> Result<(), BoxError>;
}

impl<R> OutcomeFallback for &Outcome<R> {
    fn of_handler(self, _: &'static str, _: &Envelope) -> Result<(), HandleError> {
        refused()
    }

    fn of_hook(self) -> Result<(), BoxError> {
        refused()
    }
}

/// Holds an event of a `Domain` enum.
#[derive(Debug)]
pub struct Appended<'a, E: ?Sized>(pub &'a E);

/// Encodes an event of a `Domain` enum.
pub trait Encode {
    /// The event.
    type Event;

    /// Encodes it.
    ///
    /// # Errors
    /// Why the event cannot be written.
    fn encode(self) -> Result<NewEvent, EncodeError>
    where
        Self::Event: Serialize;
}

impl<E: Event> Encode for Appended<'_, E> {
    type Event = E;

    fn encode(self) -> Result<NewEvent, EncodeError>
    where
        E: Serialize,
    {
        NewEvent::of(self.0)
    }
}

/// Stands in where a variant holds no event, which the list of the domain's events reports.
pub trait EncodeFallback {
    /// Is never called.
    #[allow(clippy::missing_errors_doc)]
    fn encode(self) -> Result<NewEvent, EncodeError>;
}

impl<E: ?Sized> EncodeFallback for &Appended<'_, E> {
    fn encode(self) -> Result<NewEvent, EncodeError> {
        refused()
    }
}

/// Stands for a value whose type an assertion has refused.
pub fn refused<T>() -> T {
    unreachable!("a projector of which an assertion has failed does not compile")
}

impl<T: ReadModel> Argument<(), Rows<T>> {
    /// Lists the table of rows that a handler takes, once.
    pub fn declare(self, tables: &mut Vec<DeclaredTable>) {
        let table = DeclaredTable::of::<T>();
        if !tables.iter().any(|other| other.is(&table)) {
            tables.push(table);
        }
    }
}

/// Stands in where what a handler takes by `&mut` are no rows.
pub trait DeclareFallback {
    /// Lists nothing.
    fn declare(self, tables: &mut Vec<DeclaredTable>);
}

impl<T: ?Sized> DeclareFallback for &Argument<(), T> {
    fn declare(self, _tables: &mut Vec<DeclaredTable>) {}
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // test code
mod tests {
    use std::fmt;

    use super::*;

    fn is_permanent(error: &fmt::Error) -> bool {
        let fmt::Error = error;
        true
    }

    fn any<E>(_: &E) -> bool {
        false
    }

    /// What becomes of an error.
    fn judged(returned: Result<(), BoxError>) -> (String, bool) {
        let error = returned.unwrap_err();
        (error.to_string(), Permanent::is_in(&*error))
    }

    #[test]
    fn the_function_decides_which_errors_are_permanent() {
        let error = || Judged(Err::<(), _>(fmt::Error));
        let text = fmt::Error.to_string();
        assert_eq!(judged(error().by(is_permanent).permanent()), (text.clone(), true));
        assert_eq!(judged(error().by(any).permanent()), (text, false));
        let marked = Judged(Err::<(), BoxError>(Permanent::new("marked").into()));
        assert_eq!(judged(marked.by(any).permanent()), ("marked".to_owned(), true));
        assert_eq!(Judged(Ok::<_, fmt::Error>(7)).by(is_permanent).permanent().unwrap(), 7);
    }
}
