//! Who is winning: one row a player, from the events of two domains.

use std::fmt;

use projections::{
    handlers, projector,
    sqlite::{
        Sqlite, SqliteTx,
        rusqlite::{self, Connection, OptionalExtension, Row},
    },
};
use serde::Serialize;

use crate::{
    events::{HandComplete, HandStarted, PlayerRegistered, PlayerResult},
    money::{Amount, AmountError},
};

/// The read model. Amounts are exact texts; `net_key` sorts as `net` does by value.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS leaderboard (
        player TEXT PRIMARY KEY,
        hands INTEGER NOT NULL DEFAULT 0,
        net TEXT NOT NULL,
        net_key TEXT NOT NULL,
        won TEXT NOT NULL,
        pots_won INTEGER NOT NULL DEFAULT 0,
        showdowns INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS leaderboard_by_net ON leaderboard (net_key DESC, player);
";

/// Hands, chips, pots and showdowns of every player.
///
/// A hand counts from the moment a player is dealt in; what he wins and loses, once it is complete.
#[projector("leaderboard", storage = Sqlite)]
#[derive(Debug, Default)]
pub(crate) struct Leaderboard;

#[handlers]
impl Leaderboard {
    #[setup]
    fn create_table(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(SCHEMA)
    }

    #[reset]
    fn empty_table(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("DELETE FROM leaderboard")
    }

    #[handles(PlayerRegistered, input_domain = "player")]
    fn player_registered(
        &self,
        event: &PlayerRegistered,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        add_player(&event.player, db)
    }

    #[handles(HandStarted, input_domain = "hand")]
    fn hand_started(&self, event: &HandStarted, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        for seat in &event.seats {
            add_player(&seat.player, db)?;
            db.execute(
                "UPDATE leaderboard SET hands = hands + 1 WHERE player = ?1",
                [&seat.player],
            )?;
        }
        Ok(())
    }

    #[handles(HandComplete, input_domain = "hand")]
    fn hand_complete(
        &self,
        event: &HandComplete,
        db: &mut SqliteTx<'_>,
    ) -> Result<(), StandingError> {
        event.results.iter().try_for_each(|result| settle(event.showdown, result, db))
    }
}

/// Adds a row with nothing in it, where the player has none yet.
fn add_player(player: &str, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
    let zero = Amount::ZERO;
    db.execute(
        "INSERT INTO leaderboard (player, net, net_key, won) VALUES (?1, ?2, ?3, ?2)
         ON CONFLICT (player) DO NOTHING",
        (player, zero, zero.sort_key()),
    )?;
    Ok(())
}

fn settle(
    showdown: bool,
    result: &PlayerResult,
    db: &mut SqliteTx<'_>,
) -> Result<(), StandingError> {
    add_player(&result.player, db)?;
    let (net, won): (Amount, Amount) = db.query_row(
        "SELECT net, won FROM leaderboard WHERE player = ?1",
        [&result.player],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (net, won) = (net.plus(result.net)?, won.plus(result.won)?);
    db.execute(
        "UPDATE leaderboard SET net = ?2, net_key = ?3, won = ?4, pots_won = pots_won + ?5,
         showdowns = showdowns + ?6 WHERE player = ?1",
        (
            &result.player,
            net,
            net.sort_key(),
            won,
            result.won.is_positive(),
            showdown && !result.folded,
        ),
    )?;
    Ok(())
}

/// One row of the leaderboard.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Standing {
    pub(crate) player: String,
    pub(crate) hands: i64,
    pub(crate) net: Amount,
    pub(crate) won: Amount,
    pub(crate) pots_won: i64,
    pub(crate) showdowns: i64,
}

impl Standing {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            player: row.get(0)?,
            hands: row.get(1)?,
            net: row.get(2)?,
            won: row.get(3)?,
            pots_won: row.get(4)?,
            showdowns: row.get(5)?,
        })
    }
}

/// The first rows by net; equal ones by name, bytewise.
pub(crate) fn standings(db: &Connection, limit: u32) -> rusqlite::Result<Vec<Standing>> {
    db.prepare_cached(
        "SELECT player, hands, net, won, pots_won, showdowns FROM leaderboard
         ORDER BY net_key DESC, player LIMIT ?1",
    )?
    .query_map([limit], Standing::read)?
    .collect()
}

pub(crate) fn standing_of(db: &Connection, player: &str) -> rusqlite::Result<Option<Standing>> {
    db.prepare_cached(
        "SELECT player, hands, net, won, pots_won, showdowns FROM leaderboard WHERE player = ?1",
    )?
    .query_row([player], Standing::read)
    .optional()
}

pub(crate) fn count_players(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("SELECT count(*) FROM leaderboard", (), |row| row.get(0))
}

/// Why a result cannot be added to a row.
#[derive(Debug)]
pub(crate) enum StandingError {
    Amount(AmountError),
    Sqlite(rusqlite::Error),
}

impl fmt::Display for StandingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(error) => error.fmt(f),
            Self::Sqlite(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StandingError {}

impl From<AmountError> for StandingError {
    fn from(error: AmountError) -> Self {
        Self::Amount(error)
    }
}

impl From<rusqlite::Error> for StandingError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
