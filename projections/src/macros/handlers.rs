//! `#[handlers]` and `#[handles]`.

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
/// | [`#[handles]`](macro@crate::handles) | takes the events of one type from one domain |
/// | [`#[fallback]`](macro@crate::fallback) | takes what no `#[handles]` takes |
/// | [`#[setup]`](macro@crate::setup) | creates the read model |
/// | [`#[reset]`](macro@crate::reset) | empties it for a rebuild |
/// | [`#[park_key]`](macro@crate::park_key) | gives the key by which events are parked |
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
/// | `&mut Rows<T>` | the rows of a [`ReadModel`](crate::ReadModel), several of them where their types differ |
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
/// [`#[projector]`](macro@crate::projector) decides about. What counts is what stands between the braces of
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

/// Routes the events of one type and one domain to a method in a [`#[handlers]`](macro@crate::handlers)
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
/// | `retry(..)` | as of the [projector](macro@crate::projector) | the projector's |
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
