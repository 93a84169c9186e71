//! Random queries over random rows, against a plain list.

use std::{
    cmp::Ordering,
    ops::{Bound, RangeBounds},
};

use projections::read::{Query, Reader};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use rust_decimal::Decimal;

use crate::board::{Board, Change, Place, Player};

const BOARDS: usize = 12;
const QUERIES: usize = 150;

pub(crate) async fn queries_answer_as_a_plain_list_does(place: Place) {
    let given = std::env::var("PROJECTIONS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(rand::random::<u64>);
    println!("PROJECTIONS_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..BOARDS {
        let board = Board::new(place).await;
        let mut list = Vec::new();
        for _ in 0..3 {
            change(&board, &mut list, &mut random).await;
            for _ in 0..QUERIES / 3 {
                Plan::random(&list, &mut random).check(&board.players(), &list).await;
            }
        }
    }
}

/// Changes some rows, on the board and in the list, which is sorted by key.
async fn change(board: &Board, list: &mut Vec<Player>, random: &mut StdRng) {
    let mut changes = Vec::new();
    for _ in 0..random.random_range(0..40) {
        let player = any_player(random);
        list.retain(|other| other.name != player.name);
        if random.random_bool(0.2) {
            changes.push(Change::PlayerLeft(player.name.into()));
        } else {
            list.push(player.clone());
            changes.push(Change::Player(player));
        }
    }
    list.sort_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
    board.apply(changes).await;
}

fn any_player(random: &mut StdRng) -> Player {
    let decimals = ["9", "10.25", "1234", "-38633.5", "0", "0.01", "-0.01", "9.5", "-9", "100"];
    let mut decimal =
        || -> Decimal { decimals.choose(random).expect("there are some").parse().unwrap() };
    let (net, best) = (decimal(), decimal());
    let reals = [0.0, -1.5, 1e300, f64::MIN_POSITIVE, 2.0];
    let mut name: String = (0..random.random_range(0..3))
        .map(|_| *['a', 'B', 'é', '0', '\u{10ffff}'].choose(random).unwrap())
        .collect();
    name.push_str(&random.random_range(0..12).to_string());
    Player {
        name,
        team: random.random_bool(0.7).then(|| format!("t{}", random.random_range(0..3))),
        wins: random.random_range(-3..4),
        net,
        best: random.random_bool(0.7).then_some(best),
        luck: *reals.choose(random).unwrap(),
        rank: random.random_bool(0.6).then(|| random.random_range(-2..3)),
        seen: jiff::Timestamp::from_microsecond(random.random_range(-2..3)).unwrap(),
        guest: random.random_bool(0.5),
        badges: vec![],
    }
}

#[derive(Clone, Copy, Debug)]
enum Field {
    Name,
    Team,
    Wins,
    Net,
    Best,
    Luck,
    Rank,
    Seen,
    Guest,
}

const FIELDS: [Field; 9] = [
    Field::Name,
    Field::Team,
    Field::Wins,
    Field::Net,
    Field::Best,
    Field::Luck,
    Field::Rank,
    Field::Seen,
    Field::Guest,
];

/// Does the same with any field: with its column, and with what takes its value out of a row.
macro_rules! with_field {
    ($field:expr, |$column:ident, $value:ident| $body:expr) => {
        with_field!(@ $field, $column, $value, $body,
            Name NAME name, Team TEAM team, Wins WINS wins, Net NET net, Best BEST best,
            Luck LUCK luck, Rank RANK rank, Seen SEEN seen, Guest GUEST guest)
    };
    (@ $field:expr, $column:ident, $value:ident, $body:expr,
        $($variant:ident $constant:ident $of:ident),+) => {
        match $field {
            $(Field::$variant => {
                let $column = Player::$constant;
                let $value = |player: &Player| player.$of.clone();
                $body
            })+
        }
    };
}

/// Floats have no total order of their own, and there is no NaN here.
fn compare<V: PartialOrd>(one: &V, other: &V) -> Ordering {
    one.partial_cmp(other).expect("it is not NaN")
}

/// The row whose value ends a range, if any, and whether the range includes it.
type End = Option<(Player, bool)>;

/// A query.
#[derive(Clone, Debug)]
struct Plan {
    team: Option<Option<String>>,
    wins: Option<i64>,
    ranges: Vec<(Field, End, End)>,
    order: Option<Field>,
    descending: bool,
    after: Option<Player>,
    limit: Option<u64>,
    page: u32,
}

impl Plan {
    fn random(list: &[Player], random: &mut StdRng) -> Self {
        let mut some = |chance| random.random_bool(chance);
        let (by_team, by_wins, after, limit) = (some(0.2), some(0.2), some(0.3), some(0.4));
        let (ordered, descending) = (some(0.7), some(0.5));
        let ranges = random.random_range(0..3);
        Self {
            team: by_team.then(|| any_row(list, random).team),
            wins: by_wins.then(|| any_row(list, random).wins),
            ranges: (0..ranges)
                .map(|_| (*FIELDS.choose(random).unwrap(), end(list, random), end(list, random)))
                .collect(),
            order: ordered.then(|| *FIELDS.choose(random).unwrap()),
            descending,
            after: after.then(|| any_row(list, random)),
            limit: limit.then(|| random.random_range(0..8)),
            page: random.random_range(1..8),
        }
    }

    fn query(&self, players: &Reader<Player>) -> Query<Player> {
        let mut query = players.all();
        if let Some(team) = &self.team {
            query = query.by(Player::TEAM, team);
        }
        if let Some(wins) = &self.wins {
            query = query.by(Player::WINS, wins);
        }
        for (field, start, end) in &self.ranges {
            query = with_field!(field, |column, value| {
                query.range(column, (bound(start, value), bound(end, value)))
            });
        }
        if let Some(field) = self.order {
            query = with_field!(field, |column, _value| query.order_by(column));
        }
        if self.descending {
            query = query.descending();
        }
        if let Some(after) = &self.after {
            query = query.after(after);
        }
        if let Some(limit) = self.limit {
            query = query.limit(limit);
        }
        query
    }

    /// The rows that meet the conditions, in order.
    fn met(&self, list: &[Player]) -> Vec<Player> {
        let in_range = |player: &Player, (field, start, end): &(Field, End, End)| {
            with_field!(field, |_column, value| {
                (bound(start, value), bound(end, value)).contains(&value(player))
            })
        };
        let meets = |player: &&Player| {
            self.team.as_ref().is_none_or(|team| player.team == *team)
                && self.wins.is_none_or(|wins| player.wins == wins)
                && self.ranges.iter().all(|range| in_range(player, range))
        };
        let mut rows: Vec<Player> = list.iter().filter(meets).cloned().collect();
        rows.sort_by(|one, other| self.compare(one, other));
        rows
    }

    fn compare(&self, one: &Player, other: &Player) -> Ordering {
        let by_key = one.name.as_bytes().cmp(other.name.as_bytes());
        let turned = |order: Ordering| if self.descending { order.reverse() } else { order };
        match self.order {
            None => turned(by_key),
            Some(field) => {
                with_field!(field, |_column, value| turned(compare(&value(one), &value(other))))
                    .then(by_key)
            }
        }
    }

    async fn check(&self, players: &Reader<Player>, list: &[Player]) {
        let met = self.met(list);
        let after = |player: &Player| {
            self.after.as_ref().is_none_or(|after| self.compare(player, after).is_gt())
        };
        let limit = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
        let expected: Vec<Player> =
            met.iter().filter(|player| after(player)).take(limit).cloned().collect();
        let found = self.query(players).await.unwrap();
        assert_eq!(found, expected, "{self:?}");
        let count = self.query(players).count().await.unwrap();
        assert_eq!(count, met.len() as u64, "{self:?}");
        let mut pages = self.query(players).pages(self.page);
        let mut paged = Vec::new();
        while let Some(page) = pages.next().await.unwrap() {
            assert!(!page.is_empty() && page.len() <= self.page as usize, "{self:?}");
            paged.extend(page);
        }
        assert_eq!(paged, expected, "{self:?}");
        if let Some(player) = expected.first() {
            let got = players.get(&*player.name).await.unwrap();
            assert_eq!(got.as_ref(), Some(player));
        }
    }
}

/// A row of the list, or any other one.
fn any_row(list: &[Player], random: &mut StdRng) -> Player {
    match list.choose(random) {
        Some(row) if random.random_bool(0.7) => row.clone(),
        _ => any_player(random),
    }
}

fn end(list: &[Player], random: &mut StdRng) -> End {
    random.random_bool(0.6).then(|| (any_row(list, random), random.random_bool(0.5)))
}

fn bound<V>(end: &End, value: impl Fn(&Player) -> V) -> Bound<V> {
    match end {
        None => Bound::Unbounded,
        Some((row, true)) => Bound::Included(value(row)),
        Some((row, false)) => Bound::Excluded(value(row)),
    }
}
