//! What the projectors make of hands, whatever happens in between.
#![allow(clippy::unwrap_used)] // test code

use jiff::Timestamp;
use projections::{sqlite::rusqlite::Connection, testing::Spec};

use crate::{
    events::{
        Action, BlindPosted, CardsDealt, HandComplete, HandEvent, HandStarted, PlayerActed,
        PlayerRegistered, PlayerResult, PlayerSeated, Seat, Street,
    },
    hand_history::{Hand, HandHistory, HandResult},
    leaderboard::{Leaderboard, Standing},
    money::Amount,
    player_search::{self, PlayerSearch},
    table_state::TableState,
};

fn chips(text: &str) -> Amount {
    text.parse().unwrap()
}

fn started(hand: &str, players: [&str; 2]) -> HandEvent<'static> {
    let seats = (1..).zip(players).map(|(seat, player)| Seat {
        seat,
        player: player.to_owned(),
        stack: chips("200"),
    });
    HandEvent::HandStarted(HandStarted {
        hand_id: hand.to_owned(),
        table_id: "felt".to_owned(),
        small_blind: chips("0.5"),
        big_blind: chips("1"),
        seats: seats.collect(),
    })
}

fn blind(hand: &str, player: &str, amount: &str) -> HandEvent<'static> {
    let (hand_id, player) = (hand.to_owned(), player.to_owned());
    HandEvent::BlindPosted(BlindPosted { hand_id, player, amount: chips(amount) })
}

fn dealt(hand: &str, player: &str, cards: &str) -> HandEvent<'static> {
    let (hand_id, player) = (hand.to_owned(), player.to_owned());
    HandEvent::CardsDealt(CardsDealt { hand_id, player, cards: cards.to_owned() })
}

fn acted(hand: &'static str, player: &'static str, action: Action) -> HandEvent<'static> {
    HandEvent::PlayerActed(PlayerActed {
        hand_id: hand.into(),
        table_id: "felt".into(),
        number: 1,
        player: player.into(),
        street: Street::Preflop,
        action,
        amount: Amount::ZERO,
        all_in: false,
    })
}

/// The small blind gives up.
fn complete(hand: &str, [small, big]: [&str; 2]) -> HandEvent<'static> {
    let result = |player: &str, put_in, won, net, folded| PlayerResult {
        player: player.to_owned(),
        put_in: chips(put_in),
        won: chips(won),
        net: chips(net),
        folded,
    };
    HandEvent::HandComplete(HandComplete {
        hand_id: hand.to_owned(),
        table_id: "felt".to_owned(),
        pot: chips("1.5"),
        showdown: false,
        results: vec![
            result(small, "0.5", "0", "-0.5", true),
            result(big, "1", "1.5", "0.5", false),
        ],
    })
}

fn hand(hand: &'static str, players: [&'static str; 2]) -> [HandEvent<'static>; 6] {
    let [small, big] = players;
    [
        started(hand, players),
        blind(hand, small, "0.5"),
        blind(hand, big, "1"),
        dealt(hand, small, "AsKd"),
        acted(hand, small, Action::Fold),
        complete(hand, players),
    ]
}

#[test]
fn the_leaderboard_adds_up_what_each_player_won_and_lost() {
    let registered = |player: &str| PlayerRegistered { player: player.to_owned() };
    let standing = |player: &str, hands, net, won, pots_won| Standing {
        player: player.to_owned(),
        hands,
        net: chips(net),
        won: chips(won),
        pots_won,
        showdowns: 0,
    };
    Spec::<Leaderboard>::of()
        .given("player-ada", [registered("ada")])
        .given("player-zoe", [registered("zoe")])
        .given("hand-1", hand("1", ["ada", "bob"]))
        .given("hand-2", hand("2", ["bob", "ada"]))
        .given("hand-3", [started("3", ["ada", "bob"])])
        .then_rows([
            standing("ada", 3, "0", "1.5", 1),
            standing("bob", 3, "0", "1.5", 1),
            standing("zoe", 0, "0", "0", 0),
        ])
        .check();
}

#[test]
fn the_hand_history_has_each_hand_with_its_actions() {
    let time: Timestamp = "2026-03-01T20:00:00Z".parse().unwrap();
    let count = |db: &Connection, table: &str| -> u32 {
        db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    let whole = Hand {
        hand_id: "1".into(),
        table_id: "felt".into(),
        started_at: time,
        small_blind: chips("0.5"),
        big_blind: chips("1"),
        pot: Some(chips("1.5")),
        showdown: Some(false),
        winners: Some(1),
    };
    let running =
        Hand { hand_id: "2".into(), pot: None, showdown: None, winners: None, ..whole.clone() };
    let result = |number, player: &str, put_in, won, net, folded| HandResult {
        hand_id: "1".into(),
        number,
        table_id: "felt".into(),
        player: player.into(),
        put_in: chips(put_in),
        won: chips(won),
        net: chips(net),
        folded,
        completed: 6.into(),
    };
    Spec::<HandHistory>::of()
        .at(time)
        .given("hand-1", hand("1", ["ada", "bob"]))
        .given("hand-2", [started("2", ["bob", "ada"])])
        .then_rows([whole, running])
        .then_rows([
            result(0, "ada", "0.5", "0", "-0.5", true),
            result(1, "bob", "1", "1.5", "0.5", false),
        ])
        .then(move |db| {
            let rows = ["seats", "actions", "payments", "boards"].map(|table| count(db, table));
            assert_eq!(rows, [4, 1, 2, 0]);
        })
        .check();
}

/// The end of a hand that never began is parked, and with it the hand.
#[test]
fn a_hand_that_never_began_is_parked() {
    Spec::<HandHistory>::of()
        .given("hand-1", [complete("1", ["ada", "bob"])])
        .then_parked("hand-1", "hand \"1\" is complete, and was never started")
        .then_rows::<Hand>([])
        .check();
}

#[test]
fn players_are_found_by_what_was_typed() {
    let registered = |player: &str| PlayerRegistered { player: player.to_owned() };
    Spec::<PlayerSearch>::of()
        .given("player-1", [registered("Grace Hopper")])
        .given("player-2", [registered("Ada Lovelace")])
        .given("player-2", [registered("Ada Lovelace")])
        .then(|db| {
            let found = player_search::search(db, "lovlace", 5).unwrap();
            let found: Vec<_> = found.iter().map(|found| &*found.player).collect();
            assert_eq!(found, ["Ada Lovelace"]);
        })
        .check();
}

#[test]
fn a_table_shows_its_seats_and_its_pot() {
    let seated =
        PlayerSeated { table_id: "felt".into(), seat: 9, player: "eve".into(), stack: chips("50") };
    Spec::<TableState>::of()
        .given("table-felt", [seated])
        .given("hand-1", hand("1", ["ada", "bob"]))
        .given("hand-2", [started("2", ["bob", "ada"]), blind("2", "bob", "0.5")])
        .then_state(|state| {
            let felt = &state.tables()["felt"];
            assert_eq!(felt.hands, 1);
            assert_eq!(felt.open_pot, Some(chips("0.5")));
            assert_eq!(felt.seats.values().collect::<Vec<_>>(), ["bob", "ada"]);
            assert!(felt.last_action.is_none());
        })
        .check();
}
