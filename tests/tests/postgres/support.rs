//! What the tests share: appends by hand, and a reader that remembers.

use std::time::Duration;

use projections::{
    AppendRequest, Envelope, EventSource, EventStore, Expected, Filter, GlobalPosition, NewEvent,
    ReadRequest, Receipt, postgres::PostgresEventStore,
};
use tokio_postgres::Client;

/// Longer than anything takes that does not hang.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn event(number: usize) -> NewEvent {
    NewEvent::json("Noted", format!(r#"{{"number":{number}}}"#)).in_domain("notes")
}

pub(crate) async fn append(store: &PostgresEventStore, stream: &str, events: usize) -> Receipt {
    let events = (0..events).map(event).collect();
    store.append(AppendRequest::new(stream, Expected::Any, events)).await.unwrap()
}

/// Inserts an event as another program does, in a transaction or by itself; returns its position.
pub(crate) async fn insert(session: &Client, stream: &str, stream_position: i64) -> u64 {
    let insert = "INSERT INTO events (id, stream, stream_position, domain, type, time, payload) \
                  VALUES (gen_random_uuid(), $1, $2, 'notes', 'Noted', now(), '{}') \
                  RETURNING position";
    let row = session.query_one(insert, &[&stream, &stream_position]).await.unwrap();
    row.get::<_, i64>(0).cast_unsigned()
}

pub(crate) async fn run(session: &Client, sql: &str) {
    session.batch_execute(sql).await.unwrap();
}

pub(crate) async fn process_of(session: &Client) -> i32 {
    session.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
}

/// Waits until a question to the server is answered with yes. It is asked again and again.
pub(crate) async fn until(session: &Client, question: &str) {
    let asked = async {
        while !session.query_one(question, &[]).await.unwrap().get::<_, bool>(0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, asked).await.unwrap_or_else(|_| panic!("never so: {question}"));
}

/// Reads on from where it was.
pub(crate) struct Reader<'a> {
    store: &'a PostgresEventStore,
    after: GlobalPosition,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(store: &'a PostgresEventStore) -> Self {
        Self { store, after: GlobalPosition::BEGINNING }
    }

    /// Reads what there is now.
    pub(crate) async fn events(&mut self) -> Vec<Envelope> {
        let all = Filter::all();
        let mut events = Vec::new();
        loop {
            let request = ReadRequest::new(self.after, &all).at_most(7, 4 << 20);
            let page = self.store.read(request).await.unwrap();
            let Some(scanned) = page.scanned() else { return events };
            assert!(scanned.position > self.after, "the mark never falls");
            self.after = scanned.position;
            events.extend(page.events());
        }
    }

    /// Reads the positions of what there is now.
    pub(crate) async fn positions(&mut self) -> Vec<u64> {
        self.events().await.iter().map(|event| event.position().get()).collect()
    }

    /// Waits for more.
    pub(crate) async fn wait(&self) {
        let waited = tokio::time::timeout(LONG, self.store.wait(self.after)).await;
        waited.expect("a wait ends where there is an event").unwrap();
    }
}
