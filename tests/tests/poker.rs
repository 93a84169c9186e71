//! The poker example on made-up hands, and the hands that it deals itself.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod poker_support;

use std::{collections::BTreeMap, fs, path::PathBuf};

use poker_support::Room;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Writes events line by line, as an import takes them.
struct Log {
    lines: Vec<String>,
}

impl Log {
    fn event(&mut self, domain: &str, stream: &str, kind: &str, data: Value) {
        let time =
            format!("2024-05-01T10:{:02}:{:02}Z", self.lines.len() / 60, self.lines.len() % 60);
        let line = json!({
            "stream": format!("{domain}-{stream}"), "domain": domain, "type": kind, "time": time,
            "data": data,
        });
        self.lines.push(line.to_string());
    }

    fn hand(&mut self, hand_id: &str, kind: &str, mut data: Value) {
        data["hand_id"] = hand_id.into();
        self.event("hand", hand_id, kind, data);
    }

    fn started(&mut self, hand_id: &str, table_id: &str, players: &[&str]) {
        let seat = |(seat, player): (u32, &&str)| json!({"seat": seat, "player": player, "stack": "20.00"});
        let seats: Vec<_> = (1..).zip(players).map(seat).collect();
        for seat in &seats {
            let mut data = seat.clone();
            data["table_id"] = table_id.into();
            self.event("table", table_id, "PlayerSeated", data);
        }
        self.hand(
            hand_id,
            "HandStarted",
            json!({
                "table_id": table_id, "small_blind": "0.05", "big_blind": "0.10", "seats": seats,
            }),
        );
        for player in players {
            self.hand(hand_id, "CardsDealt", json!({"player": player, "cards": "AhKd"}));
        }
    }

    fn acted(&mut self, hand_id: &str, actions: &[(u32, &str, &str, &str, &str)]) {
        for (number, player, street, action, amount) in actions {
            self.hand(
                hand_id,
                "PlayerActed",
                json!({
                    "table_id": "any", "number": number, "player": player, "street": street,
                    "action": action, "amount": amount, "all_in": false,
                }),
            );
        }
    }

    fn complete(
        &mut self,
        hand_id: &str,
        table_id: &str,
        pot: &str,
        showdown: bool,
        results: &[(&str, &str, &str, &str, bool)],
    ) {
        for (player, _, won, _, _) in
            results.iter().filter(|result| decimal(result.2) > Decimal::ZERO)
        {
            self.hand(hand_id, "PotAwarded", json!({"player": player, "amount": won}));
        }
        let results: Vec<_> = results
            .iter()
            .map(|(player, put_in, won, net, folded)| {
                json!({"player": player, "put_in": put_in, "won": won, "net": net, "folded": folded})
            })
            .collect();
        self.hand(
            hand_id,
            "HandComplete",
            json!({
                "table_id": table_id, "pot": pot, "showdown": showdown, "results": results,
            }),
        );
    }
}

const ANN: &str = "Ann \"Ace\" Lee";
const CEE: &str = "C/++";
const ZOE: &str = "Zoë Łuk";

/// Four hands of three players: one for cents, one heads-up and split, one for more money than a
/// float can tell apart, one that is still running.
fn made_up_hands() -> Log {
    let mut log = Log { lines: Vec::new() };
    for player in [ANN, CEE, ZOE] {
        log.event("player", player, "PlayerRegistered", json!({"player": player}));
    }
    log.started("α 1/1", "α 1", &[CEE, ZOE, ANN]);
    log.hand("α 1/1", "BlindPosted", json!({"player": CEE, "amount": "0.05"}));
    log.hand("α 1/1", "BlindPosted", json!({"player": ZOE, "amount": "0.10"}));
    log.acted(
        "α 1/1",
        &[
            (1, ANN, "preflop", "raise", "0.30"),
            (2, CEE, "preflop", "fold", "0"),
            (3, ZOE, "preflop", "call", "0.20"),
        ],
    );
    log.hand("α 1/1", "BoardDealt", json!({"street": "flop", "cards": "2h7dTc"}));
    log.acted(
        "α 1/1",
        &[
            (4, ZOE, "flop", "check", "0"),
            (5, ANN, "flop", "bet", "0.65"),
            (6, ZOE, "flop", "fold", "0"),
        ],
    );
    log.hand("α 1/1", "UncalledReturned", json!({"player": ANN, "amount": "0.65"}));
    log.complete(
        "α 1/1",
        "α 1",
        "0.65",
        false,
        &[
            (CEE, "0.05", "0", "-0.05", true),
            (ZOE, "0.30", "0", "-0.30", true),
            (ANN, "0.30", "0.65", "0.35", false),
        ],
    );

    log.started("α 1/2", "α 1", &[ZOE, ANN]);
    log.acted("α 1/2", &[(1, ANN, "preflop", "call", "0.05"), (2, ZOE, "preflop", "check", "0")]);
    log.hand("α 1/2", "CardsShown", json!({"player": ZOE, "cards": "AhKd"}));
    log.hand("α 1/2", "CardsShown", json!({"player": ANN, "cards": null}));
    log.complete(
        "α 1/2",
        "α 1",
        "0.20",
        true,
        &[(ZOE, "0.10", "0.10", "0.00", false), (ANN, "0.10", "0.10", "0.00", false)],
    );

    log.started("β", "β", &[CEE, ZOE]);
    log.complete(
        "β",
        "β",
        "20000000000000000000.02",
        true,
        &[
            (CEE, "10000000000000000000.01", "0", "-10000000000000000000.01", false),
            (
                ZOE,
                "10000000000000000000.01",
                "20000000000000000000.02",
                "10000000000000000000.01",
                false,
            ),
        ],
    );

    log.started("α 1/3", "α 1", &[ZOE, ANN]);
    log.acted("α 1/3", &[(1, ANN, "preflop", "fold", "0")]);
    log
}

fn write(room: &Room, log: &Log) -> PathBuf {
    let file = room.path().join("hands.ndjson");
    // A letter outside ASCII may be written as an escape, which cannot be borrowed.
    let text = log.lines.join("\n").replace('ë', "\\u00eb");
    fs::write(&file, text + "\n").unwrap();
    file
}

fn imported() -> Room {
    let room = Room::new();
    room.import(&write(&room, &made_up_hands()));
    room
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn odd_names_and_cents_come_out_exactly() {
    let room = imported();
    room.catch_up();
    assert_eq!(
        room.json(&["query", "totals", "--json"]),
        json!({
            "hands": 4, "players": 3, "player_actions": 9, "showdowns": 2, "split_pots": 1,
            "pot_sum": "20000000000000000000.87",
            "actions": {"fold": 3, "check": 2, "call": 2, "bet": 1, "raise": 1},
        })
    );
    assert_eq!(
        room.json(&["query", "leaderboard", "--json"]),
        json!([
            {"player": ZOE, "hands": 4, "net": "9999999999999999999.71",
             "won": "20000000000000000000.12", "pots_won": 2, "showdowns": 2},
            {"player": ANN, "hands": 3, "net": "0.35", "won": "0.75", "pots_won": 2, "showdowns": 1},
            {"player": CEE, "hands": 2, "net": "-10000000000000000000.06", "won": "0",
             "pots_won": 0, "showdowns": 1},
        ])
    );
    assert_eq!(
        room.json(&["query", "biggest-pots", "--limit", "2", "--json"]),
        json!([
            {"hand_id": "β", "pot": "20000000000000000000.02"},
            {"hand_id": "α 1/1", "pot": "0.65"},
        ])
    );
    assert_eq!(
        room.json(&["query", "player", ANN, "--json"]),
        json!({
            "player": ANN, "hands": 3, "net": "0.35", "won": "0.75", "pots_won": 2, "showdowns": 1,
            "recent_hands": [
                {"hand_id": "α 1/2", "table_id": "α 1", "net": "0"},
                {"hand_id": "α 1/1", "table_id": "α 1", "net": "0.35"},
            ],
        })
    );
}

#[test]
fn a_hand_is_told_street_by_street() {
    let room = imported();
    room.catch_up();
    let story = room.json(&["query", "hand", "α 1/1", "--json"]);
    assert_eq!(story["table_id"], "α 1");
    assert_eq!(story["complete"], true);
    assert_eq!(story["seats"][1]["player"], ZOE);
    assert_eq!(
        story["blinds"],
        json!([{"player": CEE, "amount": "0.05"}, {"player": ZOE, "amount": "0.1"}])
    );
    assert_eq!(story["streets"][0]["street"], "preflop");
    assert_eq!(story["streets"][0]["actions"].as_array().unwrap().len(), 3);
    assert_eq!(story["streets"][1]["street"], "flop");
    assert_eq!(story["streets"][1]["cards"], "2h7dTc");
    assert_eq!(
        story["streets"][1]["actions"][1],
        json!({"number": 5, "player": ANN, "action": "bet", "amount": "0.65", "all_in": false})
    );
    assert_eq!(story["pot"], "0.65");
    let told = room.done(&["query", "hand", "α 1/1"]);
    assert!(told.contains("flop  2h 7d Tc"), "{told}");

    let running = room.json(&["query", "hand", "α 1/3", "--json"]);
    assert_eq!(running["complete"], false);
    assert_eq!(running["pot"], Value::Null);
    assert_eq!(running["streets"][0]["actions"][0]["action"], "fold");
}

#[test]
fn a_query_projects_nothing_and_says_what_is_missing() {
    let room = imported();
    let output = room.poker(&["query", "totals", "--json"]);
    assert!(output.status.success());
    let totals: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(totals["hands"], 0);
    let warning = String::from_utf8(output.stderr).unwrap();
    for projector in ["hand-history", "leaderboard", "player-search"] {
        assert!(warning.contains(projector), "{warning}");
    }

    room.catch_up();
    let output = room.poker(&["query", "totals", "--json"]);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    for unknown in [["query", "hand", "α 1/9"], ["query", "player", "Nobody"]] {
        let output = room.poker(&unknown);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        assert!(String::from_utf8(output.stderr).unwrap().contains(unknown[2]));
    }
}

#[test]
fn a_query_of_nothing_is_refused() {
    let room = Room::new();
    let output = room.poker(&["query", "totals"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("there are no events in"));
    assert_eq!(fs::read_dir(room.path()).unwrap().count(), 0, "it leaves nothing behind");
}

#[test]
fn players_are_found_by_a_part_or_with_a_typing_error() {
    let room = imported();
    room.catch_up();
    for (typed, found) in [
        ("ann", ANN),
        ("Łuk", ZOE),
        ("zoe", ZOE),
        ("Zoë Łku", ZOE),
        ("c/+", CEE),
        ("Ann Ace\" Lee", ANN),
    ] {
        let players = room.json(&["query", "search", typed, "--json"]);
        assert_eq!(players[0], json!({"player": found}), "{typed}");
    }
    assert_eq!(room.json(&["query", "search", "nobody at all", "--json"]), json!([]));
}

/// What `events export` writes, without the time of storing, which differs from run to run.
fn exported(room: &Room) -> Vec<Value> {
    let text = room.done(&["events", "export"]);
    let event = |line: &str| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        event.as_object_mut().unwrap().remove("recorded_at");
        event
    };
    text.lines().map(event).collect()
}

#[test]
fn the_same_seed_deals_the_same_hands_and_never_twice() {
    let (first, second) = (Room::new(), Room::new());
    let shown = first.done(&["--seed", "7", "--hands", "120"]);
    for heading in ["Leaderboard", "Biggest pots", "preflop", "Tables", "Projectors"] {
        assert!(shown.contains(heading), "{heading} in {shown}");
    }
    second.done(&["--seed", "7", "--hands", "120"]);
    let events = exported(&first);
    assert_eq!(events, exported(&second));

    first.done(&[]);
    first.done(&["--seed", "7", "--hands", "120"]);
    assert_eq!(exported(&first), events, "running again adds nothing");

    first.done(&["--seed", "8", "--hands", "10"]);
    let grown = exported(&first);
    assert!(grown.len() > events.len());
    assert_eq!(grown[..events.len()], events);
    assert_eq!(first.json(&["query", "totals", "--json"])["hands"], 130);
}

#[test]
fn no_chip_appears_or_vanishes_in_dealt_hands() {
    let room = Room::new();
    room.done(&["--seed", "3", "--hands", "400"]);
    let mut paid = BTreeMap::<(String, String), Decimal>::new();
    let mut hands = 0;
    for event in exported(&room) {
        let data = &event["data"];
        let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
        let key = (text("hand_id"), text("player"));
        match event["type"].as_str().unwrap() {
            "BlindPosted" | "PlayerActed" => {
                *paid.entry(key).or_default() += decimal(&text("amount"))
            }
            "UncalledReturned" => *paid.entry(key).or_default() -= decimal(&text("amount")),
            "HandComplete" => {
                hands += 1;
                let results = data["results"].as_array().unwrap();
                let sum = |key: &str| -> Decimal {
                    results.iter().map(|result| decimal(result[key].as_str().unwrap())).sum()
                };
                assert_eq!(sum("put_in"), decimal(&text("pot")));
                assert_eq!(sum("won"), decimal(&text("pot")));
                assert_eq!(sum("net"), Decimal::ZERO);
                for result in results {
                    let player = result["player"].as_str().unwrap().to_owned();
                    let put_in = paid.get(&(text("hand_id"), player)).copied().unwrap_or_default();
                    assert_eq!(put_in, decimal(result["put_in"].as_str().unwrap()), "{data}");
                }
            }
            _ => {}
        }
    }
    assert_eq!(hands, 400);
}
