//! What rows mean: ordered maps, event by event, with nothing of the library's cache.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::tables::{Account, Player, Sample, Seat, Subject};

/// One call of a method of `Rows`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Act<K, C, L> {
    Entry(K, Vec<C>),
    GetMut(K, Vec<C>),
    Get(K),
    Contains(K),
    /// A blank row with these changes.
    Insert(K, Vec<C>),
    Remove(K),
    By(L),
}

pub(crate) type ActOn<T> =
    Act<<T as projections::ReadModel>::Key, <T as Subject>::Change, <T as Subject>::Lookup>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Op {
    Player(ActOn<Player>),
    Seat(ActOn<Seat>),
    Account(ActOn<Account>),
    Sample(ActOn<Sample>),
}

/// The tables as they should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct World {
    pub(crate) players: Map<Player>,
    pub(crate) seats: Map<Seat>,
    pub(crate) accounts: Map<Account>,
    pub(crate) samples: Map<Sample>,
}

impl World {
    /// Does what an event says, as a whole or not at all; returns what its handler sees.
    pub(crate) fn event(&mut self, ops: &[Op]) -> Result<Vec<String>, String> {
        let mut next = self.clone();
        let seen = ops.iter().map(|op| next.act(op)).collect();
        next.players.end()?;
        next.seats.end()?;
        next.accounts.end()?;
        next.samples.end()?;
        *self = next;
        Ok(seen)
    }

    fn act(&mut self, op: &Op) -> String {
        match op {
            Op::Player(act) => self.players.act(act),
            Op::Seat(act) => self.seats.act(act),
            Op::Account(act) => self.accounts.act(act),
            Op::Sample(act) => self.samples.act(act),
        }
    }

    /// How many rows each table has, by its name.
    pub(crate) fn counts(&self) -> [(&'static str, usize); 4] {
        [
            ("players", self.players.0.len()),
            ("seats", self.seats.0.len()),
            ("accounts", self.accounts.0.len()),
            ("samples", self.samples.0.len()),
        ]
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Map<T: Subject>(pub(crate) BTreeMap<T::Key, T>);

impl<T: Subject> Default for Map<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Subject> Map<T> {
    fn act(&mut self, act: &ActOn<T>) -> String {
        match act {
            Act::Entry(key, changes) => {
                let row = self.0.entry(key.clone()).or_insert_with(|| T::blank(key));
                changes.iter().for_each(|change| row.change(change));
                format!("{row:?}")
            }
            Act::GetMut(key, changes) => {
                let mut row = self.0.get_mut(key);
                if let Some(row) = &mut row {
                    changes.iter().for_each(|change| row.change(change));
                }
                format!("{row:?}")
            }
            Act::Get(key) => format!("{:?}", self.0.get(key)),
            Act::Contains(key) => self.0.contains_key(key).to_string(),
            Act::Insert(key, changes) => {
                format!("{:?}", self.0.insert(key.clone(), built::<T>(key, changes)))
            }
            Act::Remove(key) => format!("{:?}", self.0.remove(key)),
            Act::By(lookup) => {
                let is_found = |row: &&T| {
                    let mut stored = (*row).clone();
                    stored.store().is_ok() && stored.is_found(lookup)
                };
                format!("{:?}", self.0.values().filter(is_found).collect::<Vec<_>>())
            }
        }
    }

    /// What the end of a handler does.
    fn end(&mut self) -> Result<(), String> {
        let mut taken = BTreeSet::new();
        for (key, row) in &mut self.0 {
            row.store()?;
            if row.key() != *key {
                return Err(format!("{key:?} was given another key"));
            }
            for unique in row.uniques() {
                if !taken.insert(unique.clone()) {
                    return Err(format!("{unique:?} is not unique"));
                }
            }
        }
        Ok(())
    }
}

pub(crate) fn built<T: Subject>(key: &T::Key, changes: &[T::Change]) -> T {
    let mut row = T::blank(key);
    changes.iter().for_each(|change| row.change(change));
    row
}
