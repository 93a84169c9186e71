//! [`SqliteOptions`]: how long a handle waits.

use std::{path::Path, time::Duration};

use super::{Sqlite, SqliteEventStore};
use crate::StoreError;

/// How a handle on an SQLite file waits for its turn to write.
///
/// ```
/// use std::time::Duration;
/// use projections::sqlite::SqliteOptions;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("read.db");
/// let patient = SqliteOptions::new().busy_timeout(Duration::from_secs(30));
/// let storage = patient.open(path)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SqliteOptions {
    pub(super) busy_timeout: Duration,
    pub(super) queue_timeout: Duration,
}

impl SqliteOptions {
    /// 5 seconds for other processes, 30 seconds for other writers of this process.
    #[must_use]
    pub const fn new() -> Self {
        Self { busy_timeout: Duration::from_secs(5), queue_timeout: Duration::from_secs(30) }
    }

    /// Sets how long a writer waits while another process writes to the file.
    #[must_use]
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Sets how long a writer waits in this process's queue, behind the batches and appends that
    /// came before it.
    #[must_use]
    pub const fn queue_timeout(mut self, timeout: Duration) -> Self {
        self.queue_timeout = timeout;
        self
    }

    /// Opens a storage for read models, as [`Sqlite::open`] does.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<Sqlite, StoreError> {
        Sqlite::open_with(path.as_ref(), self)
    }

    /// Opens an event store, as [`SqliteEventStore::open`] does.
    ///
    /// # Errors
    /// As [`SqliteEventStore::open`].
    pub fn open_events(self, path: impl AsRef<Path>) -> Result<SqliteEventStore, StoreError> {
        SqliteEventStore::open_with(path.as_ref(), self)
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}
