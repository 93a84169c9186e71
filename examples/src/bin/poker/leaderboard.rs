//! Who is winning: one declared row a player, from the events of two domains.

use projections::{
    ReadModel, Rows, handlers, projector,
    read::{QueryError, Reader},
    sqlite::Sqlite,
};
use serde::Serialize;

use crate::{
    events::{HandComplete, HandStarted, PlayerRegistered},
    money::{Amount, AmountError},
};

/// One row of the leaderboard.
#[derive(Clone, Debug, Default, ReadModel, Serialize)]
#[read_model(table = "leaderboard")]
pub(crate) struct Standing {
    #[key]
    pub(crate) player: String,
    pub(crate) hands: u64,
    #[index]
    pub(crate) net: Amount,
    pub(crate) won: Amount,
    pub(crate) pots_won: u64,
    pub(crate) showdowns: u64,
}

/// Hands, chips, pots and showdowns of every player.
///
/// A hand counts from the moment a player is dealt in; what he wins and loses, once it is complete.
#[projector("leaderboard", storage = Sqlite)]
#[derive(Debug, Default)]
pub(crate) struct Leaderboard;

#[handlers]
impl Leaderboard {
    #[handles(PlayerRegistered, input_domain = "player")]
    fn player_registered(&self, event: &PlayerRegistered, standings: &mut Rows<Standing>) {
        standings.entry(&event.player);
    }

    #[handles(HandStarted, input_domain = "hand")]
    fn hand_started(&self, event: &HandStarted, standings: &mut Rows<Standing>) {
        for seat in &event.seats {
            standings.entry(&seat.player).hands += 1;
        }
    }

    #[handles(HandComplete, input_domain = "hand")]
    fn hand_complete(
        &self,
        event: &HandComplete,
        standings: &mut Rows<Standing>,
    ) -> Result<(), AmountError> {
        for result in &event.results {
            let standing = standings.entry(&result.player);
            standing.net = standing.net.plus(result.net)?;
            standing.won = standing.won.plus(result.won)?;
            standing.pots_won += u64::from(result.won.is_positive());
            standing.showdowns += u64::from(event.showdown && !result.folded);
        }
        Ok(())
    }
}

/// The first rows by net; equal ones by name, bytewise.
pub(crate) async fn standings(
    leaderboard: &Reader<Standing>,
    limit: u32,
) -> Result<Vec<Standing>, QueryError> {
    leaderboard.all().order_by(Standing::NET).descending().limit(limit.into()).await
}
