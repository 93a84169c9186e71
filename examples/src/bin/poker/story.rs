//! One hand, told street by street.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    BoxError,
    events::{Action, PlayerResult, Street},
    hand_history::{HandHistoryStore, HandSeat, Payment, PlayedAction, Shown},
    money::Amount,
    screen::plain,
};

/// A hand as one document. What is decided at the end of a hand is `None`, and its lists are
/// empty, while the hand is running.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Story {
    hand_id: String,
    table_id: String,
    started_at: Timestamp,
    small_blind: Amount,
    big_blind: Amount,
    complete: bool,
    seats: Vec<HandSeat>,
    blinds: Vec<Payment>,
    streets: Vec<Chapter>,
    shown: Vec<Shown>,
    returned: Vec<Payment>,
    awarded: Vec<Payment>,
    pot: Option<Amount>,
    showdown: Option<bool>,
    results: Vec<PlayerResult>,
}

/// One street: the cards that came with it, and what the players did.
#[derive(Clone, Debug, Serialize)]
struct Chapter {
    street: Street,
    cards: Option<String>,
    actions: Vec<PlayedAction>,
}

impl Story {
    /// Reads a hand; `None` where there is none of this id.
    pub(crate) async fn of(
        hand_id: &str,
        hands: &HandHistoryStore<'_>,
    ) -> Result<Option<Self>, BoxError> {
        let Some(hand) = hands.hand(hand_id).await? else { return Ok(None) };
        Ok(Some(Self {
            complete: hand.pot.is_some(),
            seats: hands.seats_of(hand_id)?,
            blinds: hands.payments_in(hand_id, "blind")?,
            streets: chapters(hand_id, hands)?,
            shown: hands.shown_in(hand_id)?,
            returned: hands.payments_in(hand_id, "returned")?,
            awarded: hands.payments_in(hand_id, "awarded")?,
            results: hands.results_of(hand_id).await?,
            hand_id: hand.hand_id,
            table_id: hand.table_id,
            started_at: hand.started_at,
            small_blind: hand.small_blind,
            big_blind: hand.big_blind,
            pot: hand.pot,
            showdown: hand.showdown,
        }))
    }
}

/// The streets that were reached: those with cards or with actions, and the first one in any case.
fn chapters(hand_id: &str, hands: &HandHistoryStore<'_>) -> Result<Vec<Chapter>, BoxError> {
    let mut chapters = vec![Chapter { street: Street::Preflop, cards: None, actions: Vec::new() }];
    for board in hands.boards_of(hand_id)? {
        let cards = Some(board.cards);
        chapters.push(Chapter { street: board.street, cards, actions: Vec::new() });
    }
    for action in hands.actions_in(hand_id)? {
        match chapters.iter_mut().find(|chapter| chapter.street == action.street) {
            Some(chapter) => chapter.actions.push(action),
            None => {
                chapters.push(Chapter { street: action.street, cards: None, actions: vec![action] })
            }
        }
    }
    chapters.sort_by_key(|chapter| chapter.street);
    Ok(chapters)
}

/// The story as people tell it.
impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hand, table) = (plain(&self.hand_id), plain(&self.table_id));
        let Self { small_blind, big_blind, started_at, .. } = self;
        writeln!(f, "Hand {hand} at table {table}, {small_blind}/{big_blind}, {started_at}")?;
        for seat in &self.seats {
            let HandSeat { seat, player, stack, cards } = seat;
            let cards = cards.as_deref().map(spaced).unwrap_or_default();
            writeln!(f, "  seat {seat}: {} with {stack}  {cards}", plain(player))?;
        }
        for Payment { player, amount } in &self.blinds {
            writeln!(f, "  {} posts {amount}", plain(player))?;
        }
        for chapter in &self.streets {
            chapter.fmt(f)?;
        }
        self.tell_end(f)
    }
}

impl fmt::Display for Chapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cards = self.cards.as_deref().map(spaced).unwrap_or_default();
        writeln!(f, "{}", format!("{}  {cards}", self.street).trim_end())?;
        for PlayedAction { player, action, amount, all_in, .. } in &self.actions {
            write!(f, "  {} ", plain(player))?;
            match action {
                Action::Fold => f.write_str("folds")?,
                Action::Check => f.write_str("checks")?,
                Action::Call => write!(f, "calls {amount}")?,
                Action::Bet => write!(f, "bets {amount}")?,
                Action::Raise => write!(f, "raises, putting in {amount}")?,
            }
            writeln!(f, "{}", if *all_in { ", all-in" } else { "" })?;
        }
        Ok(())
    }
}

impl Story {
    fn tell_end(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = match (self.complete, self.showdown) {
            (false, _) => "still running",
            (true, Some(true)) => "showdown",
            (true, _) => "end",
        };
        writeln!(f, "{heading}")?;
        for Shown { player, cards } in &self.shown {
            match cards {
                Some(cards) => writeln!(f, "  {} shows {}", plain(player), spaced(cards))?,
                None => writeln!(f, "  {} throws the cards away", plain(player))?,
            }
        }
        for Payment { player, amount } in &self.returned {
            writeln!(f, "  {} takes back {amount} that nobody called", plain(player))?;
        }
        for Payment { player, amount } in &self.awarded {
            writeln!(f, "  {} wins {amount}", plain(player))?;
        }
        match self.pot {
            Some(pot) => writeln!(f, "  pot {pot}"),
            None => Ok(()),
        }
    }
}

/// `AdKd` as `Ad Kd`.
fn spaced(cards: &str) -> String {
    let mut text = String::new();
    for (at, letter) in plain(cards).chars().enumerate() {
        if at > 0 && at % 2 == 0 {
            text.push(' ');
        }
        text.push(letter);
    }
    text
}
