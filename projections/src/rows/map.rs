//! [`Rows`]: a table as a handler sees it.

use std::{
    borrow::Borrow,
    fmt,
    hash::Hash,
    ops::{Deref, DerefMut},
};

use parking_lot::MutexGuard;

use super::{
    ColumnError, IndexedColumn, ReadModel, RowKey, RowStorage, RowValues, TableDigest, Values,
    digest::RowDigester,
    fault::{RowFault, RowProblem},
    index::{self, Indexes},
    sets::Origin,
    slots::{Slot, Slots},
    wanted::Wanted,
};
use crate::ParameterMut;

/// The rows of a table, as a map that is written back: what a handler takes as `&mut Rows<T>`.
///
/// A row is loaded when a handler asks for it first, changed in memory any number of times, and
/// written once, in the transaction of the checkpoint. Whatever a handler has changed, later
/// handlers see. A handler that fails leaves nothing.
///
/// ```standalone_crate
/// use projections::{Event, Expected, ReadModel, Rows, Runtime, handlers, memory::MemoryEventStore, projector};
///
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// #[event(domain = "hand")]
/// struct HandComplete { player: String, net: i64 }
///
/// #[derive(ReadModel, Default)]
/// #[read_model(table = "players")]
/// struct PlayerStats { #[key] player: String, hands: i64, net: i64 }
///
/// #[projector("players")]
/// struct Players;
///
/// #[handlers]
/// impl Players {
///     #[handles(HandComplete)]
///     fn complete(&self, event: &HandComplete, players: &mut Rows<PlayerStats>) {
///         let row = players.entry(&event.player);
///         row.hands += 1;
///         row.net += event.net;
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), projections::Error> {
/// let runtime = Runtime::builder(MemoryEventStore::new()).build().await?;
/// for net in [50, -20] {
///     let event = HandComplete { player: "Ada".into(), net };
///     runtime.append("hand-1", Expected::Any, [event]).await?;
/// }
/// runtime.catch_up().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The methods return no errors, so that handlers stay plain. A value that cannot be stored, a key
/// field that was changed, and a unique key that another row has fail the event once its handler
/// has returned, as an error of the handler would. A storage that cannot be read is an outage, and
/// no event's fault: the handler goes on with a blank row, and nothing of it is kept.
pub struct Rows<T: ReadModel> {
    pub(super) slots: Slots<T>,
    pub(super) indexes: Indexes,
    /// Lent to the handler that runs, and to be settled after it.
    pub(super) touched: Vec<u32>,
    /// To be written, in the order of the first change.
    pub(super) dirty: Vec<u32>,
    pub(super) origin: Origin,
    /// The number of the open batch.
    pub(super) batch: u64,
    /// What the handler that runs has met.
    pub(super) fault: Option<RowFault>,
    /// What is to be loaded before the batch is tried again, on a storage behind a network.
    pub(super) wanted: Wanted<T::Key>,
    /// Whether the handler is only called to see its keys.
    pub(super) probing: bool,
    /// How many slots have held no row since the last commit, where all rows are in memory.
    pub(super) gone: usize,
    /// Lent where there is no row to lend.
    pub(super) scratch: Option<Box<T>>,
    digester: RowDigester,
    /// How the table's digest has changed since the last commit.
    pub(super) change: TableDigest,
}

/// A row that was found in the table, and what it adds to the digest.
pub(super) struct FoundRow<T> {
    row: T,
    digest: u64,
}

impl<T: ReadModel> Rows<T> {
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            slots: Slots::new(),
            indexes: Indexes::of(T::TABLE),
            touched: Vec::new(),
            dirty: Vec::new(),
            origin,
            batch: 0,
            fault: None,
            wanted: Wanted::nothing(),
            probing: false,
            gone: 0,
            scratch: None,
            digester: RowDigester::of(T::TABLE),
            change: TableDigest::default(),
        }
    }

    /// Returns the row with a key, to be changed. Where there is none, it is inserted: the default,
    /// with this key.
    pub fn entry<Q>(&mut self, key: &Q) -> &mut T
    where
        T::Key: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = T::Key> + ?Sized,
    {
        let Some(place) = self.place(key) else { return self.blank(key.to_owned()) };
        if self.probing {
            return self.blank(key.to_owned());
        }
        self.touch(place);
        let Slot { row, key, .. } = self.slots.at_mut(place);
        row.get_or_insert_with(|| T::blank(key))
    }

    /// Returns the row with a key.
    pub fn get<Q>(&mut self, key: &Q) -> Option<&T>
    where
        T::Key: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = T::Key> + ?Sized,
    {
        let place = self.place(key)?;
        self.slots.at(place).row.as_ref()
    }

    /// Returns the row with a key, to be changed.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut T>
    where
        T::Key: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = T::Key> + ?Sized,
    {
        let place = self.place(key)?;
        self.slots.at(place).row.as_ref()?;
        if self.probing {
            return Some(self.blank(key.to_owned()));
        }
        self.touch(place);
        self.slots.at_mut(place).row.as_mut()
    }

    /// Tells whether there is a row with a key.
    pub fn contains<Q>(&mut self, key: &Q) -> bool
    where
        T::Key: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = T::Key> + ?Sized,
    {
        self.get(key).is_some()
    }

    /// Inserts a row, or puts it in the place of the one with its key, which is returned.
    pub fn insert(&mut self, mut row: T) -> Option<T> {
        if let Err(error) = row.settle_key() {
            self.note(RowProblem::Key(error), index::values(&row.key()));
            return None;
        }
        let place = self.place(&row.key());
        if self.probing {
            self.want_rivals(&mut row);
            return None;
        }
        let place = place?;
        self.touch(place);
        self.slots.at_mut(place).row.replace(row)
    }

    /// Removes the row with a key, and returns it.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<T>
    where
        T::Key: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = T::Key> + ?Sized,
    {
        let place = self.place(key)?;
        if self.probing {
            return None;
        }
        self.slots.at(place).row.as_ref()?;
        self.touch(place);
        self.slots.at_mut(place).row.take()
    }

    /// Returns the rows that have a value in an indexed column, in the order of their keys.
    ///
    /// To change one of them, take its key from it, and then [`get_mut`](Self::get_mut).
    pub fn by<V: Values>(&mut self, column: IndexedColumn<T, V>, value: &V) -> Vec<&T> {
        let Some(values) = index::stored(value) else { return Vec::new() };
        let mut places = self.places_by(column.number(), values);
        places.sort_unstable_by(|a, b| self.slots.at(*a).key.cmp(&self.slots.at(*b).key));
        places.into_iter().filter_map(|place| self.slots.at(place).row.as_ref()).collect()
    }

    /// Finds the slot of a key, which is loaded where it is not in memory.
    #[inline]
    fn place<Q>(&mut self, key: &Q) -> Option<u32>
    where
        T::Key: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = T::Key> + ?Sized,
    {
        match self.slots.find(key) {
            Some(place) => {
                self.slots.at_mut(place).used = self.batch;
                Some(place)
            }
            None => self.load(key.to_owned()),
        }
    }

    /// Loads the row with a key that is not in memory, or notes why it cannot be had.
    #[cold]
    fn load(&mut self, mut key: T::Key) -> Option<u32> {
        if let Err(error) = key.settle() {
            if !self.probing {
                self.note(RowProblem::Key(error), index::values(&key));
            }
            return None;
        }
        // The stored form of a key may be in memory where the given one is not.
        if let Some(place) = self.slots.find::<T::Key>(&key) {
            return Some(place);
        }
        if matches!(self.origin, Origin::Network) {
            // Whatever else it asks for is loaded with it.
            self.wanted.key(key);
            self.miss();
            return None;
        }
        if self.fault.is_some() {
            return None; // nothing of this handler is kept
        }
        let access = match &self.origin {
            Origin::Memory | Origin::Away | Origin::Network => {
                self.gone += 1;
                return Some(self.slots.add(key, None, false, self.batch));
            }
            Origin::Blocking(access) => access,
        };
        let mut found = None;
        let loaded = access.load(T::TABLE, &key, &mut |row| found = Some(self.read(row)));
        match loaded.map(|()| found.transpose()) {
            Ok(Ok(Some(found))) => Some(self.add(key, found)),
            Ok(Ok(None)) => {
                let place = self.slots.add(key, None, false, self.batch);
                self.enter(place);
                Some(place)
            }
            Ok(Err(error)) => {
                self.fault = Some(RowFault::unreadable(T::TABLE, &index::values(&key), error));
                None
            }
            Err(error) => {
                self.fault = Some(RowFault::Store(error));
                None
            }
        }
    }

    /// Makes a row of what was found.
    pub(super) fn read(&self, row: &dyn RowValues) -> Result<FoundRow<T>, ColumnError> {
        Ok(FoundRow { row: T::read(row)?, digest: self.digester.stored(row)? })
    }

    /// Takes a row that was found over into memory, unless it is there already, maybe changed.
    pub(super) fn adopt(&mut self, found: FoundRow<T>) -> u32 {
        let key = found.row.key();
        match self.slots.find::<T::Key>(&key) {
            Some(place) => place,
            None => self.add(key, found),
        }
    }

    fn add(&mut self, key: T::Key, FoundRow { row, digest }: FoundRow<T>) -> u32 {
        let place = self.slots.add(key, Some(row), true, self.batch);
        self.slots.at_mut(place).digest = digest;
        self.enter(place);
        place
    }

    /// Changes the table's digest by a row that is written.
    pub(super) fn digest_written(&mut self, place: u32) {
        let slot = self.slots.at_mut(place);
        if slot.stored {
            self.change.leave(slot.digest);
        }
        if let Some(row) = &slot.row {
            slot.digest = self.digester.row(row);
            self.change.enter(slot.digest);
        }
    }

    /// Finds the places of the rows with a value in a column.
    pub(super) fn places_by(&mut self, column: usize, values: Vec<super::OwnedValue>) -> Vec<u32> {
        let index = self.indexes.by_column(&mut self.slots, column);
        // What this handler has changed is not entered yet.
        for place in std::mem::take(&mut self.touched) {
            self.slots.at_mut(place).touched = false;
            self.touch(place);
            self.indexes.enter(&mut self.slots, place);
        }
        if !self.find(index, &values) {
            return Vec::new();
        }
        self.indexes.find(index, &values).to_vec()
    }

    /// Sees to it that all rows with these values are in memory; false where they cannot be.
    pub(super) fn find(&mut self, index: usize, values: &[super::OwnedValue]) -> bool {
        if self.indexes.is_complete(index, values) {
            return true;
        }
        let access = match &self.origin {
            Origin::Memory | Origin::Away => return true,
            Origin::Network => {
                self.wanted.find(index, values.to_vec());
                self.miss();
                return false;
            }
            Origin::Blocking(access) => access.clone(),
        };
        let mut rows = Vec::new();
        let columns = self.indexes.columns(index).to_vec();
        let found = access.find(T::TABLE, &columns, values, &mut |row| rows.push(self.read(row)));
        if let Err(error) = found {
            self.fault = Some(RowFault::Store(error));
            return false;
        }
        self.adopt_found(index, values, rows)
    }

    /// Takes all rows over that have these values.
    pub(super) fn adopt_found(
        &mut self,
        index: usize,
        values: &[super::OwnedValue],
        rows: Vec<Result<FoundRow<T>, ColumnError>>,
    ) -> bool {
        for row in rows {
            match row {
                Ok(row) => drop(self.adopt(row)),
                Err(error) => {
                    self.fault = Some(RowFault::unreadable(T::TABLE, values, error));
                    return false;
                }
            }
        }
        self.indexes.completed(index, values);
        true
    }

    /// What it takes in memory.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.slots.bytes() + self.indexes.bytes()
    }

    fn enter(&mut self, place: u32) {
        if !self.indexes.is_empty() {
            self.indexes.enter(&mut self.slots, place);
            self.slots.weigh(place);
        }
    }

    /// Notes that a handler may change a row.
    #[inline]
    fn touch(&mut self, place: u32) {
        let slot = self.slots.at_mut(place);
        if slot.touched {
            return;
        }
        slot.touched = true;
        self.touched.push(place);
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(place);
            if matches!(self.origin, Origin::Memory) {
                slot.before = Some(slot.row.as_ref().map(T::duplicate));
            }
        }
    }

    /// Lends a row of which nothing is kept: a copy, where there is one.
    #[cold]
    fn blank(&mut self, key: T::Key) -> &mut T {
        if self.probing {
            self.probed();
        }
        let place = self.slots.find::<T::Key>(&key);
        let row = match place.and_then(|place| self.slots.at(place).row.as_ref()) {
            Some(row) => row.duplicate(),
            None => T::blank(&key),
        };
        self.scratch.insert(Box::new(row))
    }

    /// The handler has asked for what is not in memory, and cannot be loaded while it runs.
    fn miss(&mut self) {
        if !self.probing {
            self.fault.get_or_insert(RowFault::Missing);
        }
    }

    /// Notes what fails the event.
    pub(super) fn note(&mut self, problem: RowProblem, key: Vec<super::OwnedValue>) {
        self.fault.get_or_insert_with(|| RowFault::event(T::TABLE, problem, &key));
    }
}

impl<T: ReadModel> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("table", &T::TABLE.name)
            .field("in_memory", &self.slots.len())
            .field("unwritten", &self.dirty.len())
            .finish_non_exhaustive()
    }
}

/// The rows of a table, lent to a handler.
#[derive(Debug)]
pub struct RowsGuard<'a, T: ReadModel>(pub(super) MutexGuard<'a, Rows<T>>);

impl<T: ReadModel> Deref for RowsGuard<'_, T> {
    type Target = Rows<T>;

    #[inline]
    fn deref(&self) -> &Rows<T> {
        &self.0
    }
}

impl<T: ReadModel> DerefMut for RowsGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Rows<T> {
        &mut self.0
    }
}

impl<S: RowStorage, T: ReadModel> ParameterMut<S> for Rows<T> {
    type View<'a> = RowsGuard<'a, T>;

    #[inline]
    fn view(session: &S::Session) -> RowsGuard<'_, T> {
        S::row_sets(session).lend::<T>()
    }
}
