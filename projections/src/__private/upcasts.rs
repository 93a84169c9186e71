//! What the derive of an event with upcasters writes: which way a stored event takes, the steps of
//! that way, and the assertions on the versions.

use std::marker::PhantomData;

use serde::Deserialize;
use serde_json::Value;

use super::{
    dispatch::{Argument, refused},
    faults::{contains, foreign, overlap, same},
    message::Message,
};
use crate::{BoxError, Event, Json, Stored, Upcast, UpcastError};

/// The way that a stored event takes to the present shape.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_enums)] // matched by generated code
pub enum Way {
    /// It is of the present shape, or of one that nobody knows.
    Current,
    /// The functions over its JSON.
    Functions,
    /// The older type of this number.
    Older(usize),
}

/// Chooses the way. `functions` is the lowest version that a function takes.
///
/// An older type takes what it, or one before it, has the name and the version of. What it has the
/// name of and the event itself has not is its own whatever the version is, so that it refuses what
/// is newer. For the event's own names alone, and for a name that nobody knows, the version decides.
#[inline]
#[must_use]
pub fn way<E: Event>(stored: Stored<'_>, functions: u32) -> Way {
    let (name, version) = (stored.name(), stored.version());
    let is_own = E::NAME == name || E::ALIASES.contains(&name);
    if is_own && version == E::VERSION {
        return Way::Current;
    }
    let older = |takes: &dyn Fn(&Upcast) -> bool| E::UPCASTS.iter().position(takes);
    let by_name = older(&|older| older.covers(name, version))
        .or_else(|| older(&|older| !is_own && older.answers_to(name)));
    if let Some(number) = by_name {
        return Way::Older(number);
    }
    if (functions..E::VERSION).contains(&version) {
        return Way::Functions;
    }
    let by_version = older(&|older| version < E::VERSION && version <= older.version);
    by_version.map_or(Way::Current, Way::Older)
}

/// Decodes an event of the present shape, and refuses any other version.
///
/// # Errors
/// The version is another, or the payload is not an `E`.
#[inline]
pub fn decode_current<E: Event>(stored: Stored<'_>) -> Result<E::Decoded<'_>, BoxError> {
    stored.decode_current::<E>()
}

/// Runs the functions over an event's JSON, from its version on, and decodes what they make.
///
/// # Errors
/// Says which function failed, or that the result is not an `E`.
pub fn run_functions<'a, E: Event>(
    stored: Stored<'a>,
    function: fn(u32, Value) -> Result<Value, BoxError>,
) -> Result<E::Decoded<'a>, BoxError> {
    let event = E::NAME;
    let mut value: Value = serde_json::from_slice(stored.payload())?;
    for from in stored.version()..E::VERSION {
        value = function(from, value).map_err(|source| UpcastError::Function {
            event,
            from,
            to: from + 1,
            source,
        })?;
    }
    // A value decodes for any lifetime: a `Cow` that would borrow from the payload owns its text.
    E::Decoded::<'a>::deserialize(value).map_err(|error| {
        UpcastError::Rewritten { stored: stored.version(), source: error.into() }.into()
    })
}

/// What a function over an event's JSON may return.
#[diagnostic::on_unimplemented(
    message = "an upcaster returns `json::Value` or a `Result` of it, not `{Self}`",
    label = "returns `{Self}`",
    note = "it is a `fn(json::Value) -> json::Value` of `projections::json`, or one that returns `Result<json::Value, E>`"
)]
pub trait Rewritten {
    /// Turns it into what the next function takes.
    #[doc(hidden)]
    fn into_result(self) -> Result<Value, BoxError>;
}

impl Rewritten for Value {
    fn into_result(self) -> Result<Value, BoxError> {
        Ok(self)
    }
}

impl<E: UpcasterError> Rewritten for Result<Value, E> {
    fn into_result(self) -> Result<Value, BoxError> {
        self.map_err(UpcasterError::into_box)
    }
}

/// What a function over an event's JSON may return in `Err`.
#[diagnostic::on_unimplemented(
    message = "upcaster error type `{Self}` cannot be reported by the runtime",
    label = "its error `{Self}` does not convert into `BoxError`",
    note = "implement `std::error::Error` for `{Self}`, and have it `Send + Sync + 'static`"
)]
pub trait UpcasterError {
    /// Turns it into what the runner reads.
    #[doc(hidden)]
    fn into_box(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> UpcasterError for E {
    fn into_box(self) -> BoxError {
        self.into()
    }
}

/// A function over an event's JSON. What it takes is not asked before it is called, so that it is
/// known then, and not taken for what it should be.
#[derive(Debug)]
pub struct Upcaster<F, A> {
    function: F,
    argument: PhantomData<fn(A)>,
}

/// Names the function, and asserts what it returns.
pub fn upcaster<F: Fn(A) -> R, A, R: Rewritten>(
    function: F,
) -> Upcaster<impl FnOnce(A) -> Result<Value, BoxError>, A> {
    Upcaster { function: move |argument| function(argument).into_result(), argument: PhantomData }
}

impl<F: FnOnce(A) -> Result<Value, BoxError>, A> Upcaster<F, A> {
    /// Calls the function.
    ///
    /// # Errors
    /// The function's error.
    pub fn rewrite(self, value: Value) -> Result<Value, BoxError>
    where
        Value: RewrittenAs<A>,
    {
        (self.function)(value.argument())
    }
}

/// Says what a function over an event's JSON takes.
#[diagnostic::on_unimplemented(
    message = "an upcaster takes `json::Value`, not `{A}`",
    label = "takes `{A}`",
    note = "it is a `fn(json::Value) -> json::Value` of `projections::json`, or one that returns `Result<json::Value, E>`"
)]
pub trait RewrittenAs<A> {
    /// The value, as the function takes it.
    #[doc(hidden)]
    fn argument(self) -> A;
}

impl RewrittenAs<Self> for Value {
    fn argument(self) -> Self {
        self
    }
}

/// A codec whose payloads functions over JSON can read.
#[diagnostic::on_unimplemented(
    message = "`upcast(.., with = ..)` takes the payload as JSON, which the codec `{Self}` does not write",
    label = "not JSON",
    note = "write `upcast(from = OlderType)`: the older type has a codec of its own"
)]
pub trait JsonCodec {}

impl JsonCodec for Json {}

/// Asserts that a codec's payloads are JSON.
pub const fn check_json_codec<C: JsonCodec>() {}

/// An event that an older one can be turned into.
#[diagnostic::on_unimplemented(
    message = "`{Old}` cannot be turned into `{Self}`",
    label = "no conversion into `{Self}`",
    note = "write `impl From<{Old}> for {Self}`, or `TryFrom` with an error that converts into `Box<dyn Error + Send + Sync>`"
)]
pub trait MadeFrom<Old>: Sized {
    /// Converts.
    ///
    /// # Errors
    /// Why it cannot be converted.
    fn made_from(old: Old) -> Result<Self, BoxError>;
}

#[diagnostic::do_not_recommend]
impl<Old, New: TryFrom<Old, Error: Into<BoxError>>> MadeFrom<Old> for New {
    fn made_from(old: Old) -> Result<Self, BoxError> {
        Self::try_from(old).map_err(Into::into)
    }
}

/// Decodes an event by an older type and converts it.
pub trait Convert<'a, New> {
    /// What the older type decodes as.
    type Old;

    /// Decodes and converts. `from` and `to` are the types' names.
    ///
    /// # Errors
    /// It is not of the older type, or cannot be converted.
    fn convert(
        self,
        stored: Stored<'a>,
        from: &'static str,
        to: &'static str,
    ) -> Result<New, BoxError>
    where
        New: MadeFrom<Self::Old>;
}

impl<'a, Old: Event, New> Convert<'a, New> for Argument<Old, New> {
    type Old = Old::Decoded<'a>;

    fn convert(
        self,
        stored: Stored<'a>,
        from: &'static str,
        to: &'static str,
    ) -> Result<New, BoxError>
    where
        New: MadeFrom<Self::Old>,
    {
        let old = Old::decode(stored).map_err(|source| {
            // An upcaster before this one has said already what it could not do.
            if source.is::<UpcastError>() {
                return source;
            }
            UpcastError::Payload { ty: from, stored: stored.version(), source }.into()
        })?;
        New::made_from(old).map_err(|source| UpcastError::Conversion { from, to, source }.into())
    }
}

/// Stands in where the older type is no event, which the list of the older shapes reports.
pub trait ConvertFallback<'a, New> {
    /// Is never called.
    #[allow(clippy::missing_errors_doc)]
    fn convert(
        self,
        stored: Stored<'a>,
        from: &'static str,
        to: &'static str,
    ) -> Result<New, BoxError>;
}

impl<'a, Old: ?Sized, New> ConvertFallback<'a, New> for &Argument<Old, New> {
    fn convert(self, _: Stored<'a>, _: &'static str, _: &'static str) -> Result<New, BoxError> {
        refused()
    }
}

/// What the assertions on an event with a version look at.
#[derive(Clone, Copy, Debug)]
pub struct VersionFacts {
    shape: Upcast,
    /// The type's name.
    event: &'static str,
    /// The lowest version that a function takes, and from which on there is one for each.
    functions: u32,
}

/// Looks an event up.
#[must_use]
pub const fn version_facts<E: Event>(event: &'static str, functions: u32) -> VersionFacts {
    VersionFacts { shape: Upcast::of::<E>(), event, functions }
}

/// Asserts that something takes every version below the event's own.
///
/// # Panics
/// While compiling, at the caller's place, which is the version.
#[track_caller]
pub const fn no_version_fault(facts: &VersionFacts) {
    let missing = facts.functions - 1; // a version, so at least 1
    if missing == 0 {
        return;
    }
    let mut next = 0;
    while next < facts.shape.upcasts.len() {
        // in bounds, by the condition; what is below its own version its own check has seen to
        if facts.shape.upcasts[next].version >= missing {
            return;
        }
        next += 1;
    }
    Message::new()
        .name(facts.event)
        .push(" is at version ")
        .push_number(facts.shape.version as u64)
        .push(" and has no upcaster from version ")
        .push_number(missing as u64)
        .push("\nnote: events that were stored before are of an older version, and must become one of this")
        .push("\nhelp: add `upcast(from = OlderType)` or `upcast(from = ")
        .push_number(missing as u64)
        .push(", with = function)` to `#[event(..)]`")
        .report()
}

/// Asserts of an older type that its events can be told from the event's own, from those that the
/// functions take, and from those of the older types before it; and that its domain is the event's.
///
/// # Panics
/// While compiling, at the caller's place, which is the older type.
#[track_caller]
pub const fn no_older_fault(facts: &VersionFacts, number: usize, ty: &'static str) {
    let (shape, older) = (&facts.shape, &facts.shape.upcasts[number]); // the macro counts them
    if let (Some(own), Some(event)) = (older.domain, shape.domain)
        && !same(own, event)
    {
        foreign(ty, own, event);
    }
    let Some(version) = newest_of(older, shape) else { return };
    if version >= shape.version {
        Message::new()
            .name(ty)
            .push(" has version ")
            .push_number(version as u64)
            .push(" of the name of ")
            .name(facts.event)
            .push(", which is at version ")
            .push_number(shape.version as u64)
            .push(" itself\nhelp: write `version = ")
            .push_number((version + 1) as u64)
            .push("` in the `#[event(..)]` of ")
            .name(facts.event)
            .report();
    }
    if version >= facts.functions {
        Message::new()
            .name(ty)
            .push(" has version ")
            .push_number(version as u64)
            .push(" of ")
            .name(facts.event)
            .push(", which `from = ")
            .push_number(version as u64)
            .push("` takes as well\nhelp: remove one of them")
            .report();
    }
    let mut next = 0;
    while next < number {
        let earlier = &shape.upcasts[next]; // in bounds: below `number`
        if earlier.version == older.version && share_a_name(earlier, older) {
            Message::new()
                .name(ty)
                .push(" has the name and the version of an older type before it\nnote: both have version ")
                .push_number(older.version as u64)
                .push(" of ")
                .name(older.name)
                .push("\nhelp: give it another `version`, or remove one of them")
                .report();
        }
        next += 1;
    }
}

/// The highest version under which a shape, or one before it, has a name of the event.
const fn newest_of(older: &Upcast, event: &Upcast) -> Option<u32> {
    let mut newest = if share_a_name(older, event) { older.version } else { 0 };
    let mut next = 0;
    while next < older.upcasts.len() {
        // in bounds, by the condition
        if let Some(version) = newest_of(&older.upcasts[next], event)
            && version > newest
        {
            newest = version;
        }
        next += 1;
    }
    if newest == 0 { None } else { Some(newest) }
}

/// Tells whether two shapes have a wire name in common, those before them aside.
const fn share_a_name(a: &Upcast, b: &Upcast) -> bool {
    same(a.name, b.name)
        || contains(a.aliases, b.name)
        || contains(b.aliases, a.name)
        || overlap(a.aliases, b.aliases)
}

/// Finds a name of a shape, or of one before it, that another answers to.
pub(super) const fn shared_name(a: &Upcast, b: &Upcast) -> Option<&'static str> {
    if answers_to(b, a.name) {
        return Some(a.name);
    }
    let mut next = 0;
    while next < a.aliases.len() {
        // in bounds, by the condition
        if answers_to(b, a.aliases[next]) {
            return Some(a.aliases[next]);
        }
        next += 1;
    }
    let mut next = 0;
    while next < a.upcasts.len() {
        // in bounds, by the condition
        if let Some(name) = shared_name(&a.upcasts[next], b) {
            return Some(name);
        }
        next += 1;
    }
    None
}

/// Tells whether a shape, or one before it, has this name.
pub(super) const fn answers_to(shape: &Upcast, name: &str) -> bool {
    if same(shape.name, name) || contains(shape.aliases, name) {
        return true;
    }
    let mut next = 0;
    while next < shape.upcasts.len() {
        // in bounds, by the condition
        if answers_to(&shape.upcasts[next], name) {
            return true;
        }
        next += 1;
    }
    false
}
