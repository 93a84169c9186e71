//! The storage of a projector whose attribute does not compile.

use jiff::Timestamp;

use crate::{
    Checkpoint, CheckpointKey, Handlers, Letter, LetterQuery, Parking, Projector, Storage,
    StoreError,
    engine::{BoxFuture, Engine, Execution, Make},
    registry::StorageKind,
};

/// Stands for a storage that the macro could not read, so that the handlers, which are right, are
/// not blamed too: no assertion speaks of it.
#[derive(Clone, Copy, Debug)]
pub enum Inert {}

impl Storage for Inert {
    type Session = ();
    type Execution = Inert;
    const LABEL: &'static str = "an unknown storage";

    fn label(&self) -> String {
        Self::LABEL.to_owned()
    }
}

impl Execution<Inert> for Inert {
    const KIND: StorageKind = StorageKind::Unknown;

    fn engine<P>(storage: Inert, _name: &str, _make: Make<P>) -> Box<dyn Engine>
    where
        P: Projector<Storage = Inert> + Handlers + Send + Sync + 'static,
    {
        match storage {}
    }

    fn checkpoints<'a>(
        storage: &'a Inert,
        _namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(CheckpointKey, Checkpoint)>, StoreError>> {
        match *storage {}
    }

    fn now(storage: &Inert) -> BoxFuture<'_, Result<Timestamp, StoreError>> {
        match *storage {}
    }

    fn letters<'a>(
        storage: &'a Inert,
        _: &'a CheckpointKey,
        _: &'a LetterQuery,
    ) -> BoxFuture<'a, Result<Vec<Letter>, StoreError>> {
        match *storage {}
    }

    fn parking<'a>(
        storage: &'a Inert,
        _: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Parking, StoreError>> {
        match *storage {}
    }
}
