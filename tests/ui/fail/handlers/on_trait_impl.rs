use projections::handlers;

struct OrderSummary;

#[handlers]
impl std::fmt::Display for OrderSummary {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

fn main() {}
