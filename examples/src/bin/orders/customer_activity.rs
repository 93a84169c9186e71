//! What each customer has done: a row, a timeline and favourites, changed together.
//!
//! Three tables follow one event. They are written in the transaction of the checkpoint, so no
//! table ever has an order that another one lacks.

use jiff::Timestamp;
use projections::{Envelope, GlobalPosition, ReadModel, Rows, handlers, projector, sqlite::Sqlite};

use crate::events::{CustomerRegistered, OrderCancelled, OrderPlaced, OrderRefunded};

/// A customer.
#[derive(Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "customers")]
pub(crate) struct Customer {
    #[key]
    pub(crate) customer: String,
    pub(crate) name: String,
    #[index]
    pub(crate) orders: u32,
}

/// Something that a customer did. The key begins with the customer, whose entries are in the order
/// of the log.
#[derive(Debug, Default, ReadModel)]
#[read_model(table = "customer_timeline")]
pub(crate) struct TimelineEntry {
    #[key]
    pub(crate) customer: String,
    #[key]
    pub(crate) position: GlobalPosition,
    pub(crate) time: Timestamp,
    pub(crate) what: String,
}

/// How much of a product a customer has ordered.
#[derive(Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "customer_favourites")]
pub(crate) struct Favourite {
    #[key]
    pub(crate) customer: String,
    #[key]
    pub(crate) product: String,
    pub(crate) quantity: u32,
}

/// Customers, what they did and when, and what they buy.
#[projector("customer-activity", storage = Sqlite)]
pub(crate) struct CustomerActivity;

#[handlers]
impl CustomerActivity {
    // Two domains feed this projector: the events of each say which.
    #[handles(CustomerRegistered, input_domain = "customers")]
    fn registered(
        &self,
        event: &CustomerRegistered,
        at: &Envelope,
        customers: &mut Rows<Customer>,
        timeline: &mut Rows<TimelineEntry>,
    ) {
        customers.entry(&event.customer).name.clone_from(&event.name);
        note(timeline, &event.customer, at, "registered".into());
    }

    #[handles(OrderPlaced, input_domain = "orders")]
    fn placed(
        &self,
        event: &OrderPlaced,
        at: &Envelope,
        customers: &mut Rows<Customer>,
        favourites: &mut Rows<Favourite>,
        timeline: &mut Rows<TimelineEntry>,
    ) {
        customers.entry(&event.customer).orders += 1;
        for line in &event.lines {
            let key = (event.customer.clone(), line.product.clone());
            favourites.entry(&key).quantity += line.quantity;
        }
        note(timeline, &event.customer, at, format!("placed {}", event.order));
    }

    #[handles(OrderCancelled, input_domain = "orders")]
    fn cancelled(
        &self,
        event: &OrderCancelled,
        at: &Envelope,
        customers: &mut Rows<Customer>,
        timeline: &mut Rows<TimelineEntry>,
    ) {
        customers.entry(&event.customer).orders -= 1;
        note(timeline, &event.customer, at, format!("cancelled {}", event.order));
    }

    #[handles(OrderRefunded, input_domain = "orders")]
    fn refunded(&self, event: &OrderRefunded, at: &Envelope, timeline: &mut Rows<TimelineEntry>) {
        let what = format!("was refunded {} for {}", event.amount, event.order);
        note(timeline, &event.customer, at, what);
    }
}

fn note(timeline: &mut Rows<TimelineEntry>, customer: &str, at: &Envelope, what: String) {
    timeline.insert(TimelineEntry {
        customer: customer.to_owned(),
        position: at.position(),
        time: at.time(),
        what,
    });
}
