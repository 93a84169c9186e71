//! What happens to an event that cannot be applied: [`OnFailure`], [`RetryPolicy`], [`Permanent`] and
//! the policy by which streams are parked.

use std::{error::Error as StdError, fmt, time::Duration};

use crate::{BoxError, Envelope};

/// What to do with an event once its retries are spent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnFailure {
    /// Halt the projector at it.
    Halt,
    /// Park it: it and the later events of its key wait, and the others go on.
    #[default]
    Park,
    /// Leave it out, counted and logged.
    Skip,
}

impl OnFailure {
    /// The word that `#[projector]` takes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Halt => "halt",
            Self::Park => "park",
            Self::Skip => "skip",
        }
    }
}

/// Which events wait behind one that is parked: those with the same key.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum ParkBy {
    /// Those of its domain.
    Domain,
    /// Those for which a `#[park_key]` function returns the same text.
    Key(fn(&Envelope) -> &str),
    /// All that the projector takes.
    Projector,
    /// Those of its stream.
    #[default]
    Stream,
}

impl ParkBy {
    /// The key of an event. It needs no payload, so what cannot be decoded has one, too.
    pub(crate) fn key<'a>(&self, event: &'a Envelope) -> &'a str {
        match self {
            Self::Domain => event.domain(),
            Self::Key(of) => of(event),
            Self::Projector => "",
            Self::Stream => event.stream(),
        }
    }
}

/// How much may be parked. A projector halts before it parks more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ParkCaps {
    /// Events that wait behind one parked event; 1,000 by default.
    pub per_key: u64,
    /// Keys that are parked; 1,000 by default.
    pub keys: u64,
    /// Events that are parked or wait, in all; 100,000 by default.
    pub total: u64,
}

impl ParkCaps {
    /// The defaults.
    pub const DEFAULT: Self = Self { per_key: 1_000, keys: 1_000, total: 100_000 };

    /// Sets all three.
    #[must_use]
    pub const fn new(per_key: u64, keys: u64, total: u64) -> Self {
        Self { per_key, keys, total }
    }
}

impl Default for ParkCaps {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How often an event that failed is tried again, and how long is waited before.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often it is tried again after it first failed; 3 by default.
    pub max: u32,
    /// The first wait; 200 ms by default.
    pub initial: Duration,
    /// Each wait is the one before it times this; 2 by default.
    pub factor: f64,
    /// The longest wait; 30 s by default.
    pub cap: Duration,
    /// The part of a wait that is left to chance, from 0 to 1; 0.1 by default.
    pub jitter: f64,
}

impl RetryPolicy {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        max: 3,
        initial: Duration::from_millis(200),
        factor: 2.0,
        cap: Duration::from_secs(30),
        jitter: 0.1,
    };

    /// No event is tried again.
    pub const NONE: Self = Self { max: 0, ..Self::DEFAULT };

    /// Sets how often an event is tried again.
    #[must_use]
    pub const fn max(mut self, max: u32) -> Self {
        self.max = max;
        self
    }

    /// Sets the first wait.
    #[must_use]
    pub const fn initial(mut self, initial: Duration) -> Self {
        self.initial = initial;
        self
    }

    /// Sets how fast waits grow.
    #[must_use]
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets the longest wait.
    #[must_use]
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Sets the part of a wait that is left to chance.
    #[must_use]
    pub const fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// The wait before the next attempt, after this many. `chance` is from 0 to 1: the wait is
    /// shorter by up to the jitter, so that it is never above the cap.
    pub(crate) fn wait(&self, attempts: u32, chance: f64) -> Duration {
        let grown = self.factor.powi(attempts.saturating_sub(1).min(1_000).cast_signed());
        let seconds = (self.initial.as_secs_f64() * grown).min(self.cap.as_secs_f64());
        Duration::try_from_secs_f64(seconds * (1.0 - self.jitter * chance)).unwrap_or(self.cap)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What an error of a handler says about its event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// Something that the handler needs is down: the event is tried again for as long as it takes,
    /// and nothing is parked.
    Outage,
    /// Trying again does not help.
    Permanent,
    /// Trying again may help.
    Retry,
}

/// What judges the errors of handlers: [`Builder::classify`](crate::Builder::classify).
pub(crate) type Classify = dyn Fn(&(dyn StdError + 'static)) -> Option<Verdict> + Send + Sync;

/// An error that trying again does not help against. A handler that returns it, by itself or as the
/// cause of another error, is not called again for the event.
///
/// ```
/// use projections::Permanent;
///
/// fn check(amount: i64) -> Result<(), Permanent> {
///     match amount {
///         0.. => Ok(()),
///         _ => Err(Permanent::new(format!("{amount} is below zero"))),
///     }
/// }
/// assert_eq!(check(-1).unwrap_err().to_string(), "-1 is below zero");
/// ```
pub struct Permanent {
    cause: Cause,
}

/// What a [`Permanent`] shows as its own cause: an error type that wraps another hides it, but not
/// its causes.
struct Cause(BoxError);

impl Permanent {
    /// Marks an error.
    #[must_use]
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self { cause: Cause(error.into()) }
    }

    /// Tells whether an error is one, or has one among its causes.
    pub(crate) fn is_in(error: &(dyn StdError + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(error) = next {
            if error.is::<Self>() || error.is::<Cause>() {
                return true;
            }
            next = error.source();
        }
        false
    }
}

impl fmt::Debug for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permanent").field(&self.cause.0).finish()
    }
}

impl fmt::Display for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl StdError for Permanent {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.cause)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_jitter_shortens_them() {
        let policy = RetryPolicy::DEFAULT;
        let waits: Vec<_> =
            (1..=9).map(|attempts| policy.wait(attempts, 0.0).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
        assert_eq!(policy.wait(u32::MAX, 0.0), policy.cap);
        assert_eq!(policy.wait(1, 1.0), Duration::from_millis(180));
        assert_eq!(policy.factor(1.0).wait(5, 0.0), policy.initial);
    }

    #[test]
    fn a_permanent_error_is_found_behind_others() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] BoxError);
        let permanent = || Permanent::new("no such card");
        assert!(Permanent::is_in(&permanent()));
        assert!(Permanent::is_in(&Outer(permanent().into())));
        assert!(!Permanent::is_in(&Outer("no such card".into())));
        assert_eq!(crate::error::chain(&Outer(permanent().into())), "outer: no such card");
    }
}
