//! Each event reaches its method, decoded as the method says, and nothing else does.

use std::time::Duration;

use projections::{
    BoxError, Domain, Envelope, Event, Expected, NewEvent, RawEvent, Runtime, handlers,
    memory::MemoryEventStore, projector,
};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders", aliases("Placed"))]
struct OrderPlaced<'a> {
    item: &'a str,
}

#[derive(Event, serde::Serialize, serde::Deserialize)]
struct Shipped {
    number: u64,
}

#[derive(Domain)]
#[domain("orders")]
enum Orders<'a> {
    Placed(OrderPlaced<'a>),
    Shipped(Shipped),
}

#[derive(Clone)]
struct Greeting(&'static str);

#[projector("journal")]
struct Journal {
    #[resource]
    greeting: Greeting,
    lines: Vec<String>,
}

#[handlers]
impl Journal {
    #[setup]
    fn begin(&mut self) {
        self.lines.clear();
        self.lines.push(self.greeting.0.to_owned());
    }

    #[handles(OrderPlaced)]
    fn placed(&mut self, event: &OrderPlaced<'_>, at: &Envelope) -> Result<u64, BoxError> {
        self.lines.push(format!("placed {} in {}", event.item, at.stream()));
        Ok(at.position().get())
    }

    #[handles(Shipped, input_domain = "orders")]
    async fn shipped(&mut self, event: Shipped) -> Result<(), std::fmt::Error> {
        std::future::ready(()).await;
        self.lines.push(format!("shipped {}", event.number));
        Ok(())
    }

    #[fallback(domain = ["orders", "stock"])]
    fn other(&mut self, event: &RawEvent<'_>) {
        self.lines.push(format!("other {} of {}", event.name(), event.domain()));
    }
}

fn main() {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let runtime = Runtime::builder(MemoryEventStore::new())
            .resource(Greeting("hello"))
            .build()
            .await
            .unwrap();
        let orders = [Orders::Placed(OrderPlaced { item: "tea" }), Orders::Shipped(Shipped { number: 7 })];
        runtime.append("order-1", Expected::NoStream, orders).await.unwrap();
        let raw = [
            NewEvent::json("Placed", r#"{"item":"old"}"#).in_domain("orders"),
            NewEvent::json("Counted", "{}").in_domain("stock"),
            NewEvent::json("Shipped", "{}").in_domain("elsewhere"),
        ];
        let receipt = runtime.append("order-2", Expected::Any, raw).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), runtime.catch_up()).await.unwrap().unwrap();
        let _ = receipt;
        let lines = runtime.read::<Journal, _>(|journal| journal.lines.clone()).await.unwrap();
        assert_eq!(
            lines,
            ["hello", "placed tea in order-1", "shipped 7", "placed old in order-2", "other Counted of stock"]
        );
    });
}
