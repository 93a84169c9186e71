//! The PostgreSQL event store keeps the rules.

use std::sync::Mutex;

use projections::{
    postgres::{AppendOrder, PostgresEventStore},
    testing::conformance,
};
use projections_tests::postgres::Place;

/// Schemas that are there as long as this.
#[derive(Default)]
struct Places(Mutex<Vec<Place>>);

impl Places {
    async fn open(&self, order: AppendOrder) -> PostgresEventStore {
        let place = Place::new();
        let options = place.options().append_order(order);
        let url = place.url().to_owned();
        self.0.lock().unwrap().push(place);
        options.open_events(&url).await.unwrap()
    }
}

#[tokio::test]
async fn the_postgres_event_store_keeps_the_rules() {
    let places = Places::default();
    conformance::event_store(|| places.open(AppendOrder::Registered)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_postgres_event_store_keeps_the_rules_on_threads() {
    let places = Places::default();
    conformance::event_store(|| places.open(AppendOrder::Registered)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_postgres_event_store_keeps_the_rules_where_appends_are_serialised() {
    let places = Places::default();
    conformance::event_store(|| places.open(AppendOrder::Serialised)).await;
}

#[tokio::test]
async fn a_postgres_event_store_outlives_its_handles() {
    let place = Place::new();
    let reopen = |events: PostgresEventStore| {
        drop(events);
        place.open()
    };
    conformance::event_store_reopened(|| place.open(), reopen).await;
}
