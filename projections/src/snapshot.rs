//! Snapshots of read models in process: where they are kept, and what stands in them.

mod frames;
mod memory;
mod record;

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use self::frames::{Reader, Writer};
pub(crate) use self::{
    memory::MemorySnapshots,
    record::{Record, Unusable},
};
use crate::{CheckpointKey, StoreError, engine::BoxFuture};

/// A place for snapshots: one under each key, bytes that it need not understand.
///
/// An event store or a storage that has such a place returns it from
/// [`EventSource::snapshots`](crate::EventSource::snapshots) or
/// [`Storage::snapshots`](crate::Storage::snapshots). The runtime calls it;
/// `projections::testing::conformance::snapshot_store` has the suite.
pub trait SnapshotStore: Send + Sync + 'static {
    /// Reads the snapshot under a key. A place that was never written to has none.
    ///
    /// # Errors
    /// Fails when the place cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    fn load<'a>(
        &'a self,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// Puts a snapshot in the place of the one under its key: all of it or nothing.
    ///
    /// # Errors
    /// Fails when it cannot be written; the older one is still there then, unless the answer was
    /// lost.
    ///
    /// # Cancel safety
    /// A dropped call may or may not have happened, whole.
    fn save<'a>(
        &'a self,
        key: &'a CheckpointKey,
        snapshot: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Removes the snapshot under a key; nothing where there is none.
    ///
    /// # Errors
    /// Fails when it cannot be removed.
    ///
    /// # Cancel safety
    /// A dropped call may or may not have happened.
    fn remove<'a>(&'a self, key: &'a CheckpointKey) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// How a projector's fields get into a snapshot and out of it: what `#[projector(.., snapshot)]`
/// writes.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub struct SnapshotCode<P> {
    /// The hash of the fields' names and types.
    pub(crate) shape: u64,
    pub(crate) save: fn(&P, &mut Saver<'_>) -> Result<(), SnapshotError>,
    pub(crate) restore: fn(&mut P, &mut Restorer<'_>) -> Result<(), SnapshotError>,
}

impl<P> SnapshotCode<P> {
    /// Joins both ways.
    #[must_use]
    pub const fn new(
        shape: u64,
        save: fn(&P, &mut Saver<'_>) -> Result<(), SnapshotError>,
        restore: fn(&mut P, &mut Restorer<'_>) -> Result<(), SnapshotError>,
    ) -> Self {
        Self { shape, save, restore }
    }
}

impl<P> Clone for SnapshotCode<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for SnapshotCode<P> {}

/// Takes the fields of a projector.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub struct Saver<'a>(&'a mut Writer);

impl Saver<'_> {
    /// Takes one.
    ///
    /// # Errors
    /// When its `Serialize` fails.
    pub fn field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), SnapshotError> {
        self.0.bytes(name.as_bytes());
        let written = self.0.frame(|buffer| {
            // Names stay, so that what a type skips or adds does not shift the others.
            let mut serializer = rmp_serde::Serializer::new(buffer).with_struct_map();
            value.serialize(&mut serializer)
        });
        written.map_err(|error| SnapshotError::new(name, &error))
    }
}

/// Gives the fields of a projector back.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub struct Restorer<'a>(Reader<'a>);

impl Restorer<'_> {
    /// Gives the next one back.
    ///
    /// # Errors
    /// When it is not the one that was saved, or its `Deserialize` fails.
    pub fn field<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, SnapshotError> {
        let failed = |error: &dyn fmt::Display| SnapshotError::new(name, error);
        if self.0.bytes().map_err(|error| failed(&error))? != name.as_bytes() {
            return Err(failed(&"another field was saved in its place"));
        }
        let bytes = self.0.bytes().map_err(|error| failed(&error))?;
        rmp_serde::from_slice(bytes).map_err(|error| failed(&error))
    }
}

/// Saves a field, whose type is all that can be wrong.
///
/// # Errors
/// When its `Serialize` fails.
#[doc(hidden)]
pub fn snapshot_field_must_be_serialize<T: Serialize>(
    to: &mut Saver<'_>,
    name: &'static str,
    value: &T,
) -> Result<(), SnapshotError> {
    to.field(name, value)
}

/// Restores a field.
///
/// # Errors
/// When it is not the one that was saved, or its `Deserialize` fails.
#[doc(hidden)]
pub fn snapshot_field_must_be_deserialize<T: DeserializeOwned>(
    from: &mut Restorer<'_>,
    name: &'static str,
) -> Result<T, SnapshotError> {
    from.field(name)
}

/// Copies a projector, for `rollback = "clone"`.
#[doc(hidden)]
pub fn projector_must_be_clone<P: Clone>(projector: &P) -> P {
    projector.clone()
}

/// Why a field could not be saved or restored.
#[doc(hidden)]
#[derive(Debug)]
pub struct SnapshotError(String);

impl SnapshotError {
    fn new(field: &str, error: &(impl fmt::Display + ?Sized)) -> Self {
        Self(format!("field `{field}`: {error}"))
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
