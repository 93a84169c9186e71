//! Every hand ever dealt, action by action, in SQLite.

mod store;

use std::fmt;

use projections::{
    Envelope, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};

pub(crate) use self::store::{
    BiggestPot, HandHistoryStore, HandSeat, HandTotals, Payment, PlayedAction, RecentHand, Shown,
};
use crate::events::{
    BlindPosted, BoardDealt, CardsDealt, CardsShown, HandComplete, HandStarted, PlayerActed,
    PotAwarded, UncalledReturned,
};

/// The read model. Within a hand, rows are in the order of `position`, the place of their event in
/// the log. `pot_key` sorts as the pots do by value; `completed` is null while a hand is running.
///
/// Each index answers one query: the biggest pots, a player's latest hands.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS hands (
        hand_id TEXT PRIMARY KEY, table_id TEXT NOT NULL, started_at TEXT NOT NULL,
        small_blind TEXT NOT NULL, big_blind TEXT NOT NULL,
        completed INTEGER, pot TEXT, pot_key TEXT, showdown INTEGER, winners INTEGER
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS seats (
        hand_id TEXT NOT NULL, seat INTEGER NOT NULL, player TEXT NOT NULL, stack TEXT NOT NULL,
        cards TEXT, PRIMARY KEY (hand_id, seat)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS actions (
        hand_id TEXT NOT NULL, position INTEGER NOT NULL, number INTEGER NOT NULL,
        player TEXT NOT NULL, street TEXT NOT NULL, action TEXT NOT NULL, amount TEXT NOT NULL,
        all_in INTEGER NOT NULL, PRIMARY KEY (hand_id, position)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS boards (
        hand_id TEXT NOT NULL, position INTEGER NOT NULL, street TEXT NOT NULL,
        cards TEXT NOT NULL, PRIMARY KEY (hand_id, position)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS payments (
        hand_id TEXT NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL,
        player TEXT NOT NULL, amount TEXT NOT NULL, PRIMARY KEY (hand_id, position)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS shown (
        hand_id TEXT NOT NULL, position INTEGER NOT NULL, player TEXT NOT NULL, cards TEXT,
        PRIMARY KEY (hand_id, position)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS results (
        hand_id TEXT NOT NULL, number INTEGER NOT NULL, player TEXT NOT NULL,
        put_in TEXT NOT NULL, won TEXT NOT NULL, net TEXT NOT NULL, folded INTEGER NOT NULL,
        completed INTEGER NOT NULL, PRIMARY KEY (hand_id, number)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hands_by_pot ON hands (pot_key DESC, hand_id)
        WHERE completed IS NOT NULL;
    CREATE INDEX IF NOT EXISTS results_by_player ON results (player, completed DESC);
";

/// Every hand: who was dealt in, what was done, what lay on the board, how it ended.
#[projector("hand-history", storage = Sqlite)]
#[derive(Debug, Default)]
pub(crate) struct HandHistory;

#[handlers]
impl HandHistory {
    #[setup]
    fn create_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(SCHEMA)
    }

    #[reset]
    fn empty_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(
            "DELETE FROM hands; DELETE FROM seats; DELETE FROM actions; DELETE FROM boards;
             DELETE FROM payments; DELETE FROM shown; DELETE FROM results;",
        )
    }

    #[handles(HandStarted)]
    fn hand_started(
        &self,
        event: &HandStarted,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        db.execute(
            "INSERT INTO hands (hand_id, table_id, started_at, small_blind, big_blind)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            (
                &event.hand_id,
                &event.table_id,
                at.time().to_string(),
                event.small_blind,
                event.big_blind,
            ),
        )?;
        for seat in &event.seats {
            db.execute(
                "INSERT INTO seats (hand_id, seat, player, stack) VALUES (?1, ?2, ?3, ?4)",
                (&event.hand_id, seat.seat, &seat.player, seat.stack),
            )?;
        }
        Ok(())
    }

    #[handles(CardsDealt)]
    fn cards_dealt(&self, event: &CardsDealt, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute(
            "UPDATE seats SET cards = ?3 WHERE hand_id = ?1 AND player = ?2",
            (&event.hand_id, &event.player, &event.cards),
        )?;
        Ok(())
    }

    #[handles(PlayerActed)]
    fn player_acted(
        &self,
        event: &PlayerActed<'_>,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        db.execute(
            "INSERT INTO actions (hand_id, position, number, player, street, action, amount, all_in)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                &event.hand_id,
                position(at),
                event.number,
                &event.player,
                event.street,
                event.action,
                event.amount,
                event.all_in,
            ),
        )?;
        Ok(())
    }

    #[handles(BoardDealt)]
    fn board_dealt(
        &self,
        event: &BoardDealt,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        db.execute(
            "INSERT INTO boards (hand_id, position, street, cards) VALUES (?1, ?2, ?3, ?4)",
            (&event.hand_id, position(at), event.street, &event.cards),
        )?;
        Ok(())
    }

    #[handles(BlindPosted)]
    fn blind_posted(
        &self,
        event: &BlindPosted,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        db.execute(PAYMENT, (&event.hand_id, position(at), "blind", &event.player, event.amount))?;
        Ok(())
    }

    #[handles(UncalledReturned)]
    fn uncalled_returned(
        &self,
        event: &UncalledReturned,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        let returned = (&event.hand_id, position(at), "returned", &event.player, event.amount);
        db.execute(PAYMENT, returned)?;
        Ok(())
    }

    #[handles(PotAwarded)]
    fn pot_awarded(
        &self,
        event: &PotAwarded,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        let awarded = (&event.hand_id, position(at), "awarded", &event.player, event.amount);
        db.execute(PAYMENT, awarded)?;
        Ok(())
    }

    #[handles(CardsShown)]
    fn cards_shown(
        &self,
        event: &CardsShown,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        db.execute(
            "INSERT INTO shown (hand_id, position, player, cards) VALUES (?1, ?2, ?3, ?4)",
            (&event.hand_id, position(at), &event.player, &event.cards),
        )?;
        Ok(())
    }

    #[handles(HandComplete)]
    fn hand_complete(
        &self,
        event: &HandComplete,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> Result<(), HistoryError> {
        let winners = event.results.iter().filter(|result| result.won.is_positive()).count() as i64;
        let changed = db.execute(
            "UPDATE hands SET completed = ?2, pot = ?3, pot_key = ?4, showdown = ?5, winners = ?6
             WHERE hand_id = ?1",
            (
                &event.hand_id,
                position(at),
                event.pot,
                event.pot.sort_key(),
                event.showdown,
                winners,
            ),
        )?;
        if changed == 0 {
            return Err(HistoryError::NeverStarted { hand_id: event.hand_id.clone() });
        }
        for (number, result) in (0_i64..).zip(&event.results) {
            db.execute(
                "INSERT INTO results (hand_id, number, player, put_in, won, net, folded, completed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                (
                    &event.hand_id,
                    number,
                    &result.player,
                    result.put_in,
                    result.won,
                    result.net,
                    result.folded,
                    position(at),
                ),
            )?;
        }
        Ok(())
    }
}

const PAYMENT: &str = "INSERT INTO payments (hand_id, position, kind, player, amount)
                       VALUES (?1, ?2, ?3, ?4, ?5)";

/// SQLite's integers are signed; so are its positions, which therefore fit.
fn position(at: &Envelope) -> i64 {
    at.position().get().cast_signed()
}

/// Why a hand cannot be recorded.
#[derive(Debug)]
pub(crate) enum HistoryError {
    NeverStarted { hand_id: String },
    Sqlite(rusqlite::Error),
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverStarted { hand_id } => {
                write!(f, "hand {hand_id:?} is complete and was never started")
            }
            Self::Sqlite(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HistoryError {}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
