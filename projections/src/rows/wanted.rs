//! [`Wanted`]: what handlers ask for that is not in memory, on a storage behind a network.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, HashSet},
    hash::Hash,
};

use super::{
    AsyncRowAccess, OwnedValue, ReadModel, RowKey, RowValues, Rows, TableDigest, Values,
    fault::RowFault, index::entry, slots::overhead,
};

/// Keys, and values of indexes, whose rows are to be loaded.
pub(super) struct Wanted<K> {
    keys: HashSet<K>,
    /// By the number of the index and the values' bytes, so that they are asked for once and in
    /// one order.
    finds: BTreeMap<(usize, Box<[u8]>), Vec<OwnedValue>>,
    /// What each event's handler has asked for in vain since the batch began.
    missed: BTreeMap<usize, Vec<Asked<K>>>,
}

#[derive(Clone, PartialEq)]
enum Asked<K> {
    Key(K),
    Find(usize, Vec<OwnedValue>),
}

impl<K: RowKey> Wanted<K> {
    pub(super) fn nothing() -> Self {
        Self { keys: HashSet::new(), finds: BTreeMap::new(), missed: BTreeMap::new() }
    }

    pub(super) fn key(&mut self, key: K) {
        self.keys.insert(key);
    }

    pub(super) fn find(&mut self, index: usize, values: Vec<OwnedValue>) {
        self.finds.insert((index, entry(&values)), values);
    }

    /// Forgets everything but what was missed.
    fn clear(&mut self) {
        self.keys.clear();
        self.finds.clear();
    }

    /// Keeps what is wanted for the next time that this event is handled.
    fn remember(&mut self, event: usize) {
        let keys = std::mem::take(&mut self.keys).into_iter().map(Asked::Key);
        let finds = std::mem::take(&mut self.finds);
        let finds = finds.into_iter().map(|((index, _), values)| Asked::Find(index, values));
        let missed = self.missed.entry(event).or_default();
        for asked in keys.chain(finds) {
            if !missed.contains(&asked) {
                missed.push(asked);
            }
        }
    }
}

impl<T: ReadModel> Rows<T> {
    /// Asks for the row with a key, unless it is in memory.
    pub(crate) fn want<Q>(&mut self, key: &Q)
    where
        T::Key: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = T::Key> + ?Sized,
    {
        if let Some(place) = self.slots.find(key) {
            self.slots.at_mut(place).used = self.batch;
            return;
        }
        if self.wanted.keys.contains(key) {
            return;
        }
        let mut key = key.to_owned();
        // What cannot be stored fails the handler that asks for it, and not whoever names it.
        if key.settle().is_ok() && !self.use_stored(&key) {
            self.wanted.key(key);
        }
    }

    /// Says of a row in memory that this batch needs it.
    fn use_stored(&mut self, key: &T::Key) -> bool {
        let place = self.slots.find::<T::Key>(key);
        if let Some(place) = place {
            self.slots.at_mut(place).used = self.batch;
        }
        place.is_some()
    }

    /// Asks for the rows that have the unique keys of one that a probed handler has left, where
    /// they are not those that it had.
    pub(super) fn want_rivals(&mut self, row: &mut T) {
        if self.indexes.is_empty() || row.settle().is_err() {
            return;
        }
        let before = match self.slots.find::<T::Key>(&row.key()) {
            Some(place) => self.slots.at(place).row.as_ref().map(T::duplicate),
            None => None,
        };
        let before = before.unwrap_or_else(|| T::blank(&row.key()));
        let before = self.indexes.unique(&before);
        for (index, values) in self.indexes.unique(row) {
            let is_new = !before.contains(&(index, values.clone()));
            if is_new && !self.indexes.is_complete(index, &values) {
                self.wanted.find(index, values);
            }
        }
    }

    /// A handler was probed: what it did to the last row that it was lent shows now.
    pub(super) fn probed(&mut self) {
        if let Some(mut row) = self.scratch.take() {
            self.want_rivals(&mut row);
        }
    }

    /// What an event's handler has asked for in vain is wanted whenever the event comes again.
    pub(super) fn remember(&mut self, event: usize) {
        self.wanted.remember(event);
    }

    pub(super) fn recall(&mut self, event: usize) {
        for asked in self.wanted.missed.get(&event).cloned().unwrap_or_default() {
            match asked {
                Asked::Key(key) => self.want::<T::Key>(&key),
                Asked::Find(index, values) if !self.indexes.is_complete(index, &values) => {
                    self.wanted.find(index, values);
                }
                Asked::Find(..) => {}
            }
        }
    }

    /// Forgets all rows, and keeps what was missed. The indexes keep their numbers.
    pub(super) fn restart(&mut self) {
        self.slots.clear();
        self.indexes.rebuild(&mut self.slots, true);
        self.touched.clear();
        self.dirty.clear();
        self.change = TableDigest::default();
        self.fault = None;
        self.wanted.clear();
    }

    pub(super) fn forget_missed(&mut self) {
        self.wanted.missed.clear();
        self.wanted.clear();
    }

    /// What the rows will take once those that are wanted are there, as far as one can tell before.
    pub(super) fn expected(&self) -> usize {
        let bytes = self.slots.bytes();
        let each = bytes.checked_div(self.slots.len()).unwrap_or(overhead::<T>());
        bytes + self.wanted.keys.len() * each
    }

    /// Loads what is wanted: by one query for the keys, and one for each index.
    pub(super) async fn load_wanted(
        &mut self,
        access: &dyn AsyncRowAccess,
    ) -> Result<bool, RowFault> {
        let mut keys: Vec<T::Key> = self.wanted.keys.drain().collect();
        keys.retain(|key| self.slots.find::<T::Key>(key).is_none());
        keys.sort_unstable();
        let finds = std::mem::take(&mut self.wanted.finds);
        let is_any = !keys.is_empty() || !finds.is_empty();
        if !keys.is_empty() {
            self.load_keys(access, keys).await?;
        }
        let mut by_index = BTreeMap::<usize, Vec<Vec<OwnedValue>>>::new();
        for ((index, _), values) in finds {
            by_index.entry(index).or_default().push(values);
        }
        for (index, values) in &by_index {
            self.load_by(access, *index, values).await?;
        }
        Ok(is_any)
    }

    async fn load_keys(
        &mut self,
        access: &dyn AsyncRowAccess,
        keys: Vec<T::Key>,
    ) -> Result<(), RowFault> {
        let mut rows = Vec::new();
        let wanted: Vec<&dyn Values> = keys.iter().map(|key| key as &dyn Values).collect();
        let loaded = access.load(T::TABLE, &wanted, &mut |row| rows.push(self.read(row))).await;
        loaded.map_err(RowFault::Store)?;
        for row in rows {
            let row = row.map_err(|error| RowFault::unreadable(T::TABLE, &[], error))?;
            self.adopt(row);
        }
        for key in keys {
            if self.slots.find::<T::Key>(&key).is_none() {
                self.slots.add(key, None, false, self.batch);
            }
        }
        Ok(())
    }

    async fn load_by(
        &mut self,
        access: &dyn AsyncRowAccess,
        index: usize,
        values: &[Vec<OwnedValue>],
    ) -> Result<(), RowFault> {
        let mut rows = Vec::new();
        let columns = self.indexes.columns(index).to_vec();
        let mut found = |row: &dyn RowValues| rows.push(self.read(row));
        access.find(T::TABLE, &columns, values, &mut found).await.map_err(RowFault::Store)?;
        for row in rows {
            self.adopt(row.map_err(|error| RowFault::unreadable(T::TABLE, &[], error))?);
        }
        values.iter().for_each(|values| self.indexes.completed(index, values));
        Ok(())
    }
}
