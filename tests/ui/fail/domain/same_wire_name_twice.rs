use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand", aliases("HandBegan"))]
struct HandStarted;

mod hand {
    pub mod v2 {
        #[derive(projections::Event, serde::Deserialize)]
        #[event(domain = "hand")]
        pub struct HandStarted;

        #[derive(projections::Event, serde::Deserialize)]
        #[event(domain = "hand", aliases("HandBegan"))]
        pub struct HandOpened;
    }
}

#[projector("hand-history")]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&mut self, _event: &HandStarted) {}

    #[handles(hand::v2::HandStarted)]
    fn started_2(&mut self, _event: &hand::v2::HandStarted) {}

    #[handles(hand::v2::HandOpened)]
    fn opened(&mut self, _event: &hand::v2::HandOpened) {}
}

fn main() {}
