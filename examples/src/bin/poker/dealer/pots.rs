//! Who gets what: side pots, split pots, and the odd cents.

/// What one player has in the pot, in seat order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stake<R> {
    /// Cents that went in and were matched.
    pub(super) paid: i64,
    /// How good the hand is; `None` for a player who folded.
    pub(super) rank: Option<R>,
}

/// Shares the pot out, in cents for each seat.
///
/// A player who is all-in for less can win only as much from each other player as he paid himself.
/// So the pot is cut into layers at the amounts that the remaining players paid, and each layer
/// goes to the best hand among those who paid for all of it.
pub(super) fn share_out<R: Copy + Ord>(stakes: &[Stake<R>]) -> Vec<i64> {
    let mut won = vec![0; stakes.len()];
    let mut tops: Vec<i64> =
        stakes.iter().filter(|stake| stake.rank.is_some()).map(|stake| stake.paid).collect();
    tops.sort_unstable();
    tops.dedup();
    let mut bottom = 0;
    for top in tops {
        let chips = stakes.iter().map(|stake| stake.paid.min(top) - stake.paid.min(bottom)).sum();
        let best = stakes.iter().filter(|stake| stake.paid >= top).filter_map(|s| s.rank).max();
        let winners: Vec<&mut i64> = won
            .iter_mut()
            .zip(stakes)
            .filter(|(_, stake)| stake.paid >= top && stake.rank.is_some() && stake.rank == best)
            .map(|(won, _)| won)
            .collect();
        split(chips, winners);
        bottom = top;
    }
    won
}

/// Splits evenly; cents that do not divide go one each to the first seats left of the button.
fn split(chips: i64, winners: Vec<&mut i64>) {
    let count = winners.len() as i64;
    for (seat, won) in (0..).zip(winners) {
        *won += chips / count + i64::from(seat < chips % count); // some winner, or no iteration
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(stakes: &[(i64, Option<u8>)]) -> Vec<i64> {
        let stakes: Vec<_> = stakes.iter().map(|&(paid, rank)| Stake { paid, rank }).collect();
        share_out(&stakes)
    }

    #[test]
    fn the_last_player_takes_everything() {
        assert_eq!(shares(&[(50, None), (100, None), (300, Some(1))]), [0, 0, 450]);
    }

    #[test]
    fn a_short_stack_wins_only_what_it_can_match() {
        // 100 from each make the main pot; the 200 that the other two added is a side pot.
        assert_eq!(shares(&[(100, Some(9)), (300, Some(5)), (300, Some(2))]), [300, 400, 0]);
    }

    #[test]
    fn three_all_ins_make_three_pots() {
        let stakes = [(100, Some(9)), (200, Some(8)), (400, Some(7)), (400, None)];
        assert_eq!(shares(&stakes), [400, 300, 400, 0]);
    }

    #[test]
    fn equal_hands_split_and_the_odd_cent_goes_to_the_first_seat() {
        assert_eq!(shares(&[(101, Some(3)), (101, Some(3)), (1, None)]), [102, 101, 0]);
        assert_eq!(shares(&[(100, Some(3)), (40, Some(3)), (100, Some(3))]), [100, 40, 100]);
    }

    #[test]
    fn what_folded_players_paid_stays_in_the_pots() {
        let stakes = [(150, None), (100, Some(4)), (300, Some(1)), (300, Some(2))];
        assert_eq!(shares(&stakes), [0, 400, 0, 450]);
    }
}
