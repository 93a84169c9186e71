//! A shop's history, made up from a seed: the same seed is the same history.

use jiff::{SignedDuration, Timestamp};
use projections::{EncodeError, NewEvent, ToEvent};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use rust_decimal::Decimal;

use crate::events::{
    CatalogEvent, CustomerRegistered, Line, OrderCancelled, OrderEvent, OrderPaid, OrderPlaced,
    OrderRefunded, OrderShipped, ProductDescribed, ProductListed, ProductWithdrawn,
};

/// Monday, 1 January 2024, 08:00 UTC, in seconds.
const OPENING: i64 = 1_704_096_000;

const PRODUCTS: [(&str, &str, i64); 8] = [
    ("Espresso beans", "Dark roast from Brazil, one kilogram", 18_90),
    ("Filter coffee", "Light roast from Ethiopia, ground, 500 grams", 11_50),
    ("Green tea", "Loose leaves from Uji, 100 grams", 9_25),
    ("Teapot", "Cast iron, keeps tea warm for an hour", 64_00),
    ("Espresso cups", "Six small cups of thick porcelain", 39_95),
    ("Hand grinder", "Grinds beans for espresso or filter coffee", 89_00),
    ("Milk jug", "Stainless steel, for frothing", 14_99),
    ("Paper filters", "A hundred filters, unbleached", 3_45),
];
const NAMES: [&str; 8] = ["Ada", "Barbara", "Edsger", "Frances", "Grace", "John", "Karen", "Tony"];
const CARRIERS: [&str; 3] = ["bicycle", "post", "van"];

/// A stream and an event to append to it.
pub(crate) type Entry = (String, NewEvent);

/// Makes up the catalogue, the customers and this many orders, in the order of time.
pub(crate) fn history(seed: u64, orders: u32) -> Result<Vec<Entry>, EncodeError> {
    let mut shop = Shop { rng: StdRng::seed_from_u64(seed), entries: Vec::new() };
    shop.list_products()?;
    shop.register_customers()?;
    for number in 1..=orders {
        shop.take_order(number)?;
    }
    // Events of one stream were made in order, and a stable sort keeps them so.
    shop.entries.sort_by_key(|(minute, _, _)| *minute);
    Ok(shop.entries.into_iter().map(|(_, stream, event)| (stream, event)).collect())
}

struct Shop {
    rng: StdRng,
    entries: Vec<(u32, String, NewEvent)>,
}

impl Shop {
    fn list_products(&mut self) -> Result<(), EncodeError> {
        for (number, (name, description, cents)) in PRODUCTS.into_iter().enumerate() {
            let listed = CatalogEvent::Listed(ProductListed {
                product: product(number),
                name: name.into(),
                description: description.into(),
                price: Decimal::new(cents, 2),
            });
            self.happens(0, format!("product-{}", product(number)), &listed)?;
        }
        let described = CatalogEvent::Described(ProductDescribed {
            product: product(3),
            description: "Enamelled cast iron, keeps two litres warm".into(),
        });
        self.happens(3_000, format!("product-{}", product(3)), &described)?;
        let withdrawn = CatalogEvent::Withdrawn(ProductWithdrawn { product: product(7) });
        self.happens(9_000, format!("product-{}", product(7)), &withdrawn)
    }

    fn register_customers(&mut self) -> Result<(), EncodeError> {
        for (number, name) in NAMES.into_iter().enumerate() {
            let customer = customer(number);
            let stream = format!("customer-{customer}");
            self.happens(1, stream, &CustomerRegistered { customer, name: name.into() })?;
        }
        Ok(())
    }

    /// An order is placed; most are paid and shipped, some are cancelled, some refunded later.
    fn take_order(&mut self, number: u32) -> Result<(), EncodeError> {
        let (order, stream) = (format!("{number:05}"), format!("order-{number:05}"));
        let customer = customer(self.rng.random_range(0..NAMES.len()));
        let mut minute = 10 + number * 30 + self.rng.random_range(0..30);
        let lines = (0..self.rng.random_range(1..=3)).map(|_| self.line()).collect();
        let placed = OrderPlaced { order: order.clone(), customer: customer.clone(), lines };
        let amount = placed.total();
        self.happens(minute, stream.clone(), &OrderEvent::Placed(placed))?;

        minute += self.rng.random_range(1..600);
        if self.rng.random_bool(0.1) {
            let cancelled = OrderEvent::Cancelled(OrderCancelled { order, customer });
            return self.happens(minute, stream, &cancelled);
        }
        let paid = OrderPaid { order: order.clone(), customer: customer.clone(), amount };
        self.happens(minute, stream.clone(), &OrderEvent::Paid(paid))?;

        minute += self.rng.random_range(60..2_000);
        let carrier = CARRIERS.choose(&mut self.rng).copied().unwrap_or("post").into();
        let shipped = OrderShipped { order: order.clone(), customer: customer.clone(), carrier };
        self.happens(minute, stream.clone(), &OrderEvent::Shipped(shipped))?;

        if self.rng.random_bool(0.08) {
            minute += self.rng.random_range(1_000..8_000);
            // A third, to the cent.
            let amount = (amount / Decimal::from(3)).round_dp(2);
            let refunded = OrderEvent::Refunded(OrderRefunded { order, customer, amount });
            self.happens(minute, stream, &refunded)?;
        }
        Ok(())
    }

    fn line(&mut self) -> Line {
        let number = self.rng.random_range(0..PRODUCTS.len());
        let (_, _, cents) = PRODUCTS[number]; // drawn from its range above
        Line {
            product: product(number),
            quantity: self.rng.random_range(1..=4),
            price: Decimal::new(cents, 2),
        }
    }

    fn happens(
        &mut self,
        minute: u32,
        stream: String,
        event: &impl ToEvent,
    ) -> Result<(), EncodeError> {
        let opening = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(OPENING);
        let time = opening + SignedDuration::from_mins(minute.into());
        self.entries.push((minute, stream, event.to_event()?.at(time)));
        Ok(())
    }
}

fn product(number: usize) -> String {
    format!("P{}", number + 1)
}

fn customer(number: usize) -> String {
    format!("C{}", number + 1)
}
