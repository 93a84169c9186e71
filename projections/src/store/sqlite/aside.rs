//! Rows of the library's own that are in no projector's transaction: snapshots, presences, requests.

use std::sync::Arc;

use rusqlite::Connection;

use super::{
    SqliteOptions,
    error::store_error,
    file::File,
    writer::{Turn, Uncommitted},
};
use crate::{StoreError, StoreErrorKind, engine::BoxFuture};

/// What such rows are, and what messages say of them.
#[derive(Debug)]
pub(super) struct Kind {
    /// Creates their table, where it is missing.
    pub(super) create: fn(&Connection, &str) -> Result<(), StoreError>,
    /// Tells whether there have ever been any.
    pub(super) exist: fn(&Connection, &str) -> Result<bool, StoreError>,
    /// Completes "cannot ... <label>".
    pub(super) using: &'static str,
    pub(super) reading: &'static str,
    pub(super) writing: &'static str,
}

/// The rows of a kind in a file.
#[derive(Clone)]
pub(super) struct Aside {
    file: Arc<File>,
    options: SqliteOptions,
    kind: &'static Kind,
}

impl Aside {
    pub(super) fn new(file: &Arc<File>, options: SqliteOptions, kind: &'static Kind) -> Self {
        Self { file: Arc::clone(file), options, kind }
    }

    /// Changes them in one transaction.
    pub(super) fn write(
        &self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        self.blocking(move |Self { file, options, kind }| {
            let label = file.label();
            let turn = Turn::begin(file, *options)?;
            (kind.create)(&turn.connection(), label)?;
            change(&turn.connection()).map_err(|error| store_error(kind.writing, label, error))?;
            turn.commit().map_err(Uncommitted::into_error)
        })
    }

    /// Reads them, where there have ever been any.
    pub(super) fn read<T: Default + Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        self.blocking(move |Self { file, options, kind }| {
            let label = file.label();
            file.read(*options, |connection| {
                if !(kind.exist)(connection, label)? {
                    return Ok(T::default());
                }
                look(connection).map_err(|error| store_error(kind.reading, label, error))
            })
        })
    }

    /// Runs blocking work where it may block.
    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let aside = self.clone();
        Box::pin(async move {
            let doing =
                format!("{} {}: the work was cut off", aside.kind.using, aside.file.label());
            let work = tokio::task::spawn_blocking(move || work(&aside));
            work.await.unwrap_or_else(|error| {
                Err(StoreError::new(StoreErrorKind::Unavailable, doing).with_source(error))
            })
        })
    }
}
