//! A PostgreSQL server for tests, and schemas on it that are gone when the test is.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use projections::postgres::{PostgresEventStore, PostgresOptions};
use tokio_postgres::{Client, Config, NoTls};

const VARIABLE: &str = "PROJECTIONS_POSTGRES_URL";

/// Returns the URL of the server that tests use.
///
/// # Panics
/// Panics where none is named, and says what to do.
#[must_use]
pub fn url() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!(
            "{VARIABLE} is not set: run `tests/run` instead of `cargo test`, which finds or starts \
             a PostgreSQL server, or set it: {VARIABLE}=postgres://postgres@localhost/postgres"
        )
    })
}

/// A schema of its own. Dropping it closes whatever is still connected, and drops the schema.
#[derive(Debug)]
pub struct Place {
    schema: String,
    url: String,
}

impl Place {
    /// Names a schema that is not there yet.
    #[must_use]
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Relaxed);
        let time = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_micros());
        let schema = format!("projections_test_{}_{time}_{number}", std::process::id());
        let url = url();
        let separator = if url.contains('?') { '&' } else { '?' };
        // Whoever is connected for this test is known by this name.
        let url = format!("{url}{separator}application_name={schema}");
        Self { schema, url }
    }

    /// The URL of the server. Connections are named after the schema.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The schema's name, which needs no quotes.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Settings for an event store in the schema.
    #[must_use]
    pub fn options(&self) -> PostgresOptions {
        PostgresOptions::new().schema(&self.schema)
    }

    /// Opens the event store in the schema.
    ///
    /// # Panics
    /// Panics when it cannot be opened.
    pub async fn open(&self) -> PostgresEventStore {
        self.options().open_events(&self.url).await.expect("an event store")
    }

    /// Opens a connection of the test's own, in the schema.
    ///
    /// # Panics
    /// Panics when there is none to be had.
    pub async fn session(&self) -> Client {
        let client = connect(&self.url).await;
        client
            .batch_execute(&format!("SET search_path = {}", self.schema))
            .await
            .expect("a schema");
        client
    }

    /// Opens a connection from whose name nobody sees that it is this test's: dropping the place
    /// does not end it.
    ///
    /// # Panics
    /// Panics when there is none to be had.
    pub async fn stranger(&self) -> Client {
        connect(&url()).await
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let schema = self.schema.clone();
        // A thread of its own: the test's runtime may be at its end, or this one.
        let clean = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let client = connect(&url()).await;
                let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
                client.query(end, &[&schema]).await.expect("the test's connections end");
                let prepared = "SELECT FROM pg_prepared_xacts WHERE gid = $1";
                if client.query_opt(prepared, &[&schema]).await.expect("an answer").is_some() {
                    let end = format!("ROLLBACK PREPARED '{schema}'");
                    client.batch_execute(&end).await.expect("a prepared transaction ends");
                }
                let drop = format!("SET lock_timeout = '20s'; DROP SCHEMA IF EXISTS {schema} CASCADE");
                client.batch_execute(&drop).await.expect("the test's schema is dropped");
            });
        };
        let cleaned = std::thread::spawn(clean).join();
        assert!(cleaned.is_ok() || std::thread::panicking(), "a test's schema was left behind");
    }
}

/// Opens a connection.
async fn connect(url: &str) -> Client {
    let config: Config = url.parse().unwrap_or_else(|_| panic!("{VARIABLE} is no URL"));
    let (client, connection) = config.connect(NoTls).await.unwrap_or_else(|error| {
        let reason = std::error::Error::source(&error).map(ToString::to_string);
        panic!("the server of {VARIABLE} cannot be reached: {error}: {reason:?}")
    });
    tokio::spawn(connection);
    client
}
