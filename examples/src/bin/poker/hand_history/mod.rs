//! Every hand ever dealt, action by action, in SQLite.
//!
//! What is known of a hand as a whole is in declared rows, which change as the hand goes on. What
//! happened in it, event by event, is plain SQL: those tables are only appended to, and grouped.

mod store;

use std::fmt;

use jiff::Timestamp;
use projections::{
    Envelope, GlobalPosition, ReadModel, Rows, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};

pub(crate) use self::store::{
    BiggestPot, HandHistoryStore, HandSeat, HandTotals, Payment, PlayedAction, RecentHand, Shown,
};
use crate::{
    events::{
        BlindPosted, BoardDealt, CardsDealt, CardsShown, HandComplete, HandStarted, PlayerActed,
        PotAwarded, UncalledReturned,
    },
    money::Amount,
};

/// A hand as a whole. What is decided at its end is `None` while it is running.
#[derive(Clone, Debug, Default, ReadModel)]
#[read_model(table = "hands")]
pub(crate) struct Hand {
    #[key]
    pub(crate) hand_id: String,
    pub(crate) table_id: String,
    pub(crate) started_at: Timestamp,
    pub(crate) small_blind: Amount,
    pub(crate) big_blind: Amount,
    #[index]
    pub(crate) pot: Option<Amount>,
    pub(crate) showdown: Option<bool>,
    pub(crate) winners: Option<u32>,
}

/// What a hand that is complete came to for one player. `completed` is the place of its last event
/// in the log, by which a player's latest hands are found.
#[derive(Clone, Debug, Default, ReadModel)]
#[read_model(table = "results", index(player, completed))]
pub(crate) struct HandResult {
    #[key]
    pub(crate) hand_id: String,
    #[key]
    pub(crate) number: u32,
    pub(crate) table_id: String,
    pub(crate) player: String,
    pub(crate) put_in: Amount,
    pub(crate) won: Amount,
    pub(crate) net: Amount,
    pub(crate) folded: bool,
    pub(crate) completed: GlobalPosition,
}

/// The tables of plain SQL. Within a hand, rows are in the order of `position`, the place of their
/// event in the log.
pub(crate) const SCHEMA: &str = "
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
            "DELETE FROM seats; DELETE FROM actions; DELETE FROM boards; DELETE FROM payments;
             DELETE FROM shown;",
        )
    }

    #[handles(HandStarted)]
    fn hand_started(
        &self,
        event: &HandStarted,
        at: &Envelope,
        hands: &mut Rows<Hand>,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        hands.insert(Hand {
            hand_id: event.hand_id.clone(),
            table_id: event.table_id.clone(),
            started_at: at.time(),
            small_blind: event.small_blind,
            big_blind: event.big_blind,
            ..Hand::default()
        });
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
        hands: &mut Rows<Hand>,
        results: &mut Rows<HandResult>,
    ) -> Result<(), NotRunning> {
        let running = hands.get_mut(&event.hand_id).filter(|hand| hand.pot.is_none());
        let hand = running.ok_or_else(|| NotRunning { hand_id: event.hand_id.clone() })?;
        let winners = event.results.iter().filter(|result| result.won.is_positive()).count();
        hand.pot = Some(event.pot);
        hand.showdown = Some(event.showdown);
        hand.winners = Some(winners as u32); // of one table
        for (number, result) in (0..).zip(&event.results) {
            results.insert(HandResult {
                hand_id: event.hand_id.clone(),
                number,
                table_id: event.table_id.clone(),
                player: result.player.clone(),
                put_in: result.put_in,
                won: result.won,
                net: result.net,
                folded: result.folded,
                completed: at.position(),
            });
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

/// Why the end of a hand cannot be recorded.
#[derive(Debug)]
pub(crate) struct NotRunning {
    hand_id: String,
}

impl fmt::Display for NotRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hand {:?} is complete, and was never started, or is over already", self.hand_id)
    }
}

impl std::error::Error for NotRunning {}
