//! The macros, with their documentation.

/// Derives the trait [`Event`](trait@crate::Event) for a struct, owned or borrowed.
///
/// ```
/// use std::borrow::Cow;
///
/// use projections::Event;
///
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// #[event(domain = "orders", aliases("Placed"))]
/// struct OrderPlaced<'a> {
///     #[serde(borrow)]
///     item: Cow<'a, str>, // borrowed from the stored event, unless it holds an escape
///     amount: u64,
/// }
///
/// assert_eq!(OrderPlaced::NAME, "OrderPlaced");
/// assert_eq!(OrderPlaced::ALIASES, ["Placed"]);
/// ```
///
/// The struct also needs `serde::Deserialize`, and `serde::Serialize` where it is appended.
///
/// | option of `#[event(..)]` | value | default |
/// |---|---|---|
/// | `domain` | the domain that publishes the event, where it is just one: lower case | none |
/// | `name` | the name under which it is stored, without white space | the struct's name |
/// | `aliases(..)` | names that older events carry | none |
/// | `version` | the version of the event's shape, stored with it: a whole number from 1 on | 1 |
/// | `upcast(from = OlderType)` | an older shape with a type of its own, which derives `Event` and is converted by `From` or `TryFrom`; once for each type | none |
/// | `upcast(from = 1, with = function)` | the path of a `fn(Value) -> Value`, or of one that returns `Result<Value, E>`, which makes the JSON of this version that of the next; once for each version | none |
/// | `codec` | the path of a type that implements [`Codec`](crate::Codec) | [`Json`](crate::Json) |
/// | `crate` | the path of this library, where it has another name | `::projections` |
///
/// An event has one wire name, so its struct may have lifetimes but no type parameters. A text is
/// `Cow<'a, str>` with `#[serde(borrow)]`, not `&'a str`: a quote, a backslash or a line break is
/// escaped in JSON, an escaped text cannot be borrowed as it is, and the first one would fail in every
/// projector that handles the event.
///
/// Each version below the event's own has an upcaster, else the event does not compile. Upcasters run
/// while a stored event is decoded, for every handler and for
/// [`RawEvent::decode`](crate::RawEvent::decode); one that fails is a
/// [`HandleError::Decode`](crate::HandleError::Decode) with an [`UpcastError`](crate::UpcastError).
/// An older type may have upcasters of its own, its events are routed by its names, and it has the
/// event's domain or none. [`Stored`](crate::Stored) has an example.
pub use projections_macros::Event;

/// Derives the trait [`Domain`](trait@crate::Domain) for an enum with one variant an event, and
/// [`ToEvent`](crate::ToEvent), so that events of several types can be appended in one call.
///
/// ```
/// use projections::{Domain, Event, ToEvent};
///
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// struct HandStarted { table: u32 }
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// struct HandEnded { pot: u64 }
///
/// #[derive(Domain)]
/// #[domain("hand")]
/// enum HandEvent {
///     Started(HandStarted),
///     Ended(HandEnded),
/// }
///
/// assert_eq!(HandEvent::EVENTS, ["HandStarted", "HandEnded"]);
/// let event = HandEvent::Ended(HandEnded { pot: 12 }).to_event()?;
/// assert_eq!(event.domain.as_deref(), Some("hand"));
/// # Ok::<(), projections::EncodeError>(())
/// ```
///
/// | argument of `#[domain(..)]` | value | default |
/// |---|---|---|
/// | the first | the domain's name, as in `#[event(domain = "hand")]` | required |
/// | `crate` | the path of this library, where it has another name | `::projections` |
///
/// An event that itself names another domain does not compile. The enum is also what `exhaustive` of
/// [`#[projector]`](macro@projector) takes: a projector that names it must decide about every event.
pub use projections_macros::Domain;

/// Derives the trait [`ReadModel`](trait@crate::ReadModel) for a struct, which is then a row of a
/// table: a handler takes the table as `&mut` [`Rows`](crate::Rows) of it.
///
/// ```
/// use projections::{ReadModel, rows::ColumnOf};
///
/// #[derive(ReadModel, Default)]
/// #[read_model(table = "players", index(team, joined))]
/// pub struct PlayerStats {
///     #[key]
///     pub player: String,
///     pub hands: i64,
///     #[index]
///     pub team: Option<String>,
///     #[unique]
///     pub email: Option<String>,
///     pub joined: i64,
///     #[column(name = "net_chips")]
///     pub net: i64,
///     #[column(json)]
///     pub badges: Vec<String>,
///     #[column(default)]
///     pub streak: i64,
/// }
///
/// assert_eq!(PlayerStats::TABLE.name, "players");
/// assert_eq!(PlayerStats::TABLE.columns[5].name, "net_chips");
/// println!("{:#?}", PlayerStats::TABLE);
///
/// let row = PlayerStats::blank(&"Ada".to_owned());
/// assert_eq!((row.player.as_str(), row.hands), ("Ada", 0));
///
/// let net: ColumnOf<PlayerStats, i64> = PlayerStats::NET;
/// assert_eq!(net.name(), "net_chips");
/// ```
///
/// The struct has named fields, owns its data and is not generic: a table belongs to one type. It
/// needs `Default`, because a new row is the default with its key.
///
/// | option of `#[read_model(..)]` | value | default |
/// |---|---|---|
/// | `table` | the table's name | the struct's name in snake_case |
/// | `index(..)` | the fields of an index, in its order; once for each index | none |
/// | `unique(..)` | the fields of an index in which no two rows have the same values; once for each | none |
/// | `crate` | the path of this library, where it has another name | `::projections` |
///
/// | attribute of a field | what it says |
/// |---|---|
/// | `#[key]` | it is the key, or, where several have it, one of up to four parts, in the order of the fields |
/// | `#[index]` | the column has an index |
/// | `#[unique]` | the column has an index, and no two rows have the same value there; `None` is no value |
/// | `#[column(name = "..")]` | the column's name, where it is not the field's |
/// | `#[column(json)]` | the value is stored as JSON; its type is `Serialize`, `Deserialize`, `Send` and `Sync` |
/// | `#[column(default)]` | the column may be added to a table that is there: older rows have the default of the field's type |
/// | `#[column(default = ..)]` | the same, where older rows have the value of this expression |
///
/// What a field may be is in the table of [`Kind`](crate::rows::Kind); a type of your own implements
/// [`Column`](crate::rows::Column), or is stored as JSON. A part of the key is also `Clone`, `Eq`,
/// `Hash` and `Ord`, and is neither an `Option` nor JSON.
///
/// # Names
///
/// A table or a column has a name of at most 48 ASCII letters, digits and `_`, which does not begin
/// with a digit or with `projections_`, and has no `__` in it. Upper and lower case are the same. A
/// table is not called `events`, which is the event store's, and does not begin with `sqlite_`. Two
/// row types of one table are reported when the runtime is built.
///
/// # Columns by name
///
/// Each field has a constant of its name in upper case, as visible as the field: an
/// [`IndexedColumn`](crate::rows::IndexedColumn), by which rows can be looked up, where it has an
/// index, is the first field of one, or is the first of the key; else a
/// [`ColumnOf`](crate::rows::ColumnOf). With a field `table`, the trait's constant is
/// `<PlayerStats as ReadModel>::TABLE`.
pub use projections_macros::ReadModel;

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
/// | `park_by` | `"stream"`, `"domain"` or `"projector"`: what waits behind an event that is parked; a [`#[park_key]`](macro@park_key) says it by a function | `"stream"` |
/// | `park(per_key, keys, total)` | how many events may wait behind a parked one, how many keys may be parked, and how many events may be parked or wait in all; the projector halts before it parks more | 1,000, 1,000, 100,000 |
/// | `retry(max, initial, factor, cap, jitter)` | how often an event that failed is tried again, the first wait, what each wait is of the one before, the longest wait, and the part of a wait that is left to chance; `retry(none)`: never | 3, `"200ms"`, 2, `"30s"`, 0.1 |
/// | `timeout` | how long one attempt of one event may take | `"30s"` |
/// | `batch(events, bytes, linger)` | upper bounds of one transaction, and how long one that is not full waits for more events | 1,000 events, 4 MiB, `"0ms"` |
/// | `row_bytes` | how much memory the [`Rows`](crate::Rows) of its tables may take between batches; those of a projector without storage have no bound | 64 MiB |
/// | `probe` | `true`, or `false`: on a storage behind a network no handler is called only to see which rows it asks for, and each says [`#[keys]`](macro@keys) | `true` |
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
/// To leave out the past of one event only, say it on [`#[handles]`](macro@handles).
///
/// # Live
///
/// A projector with `mode = "live"` runs in every process by itself. It begins after the last event
/// that the log holds at its first start in a process, and has no checkpoint: a later run of the same
/// process goes on where the one before has stopped, and a new process begins anew. It reads the log,
/// so a slow one lags and loses nothing. It parks nothing: at an event that fails it halts, or skips it
/// with `on_failure = "skip"`. On a storage each batch is one transaction, which every
/// process that runs it makes for itself.
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

/// Collects the methods of a projector into its routing. Goes on its one inherent `impl` block that
/// has handlers.
///
/// ```standalone_crate
/// use std::borrow::Cow;
///
/// use projections::{BoxError, Envelope, Event, Handlers, RawEvent, handlers, projector};
///
/// #[derive(Event, serde::Deserialize)]
/// struct Placed<'a> {
///     #[serde(borrow)]
///     item: Cow<'a, str>, // a `&str` would fail on the first text with an escape
/// }
///
/// #[projector("orders", domain = "orders")]
/// struct Orders { items: Vec<String> }
///
/// #[handlers]
/// impl Orders {
///     #[handles(Placed)]
///     fn placed(&mut self, event: &Placed<'_>, at: &Envelope) -> Result<(), BoxError> {
///         self.items.push(format!("{} in {}", event.item, at.stream()));
///         Ok(())
///     }
///
///     #[fallback]
///     fn other(&mut self, event: &RawEvent<'_>) {
///         self.items.push(event.name().to_owned());
///     }
/// }
///
/// assert_eq!(Orders::ROUTES[0].domain, "orders");
/// ```
///
/// | attribute | the method |
/// |---|---|
/// | [`#[handles]`](macro@handles) | takes the events of one type from one domain |
/// | [`#[fallback]`](macro@fallback) | takes what no `#[handles]` takes |
/// | [`#[setup]`](macro@setup) | creates the read model |
/// | [`#[reset]`](macro@reset) | empties it for a rebuild |
/// | [`#[park_key]`](macro@park_key) | gives the key by which events are parked |
///
/// # A handler's signature
///
/// A handler is a `fn` or an `async fn` on `&self`, or on `&mut self` where the projector has no
/// storage. A storage that blocks, such as SQLite, takes `fn` only.
///
/// | parameter | what it is |
/// |---|---|
/// | the first: `&E` or `E` | the event; in a `#[fallback]`, `&RawEvent<'_>` |
/// | `&Envelope` | its id, stream, positions, times and metadata |
/// | `&mut` the storage's transaction | for SQLite `&mut SqliteTx<'_>` |
///
/// Those after the first come in any order, and are recognised by type. It returns `()`, or
/// `Result<T, E>` with a `T` that is `Serialize` and an `E` that converts into
/// [`BoxError`](crate::BoxError), as every error does. A `T` goes to the caller that waits for the
/// event ([`Receipt::results`](crate::Receipt::results)); nobody else has it serialized.
///
/// # What its fingerprint sees
///
/// The checkpoint keeps a [`Fingerprint`](crate::Fingerprint) of the code that built the read model,
/// and a start with another one is a change, which `on_change` of
/// [`#[projector]`](macro@projector) decides about. What counts is what stands between the braces of
/// the block: its methods with their signatures and bodies, its constants, types and macro calls,
/// and of each handler the event's wire name, the domain, `from = "now"` and `replay = "skip"`. White
/// space, comments, docs, lint attributes, trailing commas, braces round the single expression of a
/// match arm or a closure, the order of the methods, tuning such as `retry(max = 5)` and `permanent`, the
/// word `#[park_key]` on a function, and methods that a `#[cfg]` leaves out do not count. It is the same
/// on every compiler and in every directory.
///
/// Functions outside the block are not seen. Raise `version` where one of them changes what the
/// handlers write.
///
/// `#[handlers(crate = path)]` names this library where it has another name.
pub use projections_macros::handlers;

/// Routes the events of one type and one domain to a method in a [`#[handlers]`](macro@handlers)
/// block. Anywhere else it is an error.
///
/// ```standalone_crate
/// # use projections::{Event, handlers, projector};
/// # #[derive(Event, serde::Deserialize)] struct Paid { amount: u64 }
/// # #[projector("revenue")] struct Revenue { orders: u64, invoices: u64 }
/// # #[handlers]
/// # impl Revenue {
/// #[handles(Paid, input_domain = "orders")]
/// fn order_paid(&mut self, event: &Paid) {
///     self.orders += event.amount;
/// }
///
/// #[handles(Paid, input_domain = "invoices", from = "now")]
/// fn invoice_paid(&mut self, event: Paid) {
///     self.invoices += event.amount;
/// }
/// # }
/// ```
///
/// The first argument is the event's type: a name, a path or an alias. The options follow:
///
/// | option | value | default |
/// |---|---|---|
/// | `input_domain` | the domain that the event is taken from | the event's own, else the projector's `domain` |
/// | `from` | `"beginning"`, or `"now"`: the handler takes only events after its first start | `"beginning"` |
/// | `replay` | `"skip"`: the handler is not called for history, see [below](#side-effects) | it is called for every event |
/// | `retry(..)` | as of the [projector](macro@projector) | the projector's |
/// | `permanent` | the path of a `fn(&E) -> bool` that knows the errors which trying again does not help against; `E` is the handler's own error type | none |
///
/// Where a handler is added and the checkpoint has passed events of its type, its projector halts as
/// `stale code` and says how many. Rebuild it, and the handler takes them; or say `from = "now"`, and
/// it never does: also a rebuild leaves out what came before the handler's first start.
///
/// # Side effects
///
/// A handler that sends a mail must not send it once more where the read model is rebuilt. With
/// `replay = "skip"` it is not called for history: for what the log held at the projector's first
/// start, and for what was applied before a rebuild. Events that came while nobody ran the projector
/// are no history. One that was parked stays what it was then: redriven, it is history only if it was
/// parked as such. A projector in process begins anew in every process, and to it all of the log is
/// history then: give one with side effects a `storage`.
///
#[cfg_attr(feature = "sqlite", doc = "```standalone_crate")]
#[cfg_attr(not(feature = "sqlite"), doc = "```text")]
/// use projections::{Event, Handlers, handlers, projector, sqlite::Sqlite};
///
/// #[derive(Event, serde::Deserialize)]
/// #[event(domain = "orders")]
/// struct Paid { email: String }
///
/// #[derive(Debug, thiserror::Error)]
/// enum MailError {
///     #[error("there is no such address")]
///     NoSuchAddress,
///     #[error("the mail server is busy")]
///     Busy,
/// }
///
/// fn is_permanent(error: &MailError) -> bool {
///     matches!(error, MailError::NoSuchAddress)
/// }
///
/// # #[derive(Clone)] struct Mailer;
/// # impl Mailer {
/// #     fn send(&self, to: &str) -> Result<(), MailError> {
/// #         if to.is_empty() { Err(MailError::NoSuchAddress) } else { Err(MailError::Busy) }
/// #     }
/// # }
/// #[projector("receipts", storage = Sqlite)]
/// struct Receipts {
///     #[resource]
///     mailer: Mailer,
/// }
///
/// #[handlers]
/// impl Receipts {
///     #[handles(Paid, replay = "skip", retry(max = 10, initial = "1s"), permanent = is_permanent)]
///     fn paid(&self, event: &Paid) -> Result<(), MailError> {
///         self.mailer.send(&event.email)
///     }
/// }
///
/// assert!(Receipts::ROUTES[0].skips_replay);
/// ```
///
/// Such a handler runs in a batch of its own event. It may still be called twice, where the commit
/// behind it fails: what a handler does outside of its transaction is done at least once.
///
/// # What does not compile
///
/// An event for which nothing names a domain does not compile, and neither does an `input_domain`
/// other than the event's own. One event of one domain has one handler in a projector:
///
/// ```compile_fail,E0080
/// # use projections::{Event, handlers, projector};
/// # #[derive(Event, serde::Deserialize)] #[event(domain = "orders")] struct Paid;
/// # type Payment = Paid;
/// # #[projector("revenue")] struct Revenue;
/// # #[handlers]
/// # impl Revenue {
/// #[handles(Paid)]
/// fn paid(&self, _event: &Paid) {}
///
/// #[handles(Payment)] // the same event by another name
/// fn payment(&self, _event: &Payment) {}
/// # }
/// ```
pub use projections_macros::handles;

/// Marks the method that takes every event that no [`#[handles]`](macro@handles) takes. It stands
/// in a [`#[handlers]`](macro@handlers) block, once; anywhere else it is an error.
///
/// | written | takes what is left of |
/// |---|---|
/// | `#[fallback]` | the handlers' domains |
/// | `#[fallback(domain = "a")]`, `#[fallback(domain = ["a", "b"])]` | these domains |
/// | `#[fallback(all)]` | every domain |
///
/// ```standalone_crate
/// # use projections::{RawEvent, handlers, projector};
/// # #[projector("audit")] struct Audit { lines: Vec<String> }
/// # #[handlers]
/// # impl Audit {
/// #[fallback(all)]
/// fn record(&mut self, event: &RawEvent<'_>) {
///     self.lines.push(format!("{} {}", event.domain(), event.name()));
/// }
/// # }
/// ```
///
/// Its first parameter is `&RawEvent<'_>`; the others are a handler's. A projector may consist of
/// it alone. `replay`, `retry(..)` and `permanent` are as of a handler. It leaves nothing
/// unregistered, so `unregistered` beside it does not compile.
pub use projections_macros::fallback;

/// Marks the method that creates what the read model needs, in a [`#[handlers]`](macro@handlers)
/// block. Anywhere else it is an error.
///
/// It runs at every start, before the first event, in the transaction of the checkpoint, and once
/// more after [`#[reset]`](macro@reset): so it must do no harm twice (`CREATE TABLE IF NOT EXISTS`).
/// It takes `&self` and, where there is a storage, its transaction; it returns what a handler may.
///
#[cfg_attr(feature = "sqlite", doc = "```standalone_crate")]
#[cfg_attr(not(feature = "sqlite"), doc = "```text")]
/// use projections::sqlite::{Sqlite, SqliteTx, rusqlite};
/// # use projections::{RawEvent, handlers, projector};
/// # #[projector("audit", storage = Sqlite)] struct Audit;
/// # #[handlers] impl Audit {
/// #[setup]
/// fn create_table(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
///     db.execute_batch("CREATE TABLE IF NOT EXISTS audit (event TEXT NOT NULL)")
/// }
/// # #[fallback(all)]
/// # fn record(&self, event: &RawEvent<'_>, db: &mut SqliteTx<'_>) -> rusqlite::Result<usize> {
/// #     db.execute("INSERT INTO audit VALUES (?1)", [event.name()])
/// # }
/// # }
/// ```
pub use projections_macros::setup;

/// Marks the method that empties the read model for a rebuild, in a
/// [`#[handlers]`](macro@handlers) block. Anywhere else it is an error.
///
/// It runs in one transaction with the checkpoint's way back to the beginning. It takes `&self` and
/// the storage's transaction; it returns what a handler may. A projector without storage needs
/// none: it is made anew.
///
#[cfg_attr(feature = "sqlite", doc = "```standalone_crate")]
#[cfg_attr(not(feature = "sqlite"), doc = "```text")]
/// use projections::sqlite::{Sqlite, SqliteTx, rusqlite};
/// # use projections::{RawEvent, handlers, projector};
/// # #[projector("audit", storage = Sqlite)] struct Audit;
/// # #[handlers] impl Audit {
/// #[reset]
/// fn empty_table(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
///     db.execute_batch("DELETE FROM audit") // every table that the handlers write
/// }
/// # #[fallback(all)]
/// # fn record(&self, event: &RawEvent<'_>, db: &mut SqliteTx<'_>) -> rusqlite::Result<usize> {
/// #     db.execute("INSERT INTO audit VALUES (?1)", [event.name()])
/// # }
/// # }
/// ```
pub use projections_macros::reset;

/// Marks the function that gives the key by which events are parked, in a
/// [`#[handlers]`](macro@handlers) block, once. Anywhere else it is an error.
///
/// Where an event is parked, the later ones of its key wait behind it, and all others are applied. By
/// default the key is the event's stream. A function can make it what several streams have in common:
///
/// ```standalone_crate
/// use projections::{Envelope, Event, handlers, projector};
///
/// #[derive(Event, serde::Deserialize)]
/// #[event(domain = "hand")]
/// struct HandStarted { players: u32 }
///
/// #[projector("tables")]
/// struct Tables { hands: u64 }
///
/// #[handlers]
/// impl Tables {
///     #[handles(HandStarted)]
///     fn started(&mut self, _event: &HandStarted) {
///         self.hands += 1;
///     }
///
///     /// The table of a hand: `table-7` of the stream `table-7/hand-42`.
///     #[park_key]
///     fn table(at: &Envelope) -> &str {
///         at.stream().split('/').next().unwrap_or_default()
///     }
/// }
/// ```
///
/// It takes the envelope and nothing else, so that an event that cannot be decoded has a key as well,
/// and one event has one key, whenever and wherever it is asked for.
///
/// It stands for `park_by` of [`#[projector]`](macro@projector), and does not compile beside it; nor
/// where nothing is parked: with `on_failure = "halt"` or `"skip"`, and in a projector that is live or
/// inline.
pub use projections_macros::park_key;

/// Names the rows that a handler asks for, on a `&mut Rows<T>` parameter of a handler in a
/// [`#[handlers]`](macro@handlers) block. Anywhere else it is an error.
///
/// On a storage behind a network the rows of many events are loaded by one query, before their
/// handlers run. A handler that is a `fn`, and takes nothing but the event, `&Envelope` and rows, need
/// not say which: it is called once more before, with rows of which nothing is kept, only to see its
/// keys. It asks for default rows then, and what it does besides happens twice. Any other handler
/// there says `#[keys]`, and so does one with `replay = "skip"`, and every handler of a projector with
/// `probe = false`.
///
/// The expression goes through references to keys. It may name the event, as the handler's parameter
/// calls it, `&Envelope`, and `self`:
///
/// ```standalone_crate
/// use projections::{Event, ReadModel, Rows, handlers, projector, testing::{MemoryStorage, MemoryTx}};
///
/// #[derive(Event, serde::Deserialize)]
/// #[event(domain = "hand")]
/// struct HandComplete { id: String, seats: Vec<Seat> }
/// #[derive(serde::Deserialize)]
/// struct Seat { player: String, net: i64 }
///
/// #[derive(ReadModel, Default)]
/// #[read_model(table = "players")]
/// struct Player { #[key] name: String, net: i64 }
///
/// #[projector("players", storage = MemoryStorage)]
/// struct Players;
///
/// #[handlers]
/// impl Players {
/// #   #[reset]
/// #   fn clear(&self, db: &mut MemoryTx<'_>) { db.clear("hands"); }
///     #[handles(HandComplete)]
///     async fn complete(
///         &self,
///         event: &HandComplete,
///         db: &mut MemoryTx<'_>,
///         #[keys(event.seats.iter().map(|seat| &seat.player))] players: &mut Rows<Player>,
///     ) {
///         db.set("hands", &event.id, event.seats.len());
///         for seat in &event.seats {
///             players.entry(&seat.player).net += seat.net;
///         }
///     }
/// }
/// ```
///
/// A row that is asked for and was not named is loaded, too, but the batch is rolled back for it and
/// begins again. Where rows are loaded when a handler asks for them, in process and on SQLite, the
/// expression is not evaluated.
pub use projections_macros::keys;

/// Is not available yet: the end of a batch, for storages outside a transaction.
#[doc(hidden)]
pub use projections_macros::flush;
