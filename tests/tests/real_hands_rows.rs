//! The real hands through declared rows, in process and on SQLite, against answers that another
//! program worked out.
//!
//! `PROJECTIONS_HANDS_DIR` names the folder with `pluribus-events.ndjson.gz` and
//! `pluribus-truth.json`; without it this test is ignored.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)] // the handlers need some of them
#[path = "../../examples/src/bin/poker/events.rs"]
mod events;
#[allow(dead_code)]
#[path = "../../examples/src/bin/poker/money.rs"]
mod money;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use flate2::read::GzDecoder;
use projections::{
    Chosen, Expected, LetterQuery, NewEvent, ReadModel, Runtime, memory::MemoryEventStore,
    read::Reader, sqlite::Sqlite,
};
use serde_json::{Value, json};

use crate::money::Amount;

#[derive(Clone, Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "players")]
struct Player {
    #[key]
    player: String,
    hands: u64,
    settled: u64,
    #[index]
    net: Amount,
    won: Amount,
    put_in: Amount,
    biggest_win: Amount,
    pots_won: u64,
    showdowns: u64,
    folded: u64,
    all_in: u64,
    vpip: u64,
    pfr: u64,
    aggressive: u64,
}

/// What a player has done in a hand, each of which counts once for it.
#[derive(Clone, Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "players_in_hands")]
struct InHand {
    #[key]
    hand_id: String,
    #[key]
    player: String,
    #[index]
    all_in: bool,
    voluntary: bool,
    raised_first: bool,
}

#[derive(Clone, Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "hands")]
struct Hand {
    #[key]
    hand_id: String,
    table_id: String,
    /// The last street that was dealt.
    #[index]
    street: String,
    complete: bool,
    #[index]
    pot: Amount,
    #[index]
    showdown: bool,
    winners: u32,
    has_all_in: bool,
}

#[derive(Clone, Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "tables")]
struct Table {
    #[key]
    table_id: String,
    hands: u64,
    actions: u64,
}

#[derive(Clone, Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "actions")]
struct ActionCount {
    #[key]
    action: String,
    count: u64,
}

/// What makes a handler fail at whoever goes all in.
#[derive(Clone, Default)]
struct Poison(Arc<AtomicBool>);

impl Poison {
    fn works(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// Defines the same projector on a storage: its handlers are written once.
macro_rules! answers {
    ($module:ident, $name:literal $(, storage = $storage:ty)?) => {
        mod $module {
            use projections::{Permanent, Rows, handlers, projector};

            use crate::{
                ActionCount, Hand, InHand, Player, Poison, Table,
                events::{
                    Action, BoardDealt, HandComplete, HandStarted, PlayerActed, PlayerRegistered,
                    Street,
                },
                money::AmountError,
            };

            #[projector($name $(, storage = $storage)?)]
            pub(crate) struct Answers {
                #[resource]
                poison: Poison,
            }

            #[handlers]
            impl Answers {
                #[handles(PlayerRegistered, input_domain = "player")]
                fn registered(&self, event: &PlayerRegistered, players: &mut Rows<Player>) {
                    players.entry(&event.player);
                }

                #[handles(HandStarted, input_domain = "hand")]
                fn started(
                    &self,
                    event: &HandStarted,
                    players: &mut Rows<Player>,
                    hands: &mut Rows<Hand>,
                    tables: &mut Rows<Table>,
                ) {
                    for seat in &event.seats {
                        players.entry(&seat.player).hands += 1;
                    }
                    tables.entry(&event.table_id).hands += 1;
                    hands.insert(Hand {
                        hand_id: event.hand_id.clone(),
                        table_id: event.table_id.clone(),
                        street: Street::Preflop.to_string(),
                        ..Hand::default()
                    });
                }

                #[handles(BoardDealt, input_domain = "hand")]
                fn dealt(&self, event: &BoardDealt, hands: &mut Rows<Hand>) {
                    hands.entry(&event.hand_id).street = event.street.to_string();
                }

                #[handles(PlayerActed, input_domain = "hand")]
                fn acted(
                    &self,
                    event: &PlayerActed<'_>,
                    players: &mut Rows<Player>,
                    in_hands: &mut Rows<InHand>,
                    hands: &mut Rows<Hand>,
                    tables: &mut Rows<Table>,
                    actions: &mut Rows<ActionCount>,
                ) -> Result<(), Permanent> {
                    let first = event.street == Street::Preflop;
                    let raises = event.action == Action::Raise;
                    let in_hand = in_hands.entry(&(event.hand_id.clone().into(), event.player.clone().into()));
                    let player = players.entry(&*event.player);
                    count_once(&mut in_hand.all_in, event.all_in, &mut player.all_in);
                    let voluntary = first && (raises || event.action == Action::Call);
                    count_once(&mut in_hand.voluntary, voluntary, &mut player.vpip);
                    count_once(&mut in_hand.raised_first, first && raises, &mut player.pfr);
                    player.aggressive += u64::from(raises || event.action == Action::Bet);
                    hands.entry(&*event.hand_id).has_all_in |= event.all_in;
                    tables.entry(&*event.table_id).actions += 1;
                    actions.entry(event.action.as_str()).count += 1;
                    // After the half of it.
                    match event.all_in && self.poison.works() {
                        true => Err(Permanent::new("nobody goes all in here")),
                        false => Ok(()),
                    }
                }

                #[handles(HandComplete, input_domain = "hand")]
                fn complete(
                    &self,
                    event: &HandComplete,
                    players: &mut Rows<Player>,
                    hands: &mut Rows<Hand>,
                ) -> Result<(), AmountError> {
                    let winners = event.results.iter().filter(|result| result.won.is_positive());
                    let hand = hands.entry(&event.hand_id);
                    hand.complete = true;
                    hand.pot = event.pot;
                    hand.showdown = event.showdown;
                    hand.winners = winners.count() as u32;
                    for result in &event.results {
                        let player = players.entry(&result.player);
                        player.settled += 1;
                        player.net = player.net.plus(result.net)?;
                        player.won = player.won.plus(result.won)?;
                        player.put_in = player.put_in.plus(result.put_in)?;
                        player.biggest_win = player.biggest_win.max(result.won);
                        player.pots_won += u64::from(result.won.is_positive());
                        player.showdowns += u64::from(event.showdown && !result.folded);
                        player.folded += u64::from(result.folded);
                    }
                    Ok(())
                }
            }

            /// Counts what a player does in a hand at the first time only.
            fn count_once(known: &mut bool, now: bool, count: &mut u64) {
                *count += u64::from(now && !*known);
                *known |= now;
            }
        }
    };
}

answers!(in_process, "in-process");
answers!(on_sqlite, "on-sqlite", storage = projections::sqlite::Sqlite);

fn hands_folder() -> PathBuf {
    let folder = std::env::var_os("PROJECTIONS_HANDS_DIR");
    folder.expect("PROJECTIONS_HANDS_DIR names the folder with the real hands").into()
}

fn truth() -> Value {
    let text = fs::read_to_string(hands_folder().join("pluribus-truth.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Appends all events, in the order of the file.
async fn append_hands(runtime: &Runtime<MemoryEventStore>) {
    let file = File::open(hands_folder().join("pluribus-events.ndjson.gz")).unwrap();
    let mut lines = BufReader::new(GzDecoder::new(file)).lines().map(|line| event(&line.unwrap()));
    let mut next = lines.next();
    while let Some((stream, event)) = next.take() {
        // Events of one stream that follow each other are appended at once.
        let mut together = vec![event];
        next = lines.next();
        while let Some((_, event)) = next.take_if(|(of, _)| *of == stream) {
            together.push(event);
            next = lines.next();
        }
        runtime.append(&stream, Expected::Any, together).await.unwrap();
    }
}

fn event(line: &str) -> (String, NewEvent) {
    let line: Value = serde_json::from_str(line).unwrap();
    let text = |field: &str| line[field].as_str().unwrap().to_owned();
    let event = NewEvent::json(text("type"), line["data"].to_string());
    (text("stream"), event.in_domain(text("domain")).at(text("time").parse().unwrap()))
}

/// What the rows of one projector answer.
struct Answers {
    players: Reader<Player>,
    in_hands: Reader<InHand>,
    hands: Reader<Hand>,
    tables: Reader<Table>,
    actions: Reader<ActionCount>,
}

impl Answers {
    fn of(runtime: &Runtime<MemoryEventStore>, projector: &str) -> Self {
        Self {
            players: runtime.rows_of(projector).unwrap(),
            in_hands: runtime.rows_of(projector).unwrap(),
            hands: runtime.rows_of(projector).unwrap(),
            tables: runtime.rows_of(projector).unwrap(),
            actions: runtime.rows_of(projector).unwrap(),
        }
    }

    async fn compare(&self, truth: &Value) {
        self.compare_players(truth).await;
        self.compare_pots(truth).await;
        self.compare_counts(truth).await;
        self.compare_totals(&truth["totals"]).await;
    }

    async fn compare_players(&self, truth: &Value) {
        let expected = truth["players"].as_object().unwrap();
        let players = self.players.all().order_by(Player::NET).descending().await.unwrap();
        assert_eq!(players.len(), expected.len());
        assert!(players.is_sorted_by_key(|player| std::cmp::Reverse(player.net)));
        for player in players {
            let answer = json!({
                "hands": player.hands,
                "settled": player.settled,
                "net": player.net,
                "won": player.won,
                "put_in": player.put_in,
                "biggest_win": player.biggest_win,
                "pots_won": player.pots_won,
                "showdowns": player.showdowns,
                "folded": player.folded,
                "all_in": player.all_in,
                "vpip": player.vpip,
                "pfr": player.pfr,
                "aggressive": player.aggressive,
            });
            assert_eq!(answer, expected[&player.player], "{}", player.player);
        }
    }

    /// The answers are cut off among equal pots, so of the smallest ones any may be listed there.
    async fn compare_pots(&self, truth: &Value) {
        let expected = truth["biggest_pots"].as_array().unwrap();
        let most = self.hands.all().order_by(Hand::POT).descending().limit(expected.len() as u64);
        for (hand, expected) in most.await.unwrap().iter().zip(expected) {
            assert_eq!(json!(hand.pot), expected["pot"]);
            let id = expected["file"].as_str().unwrap().trim_end_matches(".phh");
            let listed = self.hands.get(id).await.unwrap().unwrap();
            assert_eq!(listed.pot, hand.pot, "{id}");
        }
    }

    async fn compare_counts(&self, truth: &Value) {
        for action in ["fold", "check", "call", "bet", "raise"] {
            let row = self.actions.get(action).await.unwrap().unwrap();
            assert_eq!(row.count, truth["actions"][action], "{action}");
        }
        for (street, hands) in truth["street_reached"].as_object().unwrap() {
            assert_eq!(self.hands.by(Hand::STREET, street).count().await.unwrap(), *hands);
        }
        let tables = self.tables.all().await.unwrap();
        let tables: serde_json::Map<_, _> = tables
            .into_iter()
            .map(|row| (row.table_id, json!({"hands": row.hands, "actions": row.actions})))
            .collect();
        assert_eq!(Value::Object(tables), truth["sessions"]);
    }

    async fn compare_totals(&self, totals: &Value) {
        let hands = self.hands.all();
        assert_eq!(hands.count().await.unwrap(), totals["hands"]);
        assert_eq!(self.players.count().await.unwrap(), totals["players"]);
        assert_eq!(self.tables.count().await.unwrap(), totals["sessions_or_tables"]);
        let all_in = self.in_hands.by(InHand::ALL_IN, &true).count().await.unwrap();
        assert_eq!(all_in, totals["all_in_players"]);
        let showdowns = self.hands.by(Hand::SHOWDOWN, &true).count().await.unwrap();
        assert_eq!(showdowns, totals["showdowns"]);
        let split = self.hands.all().range(Hand::WINNERS, 2..).count().await.unwrap();
        assert_eq!(split, totals["split_pots"]);
        let with_all_in = self.hands.all().range(Hand::HAS_ALL_IN, true..).count().await.unwrap();
        assert_eq!(with_all_in, totals["hands_with_all_in"]);
        let unsettled = self.hands.all().range(Hand::COMPLETE, ..true).count().await.unwrap();
        assert_eq!(unsettled, totals["unsettled_hands"]);

        let actions: u64 = self.tables.all().await.unwrap().iter().map(|table| table.actions).sum();
        assert_eq!(actions, totals["player_actions"]);
        let mut pots = Amount::ZERO;
        let mut pages = self.hands.pages(1_000);
        while let Some(hands) = pages.next().await.unwrap() {
            pots = hands.iter().try_fold(pots, |sum, hand| sum.plus(hand.pot)).unwrap();
        }
        assert_eq!(json!(pots), totals["pot_sum"]);
    }

    /// Every row of every table.
    async fn all(&self) -> (Vec<Player>, Vec<InHand>, Vec<Hand>, Vec<Table>, Vec<ActionCount>) {
        (
            self.players.all().await.unwrap(),
            self.in_hands.all().await.unwrap(),
            self.hands.all().await.unwrap(),
            self.tables.all().await.unwrap(),
            self.actions.all().await.unwrap(),
        )
    }
}

#[tokio::test]
#[cfg_attr(not(real_hands), ignore = "PROJECTIONS_HANDS_DIR is not set")]
async fn real_hands_give_the_answers_through_rows_on_each_storage() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::builder(MemoryEventStore::new())
        .storage(Sqlite::open(folder.path().join("read.db")).unwrap())
        .resource(Poison::default())
        .build()
        .await
        .unwrap();
    append_hands(&runtime).await;
    runtime.catch_up().await.unwrap();

    let truth = truth();
    let [in_process, on_sqlite] =
        ["in-process", "on-sqlite"].map(|projector| Answers::of(&runtime, projector));
    in_process.compare(&truth).await;
    on_sqlite.compare(&truth).await;
    assert_eq!(in_process.all().await, on_sqlite.all().await);

    runtime.rebuild("on-sqlite").await.unwrap();
    on_sqlite.compare(&truth).await;
}

/// Exactly the hands that it hits are parked, with all that comes after in them; all others are as
/// they are without it. Repaired and redriven, the answers are the right ones.
#[tokio::test]
#[cfg_attr(not(real_hands), ignore = "PROJECTIONS_HANDS_DIR is not set")]
async fn a_poisoned_handler_parks_exactly_the_hands_it_hits() {
    let folder = tempfile::tempdir().unwrap();
    let poison = Poison::default();
    let runtime = Runtime::builder(MemoryEventStore::new())
        .storage(Sqlite::open(folder.path().join("read.db")).unwrap())
        .resource(poison.clone())
        .build()
        .await
        .unwrap();
    append_hands(&runtime).await;
    poison.0.store(true, Relaxed);
    runtime.catch_up().await.unwrap();
    poison.0.store(false, Relaxed);

    let truth = truth();
    for projector in ["in-process", "on-sqlite"] {
        let letters = runtime.dead_letters(projector).unwrap();
        let all = letters.list(&LetterQuery::first(usize::MAX)).await.unwrap();
        let keys: BTreeSet<_> = all.iter().map(|letter| letter.park_key.clone()).collect();
        assert_eq!(keys.len() as u64, truth["totals"]["hands_with_all_in"], "{projector}");
        let answers = Answers::of(&runtime, projector);
        for hand in answers.hands.all().await.unwrap() {
            let is_parked = keys.contains(&format!("hand-{}", hand.hand_id));
            assert!(!hand.has_all_in, "{projector}: {}", hand.hand_id);
            assert_ne!(hand.complete, is_parked, "{projector}: {}", hand.hand_id);
        }
        // What is not applied is parked, event by event.
        let applied = answers.tables.all().await.unwrap();
        let applied: u64 = applied.iter().map(|table| table.actions).sum();
        let waiting = all.iter().filter(|letter| letter.name == "PlayerActed").count() as u64;
        assert_eq!(applied + waiting, truth["totals"]["player_actions"], "{projector}");

        let handled = letters.redrive(Chosen::All).await.unwrap();
        assert_eq!((handled.failed.len(), handled.left), (0, 0), "{projector}");
    }
    runtime.catch_up().await.unwrap();
    for projector in ["in-process", "on-sqlite"] {
        Answers::of(&runtime, projector).compare(&truth).await;
    }
}
