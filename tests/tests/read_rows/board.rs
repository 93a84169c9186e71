//! Two tables, and the projectors that keep them: in process, and on SQLite.

use jiff::Timestamp;
use projections::{
    Domain, Event, Expected, ReadModel, Rows, Runtime, handlers, memory::MemoryEventStore,
    projector, read::Reader, sqlite::Sqlite,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A player: the event that says how it is now, and the row.
#[derive(Clone, Debug, Default, Deserialize, Event, PartialEq, ReadModel, Serialize)]
#[event(domain = "board")]
#[read_model(table = "players")]
pub(crate) struct Player {
    #[key]
    pub(crate) name: String,
    #[index]
    pub(crate) team: Option<String>,
    #[index]
    pub(crate) wins: i64,
    pub(crate) net: Decimal,
    pub(crate) best: Option<Decimal>,
    pub(crate) luck: f64,
    #[index]
    pub(crate) rank: Option<i64>,
    pub(crate) seen: Timestamp,
    pub(crate) guest: bool,
    #[column(json)]
    pub(crate) badges: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Event, PartialEq, ReadModel, Serialize)]
#[event(domain = "board")]
#[read_model(table = "seats", index(player, room))]
pub(crate) struct Seat {
    #[key]
    pub(crate) room: String,
    #[key]
    pub(crate) stake: Decimal,
    #[key]
    pub(crate) number: i64,
    pub(crate) player: Option<String>,
}

#[derive(Deserialize, Event, Serialize)]
#[event(domain = "board")]
pub(crate) struct PlayerLeft {
    name: String,
}

impl<N: Into<String>> From<N> for PlayerLeft {
    fn from(name: N) -> Self {
        Self { name: name.into() }
    }
}

#[derive(Deserialize, Event, Serialize)]
#[event(domain = "board")]
pub(crate) struct SeatGone {
    pub(crate) room: String,
    pub(crate) stake: Decimal,
    pub(crate) number: i64,
}

/// A change of the tables.
#[derive(Domain)]
#[domain("board")]
pub(crate) enum Change {
    Player(Player),
    PlayerLeft(PlayerLeft),
    Seat(Seat),
    SeatGone(SeatGone),
}

/// The same handlers on two storages.
macro_rules! keep_board {
    ($projector:ident) => {
        #[handlers]
        impl $projector {
            #[handles(Player)]
            fn player(&self, event: &Player, players: &mut Rows<Player>) {
                players.insert(event.clone());
            }

            #[handles(PlayerLeft)]
            fn left(&self, event: &PlayerLeft, players: &mut Rows<Player>) {
                players.remove(&event.name);
            }

            #[handles(Seat)]
            fn seat(&self, event: &Seat, seats: &mut Rows<Seat>) {
                seats.insert(event.clone());
            }

            #[handles(SeatGone)]
            fn gone(&self, event: &SeatGone, seats: &mut Rows<Seat>) {
                seats.remove(&(event.room.clone(), event.stake, event.number));
            }
        }
    };
}

#[projector("board", register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct InProcess;

keep_board!(InProcess);

#[projector("board", storage = Sqlite, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct OnSqlite;

keep_board!(OnSqlite);

/// Where the tables are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    InProcess,
    Sqlite,
}

/// A runtime with the tables.
pub(crate) struct Board {
    pub(crate) runtime: Runtime<MemoryEventStore>,
    pub(crate) sqlite: Option<Sqlite>,
    _folder: tempfile::TempDir,
}

impl Board {
    pub(crate) async fn new(place: Place) -> Self {
        Self::in_namespace(place, "").await
    }

    pub(crate) async fn in_namespace(place: Place, namespace: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let builder =
            Runtime::builder(MemoryEventStore::new()).without_linked().namespace(namespace);
        let (builder, sqlite) = match place {
            Place::InProcess => (builder.projector(InProcess), None),
            Place::Sqlite => {
                let sqlite = Sqlite::open(folder.path().join("read.db")).unwrap();
                (builder.projector(OnSqlite).storage(sqlite.clone()), Some(sqlite))
            }
        };
        Self { runtime: builder.build().await.unwrap(), sqlite, _folder: folder }
    }

    /// A board with these players.
    pub(crate) async fn with(place: Place, players: &[Player]) -> Self {
        let board = Self::new(place).await;
        board.apply(players.iter().cloned().map(Change::Player)).await;
        board
    }

    /// Appends changes, and has them applied.
    pub(crate) async fn apply(&self, changes: impl IntoIterator<Item = Change>) {
        let changes: Vec<Change> = changes.into_iter().collect();
        if !changes.is_empty() {
            self.runtime.append("board-1", Expected::Any, changes).await.unwrap();
        }
        self.runtime.catch_up().await.unwrap();
    }

    pub(crate) fn players(&self) -> Reader<Player> {
        self.runtime.rows().unwrap()
    }

    pub(crate) fn seats(&self) -> Reader<Seat> {
        self.runtime.rows().unwrap()
    }
}

/// A player with a name, and else as by default.
pub(crate) fn player(name: &str) -> Player {
    Player { name: name.to_owned(), ..Player::default() }
}

/// The names of players, in their order.
pub(crate) fn names(players: &[Player]) -> Vec<&str> {
    players.iter().map(|player| &*player.name).collect()
}
