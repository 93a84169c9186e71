//! A few connections, shared by all who use a store.

use std::{
    fmt,
    ops::Deref,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::{Client, Config, NoTls};

use super::error::store_error;
use crate::{StoreError, StoreErrorKind};

/// How long a caller waits for a connection that another one uses.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections that are made when they are needed, up to a number, and kept.
pub(super) struct Pool {
    config: Config,
    label: String,
    idle: Mutex<Vec<Client>>,
    permits: Semaphore,
    size: usize,
}

impl Pool {
    pub(super) fn new(config: Config, label: String, size: usize) -> Self {
        let permits = Semaphore::new(size);
        Self { config, label, idle: Mutex::default(), permits, size }
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Returns a connection that was alive a moment ago.
    pub(super) async fn get(&self) -> Result<Connected<'_>, StoreError> {
        let waited = tokio::time::timeout(PATIENCE, self.permits.acquire()).await;
        // The semaphore lives as long as the pool and is never closed.
        let Ok(Ok(permit)) = waited else { return Err(self.exhausted()) };
        let client = match self.take_idle() {
            Some(client) => client,
            None => self.connect().await?,
        };
        Ok(Connected { client: Some(client), pool: self, _permit: permit })
    }

    fn take_idle(&self) -> Option<Client> {
        let mut idle = self.idle();
        // Those whose server has gone, or whose tokio runtime has ended, are of no use.
        idle.retain(|client| !client.is_closed());
        idle.pop()
    }

    async fn connect(&self) -> Result<Client, StoreError> {
        let connected = self.config.connect(NoTls).await;
        let (client, connection) =
            connected.map_err(|error| store_error("connect to", &self.label, error))?;
        tokio::spawn(async move {
            // Whoever uses the connection is told of its end; this is for those who read the log.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to PostgreSQL has ended");
            }
        });
        Ok(client)
    }

    fn exhausted(&self) -> StoreError {
        let doing = format!(
            "use {}: all {} connections of this process were in use for {} s; allow more by `connections`",
            self.label,
            self.size,
            PATIENCE.as_secs()
        );
        StoreError::new(StoreErrorKind::Busy, doing)
    }

    // What is behind the lock is whole between any two statements.
    fn idle(&self) -> MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("label", &self.label).finish_non_exhaustive()
    }
}

/// A connection in use. It goes back when it is dropped: what was sent on it, with the end of its
/// transaction, is carried out all the same.
pub(super) struct Connected<'a> {
    client: Option<Client>,
    pool: &'a Pool,
    _permit: SemaphorePermit<'a>,
}

impl Deref for Connected<'_> {
    type Target = Client;

    #[allow(clippy::expect_used)] // only `drop` takes the client out
    fn deref(&self) -> &Client {
        self.client.as_ref().expect("a connection is taken out when it is dropped")
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take()
            && !client.is_closed()
        {
            self.pool.idle().push(client);
        }
    }
}
