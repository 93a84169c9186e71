use projections::{
    Event, ReadModel, Rows, handlers, projector,
    testing::MemoryStorage,
};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandComplete {
    player: String,
    seats: Vec<String>,
}

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted {
    player: String,
}

#[derive(Default, ReadModel)]
#[read_model(table = "players")]
struct PlayerStats {
    #[key]
    player: String,
    hands: i64,
}

#[projector("players", storage = MemoryStorage)]
struct PlayersByHand;

#[handlers]
impl PlayersByHand {
    #[handles(HandComplete)]
    async fn on_complete(
        &self,
        event: &HandComplete,
        #[keys([event.])] players: &mut Rows<PlayerStats>,
    ) {
        players.entry(&event.seats[0]).hands += 1;
    }

    #[handles(HandStarted)]
    fn on_started(
        &self,
        event: &HandStarted,
        players: &mut Rows<PlayerStats>,
    ) {
        players.entry(&event.player);
    }
}

fn main() {}
