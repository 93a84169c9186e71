use projections::{
    Event, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary", storage = Sqlite)]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced, db: SqliteTx<'_>) -> rusqlite::Result<usize> {
        db.execute("INSERT INTO orders VALUES (1)", ())
    }
}

fn main() {}
