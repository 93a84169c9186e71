//! [`PostgresOptions`]: where the tables are, how many connections, in which order appends commit.

use std::time::Duration;

use tokio_postgres::{Config, config::Host};

use super::PostgresEventStore;
use crate::{StoreError, StoreErrorKind};

/// How appends keep readers from passing events that are not committed yet.
///
/// It is a property of the store: whoever appends to it, by whatever program, does so in this way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AppendOrder {
    /// Appends run side by side and may commit in any order. The library's readers wait for the ones
    /// that may still fill a lower position.
    Registered,
    /// An append waits until the one before has ended. Positions are then in the order of commits, for
    /// any reader, at the price of less than half the appends a second.
    Serialised,
}

impl AppendOrder {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Serialised => "serialised",
        }
    }
}

/// How an event store on PostgreSQL is opened.
///
/// ```no_run
/// // It is not run here, because it needs a server.
/// use projections::postgres::PostgresOptions;
///
/// # async fn open() -> Result<(), projections::StoreError> {
/// let url = "postgres://shop:secret@db.example/shop";
/// let events = PostgresOptions::new().schema("orders").connections(4).open_events(url).await?;
/// # let _ = events;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PostgresOptions {
    pub(super) schema: String,
    pub(super) connections: usize,
    pub(super) append_order: Option<AppendOrder>,
    pub(super) listen_url: Option<String>,
}

impl PostgresOptions {
    /// The tables are in the schema `public`; at most 8 connections; appends as the store has them,
    /// [`AppendOrder::Registered`] in a new one.
    #[must_use]
    pub fn new() -> Self {
        let schema = "public".to_owned();
        Self { schema, connections: 8, append_order: None, listen_url: None }
    }

    /// Sets the schema of the store's tables. It is created where it is missing. Each schema is an
    /// event store of its own.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// Sets how many connections the store may open, at least one. One more is open while somebody
    /// waits for events.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Sets how appends are ordered, also in a store that exists: opening it then waits for the
    /// appends that run, and later ones, of all programs, are made in this way.
    #[must_use]
    pub fn append_order(mut self, order: AppendOrder) -> Self {
        self.append_order = Some(order);
        self
    }

    /// Sets where to listen for news, if not at the URL that the store is opened with. `LISTEN` needs
    /// a connection to the server itself; behind a pooler that shares connections between
    /// transactions it hears nothing, and events are found by looking every 250 ms.
    #[must_use]
    pub fn listen_url(mut self, url: impl Into<String>) -> Self {
        self.listen_url = Some(url.into());
        self
    }

    /// Opens an event store, as [`PostgresEventStore::connect`] does.
    ///
    /// # Errors
    /// As [`PostgresEventStore::connect`].
    ///
    /// # Cancel safety
    /// Cancel safe: the tables are there as a whole, or not at all.
    pub async fn open_events(self, url: &str) -> Result<PostgresEventStore, StoreError> {
        PostgresEventStore::open_with(url, self).await
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads a URL. What is wrong with it is not told word by word: it may hold a password.
pub(super) fn parse(url: &str) -> Result<Config, StoreError> {
    let unreadable = || {
        let doing = "read the URL of a PostgreSQL server: it is not of the form `postgres://user:password@host:port/database`; characters such as `@`, `/` and `%` in a password are written as `%40`, `%2F` and `%25`";
        StoreError::new(StoreErrorKind::NotOpened, doing)
    };
    let mut config: Config = url.parse().map_err(|_| unreadable())?;
    // An `@` in a password makes its end a part of the host's name.
    if config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(name) if name.contains('@'))) {
        return Err(unreadable());
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(10));
    }
    if config.get_application_name().is_none() {
        config.application_name("projections");
    }
    // A peer that is gone without a word is noticed within half a minute, also by who only waits.
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(30));
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_idle(Duration::from_secs(15)).keepalives_interval(Duration::from_secs(5));
    }
    Ok(config)
}

/// Names a server and a database for people, without user and password.
pub(super) fn label(config: &Config, schema: &str) -> String {
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => config.get_hostaddrs().first().map(ToString::to_string).unwrap_or_default(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("PostgreSQL {database} on {host}:{port} (table {schema}.events)")
}
