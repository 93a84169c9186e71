//! For tests: specifications of projectors, suites that every event store and storage must pass, and
//! a storage that fails on demand.
//!
//! - [`Spec`]: given events, then rows, in batches of any size, with duplicates, crashes, a redrive
//!   and a rebuild.
//! - [`conformance`]: run it against an event store or a storage of your own.
//! - [`MemoryStorage`]: an async storage in memory, whose commits can be made to fail, to lie, or
//!   to be lost again.
//!
//! An event store for tests is [`MemoryEventStore`](crate::memory::MemoryEventStore).

pub mod conformance;
mod spec;
mod storage;

#[cfg(feature = "sqlite")]
pub use self::spec::TempFolder;
pub use self::{
    spec::{Faults, Faulty, Spec, SpecFailure, SpecStorage, Subject, Way},
    storage::{Call, MemorySession, MemoryStorage, MemoryTx},
};
