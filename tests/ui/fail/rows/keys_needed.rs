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

    #[handles(HandStarted)]
    async fn on_started(&self, event: &HandStarted, players: &mut Rows<PlayerStats>) {
        players.entry(&event.player);
    }

    #[handles(HandComplete)]
    fn on_complete(
        &self,
        event: &HandComplete,
        db: &mut MemoryTx<'_>,
        players: &mut Rows<PlayerStats>,
    ) {
        db.set("hands", &event.player, event.seats.len());
        players.entry(&event.player).hands += 1;
    }
}

#[projector("players-probed", storage = MemoryStorage, probe = false)]
struct PlayersProbed;

#[handlers]
impl PlayersProbed {
    #[handles(HandStarted)]
    fn on_started(&self, event: &HandStarted, players: &mut Rows<PlayerStats>) {
        players.entry(&event.player);
    }
}

#[projector("players-greeted", storage = MemoryStorage)]
struct PlayersGreeted;

#[handlers]
impl PlayersGreeted {
    #[handles(HandStarted, replay = "skip")]
    fn on_started(&self, event: &HandStarted, players: &mut Rows<PlayerStats>) {
        players.entry(&event.player);
    }
}

#[projector("players-all", storage = MemoryStorage)]
struct PlayersAll;

#[handlers]
impl PlayersAll {
    #[fallback(all)]
    async fn other(&self, event: &projections::RawEvent<'_>, players: &mut Rows<PlayerStats>) {
        players.entry(event.name()).hands += 1;
    }
}

fn main() {}
