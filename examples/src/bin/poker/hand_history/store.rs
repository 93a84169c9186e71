//! [`HandHistoryStore`]: how the rest of a program asks about hands.

use projections::sqlite::rusqlite::{self, Connection, OptionalExtension, Params, Row};
use serde::Serialize;

use crate::{
    BoxError,
    events::{Action, PlayerResult, Street},
    money::Amount,
};

/// Reads what the projector `hand-history` wrote. It knows SQL and nothing of events.
#[derive(Debug)]
pub(crate) struct HandHistoryStore<'c> {
    db: &'c Connection,
}

/// A hand as a whole. What is decided at its end is `None` while it is running.
#[derive(Clone, Debug)]
pub(crate) struct HandRecord {
    pub(crate) hand_id: String,
    pub(crate) table_id: String,
    pub(crate) started_at: String,
    pub(crate) small_blind: Amount,
    pub(crate) big_blind: Amount,
    pub(crate) pot: Option<Amount>,
    pub(crate) showdown: Option<bool>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct HandSeat {
    pub(crate) seat: u32,
    pub(crate) player: String,
    pub(crate) stack: Amount,
    pub(crate) cards: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlayedAction {
    pub(crate) number: u32,
    pub(crate) player: String,
    #[serde(skip)]
    pub(crate) street: Street,
    pub(crate) action: Action,
    pub(crate) amount: Amount,
    pub(crate) all_in: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Board {
    pub(crate) street: Street,
    pub(crate) cards: String,
}

/// Chips that moved outside the betting: a blind, a return, an award.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Payment {
    pub(crate) player: String,
    pub(crate) amount: Amount,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Shown {
    pub(crate) player: String,
    pub(crate) cards: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct RecentHand {
    pub(crate) hand_id: String,
    pub(crate) table_id: String,
    pub(crate) net: Amount,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct BiggestPot {
    pub(crate) hand_id: String,
    pub(crate) pot: Amount,
}

/// What all hands come to.
#[derive(Clone, Debug)]
pub(crate) struct HandTotals {
    pub(crate) hands: i64,
    pub(crate) showdowns: i64,
    pub(crate) split_pots: i64,
    pub(crate) pot_sum: Amount,
    pub(crate) actions: Vec<(Action, i64)>,
}

impl<'c> HandHistoryStore<'c> {
    pub(crate) fn new(db: &'c Connection) -> Self {
        Self { db }
    }

    /// The ten hands that the player completed last, newest first.
    pub(crate) fn recent_hands_for(&self, player: &str) -> rusqlite::Result<Vec<RecentHand>> {
        self.list(
            "SELECT results.hand_id, hands.table_id, results.net
             FROM results JOIN hands USING (hand_id)
             WHERE results.player = ?1 ORDER BY results.completed DESC LIMIT 10",
            [player],
            |row| Ok(RecentHand { hand_id: row.get(0)?, table_id: row.get(1)?, net: row.get(2)? }),
        )
    }

    /// Everything that players did in a hand, in order.
    pub(crate) fn actions_in(&self, hand_id: &str) -> rusqlite::Result<Vec<PlayedAction>> {
        self.list(
            "SELECT number, player, street, action, amount, all_in
             FROM actions WHERE hand_id = ?1 ORDER BY position",
            [hand_id],
            |row| {
                Ok(PlayedAction {
                    number: row.get(0)?,
                    player: row.get(1)?,
                    street: row.get(2)?,
                    action: row.get(3)?,
                    amount: row.get(4)?,
                    all_in: row.get(5)?,
                })
            },
        )
    }

    pub(crate) fn hand(&self, hand_id: &str) -> rusqlite::Result<Option<HandRecord>> {
        let mut statement = self.db.prepare_cached(
            "SELECT hand_id, table_id, started_at, small_blind, big_blind, pot, showdown
             FROM hands WHERE hand_id = ?1",
        )?;
        let hand = statement.query_row([hand_id], |row| {
            Ok(HandRecord {
                hand_id: row.get(0)?,
                table_id: row.get(1)?,
                started_at: row.get(2)?,
                small_blind: row.get(3)?,
                big_blind: row.get(4)?,
                pot: row.get(5)?,
                showdown: row.get(6)?,
            })
        });
        hand.optional()
    }

    pub(crate) fn seats_of(&self, hand_id: &str) -> rusqlite::Result<Vec<HandSeat>> {
        self.list(
            "SELECT seat, player, stack, cards FROM seats WHERE hand_id = ?1 ORDER BY seat",
            [hand_id],
            |row| {
                let (seat, player) = (row.get(0)?, row.get(1)?);
                Ok(HandSeat { seat, player, stack: row.get(2)?, cards: row.get(3)? })
            },
        )
    }

    pub(crate) fn boards_of(&self, hand_id: &str) -> rusqlite::Result<Vec<Board>> {
        self.list(
            "SELECT street, cards FROM boards WHERE hand_id = ?1 ORDER BY position",
            [hand_id],
            |row| Ok(Board { street: row.get(0)?, cards: row.get(1)? }),
        )
    }

    pub(crate) fn payments_in(&self, hand_id: &str, kind: &str) -> rusqlite::Result<Vec<Payment>> {
        self.list(
            "SELECT player, amount FROM payments WHERE hand_id = ?1 AND kind = ?2 ORDER BY position",
            [hand_id, kind],
            |row| Ok(Payment { player: row.get(0)?, amount: row.get(1)? }),
        )
    }

    pub(crate) fn shown_in(&self, hand_id: &str) -> rusqlite::Result<Vec<Shown>> {
        self.list(
            "SELECT player, cards FROM shown WHERE hand_id = ?1 ORDER BY position",
            [hand_id],
            |row| Ok(Shown { player: row.get(0)?, cards: row.get(1)? }),
        )
    }

    pub(crate) fn results_of(&self, hand_id: &str) -> rusqlite::Result<Vec<PlayerResult>> {
        self.list(
            "SELECT player, put_in, won, net, folded FROM results
             WHERE hand_id = ?1 ORDER BY number",
            [hand_id],
            |row| {
                Ok(PlayerResult {
                    player: row.get(0)?,
                    put_in: row.get(1)?,
                    won: row.get(2)?,
                    net: row.get(3)?,
                    folded: row.get(4)?,
                })
            },
        )
    }

    /// The biggest pots of completed hands; equal ones by hand id, bytewise.
    pub(crate) fn biggest_pots(&self, limit: u32) -> rusqlite::Result<Vec<BiggestPot>> {
        self.list(
            "SELECT hand_id, pot FROM hands WHERE completed IS NOT NULL
             ORDER BY pot_key DESC, hand_id LIMIT ?1",
            [limit],
            |row| Ok(BiggestPot { hand_id: row.get(0)?, pot: row.get(1)? }),
        )
    }

    /// Counts hands from their first event; showdowns, split pots and chips from their last.
    pub(crate) fn totals(&self) -> Result<HandTotals, BoxError> {
        let (hands, showdowns, split_pots) = self.db.query_row(
            "SELECT count(*), count(*) FILTER (WHERE showdown), count(*) FILTER (WHERE winners > 1)
             FROM hands",
            (),
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        // SQLite's own sum would be a float; these are added exactly.
        let mut pot_sum = Amount::ZERO;
        let mut pots = self.db.prepare_cached("SELECT pot FROM hands WHERE pot IS NOT NULL")?;
        for pot in pots.query_map((), |row| row.get::<_, Amount>(0))? {
            pot_sum = pot_sum.plus(pot?)?;
        }
        let actions =
            self.list("SELECT action, count(*) FROM actions GROUP BY action", (), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        Ok(HandTotals { hands, showdowns, split_pots, pot_sum, actions })
    }

    fn list<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.db.prepare_cached(sql)?.query_map(parameters, read)?.collect()
    }
}
