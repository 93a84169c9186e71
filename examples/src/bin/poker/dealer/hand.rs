//! One hand of no-limit hold'em, from the cards to the chips; `betting` has what is between.

use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use rs_poker::core::{Card, FlatHand, Rank, Rankable, Suit, Value};

use super::{
    Player,
    pots::{Stake, share_out},
};
use crate::{
    events::{
        BlindPosted, BoardDealt, CardsDealt, CardsShown, HandComplete, HandEvent, HandStarted,
        PlayerResult, PotAwarded, Seat, Street, UncalledReturned,
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

pub(super) struct Hand<'r> {
    pub(super) setting: Setting,
    pub(super) random: &'r mut StdRng,
    deck: Vec<Card>,
    pub(super) board: Vec<Card>,
    pub(super) seats: Vec<InHand>,
    pub(super) events: Vec<HandEvent<'static>>,
    pub(super) actions: u32,
}

/// A player in a hand; amounts are cents.
pub(super) struct InHand {
    pub(super) name: &'static str,
    pub(super) stack: i64,
    pub(super) cards: Vec<Card>,
    /// Put in on this street.
    pub(super) bet: i64,
    /// Put in on all streets.
    pub(super) paid: i64,
    pub(super) folded: bool,
}

impl InHand {
    pub(super) fn put(&mut self, chips: i64) -> i64 {
        let chips = chips.min(self.stack);
        self.stack -= chips;
        self.bet += chips;
        self.paid += chips;
        chips
    }

    pub(super) fn can_act(&self) -> bool {
        !self.folded && self.stack > 0
    }
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
    pub(super) fn remaining(&self) -> usize {
        self.seats.iter().filter(|seat| !seat.folded).count()
    }

    pub(super) fn rank(&self, player: &InHand) -> Rank {
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
