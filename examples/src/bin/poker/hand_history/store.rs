//! [`HandHistoryStore`]: how the rest of a program asks about hands.

use projections::{
    read::{QueryError, Reader},
    sqlite::rusqlite::{self, Connection, Params, Row},
};
use serde::Serialize;

use super::{Hand, HandResult};
use crate::{
    BoxError,
    events::{Action, PlayerResult, Street},
    money::Amount,
    room::ReadModels,
};

/// Hands that are read at once where all are.
const PAGE: u32 = 1_000;

/// Reads what the projector `hand-history` wrote. It knows nothing of events.
#[derive(Debug)]
pub(crate) struct HandHistoryStore<'m> {
    hands: Reader<Hand>,
    results: Reader<HandResult>,
    db: &'m Connection,
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
#[derive(Clone, Debug, Default)]
pub(crate) struct HandTotals {
    pub(crate) hands: u64,
    pub(crate) showdowns: u64,
    pub(crate) split_pots: u64,
    pub(crate) pot_sum: Amount,
    pub(crate) actions: Vec<(Action, u64)>,
}

impl<'m> HandHistoryStore<'m> {
    pub(crate) fn new(models: &'m ReadModels) -> Self {
        Self { hands: models.rows.rows(), results: models.rows.rows(), db: &models.db }
    }

    pub(crate) async fn hand(&self, hand_id: &str) -> Result<Option<Hand>, QueryError> {
        self.hands.get(hand_id).await
    }

    /// The ten hands that the player completed last, newest first.
    pub(crate) async fn recent_hands_for(
        &self,
        player: &str,
    ) -> Result<Vec<RecentHand>, QueryError> {
        let played = self.results.by(HandResult::PLAYER, &player.to_owned());
        let latest = played.order_by(HandResult::COMPLETED).descending().limit(10).await?;
        let recent =
            |HandResult { hand_id, table_id, net, .. }| RecentHand { hand_id, table_id, net };
        Ok(latest.into_iter().map(recent).collect())
    }

    /// What a hand came to, in the order of its last event.
    pub(crate) async fn results_of(&self, hand_id: &str) -> Result<Vec<PlayerResult>, QueryError> {
        let results = self.results.by(HandResult::HAND_ID, &hand_id.to_owned()).await?;
        let result = |HandResult { player, put_in, won, net, folded, .. }| PlayerResult {
            player,
            put_in,
            won,
            net,
            folded,
        };
        Ok(results.into_iter().map(result).collect())
    }

    /// The biggest pots of completed hands; equal ones by hand id, bytewise.
    pub(crate) async fn biggest_pots(&self, limit: u32) -> Result<Vec<BiggestPot>, QueryError> {
        // Hands that are still running have no pot yet, and so come last.
        let hands = self.hands.all().order_by(Hand::POT).descending().limit(limit.into()).await?;
        let pot = |Hand { hand_id, pot, .. }| Some(BiggestPot { hand_id, pot: pot? });
        Ok(hands.into_iter().filter_map(pot).collect())
    }

    /// Counts hands from their first event; showdowns, split pots and chips from their last.
    pub(crate) async fn totals(&self) -> Result<HandTotals, BoxError> {
        let mut totals = HandTotals { actions: self.count_actions()?, ..HandTotals::default() };
        let mut pages = self.hands.pages(PAGE);
        while let Some(hands) = pages.next().await? {
            for hand in hands {
                totals.hands += 1;
                totals.showdowns += u64::from(hand.showdown == Some(true));
                totals.split_pots += u64::from(hand.winners > Some(1));
                totals.pot_sum = totals.pot_sum.plus(hand.pot.unwrap_or_default())?;
            }
        }
        Ok(totals)
    }

    fn count_actions(&self) -> rusqlite::Result<Vec<(Action, u64)>> {
        self.list("SELECT action, count(*) FROM actions GROUP BY action", (), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
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

    fn list<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.db.prepare_cached(sql)?.query_map(parameters, read)?.collect()
    }
}
