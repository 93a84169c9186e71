//! What a projector says of itself beside its handlers: [`Options`] and the policies in it.

use std::time::Duration;

use crate::{
    __private::coverage::is_event_of, Domain, Event, OnFailure, ParkBy, ParkCaps, RetryPolicy,
    Upcast,
};

/// What to do with an event of the handlers' domains that no method handles.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum UnregisteredPolicy {
    /// Halt at it.
    Error,
    /// Read only what is handled.
    #[default]
    Ignore,
    /// Log once an event type, and go on.
    Warn,
}

impl UnregisteredPolicy {
    /// The word that `#[projector]` takes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Ignore => "ignore",
            Self::Warn => "warn",
        }
    }
}

/// Where a projector or a handler begins when it is first started.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum StartFrom {
    /// With the first event of the log.
    #[default]
    Beginning,
    /// With the first event after the start.
    Now,
}

/// How a projector is run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Mode {
    /// Behind the log, by one owner, with a checkpoint.
    #[default]
    Async,
    /// In the transaction of the append.
    Inline,
    /// From now, in every process, without a checkpoint.
    Live,
}

impl Mode {
    /// The word that `#[projector]` takes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Async => "async",
            Self::Inline => "inline",
            Self::Live => "live",
        }
    }
}

/// What to do at a start where the read model was built by other code of the same `version`.
///
/// Whatever it says, [`ProjectorStatus::changed`](crate::ProjectorStatus::changed) tells.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnChange {
    /// Go on.
    Ignore,
    /// Rebuild the read model with the new code.
    Rebuild,
    /// Do not start.
    Refuse,
    /// Log it and go on.
    #[default]
    Warn,
}

impl OnChange {
    /// The word that `#[projector]` takes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Rebuild => "rebuild",
            Self::Refuse => "refuse",
            Self::Warn => "warn",
        }
    }
}

/// Upper bounds of one transaction. A batch takes what is there, and waits to fill only where it is
/// told to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BatchPolicy {
    /// At most this many events; 1,000 by default.
    pub events: u32,
    /// At most about this many bytes of payload; 4 MiB by default. One larger event is a batch.
    pub bytes: u64,
    /// How long a batch that is not full waits for more events; 0 by default.
    pub linger: Duration,
}

impl BatchPolicy {
    /// The defaults.
    pub const DEFAULT: Self = Self { events: 1_000, bytes: 4 << 20, linger: Duration::ZERO };

    /// Sets both bounds.
    #[must_use]
    pub const fn new(events: u32, bytes: u64) -> Self {
        Self { events, bytes, ..Self::DEFAULT }
    }

    /// Sets how long a batch waits to fill.
    #[must_use]
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }
}

impl Default for BatchPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A domain of which a projector handles or ignores every event.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DomainEvents {
    /// The domain's name.
    pub domain: &'static str,
    /// The wire names of its events.
    pub events: &'static [&'static str],
    types: &'static [&'static str],
}

impl DomainEvents {
    /// Lists a domain's events.
    #[doc(hidden)]
    #[must_use]
    pub const fn of<D: Domain>() -> Self {
        Self { domain: D::NAME, events: D::EVENTS, types: D::TYPES }
    }

    /// The name of an event's type, or of the event where the type's is not known.
    pub(crate) const fn shown(&self, index: usize) -> &'static str {
        let names = if self.types.len() == self.events.len() { self.types } else { self.events };
        names[index] // of an event of this domain
    }
}

/// An event that an exhaustive projector ignores.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct IgnoredEvent {
    /// The wire name.
    pub event: &'static str,
    /// Older names of the event.
    pub aliases: &'static [&'static str],
    /// The domain that the event itself names.
    pub domain: Option<&'static str>,
    /// The event's present shape, and with it the older ones.
    pub(crate) shape: Upcast,
}

impl IgnoredEvent {
    /// Looks an event up.
    #[doc(hidden)]
    #[must_use]
    pub const fn of<E: Event>() -> Self {
        let shape = Upcast::of::<E>();
        Self { event: E::NAME, aliases: E::ALIASES, domain: E::DOMAIN, shape }
    }
}

/// The options of `#[projector]`, as the macro saw them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// For handlers whose event and attribute name no domain.
    pub domain: Option<&'static str>,
    /// What to do with an event that no method handles.
    pub unregistered: UnregisteredPolicy,
    /// The domains of which every event is handled or ignored.
    pub exhaustive: &'static [DomainEvents],
    /// The events of these domains that are ignored.
    pub ignores: &'static [IgnoredEvent],
    /// Upper bounds of one transaction.
    pub batch: BatchPolicy,
    /// How it is run.
    pub mode: Mode,
    /// How much memory the rows of its tables may take between batches, in bytes.
    pub row_bytes: u64,
    /// Whether a handler may be called to see which rows it asks for, on a storage behind a network.
    pub probe: bool,
    /// Where to begin.
    pub from: StartFrom,
    /// Raised by the user to have the read model rebuilt.
    pub version: u32,
    /// What to do where the code differs from that which built the read model.
    pub on_change: OnChange,
    /// What to do with an event whose retries are spent; `None` is the default of the
    /// [mode](Self::mode): [`Park`](OnFailure::Park), and [`Halt`](OnFailure::Halt) of a live
    /// projector. An inline projector fails the append.
    pub on_failure: Option<OnFailure>,
    /// Which events wait behind one that is parked, unless there is a `#[park_key]`.
    pub park_by: ParkBy,
    /// How much may be parked.
    pub park: ParkCaps,
    /// How often an event that failed is tried again, unless its handler says otherwise.
    pub retry: RetryPolicy,
    /// How long one attempt of one event may take; 30 s by default.
    pub timeout: Duration,
}

impl Options {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        domain: None,
        unregistered: UnregisteredPolicy::Ignore,
        exhaustive: &[],
        ignores: &[],
        batch: BatchPolicy::DEFAULT,
        mode: Mode::Async,
        row_bytes: 64 << 20,
        probe: true,
        from: StartFrom::Beginning,
        version: 1,
        on_change: OnChange::Warn,
        on_failure: None,
        park_by: ParkBy::Stream,
        park: ParkCaps::DEFAULT,
        retry: RetryPolicy::DEFAULT,
        timeout: Duration::from_secs(30),
    };

    /// Sets the domain of handlers that name none.
    #[must_use]
    pub const fn domain(mut self, domain: &'static str) -> Self {
        self.domain = Some(domain);
        self
    }

    /// Sets the policy for events that no method handles.
    #[must_use]
    pub const fn unregistered(mut self, policy: UnregisteredPolicy) -> Self {
        self.unregistered = policy;
        self
    }

    /// Sets the domains of which every event is handled or ignored.
    #[must_use]
    pub const fn exhaustive(mut self, domains: &'static [DomainEvents]) -> Self {
        self.exhaustive = domains;
        self
    }

    /// Sets the events that are ignored.
    #[must_use]
    pub const fn ignores(mut self, events: &'static [IgnoredEvent]) -> Self {
        self.ignores = events;
        self
    }

    /// Tells whether an event, of whatever shape, is one that is ignored on purpose.
    pub(crate) fn ignores_event(&self, domain: &str, name: &str) -> bool {
        let domains = self.exhaustive.iter().filter(|events| events.domain == domain);
        domains.into_iter().any(|domain| {
            self.ignores
                .iter()
                .filter(|ignored| is_event_of(ignored, domain))
                .any(|ignored| ignored.shape.answers_to(name))
        })
    }

    /// Sets the bounds of one transaction.
    #[must_use]
    pub const fn batch(mut self, batch: BatchPolicy) -> Self {
        self.batch = batch;
        self
    }

    /// Sets how it is run.
    #[must_use]
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets how much memory the rows of its tables may take between batches, in bytes. What a batch
    /// changes is in memory beside it until it is written, which happens early where it is more
    /// than this. Read models in process have no bound: their rows are nowhere else.
    #[must_use]
    pub const fn row_bytes(mut self, bytes: u64) -> Self {
        self.row_bytes = bytes;
        self
    }

    /// Sets whether a handler may be called to see which rows it asks for, on a storage behind a
    /// network. Where it may not, and has no `#[keys(..)]`, it does not compile.
    #[must_use]
    pub const fn probe(mut self, probe: bool) -> Self {
        self.probe = probe;
        self
    }

    /// Sets where to begin.
    #[must_use]
    pub const fn start_from(mut self, from: StartFrom) -> Self {
        self.from = from;
        self
    }

    /// Sets the version.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Sets what to do where the code differs from that which built the read model.
    #[must_use]
    pub const fn on_change(mut self, on_change: OnChange) -> Self {
        self.on_change = on_change;
        self
    }

    /// Sets what to do with an event whose retries are spent.
    #[must_use]
    pub const fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = Some(on_failure);
        self
    }

    /// Sets which events wait behind one that is parked.
    #[must_use]
    pub const fn park_by(mut self, park_by: ParkBy) -> Self {
        self.park_by = park_by;
        self
    }

    /// Sets how much may be parked.
    #[must_use]
    pub const fn park(mut self, caps: ParkCaps) -> Self {
        self.park = caps;
        self
    }

    /// Sets how often an event that failed is tried again.
    #[must_use]
    pub const fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets how long one attempt of one event may take.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::DEFAULT
    }
}
