//! [`TableDigests`]: what the rows of tables add up to, so that somebody else's writes show.
//!
//! A digest is a sum over the rows, so it is kept up to date from what is written alone: the old row
//! leaves, and the new one enters. It is stored with the checkpoint, in the transaction that writes
//! the rows.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

use super::{ColumnDef, ColumnError, Kind, RowValues, Table, Value, Values};

/// How rows are turned into numbers. Digests of another algorithm are not known.
const ALGORITHM: u32 = 1;
/// Digits of pi: numbers with nothing up their sleeves.
const MIX: [u64; 3] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0];
/// The default of a date, 0000-01-01, in days since 1970.
const DAY_ZERO: i32 = -719_528;

/// What the rows of a table add up to: how many there are, and the sum of a hash of each.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TableDigest {
    rows: u64,
    sum: u64,
}

impl TableDigest {
    /// Returns how many rows there are.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn enter(&mut self, row: u64) {
        (self.rows, self.sum) = (self.rows.wrapping_add(1), self.sum.wrapping_add(row));
    }

    pub(super) fn leave(&mut self, row: u64) {
        (self.rows, self.sum) = (self.rows.wrapping_sub(1), self.sum.wrapping_sub(row));
    }

    fn add(&mut self, change: Self) {
        self.rows = self.rows.wrapping_add(change.rows);
        self.sum = self.sum.wrapping_add(change.sum);
    }
}

/// What the rows of a projector's tables add up to, as stored in its checkpoint.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct TableDigests(Vec<(Arc<str>, TableDigest)>); // by name: it is copied with each batch

impl Clone for TableDigests {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }

    fn clone_from(&mut self, source: &Self) {
        self.0.clone_from(&source.0); // into the memory that is there
    }
}

/// One of them as it is stored: the algorithm, how many rows, the sum.
#[derive(Deserialize, Serialize)]
struct Stored(u32, u64, u64);

/// All of them, written out with each batch.
struct Text<'a>(&'a TableDigests);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(TableDigests(all)) = self;
        let stored = |digest: &TableDigest| Stored(ALGORITHM, digest.rows, digest.sum);
        serializer.collect_map(all.iter().map(|(name, digest)| (&**name, stored(digest))))
    }
}

impl TableDigests {
    /// Returns what is known of a table; `None` of one that was filled by a program that kept no
    /// digests.
    #[must_use]
    pub fn of(&self, table: &Table) -> Option<TableDigest> {
        let mut all = self.0.iter();
        all.find(|(name, _)| name.eq_ignore_ascii_case(table.name)).map(|(_, digest)| *digest)
    }

    /// The text that is stored: JSON.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(&Text(self)).unwrap_or_default() // texts and numbers always encode
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// Returns why the text is no list of digests.
    pub fn decode(text: &str) -> Result<Self, serde_json::Error> {
        let stored: BTreeMap<String, Stored> = serde_json::from_str(text)?;
        let known = stored.into_iter().filter(|(_, Stored(algorithm, ..))| *algorithm == ALGORITHM);
        let digests = known.map(|(name, Stored(_, rows, sum))| {
            let digest = TableDigest { rows, sum };
            (name.into(), digest)
        });
        Ok(Self(digests.collect()))
    }

    /// The table is new: it has no rows.
    pub(super) fn begin(&mut self, table: &Table) {
        self.forget(table);
        let name = table.name.to_ascii_lowercase();
        let place = self.0.partition_point(|(other, _)| **other < *name);
        self.0.insert(place, (name.into(), TableDigest::default()));
    }

    /// Nobody knows what is in the table.
    pub(super) fn forget(&mut self, table: &Table) {
        self.0.retain(|(name, _)| !name.eq_ignore_ascii_case(table.name));
    }

    /// Keeps these tables alone.
    pub(super) fn keep(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| is_kept(name));
    }

    /// Takes a change over, where it is known what has changed.
    pub(super) fn change(&mut self, table: &Table, change: TableDigest) {
        let mut all = self.0.iter_mut();
        if let Some((_, digest)) = all.find(|(name, _)| name.eq_ignore_ascii_case(table.name)) {
            digest.add(change);
        }
    }
}

/// Adds up the rows of a table, as a storage finds them.
#[derive(Debug)]
pub struct TableDigester {
    rows: RowDigester,
    digest: TableDigest,
}

impl TableDigester {
    /// Begins without rows.
    #[must_use]
    pub fn new(table: &Table) -> Self {
        Self { rows: RowDigester::of(table), digest: TableDigest::default() }
    }

    /// Adds a row that was found. A column that the table does not have yet is NULL in it.
    ///
    /// # Errors
    /// Names the column that holds something else than it should.
    pub fn add(&mut self, row: &dyn RowValues) -> Result<(), ColumnError> {
        self.digest.enter(self.rows.stored(row)?);
        Ok(())
    }

    /// Returns what the rows add up to.
    #[must_use]
    pub fn digest(&self) -> TableDigest {
        self.digest
    }
}

/// Turns the rows of a table into numbers.
///
/// It goes by the names of columns, and columns with the value that they have at first add nothing:
/// so a column that is added, or declared in another place, changes the number of no row.
#[derive(Debug)]
pub(super) struct RowDigester(Box<[Cell]>);

#[derive(Debug)]
struct Cell {
    seed: u64,
    nullable: bool,
}

impl RowDigester {
    pub(super) fn of(table: &Table) -> Self {
        let cell = |column: &ColumnDef| Cell {
            seed: bytes(MIX[0], column.name.to_ascii_lowercase().as_bytes()),
            nullable: column.nullable,
        };
        Self(table.columns.iter().map(cell).collect())
    }

    /// A row that was settled.
    pub(super) fn row(&self, row: &dyn Values) -> u64 {
        let (mut sum, mut cells) = (0_u64, self.0.iter());
        // A row that was settled can be stored.
        let _ = row.put(&mut |value| {
            if let Some(cell) = cells.next() {
                sum = sum.wrapping_add(cell.number(value));
            }
        });
        finish(sum)
    }

    /// A row that was found.
    pub(super) fn stored(&self, row: &dyn RowValues) -> Result<u64, ColumnError> {
        let mut sum = 0_u64;
        for (column, cell) in self.0.iter().enumerate() {
            sum = sum.wrapping_add(cell.number(row.value(column)?));
        }
        Ok(finish(sum))
    }
}

impl Cell {
    #[inline]
    fn number(&self, value: Value<'_>) -> u64 {
        if is_blank(value, self.nullable) {
            return 0;
        }
        match value {
            Value::Null => 0,
            Value::Bool(value) => self.word(u64::from(value)),
            Value::Integer(value) | Value::Timestamp(value) | Value::Time(value) => {
                self.word(value.cast_unsigned())
            }
            Value::Date(days) => self.word(i64::from(days).cast_unsigned()),
            Value::Real(value) => self.word(value.to_bits()),
            Value::Text(text) | Value::Decimal(text) | Value::Json(text) => {
                bytes(self.seed, text.as_bytes())
            }
            Value::Bytes(content) => bytes(self.seed, content),
            Value::Uuid(content) => bytes(self.seed, &content),
        }
    }

    #[inline]
    fn word(&self, word: u64) -> u64 {
        fold(fold(word ^ self.seed, MIX[1]) ^ word, self.seed ^ MIX[2])
    }
}

/// Whether a column has this value where nobody has given it another one.
fn is_blank(value: Value<'_>, nullable: bool) -> bool {
    match value {
        Value::Null => true,
        _ if nullable => false,
        Value::Bool(value) => !value,
        Value::Integer(value) | Value::Timestamp(value) | Value::Time(value) => value == 0,
        Value::Real(value) => value == 0.0,
        Value::Text(text) => text.is_empty(),
        Value::Bytes(content) => content.is_empty(),
        Value::Decimal(text) => text == "0",
        Value::Date(days) => days == DAY_ZERO,
        Value::Uuid(content) => content == [0; 16],
        Value::Json(_) => false,
    }
}

/// Whether older rows add up to the same once a column is added to them.
pub(super) fn is_added_without_change(column: &ColumnDef) -> bool {
    match column.default {
        None => true,
        Some(default) => {
            column.kind != Kind::Json && is_blank(default().as_value(), column.nullable)
        }
    }
}

#[inline]
fn finish(sum: u64) -> u64 {
    fold(sum ^ MIX[0], sum.rotate_left(32) ^ MIX[1])
}

#[inline]
fn bytes(seed: u64, content: &[u8]) -> u64 {
    let mut state = fold(seed ^ content.len() as u64, MIX[1]);
    let chunks = content.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        state = block(state, chunk);
    }
    if !rest.is_empty() {
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        state = block(state, &last);
    }
    fold(state ^ seed, MIX[2])
}

#[inline]
fn block(state: u64, chunk: &[u8]) -> u64 {
    let word = |from: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&chunk[from..from + 8]); // a block has 16 bytes
        u64::from_le_bytes(word)
    };
    fold(word(0) ^ state, word(8) ^ MIX[0] ^ state.rotate_left(29))
}

/// Both halves of a product, in one word.
#[inline]
#[allow(clippy::cast_possible_truncation)] // each half of it is taken
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashSet;

    use super::*;
    use crate::rows::OwnedValue::{self, Bool, Date, Decimal, Integer, Json, Null, Real, Text};

    const fn column(name: &'static str, kind: Kind, nullable: bool) -> ColumnDef {
        ColumnDef { name, kind, nullable, default: None }
    }

    const NAME: ColumnDef = column("name", Kind::Text, false);
    const WINS: ColumnDef = column("wins", Kind::Integer, false);
    const RANK: ColumnDef = column("rank", Kind::Integer, true);
    const TABLE: Table = Table { name: "t", columns: &[NAME, WINS, RANK], key: &[0], indexes: &[] };

    fn number(table: &Table, row: &[OwnedValue]) -> u64 {
        let digester = RowDigester::of(table);
        let written = digester.row(&row.to_vec().as_slice());
        assert_eq!(digester.stored(&row).unwrap(), written, "as written, and as read");
        written
    }

    impl Values for &[OwnedValue] {
        fn put(&self, put: super::super::Put<'_>) -> Result<(), ColumnError> {
            (**self).put(put)
        }
    }

    fn row(name: &str, wins: i64, rank: OwnedValue) -> Vec<OwnedValue> {
        vec![Text(name.to_owned()), Integer(wins), rank]
    }

    /// What is stored must be read by every later version: these numbers never change.
    #[test]
    fn the_numbers_of_rows_are_what_they_have_always_been() {
        let rows = [row("ada", 7, Null), row("a name of more than sixteen bytes", -1, Integer(0))];
        let all = rows.map(|row| format!("{:016x}", number(&TABLE, &row)));
        assert_eq!(all, NUMBERS);
    }

    const NUMBERS: [&str; 2] = ["e395028365fd4f04", "e100910d9ff8c982"];

    #[test]
    fn rows_that_differ_anywhere_have_different_numbers() {
        let mut rows = Vec::new();
        for name in ["", "a", "b", "ab", "a\u{1}", "0123456789abcdef", "0123456789abcdef0"] {
            for wins in [0, 1, -1, 256, i64::MIN, i64::MAX] {
                for rank in [Null, Integer(0), Integer(1), Integer(-1), Integer(256)] {
                    rows.push(row(name, wins, rank));
                }
            }
        }
        let numbers: HashSet<u64> = rows.iter().map(|row| number(&TABLE, row)).collect();
        assert_eq!(numbers.len(), rows.len());
    }

    #[test]
    fn values_that_change_places_add_up_to_something_else() {
        let sum = |a: i64, b: i64, c: Option<i64>, d: Option<i64>| {
            let mut digest = TableDigest::default();
            let rank = |rank: Option<i64>| rank.map_or(Null, Integer);
            digest.enter(number(&TABLE, &row("ada", a, rank(c))));
            digest.enter(number(&TABLE, &row("bob", b, rank(d))));
            digest
        };
        let first = sum(1, 2, Some(3), None);
        assert_ne!(sum(2, 1, Some(3), None), first, "between rows");
        assert_ne!(sum(1, 2, None, Some(3)), first, "between rows, where one is NULL");
        assert_ne!(sum(3, 2, Some(1), None), first, "between columns");
    }

    /// As `prepare` allows it without a rebuild.
    #[test]
    fn new_columns_and_another_order_change_no_number() {
        const WIDER: Table = Table {
            columns: &[
                column("Rank", Kind::Integer, true),
                column("json", Kind::Json, true),
                column("day", Kind::Date, false),
                NAME,
                column("net", Kind::Decimal, false),
                column("real", Kind::Real, false),
                column("flag", Kind::Bool, false),
                WINS,
            ],
            ..TABLE
        };
        let new = [Null, Date(DAY_ZERO), Decimal("0".to_owned()), Real(0.0), Bool(false)];
        let [json, day, net, real, flag] = new;
        let older = row("ada", 7, Integer(2));
        let wider = [Integer(2), json, day, older[0].clone(), net, real, flag, Integer(7)];
        assert_eq!(number(&WIDER, &wider), number(&TABLE, &older));
        let with = |default| ColumnDef { default: Some(default), ..column("x", Kind::Text, false) };
        assert!(is_added_without_change(&with(|| Text(String::new()))));
        assert!(!is_added_without_change(&with(|| Text("new".to_owned()))));
        let json = ColumnDef { kind: Kind::Json, ..with(|| Json("[]".to_owned())) };
        assert!(!is_added_without_change(&json));
    }

    #[test]
    fn digests_come_back_as_they_were_stored() {
        let mut digests = TableDigests::default();
        digests.begin(&TABLE);
        let mut change = TableDigest::default();
        change.leave(1);
        digests.change(&TABLE, change);
        let text = digests.encode();
        assert_eq!(text, r#"{"t":[1,18446744073709551615,18446744073709551615]}"#);
        assert_eq!(TableDigests::decode(&text).unwrap(), digests);
        let newer = TableDigests::decode(r#"{"t":[2,1,1]}"#).unwrap();
        assert_eq!(newer.of(&TABLE), None, "another algorithm is not known");
        assert!(TableDigests::decode("[]").is_err());
    }
}
