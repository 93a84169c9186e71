//! A storage in memory that does what SQLite does, one statement a row, and counts and fails on
//! demand.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use projections::{
    Blocking, BlockingStorage, Checkpoint, CheckpointKey, CheckpointWrite, CommitError,
    GlobalPosition, Letter, LetterQuery, ParameterMut, ParkedKey, Parking, Passed, Previous,
    Storage, StoreError, StoreErrorKind,
    rows::{
        ColumnError, Found, OwnedValue, Prepared, RowAccess, RowSets, RowStorage, RowValues,
        RowWrites, RowsError, Table, Value, Values,
    },
};
use rand::{Rng, SeedableRng as _, rngs::StdRng};

/// One call of the storage.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    Begin,
    Load(&'static str),
    Find(&'static str),
    Delete(&'static str, Vec<String>),
    Upsert(&'static str, Vec<String>),
    Commit,
}

/// What a call does instead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// Nothing, and says so.
    Outage,
    Panic,
    /// Commits: it does so, and says that it failed.
    AnswerLost,
    /// Commits: it does so, and panics.
    PanicAfter,
    /// Commits: it says that another has committed.
    Conflict,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Double(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    stored: State,
    version: u64,
    calls: Vec<Call>,
    /// Failures of the next commits.
    commits: VecDeque<Option<Failure>>,
    /// How often any call fails, at random.
    random: Option<(StdRng, f64)>,
}

/// A table's rows, by the text of their keys.
type Stored = BTreeMap<String, Vec<OwnedValue>>;

#[derive(Clone, Debug, Default)]
struct State {
    tables: BTreeMap<&'static str, Stored>,
    checkpoints: BTreeMap<CheckpointKey, Checkpoint>,
    letters: BTreeMap<(CheckpointKey, GlobalPosition), Letter>,
    passed: Passed,
}

pub(crate) struct DoubleSession {
    rows: RowSets,
    work: Arc<Mutex<State>>,
    version: u64,
}

impl Double {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic on demand happens while nothing is half done.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The calls since it was asked last.
    pub(crate) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.inner().calls)
    }

    /// What is stored, as text.
    pub(crate) fn dump(&self) -> String {
        format!("{:#?}", self.inner().stored.tables)
    }

    pub(crate) fn count(&self, table: &str) -> usize {
        self.inner().stored.tables.get(table).map_or(0, BTreeMap::len)
    }

    pub(crate) fn fail_commits(&self, failures: impl IntoIterator<Item = Option<Failure>>) {
        self.inner().commits = failures.into_iter().collect();
    }

    /// From now on any call may fail; with a share of 0 none does.
    pub(crate) fn fail_at_random(&self, seed: u64, share: f64) {
        self.inner().random = Some((StdRng::seed_from_u64(seed), share));
    }

    /// Notes a call, which may be told to fail.
    fn call(&self, call: Call) -> Result<Option<Failure>, StoreError> {
        let is_commit = call == Call::Commit;
        let failure = {
            let mut inner = self.inner();
            inner.calls.push(call);
            let told = if is_commit { inner.commits.pop_front().flatten() } else { None };
            told.or_else(|| inner.random_failure(is_commit))
        };
        match failure {
            Some(Failure::Outage) => {
                Err(StoreError::new(StoreErrorKind::Unavailable, "reach the double"))
            }
            Some(Failure::Panic) => panic!("the double panics"),
            later => Ok(later),
        }
    }
}

impl Inner {
    fn random_failure(&mut self, is_commit: bool) -> Option<Failure> {
        let (rng, share) = self.random.as_mut()?;
        let all = [
            Failure::Outage,
            Failure::Panic,
            Failure::AnswerLost,
            Failure::PanicAfter,
            Failure::Conflict,
        ];
        let kinds = if is_commit { all.len() } else { 2 };
        rng.random_bool(*share).then(|| all[rng.random_range(0..kinds)])
    }
}

impl Storage for Double {
    type Session = DoubleSession;
    type Execution = Blocking;
    const LABEL: &'static str = "Double";
    const TRANSACTION: &'static str = "DoubleTx<'_>";

    fn label(&self) -> String {
        "double".to_owned()
    }

    fn rows(session: &mut DoubleSession) -> Option<&mut RowSets> {
        Some(&mut session.rows)
    }
}

impl RowStorage for Double {
    fn row_sets(session: &DoubleSession) -> &RowSets {
        &session.rows
    }
}

/// What a handler queries the double through.
pub(crate) struct DoubleTx<'a>(&'a DoubleSession);

impl DoubleTx<'_> {
    pub(crate) fn count(&self, table: &str) -> usize {
        self.0.work.lock().unwrap().tables.get(table).map_or(0, BTreeMap::len)
    }
}

impl ParameterMut<Double> for DoubleTx<'_> {
    type View<'a> = DoubleTx<'a>;

    fn view(session: &DoubleSession) -> DoubleTx<'_> {
        if let Err(error) = session.rows.flush_before_query() {
            session.rows.failed(error);
        }
        DoubleTx(session)
    }
}

impl Double {
    fn commit_with(
        &self,
        session: &DoubleSession,
        write: Option<&CheckpointWrite>,
    ) -> Result<(), CommitError> {
        let failure = self.call(Call::Commit)?;
        if failure == Some(Failure::Conflict) {
            return Err(CommitError::Conflict);
        }
        {
            let mut inner = self.inner();
            let stored = write.map(|write| {
                inner.stored.checkpoints.get(&write.key).map(Previous::from) == write.previous
            });
            if inner.version != session.version || stored == Some(false) {
                return Err(CommitError::Conflict);
            }
            inner.stored = session.work.lock().unwrap().clone();
            if let Some(CheckpointWrite { key, next, letters, .. }) = write {
                inner.stored.checkpoints.insert(key.clone(), next.clone());
                for position in &letters.remove {
                    inner.stored.letters.remove(&(key.clone(), *position));
                }
                for letter in &letters.put {
                    let place = (key.clone(), letter.position);
                    inner.stored.letters.insert(place, letter.clone());
                }
                inner.stored.passed.add(letters.passed);
            }
            inner.version += 1;
        }
        match failure {
            Some(Failure::PanicAfter) => panic!("the double panics after a commit"),
            Some(Failure::AnswerLost) => {
                Err(StoreError::new(StoreErrorKind::Unavailable, "hear of a commit").into())
            }
            _ => Ok(()),
        }
    }
}

impl BlockingStorage for Double {
    fn begin(&self) -> Result<DoubleSession, StoreError> {
        self.call(Call::Begin)?;
        let (state, version) = {
            let inner = self.inner();
            (inner.stored.clone(), inner.version)
        };
        let work = Arc::new(Mutex::new(state));
        let access = Access { double: self.clone(), work: Arc::clone(&work) };
        Ok(DoubleSession { rows: RowSets::blocking(Arc::new(access)), work, version })
    }

    fn setup(&self, _session: &mut DoubleSession) -> Result<(), StoreError> {
        Ok(())
    }

    fn load(
        &self,
        session: &mut DoubleSession,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        Ok(session.work.lock().unwrap().checkpoints.get(key).cloned())
    }

    fn reset(&self, session: &mut DoubleSession, key: &CheckpointKey) -> Result<(), StoreError> {
        session.work.lock().unwrap().letters.retain(|(own, _), _| own != key);
        Ok(())
    }

    fn parked(
        &self,
        session: &mut DoubleSession,
        key: &CheckpointKey,
    ) -> Result<Vec<ParkedKey>, StoreError> {
        let state = session.work.lock().unwrap();
        let mut keys = BTreeMap::<String, ParkedKey>::new();
        for ((_, position), letter) in state.letters.iter().filter(|((own, _), _)| own == key) {
            let park_key = letter.park_key.clone();
            let parked = keys.entry(park_key.clone()).or_insert(ParkedKey {
                park_key,
                first: *position,
                last: *position,
                letters: 0,
            });
            (parked.last, parked.letters) = (*position, parked.letters + 1);
        }
        Ok(keys.into_values().collect())
    }

    fn commit(&self, session: DoubleSession, write: &CheckpointWrite) -> Result<(), CommitError> {
        self.commit_with(&session, Some(write))
    }

    fn commit_alone(&self, session: DoubleSession) -> Result<(), StoreError> {
        self.commit_with(&session, None).map_err(|error| match error {
            CommitError::Store(error) => error,
            _ => StoreError::new(StoreErrorKind::Unavailable, "commit alone"),
        })
    }

    fn rollback(&self, _session: DoubleSession) -> Result<(), StoreError> {
        Ok(())
    }

    fn checkpoints(&self, _: &str) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        let inner = self.inner();
        let all = inner.stored.checkpoints.iter();
        Ok(all.map(|(key, checkpoint)| (key.clone(), checkpoint.clone())).collect())
    }

    fn letters(&self, key: &CheckpointKey, query: &LetterQuery) -> Result<Vec<Letter>, StoreError> {
        let inner = self.inner();
        let of_key = |letter: &&Letter| {
            query.park_key.as_ref().is_none_or(|park_key| *park_key == letter.park_key)
        };
        let all = inner.stored.letters.iter();
        let all = all.filter(|((own, position), _)| own == key && *position > query.after);
        Ok(all.map(|(_, letter)| letter).filter(of_key).take(query.limit).cloned().collect())
    }

    fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError> {
        let inner = self.inner();
        let letters = inner.stored.letters.iter().filter(|((own, _), _)| own == key);
        let keys: BTreeSet<_> = letters.clone().map(|(_, letter)| &letter.park_key).collect();
        let (keys, letters) = (keys.len() as u64, letters.count() as u64);
        Ok(Parking { keys, letters, passed: inner.stored.passed })
    }
}

struct Access {
    double: Double,
    work: Arc<Mutex<State>>,
}

impl Access {
    fn tables<T>(
        &self,
        table: &Table,
        work: impl FnOnce(&mut Stored) -> Result<T, RowsError>,
    ) -> Result<T, RowsError> {
        let mut state = self.work.lock().unwrap();
        match state.tables.get_mut(table.name) {
            Some(rows) => work(rows),
            None => Err(RowsError::Refused(format!("no such table: {}", table.name).into())),
        }
    }
}

fn values(of: &dyn Values) -> Result<Vec<OwnedValue>, RowsError> {
    let mut values = Vec::new();
    of.put(&mut |value| values.push(value.into()))
        .map_err(|error| RowsError::Refused(format!("not settled: {error}").into()))?;
    Ok(values)
}

fn text(values: &[OwnedValue]) -> String {
    format!("{values:?}")
}

fn pick(row: &[OwnedValue], columns: &[usize]) -> Vec<OwnedValue> {
    columns.iter().map(|column| row[*column].clone()).collect()
}

/// A row that is looked at.
struct Seen<'a>(&'a [OwnedValue]);

impl RowValues for Seen<'_> {
    fn value(&self, column: usize) -> Result<Value<'_>, ColumnError> {
        self.0.value(column)
    }
}

impl RowAccess for Access {
    fn prepare(&self, table: &Table, _projector: &str) -> Result<Prepared, RowsError> {
        let mut work = self.work.lock().unwrap();
        let is_known = work.tables.contains_key(table.name);
        work.tables.entry(table.name).or_default();
        Ok(if is_known { Prepared::Kept } else { Prepared::Created })
    }

    fn drop_table(&self, table: &Table) -> Result<(), RowsError> {
        self.work.lock().unwrap().tables.remove(table.name);
        Ok(())
    }

    fn load(&self, table: &Table, key: &dyn Values, found: Found<'_>) -> Result<(), StoreError> {
        self.double.call(Call::Load(table.name))?;
        let key = text(&values(key).expect("a settled key"));
        let row = self.tables(table, |rows| Ok(rows.get(&key).cloned())).expect("a table");
        if let Some(row) = row {
            found(&Seen(&row));
        }
        Ok(())
    }

    fn find(
        &self,
        table: &Table,
        columns: &[usize],
        values: &[OwnedValue],
        found: Found<'_>,
    ) -> Result<(), StoreError> {
        self.double.call(Call::Find(table.name))?;
        assert_eq!(columns.len(), values.len(), "a value for each column");
        let rows = self.tables(table, |rows| Ok(rows.clone())).expect("a table");
        rows.values().filter(|row| pick(row, columns) == values).for_each(|row| found(&Seen(row)));
        Ok(())
    }

    fn write(&self, table: &Table, writes: RowWrites<'_>) -> Result<(), RowsError> {
        let all = |rows: &[&dyn Values]| {
            rows.iter().map(|row| values(*row)).collect::<Result<Vec<_>, _>>()
        };
        let (deletes, upserts) = (all(writes.deletes)?, all(writes.upserts)?);
        let texts = |rows: &[Vec<OwnedValue>]| rows.iter().map(|row| text(row)).collect();
        if !deletes.is_empty() {
            self.double.call(Call::Delete(table.name, texts(&deletes)))?;
        }
        if !upserts.is_empty() {
            self.double.call(Call::Upsert(table.name, texts(&upserts)))?;
        }
        self.tables(table, |rows| {
            for key in &deletes {
                rows.remove(&text(key));
            }
            upserts.into_iter().try_for_each(|row| upsert(table, rows, row))
        })
    }
}

/// As a database does it: each statement keeps the unique keys.
fn upsert(table: &Table, rows: &mut Stored, row: Vec<OwnedValue>) -> Result<(), RowsError> {
    let key = text(&pick(&row, table.key));
    for index in table.indexes.iter().filter(|index| index.unique) {
        let unique = pick(&row, index.columns);
        if unique.contains(&OwnedValue::Null) {
            continue;
        }
        let taken = |(other, row): (&String, &Vec<OwnedValue>)| {
            *other != key && pick(row, index.columns) == unique
        };
        if rows.iter().any(taken) {
            let table = table.name;
            return Err(RowsError::Refused(format!("not unique: {table} {unique:?}").into()));
        }
    }
    rows.insert(key, row);
    Ok(())
}
