//! [`Kept`]: what the engines do with rows, whatever their type.

use std::any::Any;

use parking_lot::{Mutex, MutexGuard};

use super::{
    AsyncRowAccess, ColumnError, Found, ReadModel, RowAccess, RowValues, RowWrites, Rows,
    RowsError, Table, TableDigest, Values,
    fault::{RowFault, RowProblem},
    index::values,
    sets::Origin,
};
use crate::{engine::BoxFuture, read::Selection};

/// The rows of a table whose type is forgotten.
pub(super) trait Kept: Send + Sync {
    fn any(&self) -> &dyn Any;
    fn table(&self) -> &'static Table;
    /// Selects rows, where all of them are in memory.
    fn select(&self, selection: &Selection, selected: Found<'_>);
    /// Counts rows, as `select` selects them.
    fn count(&self, selection: &Selection) -> u64;
    /// Hands over every row, where all of them are in memory.
    fn each_row(&self, take: &mut dyn FnMut(&dyn Values));
    /// Takes a row back that `each_row` handed over once.
    fn restore(&mut self, row: &dyn RowValues) -> Result<(), ColumnError>;
    fn set_origin(&mut self, origin: Origin);
    fn begin_batch(&mut self, batch: u64);
    /// Returns what the rows take in memory.
    fn settle(&mut self) -> Result<usize, RowFault>;
    /// Deletes the rows that are gone, and those whose unique keys have moved.
    fn delete(&mut self, access: &dyn RowAccess) -> Result<(), RowsError>;
    /// Writes the rows that are there, once `delete` was called.
    fn upsert(&mut self, access: &dyn RowAccess) -> Result<(), RowsError>;
    /// As `delete`, unless a handler has the rows.
    fn delete_shared(&self, access: &dyn RowAccess) -> Result<(), RowsError>;
    /// As `upsert`, unless a handler has the rows.
    fn upsert_shared(&self, access: &dyn RowAccess) -> Result<(), RowsError>;
    fn delete_async<'a>(&'a mut self, access: &'a dyn AsyncRowAccess) -> Writing<'a>;
    fn upsert_async<'a>(&'a mut self, access: &'a dyn AsyncRowAccess) -> Writing<'a>;
    /// Tells, once, how the table's digest has changed since the last commit.
    fn take_change(&mut self) -> TableDigest;
    fn committed(&mut self);
    fn roll_back(&mut self);
    fn drop_written(&mut self, older_only: bool);
    fn clear(&mut self);
    fn bytes(&mut self) -> usize;
    fn len(&mut self) -> usize;
    fn probe(&mut self, probing: bool);
    /// A handler was called to see its keys.
    fn probed(&mut self);
    /// Keeps what an event's handler has asked for in vain, for the next time.
    fn remember(&mut self, event: usize);
    /// Asks for what was missed when this event was handled before.
    fn recall(&mut self, event: usize);
    /// Forgets everything but what was missed.
    fn restart(&mut self);
    /// Returns what the rows will take, with those that are wanted.
    fn expected(&mut self) -> usize;
    /// Drops what neither is to be written nor was asked for in this batch.
    fn make_room(&mut self);
    fn load_wanted<'a>(
        &'a mut self,
        access: &'a dyn AsyncRowAccess,
    ) -> BoxFuture<'a, Result<bool, RowFault>>;
}

type Writing<'a> = BoxFuture<'a, Result<(), RowsError>>;

impl<T: ReadModel> Kept for Mutex<Rows<T>> {
    fn any(&self) -> &dyn Any {
        self
    }

    fn table(&self) -> &'static Table {
        T::TABLE
    }

    fn select(&self, selection: &Selection, selected: Found<'_>) {
        self.lock().select(selection, selected);
    }

    fn count(&self, selection: &Selection) -> u64 {
        self.lock().count(selection)
    }

    fn each_row(&self, take: &mut dyn FnMut(&dyn Values)) {
        let rows = self.lock();
        rows.slots.iter().filter_map(|(_, slot)| slot.row.as_ref()).for_each(|row| take(row));
    }

    fn restore(&mut self, row: &dyn RowValues) -> Result<(), ColumnError> {
        let rows = self.get_mut();
        let found = rows.read(row)?;
        rows.adopt(found);
        Ok(())
    }

    fn set_origin(&mut self, origin: Origin) {
        self.get_mut().origin = origin;
    }

    fn begin_batch(&mut self, batch: u64) {
        self.get_mut().batch = batch;
    }

    #[inline]
    fn settle(&mut self) -> Result<usize, RowFault> {
        let rows = self.get_mut();
        rows.settle()?;
        Ok(rows.bytes())
    }

    fn delete(&mut self, access: &dyn RowAccess) -> Result<(), RowsError> {
        self.get_mut().delete(access)
    }

    fn upsert(&mut self, access: &dyn RowAccess) -> Result<(), RowsError> {
        self.get_mut().upsert(access)
    }

    fn delete_shared(&self, access: &dyn RowAccess) -> Result<(), RowsError> {
        unlent(self)?.delete(access)
    }

    fn upsert_shared(&self, access: &dyn RowAccess) -> Result<(), RowsError> {
        unlent(self)?.upsert(access)
    }

    fn delete_async<'a>(&'a mut self, access: &'a dyn AsyncRowAccess) -> Writing<'a> {
        Box::pin(async move {
            let rows = self.get_mut();
            let places = rows.to_delete();
            if places.is_empty() {
                return Ok(());
            }
            let deletes = rows.keys(&places);
            access.write(T::TABLE, RowWrites { deletes: &deletes, upserts: &[] }).await?;
            rows.deleted(&places);
            Ok(())
        })
    }

    fn upsert_async<'a>(&'a mut self, access: &'a dyn AsyncRowAccess) -> Writing<'a> {
        Box::pin(async move {
            let rows = self.get_mut();
            rows.sort_dirty();
            let upserts = rows.unwritten();
            if !upserts.is_empty() {
                access.write(T::TABLE, RowWrites { deletes: &[], upserts: &upserts }).await?;
            }
            rows.written();
            Ok(())
        })
    }

    fn take_change(&mut self) -> TableDigest {
        std::mem::take(&mut self.get_mut().change)
    }

    fn committed(&mut self) {
        self.get_mut().committed();
    }

    fn roll_back(&mut self) {
        self.get_mut().roll_back();
    }

    fn drop_written(&mut self, older_only: bool) {
        let rows = self.get_mut();
        let batch = rows.batch;
        rows.drop_slots(|slot| slot.dirty || (older_only && slot.used == batch));
    }

    fn clear(&mut self) {
        let rows = self.get_mut();
        let origin = rows.origin.clone();
        *rows = Rows::new(origin);
    }

    fn bytes(&mut self) -> usize {
        self.get_mut().bytes()
    }

    fn len(&mut self) -> usize {
        self.get_mut().slots.len()
    }

    fn probe(&mut self, probing: bool) {
        let rows = self.get_mut();
        rows.probing = probing;
        rows.fault = None;
        rows.scratch = None;
    }

    fn probed(&mut self) {
        self.get_mut().probed();
    }

    fn remember(&mut self, event: usize) {
        self.get_mut().remember(event);
    }

    fn recall(&mut self, event: usize) {
        self.get_mut().recall(event);
    }

    fn restart(&mut self) {
        self.get_mut().restart();
    }

    fn expected(&mut self) -> usize {
        self.get_mut().expected()
    }

    fn make_room(&mut self) {
        let rows = self.get_mut();
        let batch = rows.batch;
        rows.drop_slots(|slot| slot.dirty || slot.used == batch);
    }

    fn load_wanted<'a>(
        &'a mut self,
        access: &'a dyn AsyncRowAccess,
    ) -> BoxFuture<'a, Result<bool, RowFault>> {
        Box::pin(async move { self.get_mut().load_wanted(access).await })
    }
}

fn unlent<T: ReadModel>(rows: &Mutex<Rows<T>>) -> Result<MutexGuard<'_, Rows<T>>, RowsError> {
    rows.try_lock().ok_or_else(|| {
        let order = format!(
            "a handler takes the rows of table `{}` before the transaction; name their type `Rows<..>`, or take the transaction first",
            T::TABLE.name
        );
        RowsError::Refused(order.into())
    })
}

impl<T: ReadModel> Rows<T> {
    /// Brings what the handler has changed to its stored form.
    #[inline]
    fn settle(&mut self) -> Result<(), RowFault> {
        if self.touched.is_empty() && self.fault.is_none() {
            return Ok(());
        }
        self.settle_touched()
    }

    fn settle_touched(&mut self) -> Result<(), RowFault> {
        let mut touched = std::mem::take(&mut self.touched);
        for place in &touched {
            self.settle_row(*place);
        }
        // Rows that cannot be stored have no place in an index.
        if !self.indexes.is_empty() && self.fault.is_none() {
            self.settle_indexes(&touched);
        }
        let fault = self.fault.take();
        // They are settled again once their rivals are loaded.
        if !matches!(fault, Some(RowFault::Unchecked)) {
            touched.clear();
        }
        self.touched = touched;
        fault.map_or(Ok(()), Err)
    }

    #[inline]
    fn settle_row(&mut self, place: u32) {
        let slot = self.slots.at_mut(place);
        slot.touched = false;
        let problem = match &mut slot.row {
            None => None,
            Some(row) => match row.settle() {
                Err(error) => Some(RowProblem::Value(error)),
                Ok(()) if row.has_key(&slot.key) => None,
                Ok(()) => Some(RowProblem::Moved(values(&row.key()))),
            },
        };
        // In memory there is no bound to be within at every event.
        if !matches!(self.origin, Origin::Memory) {
            self.slots.weigh(place);
        }
        if let Some(problem) = problem {
            let key = values(&self.slots.at(place).key);
            self.note(problem, key);
        }
    }

    /// Enters changed rows into the indexes, and looks for others with their unique keys: in memory,
    /// and in the table.
    #[cold]
    fn settle_indexes(&mut self, touched: &[u32]) {
        for place in touched {
            self.indexes.enter(&mut self.slots, *place);
            self.slots.weigh(*place);
        }
        if matches!(self.origin, Origin::Network) && self.want_unchecked(touched) {
            self.fault = Some(RowFault::Unchecked);
            return;
        }
        for place in touched {
            let slot = self.slots.at(*place);
            let Some(row) = slot.row.as_ref().filter(|_| slot.may_clash()) else { continue };
            for (index, unique) in self.indexes.unique(row) {
                if !self.find(index, &unique) {
                    return; // it noted why
                }
                let places = self.indexes.find(index, &unique);
                if places.iter().any(|other| other != place) {
                    let key = values(&self.slots.at(*place).key);
                    let columns = column_names(T::TABLE, self.indexes.columns(index));
                    return self.note(RowProblem::Taken { columns }, key);
                }
            }
        }
    }

    /// Asks for the rows that may have the unique keys of those that were changed, by which they
    /// can be checked; false where nothing is missing.
    fn want_unchecked(&mut self, touched: &[u32]) -> bool {
        let mut is_any = false;
        for place in touched {
            let slot = self.slots.at(*place);
            let Some(row) = slot.row.as_ref().filter(|_| slot.may_clash()) else { continue };
            for (index, unique) in self.indexes.unique(row) {
                if !self.indexes.is_complete(index, &unique) {
                    self.wanted.find(index, unique);
                    is_any = true;
                }
            }
        }
        is_any
    }

    fn delete(&mut self, access: &dyn RowAccess) -> Result<(), RowsError> {
        let places = self.to_delete();
        if places.is_empty() {
            return Ok(());
        }
        let deletes = self.keys(&places);
        access.write(T::TABLE, RowWrites { deletes: &deletes, upserts: &[] })?;
        self.deleted(&places);
        Ok(())
    }

    fn upsert(&mut self, access: &dyn RowAccess) -> Result<(), RowsError> {
        if self.dirty.is_empty() {
            return Ok(());
        }
        self.sort_dirty();
        let upserts = self.unwritten();
        if !upserts.is_empty() {
            access.write(T::TABLE, RowWrites { deletes: &[], upserts: &upserts })?;
        }
        self.written();
        Ok(())
    }

    /// The stored rows that are gone, and those whose unique keys have moved, which are written anew.
    fn to_delete(&self) -> Vec<u32> {
        let slots = &self.slots;
        let is_gone = |place: &&u32| {
            let slot = slots.at(**place);
            slot.stored && (slot.row.is_none() || slot.moved)
        };
        let mut places: Vec<u32> = self.dirty.iter().filter(is_gone).copied().collect();
        places.sort_unstable_by(|a, b| slots.at(*a).key.cmp(&slots.at(*b).key));
        places
    }

    fn keys(&self, places: &[u32]) -> Vec<&dyn Values> {
        places.iter().map(|place| &self.slots.at(*place).key as &dyn Values).collect()
    }

    fn deleted(&mut self, places: &[u32]) {
        for place in places {
            let slot = self.slots.at_mut(*place);
            slot.stored = false;
            self.change.leave(slot.digest);
        }
    }

    /// In the order of their keys, so that two writers never wait for each other's rows.
    fn sort_dirty(&mut self) {
        let slots = &self.slots;
        self.dirty.sort_unstable_by(|a, b| slots.at(*a).key.cmp(&slots.at(*b).key));
    }

    fn unwritten(&self) -> Vec<&dyn Values> {
        let rows = self.dirty.iter().filter_map(|place| self.slots.at(*place).row.as_ref());
        rows.map(|row| row as &dyn Values).collect()
    }

    fn written(&mut self) {
        let mut written = std::mem::take(&mut self.dirty);
        for place in written.drain(..) {
            self.digest_written(place);
            let slot = self.slots.at_mut(place);
            (slot.dirty, slot.moved) = (false, false);
            slot.stored = slot.row.is_some();
        }
        self.dirty = written; // with its memory
    }

    /// In memory this is where a change becomes one that stays.
    fn committed(&mut self) {
        self.change = TableDigest::default();
        self.forget_missed();
        let mut changed = std::mem::take(&mut self.dirty);
        for place in changed.drain(..) {
            let slot = self.slots.at_mut(place);
            (slot.dirty, slot.moved) = (false, false);
            match (slot.before.take(), &slot.row) {
                (Some(None), Some(_)) => self.gone -= 1,
                (Some(Some(_)), None) => self.gone += 1,
                _ => {}
            }
            self.slots.weigh(place);
        }
        self.dirty = changed; // with its memory
        if matches!(self.origin, Origin::Memory) && self.gone > 1024 + self.slots.len() / 2 {
            self.drop_slots(|slot| slot.row.is_some());
            self.gone = 0;
        }
    }

    fn roll_back(&mut self) {
        for place in std::mem::take(&mut self.dirty) {
            let slot = self.slots.at_mut(place);
            slot.dirty = false;
            slot.touched = false;
            if let Some(before) = slot.before.take() {
                slot.row = before;
            }
            self.slots.weigh(place);
            if !self.indexes.is_empty() {
                self.indexes.enter(&mut self.slots, place);
            }
        }
        self.touched.clear();
        self.change = TableDigest::default();
        self.fault = None;
    }

    fn drop_slots(&mut self, keep: impl FnMut(&super::slots::Slot<T>) -> bool) {
        let dirty: Vec<T::Key> =
            self.dirty.iter().map(|place| self.slots.at(*place).key.clone()).collect();
        self.slots.retain(keep);
        // Places have changed.
        self.dirty = dirty.iter().filter_map(|key| self.slots.find::<T::Key>(key)).collect();
        if !self.indexes.is_empty() {
            let dropped = !matches!(self.origin, Origin::Memory);
            self.indexes.rebuild(&mut self.slots, dropped);
        }
    }
}

fn column_names(table: &Table, columns: &[usize]) -> String {
    let names: Vec<_> =
        columns.iter().map(|column| format!("`{}`", table.columns[*column].name)).collect();
    names.join(", ")
}
