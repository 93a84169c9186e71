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
    #[reset]
    fn clear(&self, #[keys(["ada"])] players: &mut Rows<PlayerStats>) {
        players.remove("ada");
    }

    #[handles(HandStarted)]
    fn on_started(
        #[keys(["ada"])] &self,
        #[keys([&event.player])] event: &HandStarted,
        #[keys([&event.player])] at: &projections::Envelope,
        players: &mut Rows<PlayerStats>,
    ) {
        players.entry(&event.player).hands += i64::from(at.is_replay());
    }

    #[handles(HandComplete)]
    #[keys([&event.player])]
    fn on_complete(
        &self,
        event: &HandComplete,
        #[keys([&event.player])]
        #[keys(&event.seats)]
        players: &mut Rows<PlayerStats>,
    ) {
        players.entry(&event.player).hands += 1;
    }

    fn help(&self, #[keys([""])] players: &mut Rows<PlayerStats>) {
        players.entry("").hands += 1;
    }
}

#[projections::keys([""])]
fn alone() {}

fn main() {}
