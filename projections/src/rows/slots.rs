//! [`Slots`]: the rows of a table that are in memory, by key.

use std::{
    borrow::Borrow,
    hash::{BuildHasher, Hash},
};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{ReadModel, RowKey, index::Entries};

/// What is known of a key.
pub(super) struct Slot<T: ReadModel> {
    pub(super) key: T::Key,
    hash: u64,
    /// `None` where there is no such row.
    pub(super) row: Option<T>,
    /// What it was before the open batch, where that is to be taken back.
    pub(super) before: Option<Option<T>>,
    /// Where it stands in the table's indexes.
    pub(super) entries: Entries,
    /// What it keeps in memory.
    pub(super) bytes: usize,
    /// The last batch in which somebody asked for it.
    pub(super) used: u64,
    /// It was lent to the handler that runs.
    pub(super) touched: bool,
    /// It is not written yet.
    pub(super) dirty: bool,
    /// There is one in the table.
    pub(super) stored: bool,
    /// What that one adds to the table's digest.
    pub(super) digest: u64,
    /// Its unique key has changed since it was stored, so that another row may have that now.
    pub(super) moved: bool,
}

impl<T: ReadModel> Slot<T> {
    /// Whether another row may have one of its unique keys: not as long as it has those with which
    /// it was stored.
    pub(super) fn may_clash(&self) -> bool {
        !self.stored || self.moved
    }
}

/// The slots, and where each key's is.
pub(super) struct Slots<T: ReadModel> {
    slots: Vec<Slot<T>>,
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
    bytes: usize,
}

/// What a slot takes beside its row's and its key's own memory: itself, and its place.
pub(super) const fn overhead<T: ReadModel>() -> usize {
    size_of::<Slot<T>>() + size_of::<u32>() * 2
}

impl<T: ReadModel> Slots<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            places: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            bytes: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The memory that all slots take, as far as the rows say what they keep.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    #[inline]
    pub(super) fn find<Q>(&self, key: &Q) -> Option<u32>
    where
        T::Key: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let is_it = |place: &u32| self.slots[*place as usize].key.borrow() == key;
        self.places.find(self.hasher.hash_one(key), is_it).copied()
    }

    /// Adds a slot for a key that has none.
    pub(super) fn add(&mut self, key: T::Key, row: Option<T>, stored: bool, used: u64) -> u32 {
        let hash = self.hasher.hash_one(&key);
        #[allow(clippy::cast_possible_truncation)] // four billion rows do not fit into memory
        let place = self.slots.len() as u32;
        self.slots.push(Slot {
            key,
            hash,
            row,
            before: None,
            entries: Entries::default(),
            bytes: 0,
            used,
            touched: false,
            dirty: false,
            stored,
            digest: 0,
            moved: false,
        });
        self.places.insert_unique(hash, place, |place| self.slots[*place as usize].hash);
        self.weigh(place);
        place
    }

    #[inline]
    pub(super) fn at(&self, place: u32) -> &Slot<T> {
        &self.slots[place as usize] // places are only handed out for slots that are there
    }

    #[inline]
    pub(super) fn at_mut(&mut self, place: u32) -> &mut Slot<T> {
        &mut self.slots[place as usize] // as above
    }

    /// Takes note of what a slot keeps in memory now.
    #[inline]
    pub(super) fn weigh(&mut self, place: u32) {
        let slot = &mut self.slots[place as usize];
        let rows = slot.row.as_ref().map_or(0, T::heap_bytes);
        let bytes = overhead::<T>() + slot.key.heap_bytes() + rows + slot.entries.bytes();
        self.bytes = self.bytes + bytes - slot.bytes;
        slot.bytes = bytes;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Slot<T>)> {
        (0..).zip(&self.slots)
    }

    /// Drops the slots that are not to be kept. Places change.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Slot<T>) -> bool) {
        let Self { slots, places, bytes, .. } = self;
        let mut keep = keep;
        slots.retain(|slot| keep(slot));
        slots.shrink_to(slots.len() * 2);
        *places = HashTable::with_capacity(slots.len());
        for (place, slot) in (0..).zip(&*slots) {
            places.insert_unique(slot.hash, place, |place| slots[*place as usize].hash);
        }
        *bytes = slots.iter().map(|slot| slot.bytes).sum();
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}
