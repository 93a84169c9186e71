use projections::Event;

#[derive(Event, serde::Deserialize)]
#[event(domain = "Hand Events", nmae = "hand", aliases("A", "A"), name = "two words")]
struct HandStarted;

#[derive(Event, serde::Deserialize)]
#[event(aliases("HandEnded"), codec = "json")]
struct HandEnded;

#[derive(Event, serde::Deserialize)]
enum Action {
    Bet,
}

#[derive(Event, serde::Deserialize)]
struct Dealt<T> {
    cards: T,
}

fn main() {}
