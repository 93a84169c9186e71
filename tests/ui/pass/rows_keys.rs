//! `#[keys(..)]` in every form, on every kind of storage.
#![deny(missing_docs, warnings, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

use projections::{
    Envelope, Event, RawEvent, ReadModel, Rows, handlers, projector,
    sqlite::{Sqlite, SqliteTx},
    testing::{MemoryStorage, MemoryTx},
};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandComplete<'a> {
    #[serde(borrow)]
    seats: Vec<std::borrow::Cow<'a, str>>,
    table: u64,
}

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted {
    player: String,
    r#type: u64,
}

#[derive(Default, ReadModel)]
#[read_model(table = "players")]
struct PlayerStats {
    #[key]
    player: String,
    hands: i64,
}

#[derive(Default, ReadModel)]
#[read_model(table = "tables")]
struct TableStats {
    #[key]
    table: u64,
    #[key]
    kind: String,
    hands: i64,
}

macro_rules! on {
    ($module:ident, $name:literal, $($storage:tt)*) => {
        mod $module {
            use super::*;

            /// Counts hands.
            #[projector($name, $($storage)*)]
            pub(super) struct Players {
                /// What tables are called.
                pub(super) kind: String,
            }

            #[handlers]
            impl Players {
                #[handles(HandComplete)]
                fn complete(
                    &self,
                    HandComplete { seats, table }: &HandComplete<'_>,
                    #[keys(seats.iter().map(|seat| &**seat))] players: &mut Rows<PlayerStats>,
                    #[projections::keys([&(*table, self.kind.clone())])] tables: &mut Rows<
                        TableStats,
                    >,
                ) {
                    for seat in seats {
                        players.entry(&**seat).hands += 1;
                    }
                    tables.entry(&(*table, self.kind.clone())).hands += 1;
                }

                #[handles(HandStarted)]
                fn started(
                    &self,
                    mut event: HandStarted,
                    at: &Envelope,
                    #[keys([event.player.as_str(), at.stream()])] players: &mut Rows<PlayerStats>,
                    tables: &mut Rows<TableStats>,
                ) {
                    event.player.push('!');
                    players.entry(&event.player).hands += 1;
                    players.entry(at.stream()).hands += 1;
                    tables.entry(&(event.r#type, String::new()));
                }

                #[fallback]
                fn other(
                    &self,
                    event: &RawEvent<'_>,
                    #[keys(Some(event.name()))] players: &mut Rows<PlayerStats>,
                ) {
                    players.entry(event.name()).hands += 1;
                }
            }
        }
    };
}

on!(in_process, "in-process", batch(events = 5));
on!(on_sqlite, "on-sqlite", storage = Sqlite);
on!(on_memory, "on-memory", storage = MemoryStorage, probe = true);

/// On a storage behind a network.
#[projector("all", storage = MemoryStorage, probe = false)]
struct All;

#[handlers]
impl All {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("players");
    }

    #[handles(HandComplete)]
    async fn complete(
        &self,
        event: HandComplete<'_>,
        db: &mut MemoryTx<'_>,
        #[keys(event.seats.iter().map(AsRef::as_ref))] players: &mut Rows<PlayerStats>,
    ) {
        db.set("players", "count", event.seats.len());
        players.entry("nobody").hands += 1;
    }

    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted, _db: &mut MemoryTx<'_>) {}
}

/// Where rows are loaded on demand, no handler needs it.
#[projector("mixed", storage = Sqlite)]
struct Mixed;

#[handlers]
impl Mixed {
    #[reset]
    fn clear(&self, _db: &mut SqliteTx<'_>) {}

    #[handles(HandStarted)]
    fn started(&self, event: &HandStarted, _db: &mut SqliteTx<'_>, players: &mut Rows<PlayerStats>) {
        players.entry(&event.player).hands += 1;
    }
}

fn main() {
    let all = (in_process::Players { kind: String::new() }, on_sqlite::Players { kind: String::new() });
    let memory = on_memory::Players { kind: String::new() };
    assert!(all.0.kind == memory.kind && all.1.kind == memory.kind);
}
