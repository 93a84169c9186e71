use projections::{Domain, Event};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "players")]
struct PlayerRegistered;

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hands")]
struct HandStarted;

struct NotEvent;

#[derive(Domain)]
#[domain("hands")]
enum HandEvent {
    Registered(PlayerRegistered),
    Started(HandStarted),
    Other(NotEvent),
}

fn main() {}
