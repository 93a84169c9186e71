//! `#[projector]`.

/// Names a projector, sets its options and registers it. Goes on the struct.
///
/// ```standalone_crate
/// use projections::{Event, handlers, projector};
///
/// #[derive(Event, serde::Deserialize)]
/// #[event(domain = "accounts")]
/// struct Deposited { amount: u64 }
///
/// /// All the money there is.
/// #[projector("total-deposits", unregistered = "warn", batch(events = 500))]
/// struct TotalDeposits {
///     total: u64,
/// }
///
/// #[handlers]
/// impl TotalDeposits {
///     #[handles(Deposited)]
///     fn deposited(&mut self, event: &Deposited) {
///         self.total += event.amount;
///     }
/// }
/// ```
///
/// The first argument is the name: a kebab-case literal of at most 64 characters, because the
/// checkpoint is stored under it. Another name is another projector: it begins with the first event,
/// in tables that hold the rows of the one before. Empty them when you rename, by a rebuild under the
/// new name before anything else runs it. The options follow:
///
/// | option | value | default |
/// |---|---|---|
/// | `storage` | a type that implements [`Storage`](crate::Storage) | the read model is in the struct's own fields |
/// | `domain` | the domain of handlers whose event and attribute name none | none |
/// | `unregistered` | `"ignore"`, `"warn"` or `"error"`: what to do with an event of the handlers' domains that no method handles | `"ignore"` |
/// | `exhaustive` | a [`Domain`](trait@crate::Domain), or several in brackets: every event of it is handled or ignored, see [below](#every-event-of-a-domain) | off |
/// | `ignores(..)` | the events of these domains that are not handled on purpose | none |
/// | `on_failure` | `"park"`, `"halt"` or `"skip"`: what to do with an event once its retries are spent, see [below](#when-an-event-fails) | `"park"`; live: `"halt"`; inline: the append fails |
/// | `park_by` | `"stream"`, `"domain"` or `"projector"`: what waits behind an event that is parked; a [`#[park_key]`](macro@crate::park_key) says it by a function | `"stream"` |
/// | `park(per_key, keys, total)` | how many events may wait behind a parked one, how many keys may be parked, and how many events may be parked or wait in all; the projector halts before it parks more | 1,000, 1,000, 100,000 |
/// | `retry(max, initial, factor, cap, jitter)` | how often an event that failed is tried again, the first wait, what each wait is of the one before, the longest wait, and the part of a wait that is left to chance; `retry(none)`: never | 3, `"200ms"`, 2, `"30s"`, 0.1 |
/// | `timeout` | how long one attempt of one event may take; not in the append of an inline projector | `"30s"` |
/// | `batch(events, bytes, linger)` | upper bounds of one transaction, and how long one that is not full waits for more events | 1,000 events, 4 MiB, `"0ms"` |
/// | `row_bytes` | how much memory the [`Rows`](crate::Rows) of its tables may take between batches; those of a projector without storage have no bound | 64 MiB |
/// | `probe` | `true`, or `false`: on a storage behind a network no handler is called only to see which rows it asks for, and each says [`#[keys]`](macro@crate::keys) | `true` |
/// | `from` | `"beginning"` or `"now"`: where to begin at the first start, see [below](#from-now-on) | `"beginning"` |
/// | `version` | a number; a higher one has the read model rebuilt | 1 |
/// | `on_change` | `"ignore"`, `"warn"`, `"refuse"` or `"rebuild"`: what to do where other code has built the read model; `"rebuild"` on a storage needs a `#[reset]`, unless the read model is rows alone | `"warn"` |
/// | `mode` | `"async"`: it runs behind the appends; `"inline"`: in the transaction of each append, see [below](#inline); `"live"`: from now, in every process, without a checkpoint, see [below](#live) | `"async"` |
/// | `lanes` | `1`: it applies one event at a time, in the log's order; no other yet | 1 |
/// | `snapshot` | the fields and rows of a projector without storage are saved every so often, see [below](#snapshots) | off |
/// | `rollback` | `"clone"`: after a failed handler the fields of a projector without storage go back to a copy that is made before each batch, instead of being replayed; it is `Clone` | off |
/// | `register` | `true`, or `false`: the value is given to the runtime's builder with `.projector(..)` | `true` |
/// | `crate` | the path of this library, where it has another name | `::projections` |
///
/// Values that need more than the runtime can do yet, such as `lanes = 4`, are checked and then refused
/// as not available yet: no option does nothing. A duration is a whole number and its unit: `"250ms"`,
/// `"2s"`, `"1m"`, `"1h"`.
///
/// # When an event fails
///
/// The batch in which an event fails is rolled back. The events beside it are applied without it, and
/// it is tried again by itself, each time in a new transaction, after the waits of `retry(..)`. An
/// attempt that takes longer than `timeout` has failed, too. Once the retries are spent, or at once
/// where the error is [`Permanent`](crate::Permanent), `on_failure` decides:
///
/// | `on_failure` | the event |
/// |---|---|
/// | `"park"` | is put aside with its error, in the transaction of the checkpoint, until somebody redrives or discards it. The later events of its stream, or of what `park_by` says, wait behind it in their order; all others are applied |
/// | `"halt"` | halts the projector; the next start tries it again |
/// | `"skip"` | is left out, counted and logged |
///
/// An event that waited is applied late, after later ones of other streams. Where two streams change
/// one row, and the order matters, say `park_by = "projector"`, or rebuild after the repair.
///
/// What is wrong with the storage or the source is no event's fault: the projector waits until they
/// are back, parks nothing, and counts no attempt.
///
/// ```standalone_crate
/// use std::time::Duration;
///
/// use projections::{BoxError, Event, OnFailure, Projector, handlers, projector};
///
/// #[derive(Event, serde::Deserialize)]
/// #[event(domain = "hand")]
/// struct PotAwarded { winner: String }
///
/// #[projector(
///     "pots",
///     retry(max = 5, initial = "100ms", cap = "10s"),
///     park_by = "domain",
///     park(keys = 50),
///     timeout = "5s",
/// )]
/// struct Pots { winners: Vec<String> }
///
/// #[handlers]
/// impl Pots {
///     #[handles(PotAwarded)]
///     fn awarded(&mut self, event: &PotAwarded) -> Result<(), BoxError> {
///         self.winners.push(event.winner.clone());
///         Ok(())
///     }
/// }
///
/// let options = Pots::OPTIONS;
/// assert_eq!((options.retry.max, options.retry.factor), (5, 2.0));
/// assert_eq!((options.park.keys, options.park.per_key), (50, 1_000));
/// assert_eq!(options.timeout, Duration::from_secs(5));
/// assert_eq!(options.on_failure, None); // and so `OnFailure::Park`
/// # assert_eq!(OnFailure::default(), OnFailure::Park);
/// ```
///
/// # Inline
///
/// With `mode = "inline"` the handlers run in the transaction of the append, by whatever program
/// appends, and the append fails if a handler fails. The storage is the one that the event store
/// makes, `events.read_models()`; any other is a fault of the build. [`run`](crate::Runtime::run) or
/// [`catch_up`](crate::Runtime::catch_up) brings the projector to the head first and then hands it
/// over to the appends; from then on a program that does not have it, or has other code of it, is
/// refused by [`AppendError::NotRun`](crate::AppendError::NotRun). Nothing of it is retried or parked.
/// The guide's page on it has the rest.
///
/// # From now on
///
/// A projector with `from = "now"` begins after the last event that the log holds at its first start.
/// Events before that are not delivered, and the place is saved before anything is read, so that
/// later starts go on from there. A rebuild gives it up and reads the log from its beginning. Without
/// a storage each start is a first start, unless it has a [snapshot](#snapshots).
///
/// To leave out the past of one event only, say it on [`#[handles]`](macro@crate::handles).
///
/// # Live
///
/// A projector with `mode = "live"` runs in every process by itself. It begins after the last event
/// that the log holds at its first start in a process, and has no checkpoint: a later run of the same
/// process goes on where the one before has stopped, and a new process begins anew. It reads the log,
/// so a slow one lags and loses nothing. It parks nothing: at an event that fails it halts, or skips it
/// with `on_failure = "skip"`. It never goes on from what other code has built, and has neither a
/// `version` nor an `on_change`. On a storage each batch is one transaction, which every process that
/// runs it makes for itself.
///
/// # Snapshots
///
/// A projector without storage is replayed at each start. With `snapshot` its fields, but those that
/// are `#[resource]`, and its rows are saved with their place in the log: after 10,000 events, or ten
/// seconds if there were any, and on a clean stop. The next start reads only the rest. The fields are
/// `serde::Serialize` and `serde::Deserialize`; the struct itself need not be. A snapshot that is
/// damaged, of a log that went back, or of other code is not used: that of other handlers, by their
/// [`Fingerprint`](crate::Fingerprint), of other fields or of another `version`. Raise `version` where
/// a type inside a field changes its meaning.
///
/// ```standalone_crate
/// use std::collections::HashMap;
///
/// use projections::{Event, Runtime, handlers, memory::MemoryEventStore, projector};
///
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// #[event(domain = "accounts")]
/// struct Deposited { account: u64, cents: u64 }
///
/// #[derive(Clone)]
/// struct ExchangeRates; // not saved, and not `Serialize`
///
/// #[projector("balances", snapshot)]
/// struct Balances {
///     #[resource]
///     rates: ExchangeRates,
///     cents: HashMap<u64, u64>,
/// }
///
/// #[handlers]
/// impl Balances {
///     #[handles(Deposited)]
///     fn deposited(&mut self, event: &Deposited) {
///         let _ = &self.rates;
///         *self.cents.entry(event.account).or_default() += event.cents;
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), projections::Error> {
/// let builder = Runtime::builder(MemoryEventStore::new()).resource(ExchangeRates);
/// builder.build().await?.catch_up().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Every event of a domain
///
/// With `exhaustive`, an event that is added to a domain breaks exactly the projectors that must
/// decide about it:
///
/// ```compile_fail,E0080
/// use projections::{Domain, Event, handlers, projector};
///
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// #[event(domain = "hand")]
/// struct HandStarted;
///
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// #[event(domain = "hand")]
/// struct PotAwarded;
///
/// #[derive(Domain)]
/// #[domain("hand")]
/// enum Hand {
///     Started(HandStarted),
///     Awarded(PotAwarded), // `hand-history` handles no `PotAwarded` of domain `hand`
/// }
///
/// #[projector("hand-history", exhaustive = Hand)] // and says nothing of `ignores(PotAwarded)`
/// struct HandHistory;
///
/// #[handlers]
/// impl HandHistory {
///     #[handles(HandStarted)]
///     fn started(&mut self, _event: &HandStarted) {}
/// }
/// ```
///
/// A `#[fallback]` does not count as a decision, though it takes ignored events like all others that
/// no handler takes. An ignored event is not unregistered: `unregistered = "error"` does not halt at
/// it.
///
/// # How it is made
///
/// The runtime makes a projector that registers itself: a field marked `#[resource]` is cloned from
/// the builder's resources by its type, every other field starts as its `Default`.
///
/// ```standalone_crate
/// # use projections::{Event, RawEvent, handlers, projector};
/// # #[derive(Clone)] struct Clock;
/// #[projector("audit")]
/// struct Audit {
///     #[resource]
///     clock: Clock, // given by `Runtime::builder(..).resource(Clock)`
///     seen: Vec<String>,
/// }
/// # #[handlers] impl Audit {
/// #     #[fallback(all)] fn seen(&mut self, event: &RawEvent<'_>) {
/// #         let _ = &self.clock; self.seen.push(event.name().to_owned());
/// #     }
/// # }
/// ```
///
/// A field whose type has neither does not compile, with the error at the field's type. A generic
/// projector cannot register itself: it says `register = false` and is given as a value. Because
/// nothing of it is known before, what depends on its parameters or its handlers is checked where it
/// is given, and so by `cargo build`, not by `cargo check`:
///
/// ```compile_fail,E0080
/// # use projections::{Domain, Event, Runtime, handlers, memory::MemoryEventStore, projector};
/// # #[derive(Event, serde::Serialize, serde::Deserialize)] struct Started;
/// # #[derive(Event, serde::Serialize, serde::Deserialize)] struct Awarded;
/// # #[derive(Domain)] #[domain("hand")] enum Hand { Started(Started), Awarded(Awarded) }
/// #[projector("totals", domain = "hand", exhaustive = Hand, register = false)]
/// #[derive(Clone, Default)]
/// struct Totals<T> {
///     all: Vec<T>,
/// }
/// # #[handlers] impl<T: Clone + Default> Totals<T> {
/// #     #[handles(Started)] fn started(&mut self, _event: &Started) { self.all.push(T::default()); }
/// # }
/// // `totals` handles no `Awarded` of domain `hand`
/// let builder = Runtime::builder(MemoryEventStore::new()).projector(Totals::<u8>::default());
/// ```
///
/// One that is generic over its event says that the event owns its data, by
/// `Event<Decoded<'a> = E>`, and names the domain. The builder asks for a `Clone`:
///
/// ```standalone_crate
/// use projections::{Event, Runtime, handlers, memory::MemoryEventStore, projector};
///
/// #[derive(Clone, Event, serde::Deserialize)]
/// struct Placed { order: String }
///
/// #[projector("latest", domain = "orders", register = false)]
/// #[derive(Clone)]
/// struct Latest<E> { event: Option<E> }
///
/// #[handlers]
/// impl<E: for<'a> Event<Decoded<'a> = E> + Clone + Send + Sync + 'static> Latest<E> {
///     #[handles(E)]
///     fn keep(&mut self, event: &E) {
///         self.event = Some(event.clone());
///     }
/// }
///
/// let latest = Latest::<Placed> { event: None };
/// let builder = Runtime::builder(MemoryEventStore::new()).projector(latest);
/// ```
///
/// # On its page
///
/// `cargo doc` shows what the projector handles, with links to the events, and how it runs, defaults
/// and all, below the struct's own documentation: on its implementations of
/// [`Handlers`](crate::Handlers) and [`Projector`](crate::Projector).
///
/// # In a library crate
///
/// A linker drops a crate that the binary never names, and its projectors with it. The binary names
/// it by `use its_crate as _;`, and tells [`Builder::expect`](crate::Builder::expect) which
/// projectors must be there.
///
/// # What cannot be seen while compiling
///
/// Two projectors of one name, a resource or storage that nobody gives, and an expected projector
/// that the linker dropped are reported when the runtime is built, all at once.
pub use projections_macros::projector;
