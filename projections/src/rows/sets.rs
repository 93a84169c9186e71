//! [`RowSets`]: the tables of one projector, in one session.

use std::{
    any::{Any, TypeId},
    fmt,
    sync::Arc,
};

use parking_lot::Mutex;

use super::{
    AsyncRowAccess, ColumnError, Found, OwnedValue, Prepared, ReadModel, RowAccess, Rows,
    RowsError, Table, TableDigests, Values, digest::is_added_without_change, fault::RowFault,
    kept::Kept, map::RowsGuard,
};
use crate::{GlobalPosition, Storage, read::Selection};

/// A storage that has tables for rows.
///
/// A handler of its projectors may take `&mut Rows<T>`.
pub trait RowStorage: Storage {
    /// Returns the session's tables, which [`Storage::rows`] returns, too.
    fn row_sets(session: &Self::Session) -> &RowSets;
}

/// Where rows come from that are not in memory.
#[derive(Clone)]
pub(super) enum Origin {
    /// Nowhere: all of them are in memory.
    Memory,
    /// A storage whose calls block.
    Blocking(Arc<dyn RowAccess>),
    /// A storage whose calls are futures: they are loaded between handlers.
    Network,
    /// Nowhere now: no transaction is open.
    Away,
}

/// The tables of one projector, as a storage's session holds them.
///
/// A storage makes it when it begins a transaction, with its access to the tables within that
/// transaction; the runtime does the rest.
pub struct RowSets {
    sets: Vec<Set>,
    origin: Origin,
    pub(super) network: Option<Arc<dyn AsyncRowAccess>>,
    /// How much may be in memory, in bytes, beside what is not written yet.
    bound: usize,
    /// What went wrong while a handler had its session.
    failed: Mutex<Option<RowsError>>,
}

struct Set {
    row: TypeId,
    rows: Box<dyn Kept>,
}

/// A table that a projector's handlers change: what `#[handlers]` lists.
#[doc(hidden)]
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations)]
pub struct DeclaredTable {
    pub(crate) table: &'static Table,
    row: fn() -> TypeId,
    row_name: fn() -> &'static str,
    make: fn() -> Box<dyn Kept>,
}

impl DeclaredTable {
    /// The table of a type of rows.
    #[must_use]
    pub const fn of<T: ReadModel>() -> Self {
        let make = || Box::new(Mutex::new(Rows::<T>::new(Origin::Memory))) as Box<dyn Kept>;
        Self { table: T::TABLE, row: TypeId::of::<T>, row_name: std::any::type_name::<T>, make }
    }

    /// The path of the type of its rows.
    pub(crate) fn row_name(&self) -> &'static str {
        (self.row_name)()
    }

    /// Whether its rows are of this type.
    pub(crate) fn is_of<T: ReadModel>(&self) -> bool {
        (self.row)() == TypeId::of::<T>()
    }

    /// Whether both are of one type of rows.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (self.row)() == (other.row)()
    }
}

/// From where a start goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Beginning {
    /// No event was applied.
    First,
    /// All is emptied, and applied again.
    Rebuild,
    /// Events were passed.
    Later,
}

impl Beginning {
    /// How a projector begins that has applied the event at a position; `None` where it has no
    /// checkpoint.
    pub(crate) fn at(position: Option<GlobalPosition>) -> Self {
        match position {
            None | Some(GlobalPosition::BEGINNING) => Self::First,
            Some(_) => Self::Later,
        }
    }

    /// Refuses a table that would lack the events that were passed before it was there.
    pub(crate) fn allows(
        self,
        prepared: Prepared,
        table: &Table,
        projector: &str,
    ) -> Result<(), RowsError> {
        if self != Self::Later || prepared != Prepared::Created {
            return Ok(());
        }
        Err(RowsError::Differs(format!(
            "table `{}` is new, and projector `{projector}` has passed events that it would lack; rebuild the projector",
            table.name
        )))
    }
}

impl RowSets {
    /// The tables of a transaction of a storage whose calls block.
    #[must_use]
    pub fn blocking(access: Arc<dyn RowAccess>) -> Self {
        Self { sets: Vec::new(), origin: Origin::Blocking(access), ..Self::default() }
    }

    /// The tables of a transaction of a storage behind a network.
    #[must_use]
    pub fn network(access: Arc<dyn AsyncRowAccess>) -> Self {
        Self { origin: Origin::Network, network: Some(access), ..Self::default() }
    }

    /// Returns what [`blocking`](Self::blocking) was given, for a storage that wraps another one.
    #[must_use]
    pub fn blocking_access(&self) -> Option<Arc<dyn RowAccess>> {
        match &self.origin {
            Origin::Blocking(access) => Some(Arc::clone(access)),
            _ => None,
        }
    }

    /// Returns what [`network`](Self::network) was given, for a storage that wraps another one.
    #[must_use]
    pub fn network_access(&self) -> Option<Arc<dyn AsyncRowAccess>> {
        self.network.clone()
    }

    /// Tables that are in memory only.
    pub(crate) fn in_memory(tables: &[DeclaredTable]) -> Self {
        let mut sets = Self::default();
        sets.declare(tables);
        sets
    }

    /// Adds the tables that are not there yet.
    pub(crate) fn declare(&mut self, tables: &[DeclaredTable]) {
        for table in tables {
            let row = (table.row)();
            if !self.sets.iter().any(|set| set.row == row) {
                let mut rows = (table.make)();
                rows.set_origin(self.origin.clone());
                self.sets.push(Set { row, rows });
            }
        }
    }

    /// Whether there is no table.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Lends the rows of a table to a handler.
    ///
    /// # Panics
    /// When the handler has them already, or they are none of the projector's.
    pub(crate) fn lend<T: ReadModel>(&self) -> RowsGuard<'_, T> {
        let row = TypeId::of::<T>();
        let set = self.sets.iter().find(|set| set.row == row);
        let rows = set.and_then(|set| set.rows.as_any().downcast_ref::<Mutex<Rows<T>>>());
        let table = T::TABLE.name;
        let Some(rows) = rows else {
            panic!(
                "table `{table}` is not declared: take its rows as `&mut Rows<..>`, by this name"
            )
        };
        let Some(guard) = rows.try_lock() else {
            panic!("the handler takes the rows of table `{table}` twice")
        };
        RowsGuard(guard)
    }

    /// Selects rows of a table, where all of them are in memory.
    pub(crate) fn select(&self, selection: &Selection, selected: Found<'_>) {
        if let Some(rows) = self.table(selection.table) {
            rows.select(selection, selected);
        }
    }

    /// Counts rows, as [`select`](Self::select) selects them.
    pub(crate) fn count_selected(&self, selection: &Selection) -> u64 {
        self.table(selection.table).map_or(0, |rows| rows.count(selection))
    }

    /// Says how many rows a table has, where all of them are in memory.
    pub(crate) fn count_in(&self, table: &DeclaredTable) -> usize {
        let mut count = 0;
        self.each_in(table, &mut |_| count += 1);
        count
    }

    /// Hands every row of a table over, where all of them are in memory.
    pub(crate) fn each_in(&self, table: &DeclaredTable, take: &mut dyn FnMut(&dyn Values)) {
        if let Some(rows) = self.table(table.table) {
            rows.each_row(take);
        }
    }

    /// Takes a row back into a table.
    pub(crate) fn restore_in(
        &mut self,
        table: &DeclaredTable,
        row: &[OwnedValue],
    ) -> Result<(), ColumnError> {
        let row_type = (table.row)();
        match self.sets.iter_mut().find(|set| set.row == row_type) {
            Some(set) => set.rows.restore(&row),
            None => Ok(()), // every declared table is there
        }
    }

    fn table(&self, table: &Table) -> Option<&dyn Kept> {
        let set = self.sets.iter().find(|set| set.rows.table().name == table.name);
        set.map(|set| &*set.rows)
    }

    /// Writes what is not written yet, before a query that could see it. A storage calls it when it
    /// makes the transaction that a handler takes.
    ///
    /// # Errors
    /// When the storage fails, or refuses the rows.
    pub fn flush_before_query(&self) -> Result<(), RowsError> {
        let Origin::Blocking(access) = &self.origin else { return Ok(()) };
        let mut sets = self.sets.iter();
        sets.clone().rev().try_for_each(|set| set.rows.delete_shared(&**access))?;
        sets.try_for_each(|set| set.rows.upsert_shared(&**access))
    }

    /// Keeps what [`flush_before_query`](Self::flush_before_query) returned, where it cannot be
    /// told to the handler: it is told to the runtime.
    pub fn failed(&self, error: RowsError) {
        self.failed.lock().get_or_insert(error);
    }

    /// Takes the rows that were kept since the last batch into a new session.
    pub(crate) fn take_over(&mut self, kept: Self) {
        self.sets = kept.sets;
        for set in &mut self.sets {
            set.rows.set_origin(self.origin.clone());
        }
    }

    /// Takes the rows out of a session that ends.
    pub(crate) fn take(&mut self) -> Self {
        let mut sets = std::mem::take(&mut self.sets);
        sets.iter_mut().for_each(|set| set.rows.set_origin(Origin::Away));
        Self { sets, ..Self::default() }
    }

    fn each(&mut self) -> impl DoubleEndedIterator<Item = &mut (dyn Kept + 'static)> {
        self.sets.iter_mut().map(|set| &mut *set.rows)
    }

    /// Begins a batch, in which rows that are written may take so many bytes.
    pub(crate) fn begin_batch(&mut self, batch: u64, bound: usize) {
        self.bound = bound;
        self.each().for_each(|rows| rows.begin_batch(batch));
    }

    /// Brings what a handler has changed to its stored form, and checks it. A batch that outgrows
    /// the bound is written early, in its transaction.
    #[inline]
    pub(crate) fn settle(&mut self) -> Result<(), RowFault> {
        let failed = self.failed.get_mut();
        if failed.is_some()
            && let Some(error) = failed.take()
        {
            return Err(error.into());
        }
        let mut bytes = 0;
        for set in &mut self.sets {
            bytes += set.rows.settle()?;
        }
        if bytes > self.bound { self.settle_early() } else { Ok(()) }
    }

    #[cold]
    fn settle_early(&mut self) -> Result<(), RowFault> {
        if matches!(self.origin, Origin::Blocking(_)) {
            self.flush()?;
            self.shrink(self.bound);
        }
        Ok(())
    }

    /// Creates or checks tables; a rebuild makes them anew, children before their parents.
    pub(crate) fn prepare(
        &mut self,
        tables: &[DeclaredTable],
        projector: &str,
        beginning: Beginning,
        digests: &mut TableDigests,
    ) -> Result<(), RowsError> {
        let Origin::Blocking(access) = self.origin.clone() else { return Ok(()) };
        if beginning == Beginning::Rebuild {
            tables.iter().rev().try_for_each(|table| access.drop_table(table.table))?;
        }
        forget_undeclared(tables, digests);
        tables.iter().try_for_each(|DeclaredTable { table, .. }| {
            let prepared = access.prepare(table, projector)?;
            begin_digest(table, prepared, digests);
            beginning.allows(prepared, table, projector)
        })
    }

    /// As [`prepare`](Self::prepare), on a storage behind a network.
    pub(crate) async fn prepare_async(
        &mut self,
        tables: &[DeclaredTable],
        projector: &str,
        beginning: Beginning,
        digests: &mut TableDigests,
    ) -> Result<(), RowsError> {
        let Some(access) = self.network.clone() else { return Ok(()) };
        if beginning == Beginning::Rebuild {
            for table in tables.iter().rev() {
                access.drop_table(table.table).await?;
            }
        }
        forget_undeclared(tables, digests);
        for DeclaredTable { table, .. } in tables {
            let prepared = access.prepare(table, projector).await?;
            begin_digest(table, prepared, digests);
            beginning.allows(prepared, table, projector)?;
        }
        Ok(())
    }

    /// Takes over how the digests have changed since the last commit, or since this was last asked.
    pub(crate) fn change_digests(&mut self, digests: &mut TableDigests) {
        for rows in self.each() {
            digests.change(rows.table(), rows.take_change());
        }
    }

    /// Writes what has changed: deletes first, and those of children before their parents'.
    pub(crate) fn flush(&mut self) -> Result<(), RowsError> {
        let Origin::Blocking(access) = self.origin.clone() else { return Ok(()) };
        self.each().rev().try_for_each(|rows| rows.delete(&*access))?;
        self.each().try_for_each(|rows| rows.upsert(&*access))
    }

    /// As [`flush`](Self::flush), on a storage behind a network.
    pub(crate) async fn flush_async(&mut self) -> Result<(), RowsError> {
        let Some(access) = self.network.clone() else { return Ok(()) };
        for rows in self.each().rev() {
            rows.delete_async(&*access).await?;
        }
        for rows in self.each() {
            rows.upsert_async(&*access).await?;
        }
        Ok(())
    }

    /// The batch is committed: drops what is over the bound, and the means to take it back.
    /// Tables that are in memory only have no bound.
    pub(crate) fn committed(&mut self, bound: usize) {
        self.each().for_each(Kept::committed);
        self.shrink(bound);
    }

    /// Drops rows that are written, those first that were not asked for in the last batch.
    pub(crate) fn shrink(&mut self, bound: usize) {
        if self.bytes() <= bound {
            return;
        }
        for older_only in [true, false] {
            self.each().for_each(|rows| rows.drop_written(older_only));
            if self.bytes() <= bound / 2 {
                break;
            }
        }
    }

    /// Takes back what has changed since the last commit, in memory.
    pub(crate) fn roll_back(&mut self) {
        self.each().for_each(Kept::roll_back);
    }

    /// Forgets all rows.
    pub(crate) fn clear(&mut self) {
        self.each().for_each(Kept::clear);
    }

    /// Returns what the rows keep in memory.
    pub(crate) fn bytes(&mut self) -> usize {
        self.each().map(|rows| rows.bytes()).sum()
    }

    /// Says of each table how many of its rows are in memory.
    pub(crate) fn count(&mut self) -> usize {
        self.each().map(|rows| rows.len()).sum()
    }

    /// Says whether handlers are only called to see their keys.
    pub(crate) fn probe(&mut self, probing: bool) {
        self.each().for_each(|rows| rows.probe(probing));
    }

    /// A handler was called to see its keys.
    pub(crate) fn probed(&mut self) {
        self.each().for_each(Kept::probed);
    }

    /// Keeps what an event's handler has asked for in vain, for the next time that it is handled.
    pub(crate) fn remember(&mut self, event: usize) {
        self.each().for_each(|rows| rows.remember(event));
    }

    /// Asks for what was missed when this event was handled before.
    pub(crate) fn recall(&mut self, event: usize) {
        self.each().for_each(|rows| rows.recall(event));
    }

    /// Forgets everything but what was missed.
    pub(crate) fn restart(&mut self) {
        self.each().for_each(Kept::restart);
    }

    /// Whether the rows take more than they may.
    pub(crate) fn is_outgrown(&mut self) -> bool {
        let bound = self.bound;
        self.bytes() > bound
    }

    /// Whether the rows will not fit once those that are wanted are there, and nothing is kept that
    /// this batch does not need.
    pub(crate) fn is_full(&mut self) -> bool {
        let bound = self.bound;
        if self.expected() <= bound {
            return false;
        }
        self.each().for_each(Kept::make_room);
        self.expected() > bound
    }

    fn expected(&mut self) -> usize {
        self.each().map(|rows| rows.expected()).sum()
    }

    /// Writes what has changed before the batch's end, and drops what then need not be kept.
    pub(crate) async fn flush_early(&mut self) -> Result<(), RowsError> {
        self.flush_async().await?;
        self.shrink(self.bound);
        Ok(())
    }

    /// Loads what handlers have asked for: by one query a table, and one for each index. Tells
    /// whether there was anything.
    pub(crate) async fn load_wanted(&mut self) -> Result<bool, RowFault> {
        let Some(access) = self.network.clone() else { return Ok(false) };
        let mut any = false;
        for rows in self.each() {
            any |= rows.load_wanted(&*access).await?;
        }
        Ok(any)
    }
}

fn forget_undeclared(tables: &[DeclaredTable], digests: &mut TableDigests) {
    digests.keep(|name| tables.iter().any(|known| known.table.name.eq_ignore_ascii_case(name)));
}

/// What the rows of a table add up to when a projector starts.
fn begin_digest(table: &Table, prepared: Prepared, digests: &mut TableDigests) {
    match prepared {
        Prepared::Created => digests.begin(table),
        // The older rows hold something else now, if a new column holds what adds to a digest.
        Prepared::Extended if !table.columns.iter().all(is_added_without_change) => {
            digests.forget(table);
        }
        Prepared::Extended | Prepared::Kept => {}
    }
}

impl fmt::Debug for RowSets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.sets.iter().map(|set| set.rows.table().name);
        f.debug_list().entries(tables).finish()
    }
}

/// The tables of a projector that has none.
impl Default for RowSets {
    fn default() -> Self {
        Self {
            sets: Vec::new(),
            origin: Origin::Memory,
            network: None,
            bound: usize::MAX,
            failed: Mutex::new(None),
        }
    }
}

impl dyn Kept {
    fn as_any(&self) -> &dyn Any {
        self.any()
    }
}
