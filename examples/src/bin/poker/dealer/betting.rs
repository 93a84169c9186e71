//! Rounds of betting: the rules are those of the casino, the players are not very good.

use rand::Rng;
use rs_poker::core::Rank;

use super::hand::{Hand, InHand};
use crate::{
    events::{Action, HandEvent, PlayerActed, Street},
    money::Amount,
};

/// What a player wants to do when it is his turn.
enum Decision {
    Fold,
    /// Check, where there is nothing to call.
    Call,
    /// Bet or raise, so that this much is in front of the player.
    To(i64),
}

/// How one round of betting stands. Its lists, like those of [`Hand`], have one entry for each
/// seat, and seats are numbered from 0; so a seat's number is an index into each.
struct Round {
    street: Street,
    /// The highest bet in front of a player.
    top: i64,
    /// What a raise must add at least.
    step: i64,
    /// Whose answer is still missing.
    must_act: Vec<bool>,
    /// Who may raise: not who has acted and has only met an all-in for less than a full raise.
    may_raise: Vec<bool>,
}

impl Hand<'_> {
    /// Goes round the table until everyone has answered the highest bet.
    pub(super) fn bet(&mut self, street: Street, first: usize) {
        if street != Street::Preflop {
            self.seats.iter_mut().for_each(|seat| seat.bet = 0);
        }
        let big_blind = self.setting.big_blind;
        let mut round = Round {
            street,
            top: if street == Street::Preflop { big_blind } else { 0 },
            step: big_blind,
            must_act: self.seats.iter().map(InHand::can_act).collect(),
            may_raise: vec![true; self.seats.len()],
        };
        let count = self.seats.len();
        let mut turn = first;
        while self.remaining() > 1 && round.must_act.contains(&true) {
            let seat = turn % count;
            if round.must_act[seat] {
                round.must_act[seat] = false;
                self.act(seat, &mut round);
            }
            turn += 1;
        }
    }

    fn act(&mut self, seat: usize, round: &mut Round) {
        let alone =
            (0..self.seats.len()).all(|other| other == seat || !self.seats[other].can_act());
        if alone && self.seats[seat].bet >= self.highest_bet_but(seat) {
            return; // everyone else is all-in: there is nobody to bet against
        }
        let decision = match self.decide(seat, round) {
            Decision::To(_) if alone => Decision::Call,
            decision => decision,
        };
        let opened = round.top > 0;
        let InHand { bet, stack, .. } = self.seats[seat];
        let (action, chips) = match decision {
            Decision::Fold => (Action::Fold, 0),
            Decision::Call if round.top <= bet => (Action::Check, 0),
            Decision::Call => (Action::Call, round.top - bet),
            Decision::To(to) if opened => (Action::Raise, to - bet),
            Decision::To(to) => (Action::Bet, to - bet),
        };
        self.seats[seat].folded = action == Action::Fold;
        let chips = self.seats[seat].put(chips);
        if bet + chips > round.top {
            self.answer_raise(seat, bet + chips, round);
        }
        round.may_raise[seat] = false;
        self.actions += 1;
        self.events.push(HandEvent::PlayerActed(PlayerActed {
            hand_id: self.setting.hand_id.clone().into(),
            table_id: self.setting.table_id.clone().into(),
            number: self.actions,
            player: self.seats[seat].name.into(),
            street: round.street,
            action,
            amount: Amount::from_cents(chips),
            all_in: action != Action::Fold && chips == stack,
        }));
    }

    /// After a bet or a raise everyone else must answer; only a full raise lets those who have
    /// acted raise again.
    fn answer_raise(&self, raiser: usize, to: i64, round: &mut Round) {
        let full = to - round.top >= round.step;
        for (other, seat) in self.seats.iter().enumerate().filter(|(other, _)| *other != raiser) {
            round.must_act[other] = seat.can_act();
            round.may_raise[other] |= full;
        }
        if full {
            round.step = to - round.top;
        }
        round.top = to;
    }

    fn highest_bet_but(&self, seat: usize) -> i64 {
        let others = self.seats.iter().enumerate().filter(|(other, _)| *other != seat);
        others.map(|(_, other)| other.bet).max().unwrap_or(0)
    }

    /// Weighs the hand against the price, with a good deal of whim.
    fn decide(&mut self, seat: usize, round: &Round) -> Decision {
        let whim = self.random.random_range(-0.25..0.25);
        let player = &self.seats[seat];
        let strength = self.strength(player) + whim;
        let pot: i64 = self.seats.iter().map(|seat| seat.paid).sum();
        let to_call = round.top - player.bet;
        let price = to_call as f64 / (pot + to_call) as f64;
        let most = player.bet + player.stack;
        let least = (round.top + round.step).min(most);
        if strength > 0.6 && round.may_raise[seat] && least > round.top {
            let size = self.random.random_range(0.5..1.2) * (pot + to_call) as f64;
            let to = if self.random.random_bool(0.05) { most } else { round.top + size as i64 };
            // In whole small blinds, unless it is all-in.
            let to = to - to % self.setting.small_blind;
            return Decision::To(to.clamp(least, most));
        }
        if to_call == 0 || strength > price + 0.1 { Decision::Call } else { Decision::Fold }
    }

    /// Between 0 and 1.
    fn strength(&self, player: &InHand) -> f64 {
        if self.board.is_empty() {
            let values = player.cards.iter().map(|card| f64::from(u8::from(card.value)));
            let pair = matches!(&*player.cards, [a, b] if a.value == b.value);
            return values.sum::<f64>() / 40.0 + if pair { 0.35 } else { 0.0 };
        }
        match self.rank(player) {
            Rank::HighCard(_) => 0.15,
            Rank::OnePair(_) => 0.4,
            Rank::TwoPair(_) => 0.6,
            Rank::ThreeOfAKind(_) => 0.7,
            Rank::Straight(_) | Rank::Flush(_) => 0.8,
            Rank::FullHouse(_) | Rank::FourOfAKind(_) | Rank::StraightFlush(_) => 0.95,
        }
    }
}
