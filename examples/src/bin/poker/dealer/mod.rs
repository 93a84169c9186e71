//! A dealer with a seed: made-up players, three tables, and as many hands as one asks for.
//!
//! The same seed deals the same events, under the same ids; so dealing twice into one log stores
//! nothing twice, and dealing more hands goes on where the log ends.

mod betting;
mod hand;
mod pots;

use jiff::{SignedDuration, Timestamp};
use projections::{EncodeError, EventId, NewEvent, ToEvent};
use rand::{SeedableRng, rngs::StdRng};

use self::hand::{Setting, play};
use crate::{
    events::{PlayerEvent, PlayerRegistered, PlayerSeated, TableEvent},
    money::Amount,
};

/// Twelve people, the first six of whom sit at the first table, and so on.
const PLAYERS: [&str; 12] = [
    "Ada",
    "Björn Ek",
    "C. Chen",
    "Duchess",
    "Emil+Ida",
    "Fernanda",
    "Göran",
    "Hal 9/2",
    "Imke",
    "José María",
    "Katharina",
    "Lou",
];
const TABLES: [(&str, usize); 3] = [("aspen", 6), ("birch", 4), ("cedar", 2)];

/// In cents, as everything at these tables.
const SMALL_BLIND: i64 = 50;
const BIG_BLIND: i64 = 100;
const BUY_IN: i64 = 10_000;

/// When the first event happened, by the dealer's clock: the same seed means the same times.
const OPENING: Timestamp = Timestamp::constant(1_735_689_600, 0);
const BETWEEN_EVENTS: SignedDuration = SignedDuration::from_millis(700);

/// An event and the stream that it goes to.
pub(crate) type Dealt = (String, NewEvent);

/// Deals hands one by one, at one table after the other.
#[derive(Debug)]
pub(crate) struct Dealer {
    seed: u32,
    random: StdRng,
    tables: Vec<Table>,
    hands: u64,
    events: u64,
}

#[derive(Debug)]
struct Table {
    id: String,
    hands: u64,
    /// In the order in which they act after the flop; it moves by one seat with every hand.
    players: Vec<Player>,
}

#[derive(Clone, Debug)]
struct Player {
    name: &'static str,
    stack: i64,
}

impl Dealer {
    pub(crate) fn new(seed: u32) -> Self {
        let mut names = PLAYERS.into_iter();
        let tables = TABLES.map(|(table, seats)| Table {
            id: format!("{table}-{seed}"),
            hands: 0,
            players: names.by_ref().take(seats).map(|name| Player { name, stack: 0 }).collect(),
        });
        let random = StdRng::seed_from_u64(seed.into());
        Self { seed, random, tables: tables.into(), hands: 0, events: 0 }
    }

    /// The registration of every player, the same for every seed.
    pub(crate) fn registrations() -> Result<Vec<Dealt>, EncodeError> {
        let register = |(number, name): (u128, &str)| {
            let event = PlayerEvent::PlayerRegistered(PlayerRegistered { player: name.to_owned() });
            let event = event.to_event()?.with_id(EventId::from_u128(number)).at(OPENING);
            Ok((format!("player-{name}"), event))
        };
        (1..).zip(PLAYERS).map(register).collect()
    }

    /// The id that the first event of this dealer's hands has.
    pub(crate) fn first_id(&self) -> EventId {
        self.id(1)
    }

    /// Seats the players of the next table, and plays a hand.
    pub(crate) fn next_hand(&mut self) -> Result<Vec<Dealt>, EncodeError> {
        let next = usize::try_from(self.hands).unwrap_or_default() % self.tables.len();
        self.hands += 1;
        let (random, table) = (&mut self.random, &mut self.tables[next]); // a remainder, in range
        let hand = table.next_hand(random);
        hand.into_iter()
            .map(|(stream, event)| {
                self.events += 1;
                let time =
                    OPENING + BETWEEN_EVENTS * i32::try_from(self.events).unwrap_or(i32::MAX);
                Ok((stream, event?.with_id(self.id(self.events)).at(time)))
            })
            .collect()
    }

    /// Ids of players' registrations have a zero where those of hands have the seed, plus one.
    fn id(&self, event: u64) -> EventId {
        EventId::from_u128((u128::from(self.seed) + 1) << 64 | u128::from(event))
    }
}

impl Table {
    fn next_hand(&mut self, random: &mut StdRng) -> Vec<(String, Result<NewEvent, EncodeError>)> {
        self.hands += 1;
        self.players.rotate_left(1);
        for player in self.players.iter_mut().filter(|player| player.stack < BIG_BLIND) {
            player.stack = BUY_IN;
        }
        let seated = (1..).zip(&self.players).map(|(seat, player)| {
            let event = TableEvent::PlayerSeated(PlayerSeated {
                table_id: self.id.clone(),
                seat,
                player: player.name.to_owned(),
                stack: Amount::from_cents(player.stack),
            });
            (format!("table-{}", self.id), event.to_event())
        });
        let mut events: Vec<_> = seated.collect();
        let setting = Setting {
            hand_id: format!("{}/{}", self.id, self.hands),
            table_id: self.id.clone(),
            small_blind: SMALL_BLIND,
            big_blind: BIG_BLIND,
        };
        let stream = format!("hand-{}", setting.hand_id);
        let played = play(setting, &mut self.players, random);
        events.extend(played.iter().map(|event| (stream.clone(), event.to_event())));
        events
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn deal(seed: u32, hands: usize) -> Vec<Dealt> {
        let mut dealer = Dealer::new(seed);
        (0..hands).flat_map(|_| dealer.next_hand().unwrap()).collect()
    }

    #[test]
    fn the_same_seed_deals_the_same_events() {
        assert_eq!(deal(7, 40), deal(7, 40));
        assert!(deal(7, 60).starts_with(&deal(7, 40)), "more hands begin with the same hands");
        assert_ne!(deal(7, 40), deal(8, 40));
    }

    #[test]
    fn no_chip_appears_or_vanishes_in_a_hand() {
        let mut dealer = Dealer::new(11);
        for _ in 0..600 {
            let next = dealer.hands as usize % dealer.tables.len();
            let stacks = |dealer: &Dealer| -> i64 {
                dealer.tables[next].players.iter().map(|player| player.stack).sum()
            };
            let before = stacks(&dealer);
            let bought =
                dealer.tables[next].players.iter().filter(|player| player.stack < BIG_BLIND);
            let bought_in: i64 = bought.map(|player| BUY_IN - player.stack).sum();
            dealer.next_hand().unwrap();
            assert_eq!(stacks(&dealer), before + bought_in);
        }
    }
}
