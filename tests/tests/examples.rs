//! The projections of `orders`, each against a plain fold over the same events, and both small
//! programs from the outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../examples/src/bin/orders/audit_log.rs"]
mod audit_log;
#[path = "../../examples/src/bin/orders/customer_activity.rs"]
mod customer_activity;
#[path = "../../examples/src/bin/orders/daily_sales.rs"]
mod daily_sales;
#[path = "../../examples/src/bin/orders/events.rs"]
mod events;
#[path = "../../examples/src/bin/orders/generator.rs"]
mod generator;
#[path = "../../examples/src/bin/orders/order_summary.rs"]
mod order_summary;
#[path = "../../examples/src/bin/orders/product_search.rs"]
mod product_search;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Command, Output},
};

use jiff::civil::Date;
use projections::{
    Expected, NewEvent, RunError, Runtime, ToEvent,
    memory::MemoryEventStore,
    sqlite::{Sqlite, rusqlite::Connection},
};
use rust_decimal::Decimal;
use tempfile::TempDir;

use crate::{
    customer_activity::{Customer, Favourite, TimelineEntry},
    daily_sales::Day,
    events::{
        CustomerRegistered, Line, OrderPaid, OrderPlaced, OrderRefunded, ProductDescribed,
        ProductListed, ProductWithdrawn,
    },
    generator::{Entry, history},
    order_summary::Summary,
};

/// A made-up history in memory, and one projector's read model of it in a file.
struct Shop {
    runtime: Runtime<MemoryEventStore>,
    db: Connection,
    entries: Vec<Entry>,
    projector: &'static str,
    _folder: TempDir,
}

impl Shop {
    /// Why the one event is parked that is.
    async fn parked(&self, projector: &str) -> String {
        let letters = self.runtime.dead_letters(projector).unwrap();
        let mut all = letters.list(&projections::LetterQuery::first(2)).await.unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0).failure.unwrap().error
    }

    async fn open(projector: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("read.db");
        // Batches of seven, so that they end in the middle of things.
        let runtime = Runtime::builder(MemoryEventStore::new())
            .storage(Sqlite::open(&file).unwrap())
            .only([projector])
            .batch_events(7)
            .build()
            .await
            .unwrap();
        let entries = history(7, 120).unwrap();
        for (stream, event) in &entries {
            runtime.append(stream, Expected::Any, [event.clone()]).await.unwrap();
        }
        let db = Connection::open(&file).unwrap();
        Self { runtime, db, entries, projector, _folder: folder }
    }

    async fn caught_up(projector: &'static str) -> Self {
        let shop = Self::open(projector).await;
        shop.runtime.catch_up().await.unwrap();
        shop
    }

    /// Checks the read model as it is, and again after a rebuild.
    async fn check(self, look: impl Fn(&Connection, &[Entry])) {
        look(&self.db, &self.entries);
        self.runtime.rebuild(self.projector).await.unwrap();
        look(&self.db, &self.entries);
    }
}

fn decoded<E: projections::Event + serde::de::DeserializeOwned>(
    entries: &[Entry],
) -> impl Iterator<Item = (E, &NewEvent)> {
    let own = entries.iter().filter(|(_, event)| event.name == E::NAME);
    own.map(|(_, event)| (serde_json::from_slice(&event.payload).unwrap(), event))
}

fn text(event: &NewEvent, field: &str) -> String {
    let fields: serde_json::Value = serde_json::from_slice(&event.payload).unwrap();
    fields[field].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_order_summary_has_each_order_in_its_last_state() {
    Shop::caught_up("order-summary")
        .await
        .check(|db, entries| {
            let mut expected: BTreeMap<String, Summary> = BTreeMap::new();
            for (placed, _) in decoded::<OrderPlaced>(entries) {
                let summary = Summary {
                    order: placed.order.clone(),
                    customer: placed.customer,
                    items: placed.lines.iter().map(|line| line.quantity).sum(),
                    total: placed
                        .lines
                        .iter()
                        .fold(Decimal::ZERO, |sum, line| {
                            sum + line.price * Decimal::from(line.quantity)
                        })
                        .to_string(),
                    state: "placed".into(),
                };
                expected.insert(placed.order, summary);
            }
            for (_, event) in entries {
                let state = match &*event.name {
                    "OrderPaid" => "paid",
                    "OrderShipped" => "shipped",
                    "OrderCancelled" => "cancelled",
                    "OrderRefunded" => "refunded",
                    _ => continue,
                };
                expected.get_mut(&text(event, "order")).unwrap().state = state.into();
            }
            let mut states: BTreeMap<String, u32> = BTreeMap::new();
            for (order, summary) in &expected {
                *states.entry(summary.state.clone()).or_default() += 1;
                assert_eq!(order_summary::order(db, order).unwrap().as_ref(), Some(summary));
            }
            assert_eq!(expected.len(), 120);
            assert!(states.len() >= 3, "the history is too tame to prove much: {states:?}");
            assert_eq!(order_summary::states(db).unwrap(), states.into_iter().collect::<Vec<_>>());
            assert_eq!(order_summary::order(db, "99999").unwrap(), None);
        })
        .await;
}

#[tokio::test]
async fn product_search_finds_what_is_sold_by_the_start_of_its_words() {
    Shop::caught_up("product-search")
        .await
        .check(|db, entries| {
            let mut products: BTreeMap<String, (String, String)> = BTreeMap::new();
            for (listed, _) in decoded::<ProductListed>(entries) {
                products.insert(listed.product, (listed.name, listed.description));
            }
            for (described, _) in decoded::<ProductDescribed>(entries) {
                products.get_mut(&described.product).unwrap().1 = described.description;
            }
            for (withdrawn, _) in decoded::<ProductWithdrawn>(entries) {
                products.remove(&withdrawn.product);
            }
            for query in [
                "espr",
                "COFFEE",
                "warm iron",
                "warm hour",
                "filter",
                "paper",
                "tea",
                "nothing",
                "",
            ] {
                let expected: BTreeSet<_> = products
                    .values()
                    .filter(|(name, description)| {
                        !query.is_empty() && has_words(query, name, description)
                    })
                    .map(|(name, _)| name.clone())
                    .collect();
                let found: BTreeSet<_> =
                    product_search::search(db, query).unwrap().into_iter().collect();
                assert_eq!(found, expected, "for {query:?}");
            }
            let best = product_search::search(db, "espresso").unwrap();
            assert_eq!(
                best.last().map(String::as_str),
                Some("Hand grinder"),
                "its name lacks the word"
            );
            for odd in ["\"", "a AND (", "*", "name:x", "'; drop table product_search"] {
                product_search::search(db, odd).unwrap();
            }
        })
        .await;
}

fn has_words(query: &str, name: &str, description: &str) -> bool {
    let text = format!("{name} {description}").to_lowercase();
    let words: Vec<_> = text.split(|c: char| !c.is_alphanumeric()).collect();
    query.to_lowercase().split(' ').all(|start| words.iter().any(|word| word.starts_with(start)))
}

#[tokio::test]
async fn daily_sales_are_exact_and_a_refund_counts_on_its_own_day() {
    let shop = Shop::caught_up("daily-sales").await;
    let mut expected: BTreeMap<Date, Day> = BTreeMap::new();
    let day_of = |event: &NewEvent| event.time.to_string()[..10].parse().unwrap();
    for (paid, event) in decoded::<OrderPaid>(&shop.entries) {
        let day = expected.entry(day_of(event)).or_default();
        day.orders += 1;
        day.paid += paid.amount;
    }
    for (refunded, event) in decoded::<OrderRefunded>(&shop.entries) {
        expected.entry(day_of(event)).or_default().refunded += refunded.amount;
    }
    assert!(expected.values().any(|day| day.refunded > Decimal::ZERO), "nothing was refunded");
    let expected: Vec<_> = expected.into_iter().map(|(day, sales)| Day { day, ..sales }).collect();

    let days = shop.runtime.rows::<Day>().unwrap();
    assert_eq!(days.all().await.unwrap(), expected);
    shop.runtime.rebuild("daily-sales").await.unwrap();
    assert_eq!(days.all().await.unwrap(), expected);
}

#[tokio::test]
async fn customer_activity_agrees_across_its_tables() {
    let shop = Shop::caught_up("customer-activity").await;
    check_activity(&shop.runtime, &shop.entries).await;
    shop.runtime.rebuild("customer-activity").await.unwrap();
    check_activity(&shop.runtime, &shop.entries).await;
}

async fn check_activity(runtime: &Runtime<MemoryEventStore>, entries: &[Entry]) {
    let timeline = runtime.rows::<TimelineEntry>().unwrap();
    let favourites = runtime.rows::<Favourite>().unwrap();
    let customers = runtime.rows::<Customer>().unwrap();
    let count = |customer: &str, name: &str| {
        let own = |event: &&NewEvent| event.name == name && text(event, "customer") == customer;
        u32::try_from(entries.iter().map(|(_, event)| event).filter(own).count()).unwrap()
    };
    let mut expected = Vec::new();
    for (registered, _) in decoded::<CustomerRegistered>(entries) {
        let customer = registered.customer;
        let (placed, cancelled) =
            (count(&customer, "OrderPlaced"), count(&customer, "OrderCancelled"));
        let entries_of = 1 + placed + cancelled + count(&customer, "OrderRefunded");
        let timeline = timeline.by(TimelineEntry::CUSTOMER, &customer).await.unwrap();
        assert_eq!(timeline.len(), entries_of as usize, "timeline of {customer}");
        assert_eq!(timeline[0].what, "registered");
        assert!(timeline.is_sorted_by_key(|entry| (entry.position, entry.time)));

        let found = favourites.by(Favourite::CUSTOMER, &customer).await.unwrap();
        assert_eq!(found, favourites_of(&customer, entries));
        expected.push(Customer { customer, name: registered.name, orders: placed - cancelled });
    }
    expected.sort_by_key(|row| (std::cmp::Reverse(row.orders), row.customer.clone()));
    let busiest = customers.all().order_by(Customer::ORDERS).descending();
    assert_eq!(busiest.await.unwrap(), expected);
}

fn favourites_of(customer: &str, entries: &[Entry]) -> Vec<Favourite> {
    let mut favourites: BTreeMap<String, u32> = BTreeMap::new();
    let orders = decoded::<OrderPlaced>(entries).map(|(order, _)| order);
    for line in orders.filter(|order| order.customer == customer).flat_map(|order| order.lines) {
        *favourites.entry(line.product).or_default() += line.quantity;
    }
    let favourite =
        |(product, quantity)| Favourite { customer: customer.into(), product, quantity };
    favourites.into_iter().map(favourite).collect()
}

#[tokio::test]
async fn an_order_that_cannot_be_in_one_table_is_in_none() {
    let shop = Shop::open("customer-activity").await;
    // Its id cannot be stored, so its entry in the timeline is refused; all else is in order.
    let placed = OrderPlaced { order: "\0".into(), customer: "C1".into(), lines: Vec::new() };
    shop.runtime.append("order-odd", Expected::NoStream, [placed]).await.unwrap();
    shop.runtime.catch_up().await.unwrap();
    let parked = shop.parked("customer-activity").await;
    assert!(parked.contains("`customer_timeline`"), "{parked}");
    assert!(parked.contains("`what`"), "{parked}");
    check_activity(&shop.runtime, &shop.entries).await;
}

#[tokio::test]
async fn a_row_that_one_table_refuses_leaves_nothing_in_the_others() {
    let mut shop = Shop::caught_up("customer-activity").await;
    shop.db
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON customer_timeline WHEN new.what = 'placed 50'
             BEGIN SELECT raise(ABORT, 'refused by the test'); END",
        )
        .unwrap();
    let lines = vec![Line { product: "P1".into(), quantity: 9, price: Decimal::ONE }];
    let placed = OrderPlaced { order: "50".into(), customer: "C1".into(), lines };
    shop.runtime.append("order-50", Expected::NoStream, [placed.clone()]).await.unwrap();
    shop.runtime.catch_up().await.unwrap();
    let parked = shop.parked("customer-activity").await;
    assert!(parked.contains("handler `placed`"), "{parked}");
    assert!(parked.contains("refused by the test"), "{parked}");
    check_activity(&shop.runtime, &shop.entries).await;

    shop.db.execute_batch("DROP TRIGGER refuse").unwrap();
    let letters = shop.runtime.dead_letters("customer-activity").unwrap();
    letters.redrive(projections::Chosen::All).await.unwrap();
    shop.entries.push(("order-50".into(), placed.to_event().unwrap()));
    check_activity(&shop.runtime, &shop.entries).await;
}

#[tokio::test]
async fn the_audit_log_holds_every_event_also_of_domains_nobody_knows() {
    let shop = Shop::open("audit-log").await;
    let stranger = NewEvent::json("LampLit", r#"{"lamp":1}"#).in_domain("lighthouse");
    shop.runtime.append("lamp-1", Expected::NoStream, [stranger]).await.unwrap();
    shop.runtime.catch_up().await.unwrap();
    shop.check(|db, entries| {
        let mut expected: BTreeMap<(String, String), u32> = BTreeMap::new();
        expected.insert(("lighthouse".into(), "LampLit".into()), 1);
        for (_, event) in entries {
            let domain = event.domain.clone().unwrap().into_owned();
            *expected.entry((domain, event.name.clone().into_owned())).or_default() += 1;
        }
        let expected: Vec<_> = expected
            .into_iter()
            .map(|((domain, event), entries)| (domain, event, entries))
            .collect();
        assert_eq!(audit_log::counts(db).unwrap(), expected);

        let own = entries.iter().filter(|(stream, _)| stream == "order-00007");
        let history: Vec<_> = own.map(|(_, event)| event.name.clone().into_owned()).collect();
        assert!(!history.is_empty());
        assert_eq!(audit_log::history(db, "order-00007").unwrap(), history);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_the_summary_does_not_know_halts_it_by_name() {
    let shop = Shop::caught_up("order-summary").await;
    let gift = NewEvent::json("OrderGifted", r#"{"order":"00001"}"#).in_domain("orders");
    shop.runtime.append("order-00001", Expected::Any, [gift]).await.unwrap();
    let error: RunError = shop.runtime.catch_up().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`order-summary`"), "{text}");
    assert!(text.contains("no handler takes `OrderGifted` of domain `orders`"), "{text}");
}

#[test]
fn the_accounts_program_prints_owners_and_balances() {
    let output = example("accounts", &[]);
    assert_eq!(stdout(&output), "A-1  Ada         80.01\nA-2  Grace      100.00\n");
}

#[test]
fn the_orders_program_tells_the_same_again_from_a_kept_folder_and_takes_commands() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("shop");
    let data = data.to_str().unwrap();
    let first = stdout(&example("orders", &["--data", data]));
    assert!(first.contains("Products for \"espr\": Espresso"), "{first}");
    assert_eq!(stdout(&example("orders", &["--data", data])), first);

    let rebuilt =
        example("orders", &["--data", data, "projection", "rebuild", "--projector", "daily-sales"]);
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    assert_eq!(stdout(&example("orders", &["--data", data])), first);

    let status = stdout(&example("orders", &["--data", data, "projection", "status", "--json"]));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let projectors = status["projectors"].as_array().unwrap();
    assert_eq!(projectors.len(), 5);
    assert!(projectors.iter().all(|projector| projector["behind"] == 0), "{status}");

    let unknown =
        example("orders", &["--data", data, "projection", "rebuild", "--projector", "sales"]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
}

/// Runs a program of the examples as a user does.
fn example(name: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(["run", "--quiet", "-p", "examples", "--bin", name, "--"])
        .args(arguments)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}
