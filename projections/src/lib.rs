//! Projections for event-sourced systems: read models built from events, declared and safe.
//!
//! ```standalone_crate
//! use projections::{Envelope, Event, Expected, Runtime, handlers, memory::MemoryEventStore, projector};
//!
//! #[derive(Event, serde::Serialize, serde::Deserialize)]
//! #[event(domain = "accounts")]
//! struct Deposited {
//!     account: String,
//!     cents: i64,
//! }
//!
//! /// What is in every account, in process.
//! #[projector("balances")]
//! struct Balances {
//!     cents: std::collections::HashMap<String, i64>,
//! }
//!
//! #[handlers]
//! impl Balances {
//!     #[handles(Deposited)]
//!     fn deposited(&mut self, event: &Deposited, at: &Envelope) {
//!         *self.cents.entry(event.account.clone()).or_default() += event.cents;
//!         println!("{} at {}", at.name(), at.position());
//!     }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), projections::Error> {
//!     let runtime = Runtime::builder(MemoryEventStore::new()).build().await?;
//!     for cents in [500, -120] {
//!         let event = Deposited { account: "ada".into(), cents };
//!         runtime.append("account-ada", Expected::Any, [event]).await?;
//!     }
//!     runtime.catch_up().await?;
//!     let balance = runtime.read::<Balances, _>(|balances| balances.cents["ada"]).await?;
//!     assert_eq!(balance, 380);
//!     Ok(())
//! }
//! ```
//!
//! Nothing lists the events twice, nothing registers the projector by hand, and nobody writes a
//! routing `match`: the macros make all three while compiling.
//!
//! # Five concepts
//!
//! - An **event** is an immutable fact of a *domain*, stored in a *stream*: [`Event`], [`Envelope`].
//! - A **source** is the log of all events in one order, read a page at a time: [`EventSource`],
//!   [`EventStore`], [`memory`], [`sqlite`].
//! - A **projector** is a struct with a name and one handler an event: [`projector`], [`handlers`],
//!   [`handles`].
//! - A **storage** keeps what handlers write, and the *checkpoint* beside it, in one transaction:
//!   [`Storage`]. A projector without one keeps its read model in its own fields.
//! - The **runtime** runs every projector: batches, checkpoints, rebuilds, status: [`Runtime`].
//!
//! # What is guaranteed
//!
//! On a transactional storage such as SQLite the read model and its checkpoint commit together, as
//! a compare-and-set on the owner's epoch and the previous position: every event takes effect once,
//! as seen in the read model, whatever is killed or fails in between. Events are applied in global
//! order. Calls of handlers may repeat, so what a handler does outside its transaction happens at
//! least once. State in a projector's fields lives as long as the process, and is replayed from the
//! log at each start, or with `snapshot` from where it was saved. A live projector sees what comes
//! while it runs.
//!
//! # When an event fails
//!
//! Its batch is rolled back, the events before it are committed, and it is tried again by itself, each
//! time in a fresh transaction ([`RetryPolicy`]). Then it is parked, and with it its key, by default
//! its stream: later events of the key wait behind it in order, and all others go on.
//! [`Runtime::dead_letters`] lists what is parked, and applies it once the handlers are repaired. A
//! projector may halt or skip instead ([`OnFailure`]); one that halts does so with an error that names
//! event, position, stream and handler ([`HaltReason`]), and the next start tries it again. An outage
//! of a storage or source, or of what handlers need, is no event's fault: the runner waits and tries
//! again.
//!
//! # Rebuilds
//!
//! [`Runtime::rebuild`] empties a read model, [rows] by itself and all else through its `#[reset]`
//! method, and reads the log again; so does a raised `version`. A handler that is added for events
//! which were passed already never starts silently: rebuild, or say `from = "now"` on it.
//!
//! # When events and code change
//!
//! - An event that is renamed keeps its old name as an alias, and one whose shape changes gets a
//!   `version` and an upcaster, by type or over the JSON: [`Event`](derive@Event).
//! - An event that is added to a domain does not compile until every projector that is `exhaustive`
//!   over it handles or ignores it: [`Domain`](derive@Domain), [`projector`].
//! - The checkpoint keeps a [`Fingerprint`] of the handlers that built the read model. What a start
//!   with others does, a warning, a halt or a rebuild, is `on_change` of [`projector`].
//!
//! # Testing
//!
//! [`testing::Spec`] says what a projector makes of events: given events, then rows. It is run in
//! batches of any size, with duplicates, restarts and crashes, a redrive and a rebuild, without a
//! sleep. [`memory::MemoryEventStore`] and [`Runtime::catch_up`] make any other test a few lines.
//! [`testing`] also has conformance suites for event stores and storages of your own, and a storage
//! whose failures can be scripted.
//!
//! # Logging
//!
//! The library logs through [`tracing`](https://docs.rs/tracing): halts, outages, events that are
//! tried by themselves, rebuilds by a raised `version`, and what `unregistered = "warn"` warns of.
//! Without a subscriber nobody sees them. An application installs one, with
//! `tracing-subscriber = "0.3"` in its `Cargo.toml` and, first in `main`:
//!
//! ```text
//! tracing_subscriber::fmt().with_writer(std::io::stderr).init();
//! ```
//!
//! Standard error, because the commands of an application print their answers on standard output.
//!
//! # Health and metrics
//!
//! [`Runtime::health`] judges whether every projector is well, for a `/health` endpoint. Each batch is
//! a span of `tracing` with its stages within, and with the feature `metrics` there are figures:
//! position, head, behind, age, batch sizes, stage times, retries, what is parked, and the state.
//!
//! # Features
//!
//! | Name | What | Default? |
//! |---|---|---|
//! | `macros` | the derive and attribute macros | yes |
//! | `decimal` | `rust_decimal::Decimal` in the columns of rows | no |
//! | `postgres` | an event store on PostgreSQL | no |
//! | `sqlite` | an event store and a storage on the bundled SQLite | no |
//! | `cli` | the command line that every application gets | no |
//! | `metrics` | what projectors do, in figures, through the facade [`metrics`](https://docs.rs/metrics) | no |
//!
//! The minimum supported Rust version is 1.95.
#![cfg_attr(feature = "sqlite", doc = "\n[`sqlite`]: crate::sqlite")]
#![cfg_attr(not(feature = "sqlite"), doc = "\n[`sqlite`]: https://docs.rs/projections")]
// Where a user's documentation leads that is built without that of its dependencies.
#![doc(html_root_url = "https://docs.rs/projections/latest")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
pub mod __private;

mod checkpoint;
#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
pub mod cli;
mod engine;
mod envelope;
mod error;
mod event;
mod failure;
mod fingerprint;
mod id;
pub mod inline;
mod lease;
mod letters;
#[cfg(feature = "macros")]
mod macros;
mod page;
mod policy;
mod position;
mod presence;
mod projector;
pub mod read;
mod registry;
mod requests;
mod resources;
pub mod rows;
mod runtime;
mod snapshot;
mod source;
mod storage;
mod store;
pub mod testing;
mod token;
mod upcast;
mod values;

#[cfg(feature = "macros")]
pub use self::macros::*;
pub use self::store::memory;
#[cfg(feature = "postgres")]
pub use self::store::postgres;
#[cfg(feature = "sqlite")]
pub use self::store::sqlite;
pub use self::{
    checkpoint::{
        Checkpoint, CheckpointKey, CheckpointWrite, Previous, RecordedState, Subscriptions,
    },
    envelope::{Envelope, RawEvent},
    error::{
        AccessError, AppendError, BoxError, BuildError, BuildFault, CommitError, Error, HaltReason,
        Halted, HandleError, ReadError, RebuildError, RunError, StoreError, StoreErrorKind,
        SyncError, UnknownProjector, WaitError,
    },
    event::{Codec, Domain, EncodeError, Erased, Event, Json, NewEvent, ToEvent},
    failure::{OnFailure, ParkBy, ParkCaps, Permanent, RetryPolicy, Verdict},
    fingerprint::Fingerprint,
    id::{EventId, OwnerId, ParseIdError, RequestId, StoreId},
    lease::Lease,
    letters::{Letter, LetterChanges, LetterFailure, LetterQuery, ParkedKey, Parking, Passed},
    page::{Page, PageBuilder, RecordedEvent, Scanned},
    policy::{
        BatchPolicy, DomainEvents, IgnoredEvent, Mode, OnChange, Options, StartFrom,
        UnregisteredPolicy,
    },
    position::{GlobalPosition, StreamPosition},
    presence::{PRESENCE_KEPT, Presence, PresenceStore},
    projector::{Fallback, FallbackScope, Handlers, Hook, Projector, Route},
    registry::Registration,
    requests::{Answer, Request, RequestStore},
    resources::{MissingResource, Resources},
    rows::{ReadModel, Rows},
    runtime::{
        Append, Builder, Chosen, CommandError, DeadLetters, ForgetError, Forgotten, Handled,
        Health, Owner, ProjectorHealth, ProjectorStatus, RedriveError, RowMemory, Runtime,
        SnapshotStatus, State, Status, SyncAppend, SyncMode, shutdown_signal,
    },
    snapshot::SnapshotStore,
    source::{
        AppendRequest, EventSource, EventStore, Expected, Filter, ImportChunk, ImportProgress,
        ImportReceipt, ReadRequest, Receipt,
    },
    storage::{
        Async, AsyncStorage, Blocking, BlockingStorage, Changes, InProcess, InProcessSession,
        ParameterMut, SessionFault, Storage,
    },
    token::{ParseTokenError, Token},
    upcast::{Stored, Upcast, UpcastError},
};

/// JSON, as the functions of `#[event(upcast(from = 1, with = ..))]` take it: what they need of
/// `serde_json`, in the version that this library uses.
pub mod json {
    pub use serde_json::{Error, Map, Number, Value, json};
}
