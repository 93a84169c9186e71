//! [`PostgresEventStore`].

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use jiff::Timestamp;

use super::{
    AppendInFlight, PostgresOptions, append,
    error::store_error,
    options,
    pool::Pool,
    read, register,
    schema::{self, Schema},
    watch::Watch,
};
use crate::{
    AppendError, AppendRequest, EventSource, EventStore, Filter, GlobalPosition, ImportChunk,
    ImportProgress, ImportReceipt, Page, ReadError, ReadRequest, Receipt, Scanned, StoreError,
    StoreId,
};

/// An event store in a schema of a PostgreSQL database.
///
/// Clones share the connections. See the [module's documentation](super) for what it guarantees.
#[derive(Clone, Debug)]
pub struct PostgresEventStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pool: Pool,
    schema: Schema,
    id: StoreId,
    watch: Watch,
    telling: Telling,
}

impl PostgresEventStore {
    /// Opens the event store in the schema `public` of a database; a schema without one is given one.
    /// [`PostgresOptions`] opens it with other settings.
    ///
    /// ```no_run
    /// // It is not run here, because it needs a server.
    /// use projections::{AppendRequest, EventStore, Expected, NewEvent, postgres::PostgresEventStore};
    ///
    /// # async fn append() -> Result<(), projections::Error> {
    /// let events = PostgresEventStore::connect("postgres://shop:secret@db.example/shop").await?;
    /// let placed = NewEvent::json("OrderPlaced", r#"{"order":7}"#).in_domain("orders");
    /// events.append(AppendRequest::new("order-7", Expected::NoStream, vec![placed])).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails when the URL is none, the server cannot be reached or does not let the user in, is older
    /// than PostgreSQL 13 or a standby, when the database has another encoding than UTF-8, or when the
    /// tables are those of a newer version of this library, or somebody else's.
    ///
    /// # Cancel safety
    /// Cancel safe: the tables are there as a whole, or not at all.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, PostgresOptions::new()).await
    }

    pub(super) async fn open_with(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let config = options::parse(url)?;
        let label = options::label(&config, &options.schema);
        let schema = Schema::new(&options.schema)?;
        let listening = match &options.listen_url {
            Some(url) => options::parse(url)?,
            None => config.clone(),
        };
        let pool = Pool::new(config, label.clone(), options.connections);
        let id = schema::open(&*pool.get().await?, &label, &schema, options.append_order).await?;
        let channel = format!("\"projections:{id}\"");
        let watch = Watch::new(listening, label, schema.clone(), &channel);
        let telling = Telling { statement: format!("NOTIFY {channel}"), ..Telling::default() };
        Ok(Self { inner: Arc::new(Inner { pool, schema, id, watch, telling }) })
    }

    /// Lists the appends in flight: the transactions, of any program, that have appended and not ended.
    /// The first is the one that readers wait for.
    ///
    /// # Errors
    /// Fails when the server cannot be asked.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn appends_in_flight(&self) -> Result<Vec<AppendInFlight>, StoreError> {
        let Inner { pool, schema, .. } = &*self.inner;
        register::in_flight(&*pool.get().await?, pool.label(), schema).await
    }

    /// Events were appended: wakes who waits for them, here and elsewhere.
    fn announce(&self) {
        self.inner.watch.wake();
        if self.inner.telling.begin() {
            let store = self.clone();
            tokio::spawn(async move { store.tell().await });
        }
    }

    /// Tells other processes, in a transaction of its own: within an append's it would make all appends
    /// take turns. However many appends are made meanwhile, one more word tells of them all. One that is
    /// lost is made up for by those who wait: they look by themselves now and then.
    async fn tell(&self) {
        let Inner { pool, telling, .. } = &*self.inner;
        let _ends = Ends(telling);
        while telling.is_due() {
            let told = async {
                let client = pool.get().await?;
                let told = client.batch_execute(&telling.statement).await;
                told.map_err(|error| store_error("tell of an append to", pool.label(), error))
            };
            if let Err(error) = told.await {
                tracing::debug!(%error, "other processes were not told of an append");
            }
        }
    }
}

/// Whether other processes are to be told, and whether somebody is at it.
#[derive(Debug, Default)]
struct Telling {
    statement: String,
    is_due: AtomicBool,
    is_running: AtomicBool,
}

impl Telling {
    /// There is something to tell; tells whether nobody is at it.
    fn begin(&self) -> bool {
        self.is_due.store(true, SeqCst);
        !self.is_running.swap(true, SeqCst)
    }

    /// Takes what is to be told. Where there is nothing, the teller ends.
    fn is_due(&self) -> bool {
        if self.is_due.swap(false, SeqCst) {
            return true;
        }
        self.is_running.store(false, SeqCst);
        // An append since has seen that somebody is at it.
        self.is_due.load(SeqCst) && !self.is_running.swap(true, SeqCst) && {
            self.is_due.store(false, SeqCst);
            true
        }
    }
}

/// Lets another one tell where this one is dropped with its tokio runtime.
struct Ends<'a>(&'a Telling);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.is_running.store(false, SeqCst);
    }
}

impl EventSource for PostgresEventStore {
    fn store_id(&self) -> StoreId {
        self.inner.id
    }

    fn label(&self) -> String {
        self.inner.pool.label().to_owned()
    }

    async fn head(&self) -> Result<Option<Scanned>, StoreError> {
        let Inner { pool, schema, .. } = &*self.inner;
        let head = read::head(&*pool.get().await?, schema).await;
        Ok(head.map_err(|error| store_error("read", pool.label(), error))?.0)
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<Page, ReadError> {
        let Inner { pool, schema, .. } = &*self.inner;
        read::page(&*pool.get().await?, pool.label(), schema, request).await
    }

    async fn count(
        &self,
        filter: &Filter,
        after: GlobalPosition,
        up_to: GlobalPosition,
    ) -> Result<u64, StoreError> {
        if filter.is_empty() {
            return Ok(0);
        }
        let Inner { pool, schema, .. } = &*self.inner;
        read::count(&*pool.get().await?, pool.label(), schema, filter, (after, up_to)).await
    }

    async fn wait(&self, after: GlobalPosition) -> Result<(), StoreError> {
        self.inner.watch.wait(after).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        let pool = &self.inner.pool;
        read::now(&*pool.get().await?, pool.label()).await
    }

    async fn unfinished_imports(&self) -> Result<Vec<ImportProgress>, StoreError> {
        let Inner { pool, schema, .. } = &*self.inner;
        read::unfinished_imports(&*pool.get().await?, pool.label(), schema).await
    }
}

impl EventStore for PostgresEventStore {
    async fn append(&self, request: AppendRequest) -> Result<Receipt, AppendError> {
        let Inner { pool, schema, id, .. } = &*self.inner;
        let receipt = append::append(pool, schema, *id, &request).await?;
        self.announce();
        Ok(receipt)
    }

    async fn import(&self, chunk: ImportChunk) -> Result<ImportReceipt, AppendError> {
        let Inner { pool, schema, .. } = &*self.inner;
        let receipt = append::import(pool, schema, &chunk).await?;
        self.announce();
        Ok(receipt)
    }
}
