//! One hand of no-limit hold'em: cards, betting, showdown.
//!
//! The rules are those of the casino, the players are not very good.

use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use rs_poker::core::{Card, FlatHand, Rank, Rankable, Suit, Value};

use super::{
    Player,
    pots::{Stake, share_out},
};
use crate::{
    events::{
        Action, BlindPosted, BoardDealt, CardsDealt, CardsShown, HandComplete, HandEvent,
        HandStarted, PlayerActed, PlayerResult, PotAwarded, Seat, Street, UncalledReturned,
    },
    money::Amount,
};

/// What is fixed before the first card.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) hand_id: String,
    pub(super) table_id: String,
    pub(super) small_blind: i64,
    pub(super) big_blind: i64,
}

/// Plays a hand, returns its events, and leaves every player with the stack that he ends up with.
pub(super) fn play(
    setting: Setting,
    players: &mut [Player],
    random: &mut StdRng,
) -> Vec<HandEvent<'static>> {
    let mut hand = Hand::begin(setting, players, random);
    hand.post_blinds();
    hand.deal_cards();
    // Before the flop the blinds act last; after it they act first. Heads-up the button is the
    // small blind.
    let first = if hand.seats.len() == 2 { 1 } else { 2 };
    hand.bet(Street::Preflop, first);
    for (street, cards) in [(Street::Flop, 3), (Street::Turn, 1), (Street::River, 1)] {
        if hand.remaining() > 1 {
            hand.deal_board(street, cards);
            hand.bet(street, 0);
        }
    }
    hand.return_uncalled();
    hand.finish();
    for (player, seat) in players.iter_mut().zip(&hand.seats) {
        player.stack = seat.stack;
    }
    hand.events
}

struct Hand<'r> {
    setting: Setting,
    random: &'r mut StdRng,
    deck: Vec<Card>,
    board: Vec<Card>,
    seats: Vec<InHand>,
    events: Vec<HandEvent<'static>>,
    actions: u32,
}

/// A player in a hand; amounts are cents.
struct InHand {
    name: &'static str,
    stack: i64,
    cards: Vec<Card>,
    /// Put in on this street.
    bet: i64,
    /// Put in on all streets.
    paid: i64,
    folded: bool,
}

impl InHand {
    fn put(&mut self, chips: i64) -> i64 {
        let chips = chips.min(self.stack);
        self.stack -= chips;
        self.bet += chips;
        self.paid += chips;
        chips
    }

    fn can_act(&self) -> bool {
        !self.folded && self.stack > 0
    }
}

/// What a player wants to do when it is his turn.
enum Decision {
    Fold,
    /// Check, where there is nothing to call.
    Call,
    /// Bet or raise, so that this much is in front of the player.
    To(i64),
}

/// How one round of betting stands.
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

impl<'r> Hand<'r> {
    fn begin(setting: Setting, players: &[Player], random: &'r mut StdRng) -> Self {
        let cards = Suit::suits()
            .into_iter()
            .flat_map(|suit| Value::values().into_iter().map(move |value| Card::new(value, suit)));
        let mut deck: Vec<_> = cards.collect();
        deck.shuffle(random);
        let seats = players.iter().map(|player| InHand {
            name: player.name,
            stack: player.stack,
            cards: Vec::new(),
            bet: 0,
            paid: 0,
            folded: false,
        });
        let started = HandStarted {
            hand_id: setting.hand_id.clone(),
            table_id: setting.table_id.clone(),
            small_blind: Amount::from_cents(setting.small_blind),
            big_blind: Amount::from_cents(setting.big_blind),
            seats: (1..)
                .zip(players)
                .map(|(seat, player)| Seat {
                    seat,
                    player: player.name.to_owned(),
                    stack: Amount::from_cents(player.stack),
                })
                .collect(),
        };
        Self {
            seats: seats.collect(),
            setting,
            random,
            deck,
            board: Vec::new(),
            events: vec![HandEvent::HandStarted(started)],
            actions: 0,
        }
    }

    fn post_blinds(&mut self) {
        let mut blinds = [self.setting.small_blind, self.setting.big_blind];
        if self.seats.len() == 2 {
            blinds.reverse();
        }
        for (seat, blind) in self.seats.iter_mut().zip(blinds) {
            let amount = Amount::from_cents(seat.put(blind));
            self.events.push(HandEvent::BlindPosted(BlindPosted {
                hand_id: self.setting.hand_id.clone(),
                player: seat.name.to_owned(),
                amount,
            }));
        }
    }

    fn deal_cards(&mut self) {
        for seat in &mut self.seats {
            seat.cards = self.deck.split_off(self.deck.len() - 2); // ten players leave 32 cards
            self.events.push(HandEvent::CardsDealt(CardsDealt {
                hand_id: self.setting.hand_id.clone(),
                player: seat.name.to_owned(),
                cards: text(&seat.cards),
            }));
        }
    }

    fn deal_board(&mut self, street: Street, count: usize) {
        let cards = self.deck.split_off(self.deck.len() - count); // ten players leave 32 cards
        self.events.push(HandEvent::BoardDealt(BoardDealt {
            hand_id: self.setting.hand_id.clone(),
            street,
            cards: text(&cards),
        }));
        self.board.extend(cards);
    }

    /// How many have not folded.
    fn remaining(&self) -> usize {
        self.seats.iter().filter(|seat| !seat.folded).count()
    }

    /// Goes round the table until everyone has answered the highest bet.
    fn bet(&mut self, street: Street, first: usize) {
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

    fn rank(&self, player: &InHand) -> Rank {
        let cards = player.cards.iter().chain(&self.board).copied().collect();
        FlatHand::new_with_cards(cards).rank()
    }

    /// Gives back what nobody matched.
    fn return_uncalled(&mut self) {
        let mut paid: Vec<i64> = self.seats.iter().map(|seat| seat.paid).collect();
        paid.sort_unstable();
        let [.., second, top] = *paid else { return };
        let Some(seat) = self.seats.iter_mut().find(|seat| seat.paid == top) else { return };
        if top > second {
            seat.paid = second;
            seat.stack += top - second;
            self.events.push(HandEvent::UncalledReturned(UncalledReturned {
                hand_id: self.setting.hand_id.clone(),
                player: seat.name.to_owned(),
                amount: Amount::from_cents(top - second),
            }));
        }
    }

    /// Shows cards where there is a showdown, shares out the pot, and sums up.
    fn finish(&mut self) {
        let showdown = self.remaining() > 1;
        let won = self.shares(showdown);
        let mut results = Vec::new();
        let mut awarded = Vec::new();
        for (seat, won) in self.seats.iter().zip(&won) {
            let hand_id = self.setting.hand_id.clone();
            let player = seat.name.to_owned();
            if showdown && !seat.folded {
                // Winners must show; a loser may throw the cards away unseen.
                let shows = *won > 0 || self.random.random_bool(0.5);
                let cards = shows.then(|| text(&seat.cards));
                let shown = CardsShown { hand_id: hand_id.clone(), player: player.clone(), cards };
                self.events.push(HandEvent::CardsShown(shown));
            }
            let amount = Amount::from_cents(*won);
            if *won > 0 {
                awarded.push(PotAwarded { hand_id, player: player.clone(), amount });
            }
            results.push(PlayerResult {
                player,
                put_in: Amount::from_cents(seat.paid),
                won: amount,
                net: Amount::from_cents(won - seat.paid),
                folded: seat.folded,
            });
        }
        self.events.extend(awarded.into_iter().map(HandEvent::PotAwarded));
        self.events.push(HandEvent::HandComplete(HandComplete {
            hand_id: self.setting.hand_id.clone(),
            table_id: self.setting.table_id.clone(),
            pot: Amount::from_cents(won.iter().sum()),
            showdown,
            results,
        }));
        for (seat, won) in self.seats.iter_mut().zip(won) {
            seat.stack += won;
        }
    }

    fn shares(&self, showdown: bool) -> Vec<i64> {
        // Without a showdown any rank will do: one player is left.
        let rank = |seat: &InHand| if showdown { self.rank(seat) } else { Rank::HighCard(0) };
        let stake =
            |seat: &InHand| Stake { paid: seat.paid, rank: (!seat.folded).then(|| rank(seat)) };
        share_out(&self.seats.iter().map(stake).collect::<Vec<_>>())
    }
}

fn text(cards: &[Card]) -> String {
    cards.iter().map(Card::to_string).collect()
}
