//! For tests: suites that every event store and storage must pass, and a storage that fails on
//! demand.
//!
//! - [`conformance`]: run it against an event store or a storage of your own.
//! - [`MemoryStorage`]: an async storage in memory, whose commits can be made to fail, to lie, or
//!   to be lost again.
//!
//! An event store for tests is [`MemoryEventStore`](crate::memory::MemoryEventStore).

pub mod conformance;
mod storage;

pub use self::storage::{Call, MemorySession, MemoryStorage, MemoryTx};
