//! What else stands on the methods and functions of a `#[handlers]` block.

/// Marks the method that takes every event that no [`#[handles]`](macro@crate::handles) takes. It stands
/// in a [`#[handlers]`](macro@crate::handlers) block, once; anywhere else it is an error.
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

/// Marks the method that creates what the read model needs, in a [`#[handlers]`](macro@crate::handlers)
/// block. Anywhere else it is an error.
///
/// It runs at every start, before the first event, in the transaction of the checkpoint, and once
/// more after [`#[reset]`](macro@crate::reset): so it must do no harm twice (`CREATE TABLE IF NOT EXISTS`).
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
/// [`#[handlers]`](macro@crate::handlers) block. Anywhere else it is an error.
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
/// [`#[handlers]`](macro@crate::handlers) block, once. Anywhere else it is an error.
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
/// It stands for `park_by` of [`#[projector]`](macro@crate::projector), and does not compile beside it; nor
/// where nothing is parked: with `on_failure = "halt"` or `"skip"`, and in a projector that is live or
/// inline.
pub use projections_macros::park_key;

/// Names the rows that a handler asks for, on a `&mut Rows<T>` parameter of a handler in a
/// [`#[handlers]`](macro@crate::handlers) block. Anywhere else it is an error.
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
