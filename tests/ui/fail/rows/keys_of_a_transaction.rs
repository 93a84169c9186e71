use projections::{
    Event, ReadModel, Rows, handlers, projector,
    testing::{MemoryStorage, MemoryTx},
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
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("hands");
    }

    #[handles(HandComplete)]
    fn on_complete(
        &self,
        event: &HandComplete,
        #[keys([&event.player])] db: &mut MemoryTx<'_>,
        #[keys(&event.seats)] players: &mut Rows<PlayerStats>,
    ) {
        db.set("hands", &event.player, 1);
        players.entry(&event.player).hands += 1;
    }

    #[handles(HandStarted)]
    fn on_started(&self, event: &HandStarted, players: &mut Rows<PlayerStats>) {
        players.entry(&event.player);
    }
}

fn main() {}
