//! Who sits where, what was done last, and what is in the middle: in process, so always at hand.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use projections::{handlers, projector};

use crate::{
    events::{
        Action, BlindPosted, HandComplete, HandStarted, PlayerActed, PlayerSeated, Street,
        UncalledReturned,
    },
    money::{Amount, AmountError},
};

/// Every table as it is now.
///
/// It has no storage: the tables are in its own fields, and are replayed from the log at each
/// start. Readers see them through `runtime.read::<TableState, _>(|state| ..)`.
#[projector("table-state")]
#[derive(Debug, Default)]
pub(crate) struct TableState {
    tables: BTreeMap<String, Table>,
    /// Where the hands that are still running are played: most events name only the hand.
    running: HashMap<String, String>,
}

/// One table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// By number of the seat: who sits there.
    pub(crate) seats: BTreeMap<u32, String>,
    pub(crate) last_action: Option<LastAction>,
    /// What is in the middle while a hand is running, else `None`.
    pub(crate) open_pot: Option<Amount>,
    pub(crate) hands: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct LastAction {
    pub(crate) player: String,
    pub(crate) street: Street,
    pub(crate) action: Action,
    pub(crate) amount: Amount,
}

impl TableState {
    /// Every table with its id, sorted by it.
    pub(crate) fn tables(&self) -> &BTreeMap<String, Table> {
        &self.tables
    }
}

#[handlers]
impl TableState {
    #[handles(PlayerSeated)]
    fn player_seated(&mut self, event: &PlayerSeated) {
        let table = self.tables.entry(event.table_id.clone()).or_default();
        table.seats.retain(|_, player| *player != event.player);
        table.seats.insert(event.seat, event.player.clone());
    }

    #[handles(HandStarted)]
    fn hand_started(&mut self, event: &HandStarted) {
        let table = self.tables.entry(event.table_id.clone()).or_default();
        // Nobody says goodbye: who is not dealt in has left.
        table.seats = event.seats.iter().map(|seat| (seat.seat, seat.player.clone())).collect();
        table.open_pot = Some(Amount::ZERO);
        table.last_action = None;
        self.running.insert(event.hand_id.clone(), event.table_id.clone());
    }

    #[handles(BlindPosted)]
    fn blind_posted(&mut self, event: &BlindPosted) -> Result<(), TableError> {
        self.table_of(&event.hand_id)?.add_to_pot(event.amount)
    }

    #[handles(PlayerActed)]
    fn player_acted(&mut self, event: &PlayerActed<'_>) -> Result<(), TableError> {
        let table = self.table_of(&event.hand_id)?;
        table.add_to_pot(event.amount)?;
        table.last_action = Some(LastAction {
            player: event.player.clone().into_owned(),
            street: event.street,
            action: event.action,
            amount: event.amount,
        });
        Ok(())
    }

    #[handles(UncalledReturned)]
    fn uncalled_returned(&mut self, event: &UncalledReturned) -> Result<(), TableError> {
        let table = self.table_of(&event.hand_id)?;
        table.open_pot = Some(table.open_pot.unwrap_or_default().minus(event.amount)?);
        Ok(())
    }

    #[handles(HandComplete)]
    fn hand_complete(&mut self, event: &HandComplete) -> Result<(), TableError> {
        let table = self.table_of(&event.hand_id)?;
        table.open_pot = None;
        table.hands += 1;
        self.running.remove(&event.hand_id);
        Ok(())
    }
}

impl TableState {
    fn table_of(&mut self, hand_id: &str) -> Result<&mut Table, TableError> {
        let table = self.running.get(hand_id).and_then(|table_id| self.tables.get_mut(table_id));
        table.ok_or_else(|| TableError::NotRunning { hand_id: hand_id.to_owned() })
    }
}

impl Table {
    fn add_to_pot(&mut self, chips: Amount) -> Result<(), TableError> {
        self.open_pot = Some(self.open_pot.unwrap_or_default().plus(chips)?);
        Ok(())
    }
}

/// An event that does not fit what the table has seen.
#[derive(Debug)]
pub(crate) enum TableError {
    Amount(AmountError),
    NotRunning { hand_id: String },
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(error) => error.fmt(f),
            Self::NotRunning { hand_id } => {
                write!(f, "hand {hand_id:?} was never started, or is over")
            }
        }
    }
}

impl std::error::Error for TableError {}

impl From<AmountError> for TableError {
    fn from(error: AmountError) -> Self {
        Self::Amount(error)
    }
}
