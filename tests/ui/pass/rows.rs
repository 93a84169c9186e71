//! A row with everything that its attributes can say.
#![deny(missing_docs, warnings, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

use projections::{
    ReadModel,
    rows::{Column, ColumnError, ColumnOf, IndexedColumn, Kind, OwnedValue, Put, RowValues, Value, Values},
};

/// A number of chips.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Chips(i64);

impl Column for Chips {
    const KIND: Kind = Kind::Integer;

    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        put(Value::Integer(self.0));
        Ok(())
    }

    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        match value {
            Value::Integer(value) => Ok(Self(value)),
            other => Err(ColumnError::unexpected(Kind::Integer, other)),
        }
    }

    fn settle(&mut self) -> Result<(), ColumnError> {
        if self.0 > 1_000 {
            return Err(ColumnError::new("too many"));
        }
        self.0 -= self.0 % 10;
        Ok(())
    }

    fn heap_bytes(&self) -> usize {
        7
    }

    fn duplicate(&self) -> Self {
        self.clone()
    }
}

/// What a player has won.
#[derive(Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "players", index(net, table_id), unique(league, net))]
pub struct PlayerStats {
    /// Who.
    #[key]
    pub player: Chips,
    /// In which.
    #[key]
    pub league: Chips,
    /// Where.
    #[index]
    pub table_id: Chips,
    /// Once.
    #[unique]
    #[column(name = "r_type")]
    pub r#type: Chips,
    /// How much.
    #[column(name = "net_chips", default = Chips(50 + 5))]
    pub net: Chips,
    /// Which.
    #[column(json)]
    pub badges: Vec<String>,
    #[column(default)]
    streak: Chips,
    /// Kept.
    #[column(json, default = vec![1])]
    pub(crate) last: Vec<u8>,
}

/// The name of its table is its own.
#[derive(Debug, Default, ReadModel)]
pub struct HTMLPage {
    #[key]
    number: Chips,
}

fn row() -> PlayerStats {
    PlayerStats {
        player: Chips(1),
        league: Chips(2),
        table_id: Chips(3),
        r#type: Chips(4),
        net: Chips(5),
        badges: vec!["shark".into()],
        streak: Chips(6),
        last: vec![7],
    }
}

fn values(row: &impl Values) -> Vec<OwnedValue> {
    let mut values = Vec::new();
    row.put(&mut |value| values.push(value.into())).unwrap();
    values
}

struct Stored(Vec<OwnedValue>);

impl RowValues for Stored {
    fn value(&self, column: usize) -> Result<Value<'_>, ColumnError> {
        Ok(self.0[column].as_value())
    }
}

fn main() {
    let table = PlayerStats::TABLE;
    assert_eq!(table.name, "players");
    assert_eq!(table.key, [0, 1]);
    let names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
    let expected = ["player", "league", "table_id", "r_type", "net_chips", "badges", "streak", "last"];
    assert_eq!(names, expected);
    let kinds: Vec<_> = table.columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds[..5], [Kind::Integer; 5]);
    assert_eq!((kinds[5], table.columns[5].nullable), (Kind::Json, false));
    let indexes: Vec<_> =
        table.indexes.iter().map(|index| (index.columns.to_vec(), index.unique)).collect();
    let expected = [(vec![2], false), (vec![3], true), (vec![4, 2], false), (vec![1, 4], true)];
    assert_eq!(indexes, expected);
    let defaults: Vec<_> = table.columns.iter().map(|column| column.default.map(|of| of())).collect();
    assert_eq!(defaults[..4], [const { None }; 4]);
    assert_eq!(defaults[4], Some(OwnedValue::Integer(50)));
    assert_eq!(defaults[5], None);
    assert_eq!(defaults[6], Some(OwnedValue::Integer(0)));
    assert_eq!(defaults[7], Some(OwnedValue::Json("[1]".into())));
    assert_eq!(HTMLPage::TABLE.name, "html_page");

    let row = row();
    let stored = Stored(values(&row));
    let badges = OwnedValue::Json("[\"shark\"]".into());
    assert_eq!(stored.0.len(), 8);
    assert_eq!((&stored.0[4], &stored.0[5]), (&OwnedValue::Integer(5), &badges));
    assert_eq!(PlayerStats::read(&stored).unwrap(), row);
    assert_eq!(row.duplicate(), row);
    assert_eq!(row.key(), (Chips(1), Chips(2)));
    assert!(row.has_key(&(Chips(1), Chips(2))));
    assert!(!row.has_key(&(Chips(1), Chips(1))) && !row.has_key(&(Chips(2), Chips(2))));
    let blank = PlayerStats::blank(&(Chips(8), Chips(9)));
    assert_eq!(blank, PlayerStats { player: Chips(8), league: Chips(9), ..Default::default() });
    assert!(row.heap_bytes() > 6 * 7 + "shark".len());
    assert_eq!(HTMLPage { number: Chips(1) }.key(), Chips(1));

    let mut settled = row.duplicate();
    settled.net = Chips(55);
    settled.settle_key().unwrap();
    settled.settle().unwrap();
    assert_eq!((settled.net, settled.player), (Chips(50), Chips(0)));
    let mut faulty = row.duplicate();
    faulty.net = Chips(1_001);
    assert_eq!(faulty.settle().unwrap_err().to_string(), "column `net_chips`: too many");
    let mut stored = stored;
    stored.0[5] = OwnedValue::Bool(true);
    let error = PlayerStats::read(&stored).unwrap_err().to_string();
    assert_eq!(error, "column `badges`: Json was expected, and Bool(true) is there");

    let player: IndexedColumn<PlayerStats, Chips> = PlayerStats::PLAYER;
    let _: IndexedColumn<PlayerStats, Chips> = PlayerStats::LEAGUE;
    let _: IndexedColumn<PlayerStats, Chips> = PlayerStats::TABLE_ID;
    let kind: IndexedColumn<PlayerStats, Chips> = PlayerStats::TYPE;
    let _: IndexedColumn<PlayerStats, Chips> = PlayerStats::NET;
    let badges: ColumnOf<PlayerStats, Vec<String>> = PlayerStats::BADGES;
    let _: ColumnOf<PlayerStats, Chips> = PlayerStats::STREAK;
    assert_eq!((player.number(), player.name()), (0, "player"));
    assert_eq!((kind.column().number(), kind.name()), (3, "r_type"));
    assert_eq!((badges.number(), badges.name()), (5, "badges"));
    assert_eq!(format!("{:?}", ColumnOf::from(player)), "players.player");
}
