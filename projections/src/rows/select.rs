//! Selects rows for readers, where all of them are in memory.

use super::{Found, OwnedValue, ReadModel, RowKey, Rows, Values, index::values};
use crate::read::{Comparison, Condition, Selection};

impl<T: ReadModel> Rows<T> {
    /// Hands over the rows of a selection, in its order.
    pub(super) fn select(&mut self, selection: &Selection, selected: Found<'_>) {
        for place in self.sorted(selection) {
            if let Some(row) = &self.slots.at(place).row {
                selected(&values(row).as_slice());
            }
        }
    }

    /// Counts the rows of a selection.
    pub(super) fn count(&mut self, selection: &Selection) -> u64 {
        let (places, conditions) = self.candidates(&selection.conditions);
        let places = places.into_iter().filter(|place| self.meets(*place, &conditions));
        places.count() as u64
    }

    /// The places of the selected rows, in order.
    fn sorted(&mut self, selection: &Selection) -> Vec<u32> {
        let limit =
            selection.limit.map_or(usize::MAX, |limit| limit.try_into().unwrap_or(usize::MAX));
        if limit == 0 {
            return Vec::new();
        }
        let (places, conditions) = self.candidates(&selection.conditions);
        let places = places.into_iter().filter(|place| self.meets(*place, &conditions));
        let columns: Vec<usize> = selection.order.iter().map(|by| by.column).collect();
        let mut rows: Vec<(Vec<OwnedValue>, u32)> =
            places.map(|place| (self.values_at(place, &columns), place)).collect();
        if let Some(after) = &selection.after {
            rows.retain(|(row, _)| selection.compare(row, after).is_gt());
        }
        let compare = |one: &(Vec<OwnedValue>, u32), other: &(Vec<OwnedValue>, u32)| {
            selection.compare(&one.0, &other.0)
        };
        if limit < rows.len() {
            rows.select_nth_unstable_by(limit - 1, compare);
            rows.truncate(limit);
        }
        rows.sort_unstable_by(compare);
        rows.into_iter().map(|(_, place)| place).collect()
    }

    /// The places of the rows that may be selected, found by a key or an index where the conditions
    /// allow it, and the conditions that are left.
    fn candidates<'a>(&mut self, conditions: &'a [Condition]) -> (Vec<u32>, Vec<&'a Condition>) {
        let is_equal = |condition: &&Condition| condition.comparison == Comparison::Equal;
        if let Some(key) = self.key_of(conditions) {
            let place = self.slots.find::<T::Key>(&key);
            let place = place.filter(|place| self.slots.at(*place).row.is_some());
            return (place.into_iter().collect(), conditions.iter().collect());
        }
        if let Some(by) = conditions.iter().find(is_equal) {
            let places = self.places_by(by.column, vec![by.value.clone()]);
            let rest = conditions.iter().filter(|other| !std::ptr::eq(*other, by));
            return (places, rest.collect());
        }
        let all = self.slots.iter().filter(|(_, slot)| slot.row.is_some());
        (all.map(|(place, _)| place).collect(), conditions.iter().collect())
    }

    /// The key, where the conditions say all of it.
    fn key_of(&self, conditions: &[Condition]) -> Option<T::Key> {
        let is_key = |condition: &&Condition, column: usize| {
            condition.column == column && condition.comparison == Comparison::Equal
        };
        let parts = T::TABLE.key.iter().map(|column| {
            let condition = conditions.iter().find(|condition| is_key(condition, *column));
            condition.map(|condition| condition.value.clone())
        });
        let parts: Vec<OwnedValue> = parts.collect::<Option<_>>()?;
        let numbers: Vec<usize> = (0..parts.len()).collect();
        T::Key::read(&parts.as_slice(), &numbers).ok()
    }

    fn meets(&self, place: u32, conditions: &[&Condition]) -> bool {
        if conditions.is_empty() {
            return true;
        }
        let columns: Vec<usize> = conditions.iter().map(|condition| condition.column).collect();
        let row = self.values_at(place, &columns);
        conditions.iter().zip(&row).all(|(condition, value)| {
            condition.comparison.holds(value.as_value(), condition.value.as_value())
        })
    }

    /// The values of a row in some columns, taken from its key where that has them.
    fn values_at(&self, place: u32, columns: &[usize]) -> Vec<OwnedValue> {
        let slot = self.slots.at(place);
        let key = T::TABLE.key;
        let in_key = |column: &usize| key.iter().position(|key| key == column);
        let places: Option<Vec<usize>> = columns.iter().map(in_key).collect();
        match (places, &slot.row) {
            (Some(places), _) => pick(&slot.key, &places),
            (None, Some(row)) => pick(row, columns),
            (None, None) => Vec::new(),
        }
    }
}

/// Some of the values of a row or a key, in the order of their numbers.
fn pick(of: &dyn Values, numbers: &[usize]) -> Vec<OwnedValue> {
    let mut picked = vec![OwnedValue::Null; numbers.len()];
    let mut number = 0;
    // What was settled can be put.
    let _ = of.put(&mut |value| {
        for (place, _) in numbers.iter().enumerate().filter(|(_, wanted)| **wanted == number) {
            picked[place] = value.into(); // as many as numbers
        }
        number += 1;
    });
    picked
}
