//! [`Indexes`]: which rows in memory have which values in the indexed columns.

use std::collections::{HashMap, HashSet};

use super::{OwnedValue, ReadModel, Table, Value, Values, slots::Slots};

/// The values of an index's columns, as bytes: equal where they are.
type Entry = Box<[u8]>;

/// Where a row stands in each index. Empty where its table has none, or before it was looked at.
#[derive(Debug, Default)]
pub(super) struct Entries(Box<[Entry]>);

impl Entries {
    /// What they take here and in the maps, where most stand alone.
    pub(super) fn bytes(&self) -> usize {
        const ALONE: usize = 2 * size_of::<Entry>() + size_of::<Vec<u32>>() + 4 * size_of::<u32>();
        self.0.iter().map(|entry| 2 * entry.len() + ALONE).sum()
    }
}

/// The indexes of a table, over the rows in memory: the unique ones, and the columns that somebody
/// has looked rows up by.
#[derive(Debug)]
pub(super) struct Indexes {
    maps: Vec<Map>,
    /// Of which values all rows of the table are in memory.
    complete: HashSet<(usize, Entry)>,
    complete_bytes: usize,
}

#[derive(Debug)]
struct Map {
    columns: Vec<usize>,
    unique: bool,
    places: HashMap<Entry, Vec<u32>>,
}

/// Writes values as bytes.
pub(super) fn entry(values: &[OwnedValue]) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(32);
    for value in values {
        encode(value.as_value(), &mut bytes);
    }
    bytes.into_boxed_slice()
}

fn encode(value: Value<'_>, bytes: &mut Vec<u8>) {
    let mut sized = |kind: u8, content: &[u8]| {
        bytes.push(kind);
        bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
        bytes.extend_from_slice(content);
    };
    match value {
        Value::Null => bytes.push(0),
        Value::Bool(value) => bytes.extend([1, u8::from(value)]),
        Value::Integer(value) => sized(2, &value.to_le_bytes()),
        Value::Real(value) => sized(3, &value.to_bits().to_le_bytes()),
        Value::Text(text) => sized(4, text.as_bytes()),
        Value::Bytes(content) => sized(5, content),
        Value::Decimal(text) => sized(6, text.as_bytes()),
        Value::Timestamp(value) => sized(7, &value.to_le_bytes()),
        Value::Date(value) => sized(8, &value.to_le_bytes()),
        Value::Time(value) => sized(9, &value.to_le_bytes()),
        Value::Uuid(value) => sized(10, &value),
        Value::Json(text) => sized(11, text.as_bytes()),
    }
}

/// The values of a row, or of a key, to be shown: as many as can be stored.
pub(super) fn values(of: &dyn Values) -> Vec<OwnedValue> {
    let mut values = Vec::new();
    let _ = of.put(&mut |value| values.push(value.into()));
    values
}

/// The values of a row, or those that are looked up; `None` where one cannot be stored, so that no
/// row has it.
pub(super) fn stored(of: &dyn Values) -> Option<Vec<OwnedValue>> {
    let mut values = Vec::new();
    of.put(&mut |value| values.push(value.into())).ok()?;
    Some(values)
}

impl Indexes {
    /// Of a table in which nobody has looked anything up yet.
    pub(super) fn of(table: &Table) -> Self {
        let unique = table.indexes.iter().filter(|index| index.unique);
        let maps = unique.map(|index| Map::new(index.columns.to_vec(), true));
        Self { maps: maps.collect(), complete: HashSet::new(), complete_bytes: 0 }
    }

    /// Whether rows need not be entered.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// What it takes beside the entries of rows.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.complete_bytes
    }

    pub(super) fn columns(&self, index: usize) -> &[usize] {
        &self.maps[index].columns // the number comes from `by_column` or `clash`
    }

    /// Returns the number of the index on one column, which is made where there is none.
    pub(super) fn by_column<T: ReadModel>(&mut self, slots: &mut Slots<T>, column: usize) -> usize {
        if let Some(index) = self.maps.iter().position(|map| map.columns == [column]) {
            return index;
        }
        self.maps.push(Map::new(vec![column], false));
        self.rebuild(slots, false);
        self.maps.len() - 1
    }

    /// Enters a row anew, with the values that it has now, and notes where a unique key has changed
    /// since it was stored. A row that cannot be stored stands nowhere: its event fails.
    pub(super) fn enter<T: ReadModel>(&mut self, slots: &mut Slots<T>, place: u32) {
        let now = self.entries(slots, place);
        let before = &slots.at(place).entries;
        // Many rows may have the value of an index, among which each is searched for.
        if before.0 != now.0 {
            self.leave(before, place);
            self.stand(slots, place, now);
        }
    }

    fn entries<T: ReadModel>(&self, slots: &Slots<T>, place: u32) -> Entries {
        let row = slots.at(place).row.as_ref().and_then(|row| stored(row));
        let of = |row: Vec<OwnedValue>| {
            self.maps.iter().map(|map| entry(&pick(&row, &map.columns))).collect()
        };
        Entries(row.map(of).unwrap_or_default())
    }

    fn stand<T: ReadModel>(&mut self, slots: &mut Slots<T>, place: u32, now: Entries) {
        let slot = slots.at_mut(place);
        for (number, map) in self.maps.iter_mut().enumerate() {
            let (before, now) = (slot.entries.0.get(number), now.0.get(number));
            slot.moved |= map.unique && before.is_some() && before != now;
            if let Some(entry) = now {
                map.places.entry(entry.clone()).or_default().push(place);
            }
        }
        slot.entries = now;
    }

    /// Takes a row out.
    fn leave(&mut self, before: &Entries, place: u32) {
        for (map, entry) in self.maps.iter_mut().zip(&before.0) {
            if let Some(places) = map.places.get_mut(entry) {
                if let Some(at) = places.iter().position(|other| *other == place) {
                    places.swap_remove(at);
                }
                if places.is_empty() {
                    map.places.remove(entry);
                }
            }
        }
    }

    /// Enters all rows anew, after places or indexes have changed; after rows were `dropped`,
    /// nothing is known to be complete.
    pub(super) fn rebuild<T: ReadModel>(&mut self, slots: &mut Slots<T>, dropped: bool) {
        self.maps.iter_mut().for_each(|map| map.places.clear());
        if dropped {
            (self.complete, self.complete_bytes) = (HashSet::new(), 0);
        }
        #[allow(clippy::cast_possible_truncation)] // as many as there are places
        for place in 0..slots.len() as u32 {
            let now = self.entries(slots, place);
            self.stand(slots, place, now);
            slots.weigh(place);
        }
    }

    /// The places of the rows with these values.
    pub(super) fn find(&self, index: usize, values: &[OwnedValue]) -> &[u32] {
        self.maps[index].places.get(&entry(values)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_complete(&self, index: usize, values: &[OwnedValue]) -> bool {
        self.complete.contains(&(index, entry(values)))
    }

    /// Says that all rows with these values are in memory, until some are dropped.
    pub(super) fn completed(&mut self, index: usize, values: &[OwnedValue]) {
        let entry = entry(values);
        let bytes = entry.len() + 2 * size_of::<(usize, Entry)>();
        if self.complete.insert((index, entry)) {
            self.complete_bytes += bytes;
        }
    }

    /// The unique keys of a row: the number of the index, and the values.
    pub(super) fn unique<T: ReadModel>(&self, row: &T) -> Vec<(usize, Vec<OwnedValue>)> {
        let row = values(row); // it was settled
        let unique = self.maps.iter().enumerate().filter(|(_, map)| map.unique);
        let picked = unique.map(|(index, map)| (index, pick(&row, &map.columns)));
        picked.filter(|(_, values)| !values.contains(&OwnedValue::Null)).collect()
    }
}

impl Map {
    fn new(columns: Vec<usize>, unique: bool) -> Self {
        Self { columns, unique, places: HashMap::new() }
    }
}

fn pick(row: &[OwnedValue], columns: &[usize]) -> Vec<OwnedValue> {
    columns.iter().map(|column| row[*column].clone()).collect() // a row has all columns
}
