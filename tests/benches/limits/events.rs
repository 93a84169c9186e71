//! A log of poker-like events: five types, seven of ten of them `PlayerActed`.

use projections::Event;

#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
pub(crate) struct HandStarted {
    pub(crate) hand_id: String,
    pub(crate) table_id: String,
    pub(crate) small_blind: u64,
    pub(crate) big_blind: u64,
}

#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
pub(crate) struct CardsDealt {
    pub(crate) hand_id: String,
    pub(crate) player: String,
    pub(crate) cards: String,
}

#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
pub(crate) struct PlayerActed {
    pub(crate) hand_id: String,
    pub(crate) table_id: String,
    pub(crate) number: u64,
    pub(crate) player: String,
    pub(crate) street: String,
    pub(crate) action: String,
    pub(crate) amount: u64,
    pub(crate) all_in: bool,
}

#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
pub(crate) struct PotAwarded {
    pub(crate) hand_id: String,
    pub(crate) player: String,
    pub(crate) amount: u64,
}

#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
pub(crate) struct HandComplete {
    pub(crate) hand_id: String,
    pub(crate) table_id: String,
    pub(crate) pot: u64,
    pub(crate) showdown: bool,
}

/// One event before it is stored.
#[derive(Clone)]
pub(crate) struct Dealt {
    pub(crate) hand: String,
    pub(crate) name: &'static str,
    pub(crate) payload: Vec<u8>,
}

/// The log, the same at each run.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) events: Vec<Dealt>,
}

impl Log {
    pub(crate) fn deal(events: u64, hands: u64) -> Self {
        let a_hand = events / hands;
        let log = (0..hands).flat_map(|hand| (0..a_hand).map(move |n| event(hand, n, a_hand)));
        Self { events: log.collect() }
    }

    /// Its first events.
    pub(crate) fn first(&self, events: u64) -> Self {
        Self { events: self.events[..events as usize].to_vec() }
    }
}

fn event(hand: u64, n: u64, a_hand: u64) -> Dealt {
    let (hand_id, table_id) =
        (format!("session-{}/{hand}", hand / 300), format!("table-{}", hand % 40));
    let player = format!("player-{}", (hand * 7 + n * 3) % 997);
    let amount = (hand * 31 + n * 17) % 5_000;
    let dealt = |name: &'static str, payload| Dealt { hand: hand_id.clone(), name, payload };
    let json = |value: &dyn erased::Json| value.json();
    let (hand_id, last) = (hand_id.clone(), a_hand - 1);
    match n {
        0 => dealt(
            "HandStarted",
            json(&HandStarted { hand_id, table_id, small_blind: 50, big_blind: 100 }),
        ),
        1..=6 => {
            dealt("CardsDealt", json(&CardsDealt { hand_id, player, cards: "AhKd".to_owned() }))
        }
        n if n == last => dealt(
            "HandComplete",
            json(&HandComplete {
                hand_id,
                table_id,
                pot: amount,
                showdown: hand.is_multiple_of(3),
            }),
        ),
        n if n + 8 > last => dealt("PotAwarded", json(&PotAwarded { hand_id, player, amount })),
        number => {
            let street = ["preflop", "flop", "turn", "river"][(n as usize / 9).min(3)].to_owned();
            let action =
                ["fold", "check", "call", "bet", "raise"][(amount % 5) as usize].to_owned();
            let all_in = amount.is_multiple_of(97);
            let acted =
                PlayerActed { hand_id, table_id, number, player, street, action, amount, all_in };
            dealt("PlayerActed", json(&acted))
        }
    }
}

mod erased {
    /// Anything that can be written as JSON.
    pub(super) trait Json {
        fn json(&self) -> Vec<u8>;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> Vec<u8> {
            serde_json::to_vec(self).unwrap()
        }
    }
}
