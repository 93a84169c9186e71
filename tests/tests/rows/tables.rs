//! The tables that the random programs change, each with the model's own idea of what is stored.

use std::fmt::Debug;

use jiff::Timestamp;
use projections::{ReadModel, Rows};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom as _};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What is written into events.
pub(crate) trait Written:
    Clone + Debug + Serialize + DeserializeOwned + Send + Sync
{
}

impl<T: Clone + Debug + Serialize + DeserializeOwned + Send + Sync> Written for T {}

/// A table under test, and what the model knows of it.
pub(crate) trait Subject: ReadModel<Key: Written> + Clone + Debug + PartialEq {
    type Change: Written;
    type Lookup: Written;

    fn change(&mut self, change: &Self::Change);
    /// Brings it to its stored form, as the documentation of `Kind` says it.
    fn store(&mut self) -> Result<(), String>;
    /// Its unique keys: the column, and the value.
    fn uniques(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// Whether a row in its stored form is one that is looked up.
    fn is_found(&self, lookup: &Self::Lookup) -> bool;
    fn find<'a>(rows: &'a mut Rows<Self>, lookup: &Self::Lookup) -> Vec<&'a Self>;

    fn keys() -> Vec<Self::Key>;
    fn lookups() -> Vec<Self::Lookup>;
    fn random_change(rng: &mut StdRng) -> Self::Change;

    fn random_key(rng: &mut StdRng) -> Self::Key {
        Self::keys().choose(rng).unwrap().clone()
    }
    fn random_lookup(rng: &mut StdRng) -> Self::Lookup {
        Self::lookups().choose(rng).unwrap().clone()
    }
}

/// A text as key.
#[derive(ReadModel, Clone, Debug, Default, PartialEq)]
#[read_model(table = "players")]
pub(crate) struct Player {
    #[key]
    pub(crate) name: String,
    pub(crate) hands: i64,
    pub(crate) net: Decimal,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum PlayerChange {
    Hand,
    /// So many units of a thousandth: with zeros at the end, most of the time.
    Net(i64),
    Rename(String),
}

impl Subject for Player {
    type Change = PlayerChange;
    type Lookup = String;

    fn change(&mut self, change: &PlayerChange) {
        match change {
            PlayerChange::Hand => self.hands += 1,
            PlayerChange::Net(thousandths) => self.net += Decimal::new(*thousandths, 3),
            PlayerChange::Rename(name) => name.clone_into(&mut self.name),
        }
    }

    fn store(&mut self) -> Result<(), String> {
        self.net = self.net.normalize();
        no_zero(&self.name)
    }

    fn is_found(&self, lookup: &String) -> bool {
        self.name == *lookup
    }

    fn find<'a>(rows: &'a mut Rows<Self>, lookup: &String) -> Vec<&'a Self> {
        rows.by(Self::NAME, lookup)
    }

    fn keys() -> Vec<String> {
        ["", "ada", "Ada", "bob", "ü\u{1F0A1}", "' OR 1"].map(String::from).to_vec()
    }

    fn lookups() -> Vec<String> {
        Self::keys()
    }

    fn random_change(rng: &mut StdRng) -> PlayerChange {
        match rng.random_range(0..2) {
            0 => PlayerChange::Hand,
            _ => PlayerChange::Net(rng.random_range(-5_000..5_000)),
        }
    }
}

/// A key of two columns, and an index over values that may be missing.
#[derive(ReadModel, Clone, Debug, Default, PartialEq)]
#[read_model(table = "seats")]
pub(crate) struct Seat {
    #[key]
    pub(crate) room: String,
    #[key]
    pub(crate) number: i64,
    #[index]
    pub(crate) taken_by: Option<String>,
    pub(crate) stack: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum SeatChange {
    Taken(Option<String>),
    Stack(i64),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum SeatLookup {
    Taken(Option<String>),
    Room(String),
}

const NAMES: [&str; 3] = ["", "ada", "bob"];

fn maybe_name(rng: &mut StdRng) -> Option<String> {
    let name = NAMES.choose(rng)?;
    rng.random_bool(0.7).then(|| (*name).to_owned())
}

impl Subject for Seat {
    type Change = SeatChange;
    type Lookup = SeatLookup;

    fn change(&mut self, change: &SeatChange) {
        match change {
            SeatChange::Taken(by) => self.taken_by.clone_from(by),
            SeatChange::Stack(chips) => self.stack = self.stack.wrapping_add(*chips),
        }
    }

    fn store(&mut self) -> Result<(), String> {
        no_zero(&self.room)?;
        self.taken_by.as_deref().map_or(Ok(()), no_zero)
    }

    fn is_found(&self, lookup: &SeatLookup) -> bool {
        match lookup {
            SeatLookup::Taken(by) => self.taken_by == *by,
            SeatLookup::Room(room) => self.room == *room,
        }
    }

    fn find<'a>(rows: &'a mut Rows<Self>, lookup: &SeatLookup) -> Vec<&'a Self> {
        match lookup {
            SeatLookup::Taken(by) => rows.by(Self::TAKEN_BY, by),
            SeatLookup::Room(room) => rows.by(Self::ROOM, room),
        }
    }

    fn keys() -> Vec<(String, i64)> {
        let numbers = [i64::MIN, -1, 0, 9, 10, i64::MAX];
        let of = |room: &str| numbers.map(|number| (room.to_owned(), number));
        [of("a"), of("b")].concat()
    }

    fn lookups() -> Vec<SeatLookup> {
        let names = NAMES.map(|name| SeatLookup::Taken(Some(name.to_owned())));
        let rooms = ["a", "b", "c"].map(|room| SeatLookup::Room(room.to_owned()));
        [&[SeatLookup::Taken(None)][..], &names, &rooms].concat()
    }

    fn random_change(rng: &mut StdRng) -> SeatChange {
        match rng.random_range(0..2) {
            0 => SeatChange::Taken(maybe_name(rng)),
            _ => SeatChange::Stack(rng.random()),
        }
    }
}

/// An integer as key, unique columns and an index.
#[derive(ReadModel, Clone, Debug, Default, PartialEq)]
#[read_model(table = "accounts", unique(team, place))]
pub(crate) struct Account {
    #[key]
    pub(crate) id: i32,
    /// Before the unique columns: what cannot be stored here must not hide them.
    pub(crate) rate: f64,
    #[unique]
    pub(crate) code: Option<u64>,
    #[index]
    pub(crate) team: Option<String>,
    pub(crate) place: Option<i8>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum AccountChange {
    Code(Option<u64>),
    Team(Option<String>),
    Place(Option<i8>),
    Nan,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum AccountLookup {
    Code(Option<u64>),
    Team(Option<String>),
}

impl Subject for Account {
    type Change = AccountChange;
    type Lookup = AccountLookup;

    fn change(&mut self, change: &AccountChange) {
        match change {
            AccountChange::Code(code) => self.code = *code,
            AccountChange::Team(team) => self.team.clone_from(team),
            AccountChange::Place(place) => self.place = *place,
            AccountChange::Nan => self.rate = f64::NAN,
        }
    }

    fn store(&mut self) -> Result<(), String> {
        if self.rate.is_nan() {
            return Err("NaN".to_owned());
        }
        if self.code.is_some_and(|code| code > i64::MAX as u64) {
            return Err("too large".to_owned());
        }
        self.team.as_deref().map_or(Ok(()), no_zero)
    }

    fn uniques(&self) -> Vec<(&'static str, String)> {
        let code = self.code.map(|code| ("code", code.to_string()));
        let place = self.team.as_ref().zip(self.place);
        let place = place.map(|(team, place)| ("team, place", format!("{team:?} {place}")));
        code.into_iter().chain(place).collect()
    }

    fn is_found(&self, lookup: &AccountLookup) -> bool {
        match lookup {
            AccountLookup::Code(code) => self.code == *code,
            AccountLookup::Team(team) => self.team == *team,
        }
    }

    fn find<'a>(rows: &'a mut Rows<Self>, lookup: &AccountLookup) -> Vec<&'a Self> {
        match lookup {
            AccountLookup::Code(code) => rows.by(Self::CODE, code),
            AccountLookup::Team(team) => rows.by(Self::TEAM, team),
        }
    }

    fn keys() -> Vec<i32> {
        (-2..4).collect()
    }

    fn lookups() -> Vec<AccountLookup> {
        let codes = (0..5).map(Some).chain([None, Some(u64::MAX)]).map(AccountLookup::Code);
        let teams = NAMES.map(|name| Some(name.to_owned())).into_iter().chain([None]);
        codes.chain(teams.map(AccountLookup::Team)).collect()
    }

    fn random_change(rng: &mut StdRng) -> AccountChange {
        match rng.random_range(0..4) {
            0 => AccountChange::Team(maybe_name(rng)),
            1 => AccountChange::Place(rng.random_bool(0.8).then(|| rng.random_range(0..3))),
            _ => AccountChange::Code(rng.random_bool(0.8).then(|| rng.random_range(0..5))),
        }
    }
}

/// Columns of many types.
#[derive(ReadModel, Clone, Debug, Default, PartialEq)]
#[read_model(table = "samples")]
pub(crate) struct Sample {
    #[key]
    pub(crate) flag: bool,
    #[key]
    pub(crate) id: u16,
    pub(crate) real: f64,
    pub(crate) short: f32,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) maybe: Option<i64>,
    #[index]
    pub(crate) amount: Decimal,
    #[index]
    pub(crate) at: Option<Timestamp>,
    pub(crate) big: u64,
    #[column(json)]
    pub(crate) tags: Vec<(String, Option<i8>)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum SampleChange {
    /// By its bits, because JSON has neither infinities nor the sign of zero.
    Real(u64),
    Short(u32),
    Text(String),
    Bytes(Vec<u8>),
    Maybe(Option<i64>),
    /// So many units of so many digits after the point.
    Amount(i64, u32),
    /// Nanoseconds since 1970.
    At(Option<i64>),
    Big(u64),
    Tag(String, Option<i8>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum SampleLookup {
    Amount(i64, u32),
    At(Option<i64>),
    Flag(bool),
}

fn at(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds.into()).unwrap()
}

const INSTANTS: [i64; 5] = [-1_001, -1, 0, 1_999, 1_234_567_890_123_456_789];
const AMOUNTS: [(i64, u32); 6] = [(0, 3), (150, 2), (15, 1), (-15, 1), (1, 28), (i64::MAX, 0)];

impl Subject for Sample {
    type Change = SampleChange;
    type Lookup = SampleLookup;

    fn change(&mut self, change: &SampleChange) {
        match change {
            SampleChange::Real(bits) => self.real = f64::from_bits(*bits),
            SampleChange::Short(bits) => self.short = f32::from_bits(*bits),
            SampleChange::Text(text) => text.clone_into(&mut self.text),
            SampleChange::Bytes(bytes) => bytes.clone_into(&mut self.bytes),
            SampleChange::Maybe(maybe) => self.maybe = *maybe,
            SampleChange::Amount(units, digits) => self.amount = Decimal::new(*units, *digits),
            SampleChange::At(nanoseconds) => self.at = nanoseconds.map(at),
            SampleChange::Big(big) => self.big = *big,
            SampleChange::Tag(tag, weight) => self.tags.push((tag.clone(), *weight)),
        }
        if self.tags.len() > 4 {
            self.tags.clear();
        }
    }

    fn store(&mut self) -> Result<(), String> {
        if self.real.is_nan() || self.short.is_nan() {
            return Err("NaN".to_owned());
        }
        if self.big > i64::MAX as u64 {
            return Err("too large".to_owned());
        }
        // A negative zero loses its sign.
        self.real += 0.0;
        self.short += 0.0;
        self.amount = self.amount.normalize();
        self.at = self.at.map(|at| {
            let microseconds = at.as_nanosecond().div_euclid(1_000);
            Timestamp::from_nanosecond(microseconds * 1_000).unwrap()
        });
        no_zero(&self.text)
    }

    fn is_found(&self, lookup: &SampleLookup) -> bool {
        match lookup {
            SampleLookup::Amount(units, digits) => self.amount == Decimal::new(*units, *digits),
            SampleLookup::At(None) => self.at.is_none(),
            SampleLookup::At(Some(nanoseconds)) => {
                self.at == Some(at(nanoseconds.div_euclid(1_000) * 1_000))
            }
            SampleLookup::Flag(flag) => self.flag == *flag,
        }
    }

    fn find<'a>(rows: &'a mut Rows<Self>, lookup: &SampleLookup) -> Vec<&'a Self> {
        match lookup {
            SampleLookup::Amount(units, digits) => {
                rows.by(Self::AMOUNT, &Decimal::new(*units, *digits))
            }
            SampleLookup::At(nanoseconds) => rows.by(Self::AT, &nanoseconds.map(at)),
            SampleLookup::Flag(flag) => rows.by(Self::FLAG, flag),
        }
    }

    fn keys() -> Vec<(bool, u16)> {
        [0, 1, u16::MAX].into_iter().flat_map(|id| [(false, id), (true, id)]).collect()
    }

    fn lookups() -> Vec<SampleLookup> {
        let amounts = AMOUNTS.map(|(units, digits)| SampleLookup::Amount(units, digits));
        let instants = INSTANTS.into_iter().map(Some).chain([None]).map(SampleLookup::At);
        let flags = [false, true].map(SampleLookup::Flag);
        amounts.into_iter().chain(instants).chain(flags).collect()
    }

    fn random_change(rng: &mut StdRng) -> SampleChange {
        let texts = ["", "a\nb", "\"quoted\"", "ü", "\u{FEFF}\u{10FFFF}"];
        let text = (*texts.choose(rng).unwrap()).to_owned();
        match rng.random_range(0..9) {
            0 => {
                let reals =
                    [0.0, -0.0, 1.5, f64::MIN_POSITIVE, f64::INFINITY, f64::NEG_INFINITY, 1e300];
                SampleChange::Real(reals.choose(rng).unwrap().to_bits())
            }
            1 => {
                let shorts: [f32; 5] = [-0.0, 0.1, f32::MAX, f32::MIN_POSITIVE, f32::INFINITY];
                SampleChange::Short(shorts.choose(rng).unwrap().to_bits())
            }
            2 => SampleChange::Text(text),
            3 => SampleChange::Bytes((0..rng.random_range(0..4)).map(|_| rng.random()).collect()),
            4 => SampleChange::Maybe(rng.random_bool(0.5).then(|| rng.random())),
            5 => {
                let (units, digits) = *AMOUNTS.choose(rng).unwrap();
                SampleChange::Amount(units, digits)
            }
            6 => SampleChange::At(INSTANTS.choose(rng).copied().filter(|at| *at != 0)),
            7 => SampleChange::Big(*[0, 1, i64::MAX as u64].choose(rng).unwrap()),
            _ => SampleChange::Tag(text, rng.random_bool(0.5).then(|| rng.random())),
        }
    }
}

fn no_zero(text: &str) -> Result<(), String> {
    if text.contains('\0') { Err("U+0000".to_owned()) } else { Ok(()) }
}
