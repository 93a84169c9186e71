//! Declarative, safe projections for event-sourced systems.
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
mod id;
#[cfg(feature = "macros")]
mod macros;
mod page;
mod policy;
mod position;
mod projector;
mod registry;
mod resources;
mod runtime;
mod source;
mod storage;
mod store;
pub mod testing;
mod token;

#[cfg(feature = "macros")]
pub use self::macros::*;
pub use self::store::memory;
#[cfg(feature = "sqlite")]
pub use self::store::sqlite;
pub use self::{
    checkpoint::{
        Checkpoint, CheckpointKey, CheckpointWrite, Fingerprint, Previous, RecordedState,
        Subscriptions,
    },
    envelope::{Envelope, RawEvent},
    error::{
        AccessError, AppendError, BoxError, BuildError, BuildFault, CommitError, Error, HaltReason,
        Halted, HandleError, ReadError, RebuildError, RunError, StoreError, StoreErrorKind,
        UnknownProjector, WaitError,
    },
    event::{Codec, Domain, EncodeError, Event, Json, NewEvent, ToEvent},
    id::{EventId, ParseIdError, StoreId},
    page::{Page, PageBuilder, RecordedEvent, Scanned},
    policy::{BatchPolicy, Options, StartFrom, UnregisteredPolicy},
    position::{GlobalPosition, StreamPosition},
    projector::{Fallback, FallbackScope, Handlers, Hook, Projector, Route},
    registry::Registration,
    resources::{MissingResource, Resources},
    runtime::{Append, Builder, ProjectorStatus, Runtime, State, Status, shutdown_signal},
    source::{
        AppendRequest, EventSource, EventStore, Expected, Filter, ImportChunk, ImportProgress,
        ImportReceipt, ReadRequest, Receipt,
    },
    storage::{
        Async, AsyncStorage, Blocking, BlockingStorage, InProcess, ParameterMut, SessionFault,
        Storage,
    },
    token::{ParseTokenError, Token},
};
