//! The facts of a poker room, as they are stored: one struct an event, one enum a domain.
//!
//! Amounts are decimal strings, because half chips and cents occur. Most events own their texts;
//! [`PlayerActed`], a third of any log, borrows them from the payload.

use std::{borrow::Cow, fmt};

use projections::{
    Domain, Event,
    sqlite::rusqlite::{
        self, ToSql,
        types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
    },
};
use serde::{Deserialize, Serialize};

use crate::money::Amount;

/// What happens to players, apart from any table.
#[derive(Clone, Debug, Domain)]
#[domain("player")]
pub(crate) enum PlayerEvent {
    PlayerRegistered(PlayerRegistered),
}

/// What happens at tables, between hands.
#[derive(Clone, Debug, Domain)]
#[domain("table")]
pub(crate) enum TableEvent {
    PlayerSeated(PlayerSeated),
}

/// What happens in a hand, from the first card to the last chip.
#[derive(Clone, Debug, Domain)]
#[domain("hand")]
pub(crate) enum HandEvent<'a> {
    HandStarted(HandStarted),
    BlindPosted(BlindPosted),
    CardsDealt(CardsDealt),
    BoardDealt(BoardDealt),
    PlayerActed(PlayerActed<'a>),
    CardsShown(CardsShown),
    UncalledReturned(UncalledReturned),
    PotAwarded(PotAwarded),
    HandComplete(HandComplete),
}

#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "player")]
pub(crate) struct PlayerRegistered {
    pub(crate) player: String,
}

/// There is no event for leaving: who sits down takes the seat.
#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "table")]
pub(crate) struct PlayerSeated {
    pub(crate) table_id: String,
    pub(crate) seat: u32,
    pub(crate) player: String,
    pub(crate) stack: Amount,
}

#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "hand")]
pub(crate) struct HandStarted {
    pub(crate) hand_id: String,
    pub(crate) table_id: String,
    pub(crate) small_blind: Amount,
    pub(crate) big_blind: Amount,
    /// Everyone who is dealt in, and nobody else.
    pub(crate) seats: Vec<Seat>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Seat {
    pub(crate) seat: u32,
    pub(crate) player: String,
    pub(crate) stack: Amount,
}

/// A blind, with the ante where there is one.
#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "hand")]
pub(crate) struct BlindPosted {
    pub(crate) hand_id: String,
    pub(crate) player: String,
    pub(crate) amount: Amount,
}

#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "hand")]
pub(crate) struct CardsDealt {
    pub(crate) hand_id: String,
    pub(crate) player: String,
    pub(crate) cards: String,
}

#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "hand")]
pub(crate) struct BoardDealt {
    pub(crate) hand_id: String,
    pub(crate) street: Street,
    pub(crate) cards: String,
}

/// `Cow`, not `&str`: a name that JSON escapes (`"\u00e9"`) cannot be borrowed.
#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "hand")]
pub(crate) struct PlayerActed<'a> {
    #[serde(borrow)]
    pub(crate) hand_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) table_id: Cow<'a, str>,
    pub(crate) number: u32,
    #[serde(borrow)]
    pub(crate) player: Cow<'a, str>,
    pub(crate) street: Street,
    pub(crate) action: Action,
    /// The chips that the action added.
    pub(crate) amount: Amount,
    pub(crate) all_in: bool,
}

/// `None` when the player threw the cards away unseen.
#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "hand")]
pub(crate) struct CardsShown {
    pub(crate) hand_id: String,
    pub(crate) player: String,
    pub(crate) cards: Option<String>,
}

/// The part of a bet that nobody matched: it never belonged to the pot.
#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "hand")]
pub(crate) struct UncalledReturned {
    pub(crate) hand_id: String,
    pub(crate) player: String,
    pub(crate) amount: Amount,
}

#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "hand")]
pub(crate) struct PotAwarded {
    pub(crate) hand_id: String,
    pub(crate) player: String,
    pub(crate) amount: Amount,
}

#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "hand")]
pub(crate) struct HandComplete {
    pub(crate) hand_id: String,
    pub(crate) table_id: String,
    pub(crate) pot: Amount,
    /// Whether more than one player was left when the betting was over.
    pub(crate) showdown: bool,
    pub(crate) results: Vec<PlayerResult>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct PlayerResult {
    pub(crate) player: String,
    pub(crate) put_in: Amount,
    pub(crate) won: Amount,
    pub(crate) net: Amount,
    pub(crate) folded: bool,
}

/// Defines an enum of words: the same word in events, in tables and on the screen.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
        pub(crate) enum $name {
            $(#[serde(rename = $word)] $variant,)+
        }

        impl $name {
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value.as_str()? {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(FromSqlError::InvalidType),
                }
            }
        }
    };
}

words! {
    /// A round of betting.
    Street { Preflop = "preflop", Flop = "flop", Turn = "turn", River = "river" }
}

words! {
    /// What a player can do when it is his turn.
    Action { Fold = "fold", Check = "check", Call = "call", Bet = "bet", Raise = "raise" }
}
