//! Dead letters: the events that a read model lacks because one of them could not be applied.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{EventId, GlobalPosition, StreamPosition};

/// Longer park keys are stored as their beginning and a hash, so that a database can index them.
const LONGEST_KEY: usize = 512;
/// Longer error texts are cut.
const LONGEST_ERROR: usize = 8 << 10;

/// An event that is parked, or that waits behind one that is.
///
/// It refers to the log by its position: the payload is read from there. What belongs to a read
/// model's letters is its generation: a rebuild removes them with the read model.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // a storage must keep every field
pub struct Letter {
    /// Its place in the log.
    pub position: GlobalPosition,
    /// The event's id.
    pub event: EventId,
    /// Its wire name.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// Its stream.
    pub stream: String,
    /// Its index in the stream.
    pub stream_position: StreamPosition,
    /// What waits behind what: letters with one key, in the order of their positions.
    pub park_key: String,
    /// Whether the event was history when it was parked, for `replay = "skip"`.
    pub replay: bool,
    /// Why it could not be applied; `None` of one that waits behind another.
    pub failure: Option<LetterFailure>,
}

/// Why an event could not be applied.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // a storage must keep every field
pub struct LetterFailure {
    /// How often it was tried.
    pub attempts: u32,
    /// The last error and its causes, cut where they are long.
    pub error: String,
    /// When it first failed, by the clock of the machine that tried.
    pub first_at: Timestamp,
    /// When it last failed.
    pub last_at: Timestamp,
}

impl LetterFailure {
    /// Cuts an error's text.
    pub(crate) fn cut(mut error: String) -> String {
        if error.len() > LONGEST_ERROR {
            error.truncate(error.floor_char_boundary(LONGEST_ERROR - "…".len()));
            error.push('…');
        }
        error
    }
}

/// What a commit changes in the letters of a read model.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // a storage must write every field
pub struct LetterChanges {
    /// Letters to store, or to store anew where there is one at the position.
    pub put: Vec<Letter>,
    /// Letters to remove, by position.
    pub remove: Vec<GlobalPosition>,
    /// What is to be added to the counts.
    pub passed: Passed,
}

impl LetterChanges {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.remove.is_empty() && self.passed == Passed::default()
    }
}

/// How many events a read model lacks because somebody has said so.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // a storage must keep every field
pub struct Passed {
    /// By `on_failure = "skip"`.
    pub skipped: u64,
    /// Letters that were discarded.
    pub discarded: u64,
    /// Events that their codec calls erased.
    pub erased: u64,
}

impl Passed {
    /// Adds.
    pub fn add(&mut self, more: Self) {
        self.skipped += more.skipped;
        self.discarded += more.discarded;
        self.erased += more.erased;
    }
}

/// A key that is parked.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // a storage must fill every field
pub struct ParkedKey {
    /// The key.
    pub park_key: String,
    /// The position of its first letter.
    pub first: GlobalPosition,
    /// The position of its last letter.
    pub last: GlobalPosition,
    /// How many letters it has.
    pub letters: u64,
}

/// What is parked of a read model, in numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // a storage must fill every field
pub struct Parking {
    /// The keys that are parked.
    pub keys: u64,
    /// The events that are parked, or wait.
    pub letters: u64,
    /// What was passed on somebody's word.
    pub passed: Passed,
}

/// Which letters to read, in the order of their positions.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LetterQuery {
    /// Those after this position.
    pub after: GlobalPosition,
    /// Those of this key.
    pub park_key: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl LetterQuery {
    /// The first letters of all keys.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { after: GlobalPosition::BEGINNING, park_key: None, limit }
    }

    /// Those of one key, however long it is.
    #[must_use]
    pub fn of_key(mut self, park_key: impl Into<String>) -> Self {
        self.park_key = Some(stored_key(&park_key.into()).into_owned());
        self
    }

    /// Those after a position.
    #[must_use]
    pub fn after(mut self, position: GlobalPosition) -> Self {
        self.after = position;
        self
    }

    pub(crate) fn takes(&self, letter: &Letter) -> bool {
        letter.position > self.after
            && self.park_key.as_ref().is_none_or(|key| *key == letter.park_key)
    }
}

/// The form in which a park key is stored.
pub(crate) fn stored_key(key: &str) -> Cow<'_, str> {
    if key.len() <= LONGEST_KEY {
        return Cow::Borrowed(key);
    }
    const HASHED: usize = 16;
    let mut stored = key[..key.floor_char_boundary(LONGEST_KEY - 1 - 2 * HASHED)].to_owned();
    stored.push('#');
    for byte in &Sha256::digest(key.as_bytes())[..HASHED] {
        let _ = write!(stored, "{byte:02x}"); // a text takes all
    }
    Cow::Owned(stored)
}

/// The letters of a read model, in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letters {
    all: BTreeMap<GlobalPosition, Letter>,
    passed: Passed,
}

impl Letters {
    pub(crate) fn write(&mut self, changes: &LetterChanges) {
        for position in &changes.remove {
            self.all.remove(position);
        }
        for letter in &changes.put {
            self.all.insert(letter.position, letter.clone());
        }
        self.passed.add(changes.passed);
    }

    /// Counts anew what was erased: state in process is replayed.
    pub(crate) fn set_erased(&mut self, erased: u64) {
        self.passed.erased = erased;
    }

    pub(crate) fn read(&self, query: &LetterQuery) -> Vec<Letter> {
        let letters = self.all.values().filter(|letter| query.takes(letter));
        letters.take(query.limit).cloned().collect()
    }

    pub(crate) fn parked(&self) -> Vec<ParkedKey> {
        parked_keys(self.all.values())
    }

    pub(crate) fn parking(&self) -> Parking {
        let keys = self.parked().len() as u64;
        Parking { keys, letters: self.all.len() as u64, passed: self.passed }
    }
}

/// The letters of a read model in process, which others may look at.
#[derive(Debug, Default)]
pub struct LetterBox(Mutex<Letters>);

impl LetterBox {
    /// A poisoned lock is taken all the same: each change is whole.
    pub(crate) fn open(&self) -> MutexGuard<'_, Letters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the keys of letters, which come in the order of their positions, are.
fn parked_keys<'a>(letters: impl Iterator<Item = &'a Letter>) -> Vec<ParkedKey> {
    let mut keys = BTreeMap::<&str, ParkedKey>::new();
    for letter in letters {
        let key = keys.entry(&letter.park_key).or_insert_with(|| ParkedKey {
            park_key: letter.park_key.clone(),
            first: letter.position,
            last: letter.position,
            letters: 0,
        });
        (key.last, key.letters) = (letter.position, key.letters + 1);
    }
    keys.into_values().collect()
}
