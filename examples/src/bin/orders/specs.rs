//! What the projectors make of orders, whatever happens in between.
#![allow(clippy::unwrap_used)] // test code

use jiff::{Timestamp, civil::date};
use projections::testing::{Spec, Subject};
use rust_decimal::Decimal;

use crate::{
    audit_log::{self, AuditLog},
    customer_activity::{Customer, CustomerActivity, Favourite},
    daily_sales::{DailySales, Day},
    events::{
        CatalogEvent, CustomerRegistered, Line, OrderCancelled, OrderEvent, OrderPaid, OrderPlaced,
        OrderRefunded, OrderShipped, ProductDescribed, ProductListed, ProductWithdrawn,
    },
    order_summary::{self, OrderSummary, Summary},
    product_search::{self, ProductSearch},
};

fn euros(euros: i64) -> Decimal {
    Decimal::new(euros * 100, 2)
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn placed(order: &str, customer: &str, quantity: u32) -> OrderEvent {
    let line = Line { product: "tea".into(), quantity, price: euros(4) };
    OrderEvent::Placed(OrderPlaced {
        order: order.into(),
        customer: customer.into(),
        lines: vec![line],
    })
}

/// Two customers; three orders, of which one is shipped, one refunded and one cancelled.
fn shop<P: Subject>(spec: Spec<P>) -> Spec<P> {
    let [ada, bob] = ["ada", "bob"].map(str::to_owned);
    let [first, second, third] = ["1", "2", "3"].map(str::to_owned);
    let paid = |order: &String, customer: &String, amount| {
        let (order, customer) = (order.clone(), customer.clone());
        OrderEvent::Paid(OrderPaid { order, customer, amount })
    };
    let registered = |customer: &String, name: &str| CustomerRegistered {
        customer: customer.clone(),
        name: name.to_owned(),
    };
    spec.at(time("2026-03-01T09:00:00Z"))
        .given("customer-ada", [registered(&ada, "Ada")])
        .given("customer-bob", [registered(&bob, "Bob")])
        .given("order-1", [placed(&first, &ada, 2), paid(&first, &ada, euros(8))])
        .given("order-2", [placed(&second, &ada, 1), paid(&second, &ada, euros(4))])
        .given("order-3", [placed(&third, &bob, 5)])
        .at(time("2026-03-02T09:00:00Z"))
        .given(
            "order-1",
            [OrderEvent::Shipped(OrderShipped {
                order: first,
                customer: ada.clone(),
                carrier: "pigeon".into(),
            })],
        )
        .given(
            "order-2",
            [OrderEvent::Refunded(OrderRefunded {
                order: second,
                customer: ada,
                amount: euros(4),
            })],
        )
        .given("order-3", [OrderEvent::Cancelled(OrderCancelled { order: third, customer: bob })])
}

#[test]
fn the_order_summary_has_each_order_in_its_last_state() {
    shop(Spec::<OrderSummary>::of())
        .then(|db| {
            let states = order_summary::states(db).unwrap();
            let expected = ["cancelled", "refunded", "shipped"].map(|state| (state.to_owned(), 1));
            assert_eq!(states, expected);
            let first = Summary {
                order: "1".into(),
                customer: "ada".into(),
                items: 2,
                total: "8.00".into(),
                state: "shipped".into(),
            };
            assert_eq!(order_summary::order(db, "1").unwrap(), Some(first));
        })
        .check();
}

/// An order that was never placed is a fault in the log: its stream waits for somebody to look.
#[test]
fn a_payment_of_an_order_that_was_never_placed_is_parked() {
    let paid = OrderPaid { order: "9".into(), customer: "eve".into(), amount: euros(1) };
    shop(Spec::<OrderSummary>::of())
        .given("order-9", [paid])
        .then_parked("order-9", "Query returned no rows")
        .check();
}

#[test]
fn customers_have_their_orders_and_what_they_buy() {
    let customer = |customer: &str, name: &str, orders| Customer {
        customer: customer.into(),
        name: name.into(),
        orders,
    };
    let favourite = |customer: &str, quantity| Favourite {
        customer: customer.into(),
        product: "tea".into(),
        quantity,
    };
    shop(Spec::<CustomerActivity>::of())
        .then_rows([customer("ada", "Ada", 2), customer("bob", "Bob", 0)])
        .then_rows([favourite("ada", 3), favourite("bob", 5)])
        .check();
}

#[test]
fn each_day_has_what_was_paid_and_refunded_on_it() {
    shop(Spec::<DailySales>::of())
        .then_rows([
            Day { day: date(2026, 3, 1), orders: 2, paid: euros(12), refunded: euros(0) },
            Day { day: date(2026, 3, 2), orders: 0, paid: euros(0), refunded: euros(4) },
        ])
        .check();
}

#[test]
fn the_audit_log_has_every_event_once() {
    shop(Spec::<AuditLog>::of())
        .then(|db| {
            let counts = audit_log::counts(db).unwrap();
            assert_eq!(counts.iter().map(|(_, _, count)| count).sum::<u32>(), 10);
            let history = audit_log::history(db, "order-2").unwrap();
            assert_eq!(history, ["OrderPlaced", "OrderPaid", "OrderRefunded"]);
        })
        .check();
}

#[test]
fn what_is_sold_today_is_found_by_its_words() {
    let listed = |product: &str, name: &str| {
        CatalogEvent::Listed(ProductListed {
            product: product.into(),
            name: name.into(),
            description: "to drink".into(),
            price: euros(4),
        })
    };
    let described = ProductDescribed { product: "tea".into(), description: "smoked leaves".into() };
    Spec::<ProductSearch>::of()
        .given("product-tea", [listed("tea", "Lapsang Souchong")])
        .given("product-mug", [listed("mug", "Mug")])
        .given("product-tea", [described])
        .given("product-mug", [ProductWithdrawn { product: "mug".into() }])
        .then(|db| {
            let search = |words| product_search::search(db, words).unwrap();
            assert_eq!(search("smoked lap"), ["Lapsang Souchong"]);
            assert_eq!(search("drink"), Vec::<String>::new());
        })
        .check();
}
