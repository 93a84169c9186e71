//! The poker example on the real hands, against answers that another program worked out.
//!
//! `PROJECTIONS_HANDS_DIR` names the folder with `pluribus-events.ndjson.gz` and
//! `pluribus-truth.json`; without it these tests are ignored.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod poker_support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::OnceLock,
    thread,
    time::Duration,
};

use poker_support::Room;
use rust_decimal::Decimal;
use serde_json::Value;

fn hands_folder() -> PathBuf {
    let folder = std::env::var_os("PROJECTIONS_HANDS_DIR");
    folder.expect("PROJECTIONS_HANDS_DIR names the folder with the real hands").into()
}

/// A room with all events and no read models. The import happens once; each room is a copy.
fn room_with_real_hands() -> Room {
    static IMPORTED: OnceLock<Room> = OnceLock::new();
    let imported = IMPORTED.get_or_init(|| {
        let room = Room::new();
        room.import(&hands_folder().join("pluribus-events.ndjson.gz"));
        room
    });
    let room = Room::new();
    // By SQLite, which takes along what is in the write-ahead log alone.
    let copy = room.path().join("events.db");
    let db = rusqlite::Connection::open(imported.path().join("events.db")).unwrap();
    db.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    room
}

fn truth() -> Value {
    let text = fs::read_to_string(hands_folder().join("pluribus-truth.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn compare(room: &Room, truth: &Value) {
    compare_totals(&room.json(&["query", "totals", "--json"]), truth);
    compare_players(room, truth);
    compare_biggest_pots(room, &truth["biggest_pots"]);
}

fn compare_totals(totals: &Value, truth: &Value) {
    for key in ["hands", "players", "player_actions", "showdowns", "split_pots", "pot_sum"] {
        assert_eq!(totals[key], truth["totals"][key], "{key}");
    }
    for action in ["fold", "check", "call", "bet", "raise"] {
        assert_eq!(totals["actions"][action], truth["actions"][action], "{action}");
    }
}

fn compare_players(room: &Room, truth: &Value) {
    let leaderboard = room.json(&["query", "leaderboard", "--limit", "100000", "--json"]);
    let rows = leaderboard.as_array().unwrap();
    let players = truth["players"].as_object().unwrap();
    assert_eq!(rows.len(), players.len());
    for row in rows {
        let player = row["player"].as_str().unwrap();
        let expected = players.get(player).unwrap_or_else(|| panic!("{player} never played"));
        for key in ["hands", "net", "won", "pots_won", "showdowns"] {
            assert_eq!(row[key], expected[key], "{key} of {player}");
        }
    }
    let net = |row: &Value| row["net"].as_str().unwrap().parse::<Decimal>().unwrap();
    let order = |row: &Value| (-net(row), row["player"].as_str().unwrap().to_owned());
    assert!(rows.is_sorted_by_key(order), "by net, then by name");
}

/// The answers are cut off among equal pots, so of the smallest ones any may be listed there.
fn compare_biggest_pots(room: &Room, expected: &Value) {
    let expected = expected.as_array().unwrap();
    let by_pot = |pots: Vec<(Decimal, String)>| {
        let mut groups = BTreeMap::<Decimal, BTreeSet<String>>::new();
        for (pot, hand) in pots {
            groups.entry(pot).or_default().insert(hand);
        }
        groups
    };
    let pot = |row: &Value| row["pot"].as_str().unwrap().parse::<Decimal>().unwrap();
    let expected: Vec<_> = expected
        .iter()
        .map(|row| (pot(row), row["file"].as_str().unwrap().trim_end_matches(".phh").to_owned()))
        .collect();
    let listed = |limit: usize| -> Vec<(Decimal, String)> {
        let pots = room.json(&["query", "biggest-pots", "--limit", &limit.to_string(), "--json"]);
        let row = |row: &Value| (pot(row), row["hand_id"].as_str().unwrap().to_owned());
        pots.as_array().unwrap().iter().map(row).collect()
    };
    let found = listed(expected.len());
    assert!(found.is_sorted_by_key(|(pot, hand)| (-*pot, hand.clone())), "by pot, then by id");
    let amounts = |pots: &[(Decimal, String)]| pots.iter().map(|(pot, _)| *pot).collect::<Vec<_>>();
    assert_eq!(amounts(&found), amounts(&expected));
    let (mut found, mut expected) = (by_pot(found), by_pot(expected));
    let (cut, among) = expected.pop_first().unwrap();
    found.remove(&cut);
    assert_eq!(found, expected);
    let all = by_pot(listed(1_000));
    assert!(among.is_subset(&all[&cut]), "{among:?} have pots of {cut}");
}

#[test]
#[cfg_attr(not(real_hands), ignore = "PROJECTIONS_HANDS_DIR is not set")]
fn real_hands_give_the_answers_also_after_each_rebuild() {
    let (room, truth) = (room_with_real_hands(), truth());
    room.catch_up();
    compare(&room, &truth);
    for projector in ["hand-history", "leaderboard", "player-search"] {
        room.done(&["projection", "rebuild", "--projector", projector]);
        compare(&room, &truth);
    }
    let output = room.poker(&["projection", "rebuild", "--projector", "table-state"]);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(said.contains("at each start"), "{said}");
    compare(&room, &truth);
    for player in truth["players"].as_object().unwrap().keys() {
        for typed in typed_wrongly(player) {
            let found = room.json(&["query", "search", &typed, "--json"]);
            assert_eq!(found[0]["player"], **player, "{typed}");
        }
    }
}

#[test]
#[cfg_attr(not(real_hands), ignore = "PROJECTIONS_HANDS_DIR is not set")]
fn real_hands_give_the_answers_after_kill_9_in_the_middle() {
    let mut random = Random::seeded();
    let (room, truth) = (room_with_real_hands(), truth());
    let mut killed = 0;
    // A run that is through before it is killed does not count.
    for round in 0..40 {
        let at = kill_in_the_middle(&room, &mut random);
        let behind = furthest_behind(&room);
        eprintln!("round {round}: killed at {at}, then {behind} positions behind");
        killed += u32::from(behind > 0);
        room.catch_up();
        compare(&room, &truth);
        if killed == 10 {
            return;
        }
        for entry in fs::read_dir(room.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("read.db") {
                fs::remove_file(path).unwrap();
            }
        }
    }
    panic!("only {killed} of 40 runs were killed before they were through");
}

/// The name, and if it is long enough the name with a letter left out, and with two swapped.
fn typed_wrongly(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut typed = vec![name.to_owned()];
    if letters.len() >= 5 {
        let (mut shorter, mut swapped) = (letters.clone(), letters);
        shorter.remove(2);
        swapped.swap(3, 4);
        typed.extend([shorter, swapped].map(String::from_iter));
    }
    typed
}

/// Starts projecting, and kills it once a projector has come to a random position.
fn kill_in_the_middle(room: &Room, random: &mut Random) -> u64 {
    let head = room.json(&["events", "head", "--json"])["position"].as_u64().unwrap();
    let target = random.below(head * 9 / 10);
    let watched = if random.below(2) == 0 { "hand-history" } else { "leaderboard" };
    let mut running = room.start();
    let position = loop {
        let position = position_of(room, watched);
        if position >= target || running.try_wait().unwrap().is_some() {
            break position;
        }
        thread::sleep(Duration::from_millis(1)); // between two looks
    };
    running.kill().unwrap();
    running.wait().unwrap();
    position
}

fn projectors(room: &Room) -> Vec<Value> {
    let status = room.json(&["projection", "status", "--json"]);
    status["projectors"].as_array().unwrap().clone()
}

fn position_of(room: &Room, projector: &str) -> u64 {
    let projectors = projectors(room);
    let found = projectors.iter().find(|one| one["projector"] == projector).unwrap();
    found["position"].as_u64().unwrap()
}

/// Among the projectors whose read models are stored.
fn furthest_behind(room: &Room) -> u64 {
    let stored = projectors(room).into_iter().filter(|one| one["projector"] != "table-state");
    stored.map(|one| one["behind"].as_u64().unwrap()).max().unwrap()
}

/// Random numbers, the same again for the same `PROJECTIONS_SEED`.
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let given = std::env::var("PROJECTIONS_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from(std::process::id()));
        eprintln!("PROJECTIONS_SEED={seed}");
        Self(seed)
    }

    /// SplitMix64.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % limit
    }
}
