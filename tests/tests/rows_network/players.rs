//! Players in rows, by the same handlers on each storage, and programs of events.

use std::sync::{Arc, Mutex, atomic::AtomicU32};

use projections::{
    Envelope, Event, Expected, NewEvent, ReadModel, Rows, Runtime, handlers,
    memory::MemoryEventStore, projector, rows::OwnedValue, sqlite::Sqlite, testing::MemoryStorage,
};

#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
pub(crate) struct Complete {
    pub(crate) seats: Vec<(String, i64)>,
}

#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
pub(crate) struct Registered {
    pub(crate) player: String,
    pub(crate) email: Option<String>,
}

/// The player's row names another one, whose row gets the chips.
#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
pub(crate) struct Donated {
    pub(crate) player: String,
    pub(crate) chips: i64,
}

#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
pub(crate) struct Sponsored {
    pub(crate) player: String,
    pub(crate) sponsor: Option<String>,
}

#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
pub(crate) struct Left {
    pub(crate) player: String,
}

/// Everybody with this sponsor gets chips.
#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
pub(crate) struct Bonus {
    pub(crate) sponsor: String,
    pub(crate) chips: i64,
}

/// Asks for a look at these players.
#[derive(Clone, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "hand")]
pub(crate) struct Shown {
    pub(crate) players: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "players")]
pub(crate) struct Player {
    #[key]
    pub(crate) name: String,
    pub(crate) hands: i64,
    pub(crate) net: i64,
    #[unique]
    pub(crate) email: Option<String>,
    #[index]
    pub(crate) sponsor: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "seats")]
pub(crate) struct Seats {
    #[key]
    pub(crate) count: i64,
    pub(crate) hands: i64,
}

/// What a projector has shown last.
pub(crate) type View = Arc<Mutex<Vec<Player>>>;

/// The same handlers on each storage.
macro_rules! players_on {
    ($module:ident, $name:literal $(, $storage:ty)?) => {
        mod $module {
            use super::*;

            #[projector($name $(, storage = $storage)?, batch(events = 64), on_failure = "halt", retry(none))]
            pub(super) struct Players {
                #[resource]
                view: View,
            }

            #[handlers]
            impl Players {
                #[handles(Complete)]
                fn complete(
                    &self,
                    event: &Complete,
                    players: &mut Rows<Player>,
                    seats: &mut Rows<Seats>,
                ) {
                    seats.entry(&(event.seats.len() as i64)).hands += 1;
                    for (player, net) in &event.seats {
                        let row = players.entry(player);
                        row.hands += 1;
                        row.net += net;
                    }
                }

                #[handles(Registered)]
                fn registered(&self, event: Registered, players: &mut Rows<Player>) {
                    players.entry(&event.player).email = event.email;
                }

                #[handles(Sponsored)]
                fn sponsored(
                    &self,
                    event: &Sponsored,
                    at: &Envelope,
                    #[keys([&event.player])] players: &mut Rows<Player>,
                ) {
                    assert!(at.position().get() > 0);
                    players.entry(&event.player).sponsor.clone_from(&event.sponsor);
                }

                #[handles(Donated)]
                fn donated(&self, event: &Donated, players: &mut Rows<Player>) {
                    let Some(row) = players.get_mut(&event.player) else { return };
                    row.net -= event.chips;
                    let Some(sponsor) = row.sponsor.clone() else { return };
                    players.entry(&sponsor).net += event.chips;
                }

                #[handles(Left)]
                fn left(&self, event: &Left, players: &mut Rows<Player>) {
                    players.remove(&event.player);
                }

                #[handles(Bonus)]
                fn bonus(&self, event: &Bonus, players: &mut Rows<Player>) {
                    let sponsor = Some(event.sponsor.clone());
                    let rows = players.by(Player::SPONSOR, &sponsor);
                    let names: Vec<_> = rows.iter().map(|row| row.name.clone()).collect();
                    for name in names {
                        players.entry(&name).net += event.chips;
                    }
                }

                #[handles(Shown)]
                fn shown(&self, event: &Shown, players: &mut Rows<Player>) {
                    let rows = event.players.iter().map(|name| players.get(name).cloned());
                    let rows = rows.collect::<Vec<_>>().into_iter().flatten().collect();
                    *self.view.lock().unwrap() = rows;
                }
            }
        }
    };
}

players_on!(in_process, "rows-in-process");
players_on!(on_sqlite, "rows-on-sqlite", Sqlite);
players_on!(on_memory, "rows-on-memory", MemoryStorage);

/// An error and its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let source = error.source().map(|source| format!(": {}", chain(source)));
    format!("{error}{}", source.unwrap_or_default())
}

pub(crate) const NAMES: [&str; 6] = ["ada", "bob", "cyd", "dan", "eve", "fay"];

/// Some events of all kinds, the same for the same seed, and a look at everybody.
pub(crate) fn program(seed: u64, len: usize) -> Vec<NewEvent> {
    use rand::{Rng, SeedableRng};
    println!("seed {seed}");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let name = move |random: &mut rand::rngs::StdRng| {
        NAMES[random.random_range(0..NAMES.len())].to_owned()
    };
    let mut events = Vec::new();
    for turn in 0..len {
        let chips = random.random_range(-9..10);
        let player = name(&mut random);
        events.push(match random.random_range(0..12) {
            0 => NewEvent::of(&Left { player }),
            // Unique for ever, so that it never clashes; some are taken back.
            1 => NewEvent::of(&Registered { player, email: Some(format!("{turn}@example.org")) }),
            2 => NewEvent::of(&Registered { player, email: None }),
            3 | 4 => NewEvent::of(&Sponsored { player, sponsor: Some(name(&mut random)) }),
            5 | 6 => NewEvent::of(&Donated { player, chips }),
            7 => NewEvent::of(&Bonus { sponsor: player, chips }),
            _ => {
                let other = name(&mut random);
                NewEvent::of(&Complete { seats: vec![(player, chips), (other, -chips)] })
            }
        });
    }
    let players = NAMES.iter().map(|name| (*name).to_owned()).collect();
    events.push(NewEvent::of(&Shown { players }));
    events.into_iter().map(Result::unwrap).collect()
}

/// What a run over some events shows.
pub(crate) async fn shown(
    projector: &'static str,
    events: &[NewEvent],
    batch: u32,
    storage: &MemoryStorage,
) -> Vec<Player> {
    let folder = tempfile::tempdir().unwrap();
    let view = View::default();
    let runtime = Runtime::builder(MemoryEventStore::new())
        .storage(Sqlite::open(folder.path().join("read.db")).unwrap())
        .storage(storage.clone())
        .resource(Arc::clone(&view))
        .only([projector])
        .batch_events(batch)
        .build()
        .await
        .unwrap();
    runtime.append("all", Expected::Any, events.to_vec()).await.unwrap();
    runtime.catch_up().await.unwrap();
    view.lock().unwrap().clone()
}

/// The committed rows of the players.
pub(crate) fn stored(storage: &MemoryStorage) -> Vec<Player> {
    let text = |value: &OwnedValue| match value {
        OwnedValue::Text(text) => Some(text.clone()),
        OwnedValue::Null => None,
        other => panic!("{other:?} is no text"),
    };
    let number = |value: &OwnedValue| match value {
        OwnedValue::Integer(number) => *number,
        other => panic!("{other:?} is no number"),
    };
    let player = |row: Vec<OwnedValue>| Player {
        name: text(&row[0]).unwrap(),
        hands: number(&row[1]),
        net: number(&row[2]),
        email: text(&row[3]),
        sponsor: text(&row[4]),
    };
    storage.stored_rows("players").into_iter().map(player).collect()
}

/// How often handlers were called, probes included.
pub(crate) type Calls = Arc<AtomicU32>;

/// A runtime over the projector on the storage in memory.
pub(crate) async fn runtime(
    projector: &'static str,
    storage: &MemoryStorage,
    batch: u32,
) -> Runtime<MemoryEventStore> {
    let runtime = Runtime::builder(MemoryEventStore::new()).storage(storage.clone());
    let runtime = runtime.resource(View::default()).resource(Calls::default());
    runtime.only([projector]).batch_events(batch).build().await.unwrap()
}

pub(crate) fn complete(player: &str, net: i64) -> Complete {
    Complete { seats: vec![(player.to_owned(), net)] }
}
