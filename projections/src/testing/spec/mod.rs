//! [`Spec`]: given events, then rows, whatever happens in between.

mod expect;
mod failure;
mod faults;
mod faulty;
mod probe;
mod rows;
mod source;
mod storage;
mod walk;
mod way;
mod world;

use std::{borrow::Cow, collections::BTreeSet, fmt, sync::Arc};

use jiff::Timestamp;

use self::expect::{Look, Parked, asserted};
#[cfg(feature = "sqlite")]
pub use self::storage::TempFolder;
pub use self::{
    failure::SpecFailure, faults::Faults, faulty::Faulty, probe::Subject, storage::SpecStorage,
    way::Way,
};
use crate::{
    InProcess, MissingResource, NewEvent, Projector, ReadModel, Resources, ToEvent, error::chain,
    projector::Construct,
};

/// What a projector makes of events, whatever happens in between.
///
/// ```standalone_crate
/// use projections::{Event, ReadModel, Rows, handlers, projector, testing::Spec};
///
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// #[event(domain = "hand")]
/// struct HandComplete { winner: String, pot: i64 }
///
/// #[derive(ReadModel, Default)]
/// #[read_model(table = "scores")]
/// struct Score {
///     #[key]
///     player: String,
///     hands: u32,
///     won: i64,
/// }
///
/// #[projector("leaderboard")]
/// struct Leaderboard;
///
/// #[handlers]
/// impl Leaderboard {
///     #[handles(HandComplete)]
///     fn complete(&self, event: &HandComplete, scores: &mut Rows<Score>) {
///         let score = scores.entry(&event.winner);
///         score.hands += 1;
///         score.won += event.pot;
///     }
/// }
///
/// # fn main() {
/// // In a `#[test]`:
/// let won = |winner: &str, pot| HandComplete { winner: winner.into(), pot };
/// Spec::<Leaderboard>::of()
///     .given("hand-1", [won("ada", 300)])
///     .given("hand-2", [won("bob", 120)])
///     .given("hand-3", [won("ada", 50)])
///     .then_rows([
///         Score { player: "ada".into(), hands: 2, won: 350 },
///         Score { player: "bob".into(), hands: 1, won: 120 },
///     ])
///     .check();
/// # }
/// ```
///
/// [`check`](Self::check) delivers the events in every [`Way`]: in one batch and in small ones, with
/// restarts, twice, with crashes, with a redrive and with a rebuild, each time with a fresh read
/// model, through the public runtime. Each must come to the same. Where one does not, it panics and
/// names the way and what differs.
///
/// Nothing is waited for and nothing is left to chance, so a specification that fails once fails
/// again. It needs no async test. A storage in a file is made in a temporary folder of its own.
///
/// # What is different from a running application
///
/// - A handler that fails or panics is not called again, no linger is waited for, and as much may be
///   parked as there is.
/// - An `inline` projector is run behind the log, and halts where its append would fail.
/// - The projector has been started once before the first event, so that nothing of what is given
///   is history to it.
pub struct Spec<P: Subject> {
    construct: Arc<Construction<P>>,
    resources: Vec<Box<Provision>>,
    events: Vec<Given>,
    time: Option<Timestamp>,
    domain: Option<Cow<'static, str>>,
    looks: Vec<Look<P>>,
    parked: Vec<Parked>,
    halts: Option<String>,
    keys_commute: bool,
    without: BTreeSet<Way>,
    /// What is wrong with the specification itself.
    faults: Vec<String>,
}

/// Makes the projector.
type Construction<P> = dyn Fn(&Resources) -> Result<P, MissingResource> + Send + Sync;

/// Adds a value of one type, made for one read model.
type Provision = dyn Fn(&mut Resources) + Send + Sync;

/// An event of a stream.
#[derive(Debug)]
struct Given {
    stream: String,
    event: NewEvent,
}

impl<P: Subject + Clone> Spec<P> {
    /// Specifies a projector that is given by value: one with `register = false`, or a generic one.
    /// It is cloned for each process; its fields are as given then.
    #[must_use]
    pub fn new(projector: P) -> Self {
        Self::made(move |_| Ok(projector.clone()))
    }
}

impl<P: Subject> Spec<P> {
    /// Specifies a projector that registers itself. It is made as the runtime makes it: its
    /// `#[resource]` fields from the resources that are given, all others as `Default`.
    #[must_use]
    pub fn of() -> Self
    where
        P: Construct,
    {
        Self::made(P::construct)
    }

    fn made(
        construct: impl Fn(&Resources) -> Result<P, MissingResource> + Send + Sync + 'static,
    ) -> Self {
        Self {
            construct: Arc::new(construct),
            resources: Vec::new(),
            events: Vec::new(),
            time: None,
            domain: None,
            looks: Vec::new(),
            parked: Vec::new(),
            halts: None,
            keys_commute: true,
            without: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    /// Gives a value for `#[resource]` fields of its type. All runs share it; one that remembers
    /// what it is told is better made anew, by [`resource_made_by`](Self::resource_made_by).
    #[must_use]
    pub fn resource<R: Clone + Send + Sync + 'static>(self, resource: R) -> Self {
        self.resource_made_by(move || resource.clone())
    }

    /// Makes a value for `#[resource]` fields of its type: once for each fresh read model, whose
    /// processes share it, as they share a search index or a web API.
    #[must_use]
    pub fn resource_made_by<R: Clone + Send + Sync + 'static>(
        mut self,
        make: impl Fn() -> R + Send + Sync + 'static,
    ) -> Self {
        self.resources.push(Box::new(move |resources| _ = resources.insert(make())));
        self
    }

    /// Gives events of one stream: typed ones, values of a `Domain` enum, or [`NewEvent`]s with
    /// metadata, versions and raw payloads of their own. All events that are given are in the log
    /// in the order of the calls.
    #[must_use]
    pub fn given<E: ToEvent>(
        mut self,
        stream: impl Into<String>,
        events: impl IntoIterator<Item = E>,
    ) -> Self {
        let stream = stream.into();
        for event in events {
            match event.to_event() {
                Ok(event) => self.add(&stream, event),
                Err(error) => self.faults.push(chain(&error)),
            }
        }
        self
    }

    fn add(&mut self, stream: &str, mut event: NewEvent) {
        event.time = self.time.unwrap_or(event.time);
        event.domain = event.domain.or_else(|| self.domain.clone());
        self.events.push(Given { stream: stream.to_owned(), event });
    }

    /// Sets when the events happen that are given from here on. Without it they happen now, unless
    /// a [`NewEvent`] says otherwise.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// Sets the domain of events that are given from here on and name none themselves.
    #[must_use]
    pub fn in_domain(mut self, domain: impl Into<Cow<'static, str>>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Expects these rows in their table, in any order, and no others.
    ///
    /// They are compared in the form in which they are stored, column by column, so a row needs
    /// neither `PartialEq` nor `Debug`. They are read as [`Runtime::rows`](crate::Runtime::rows)
    /// does, in process and on SQLite; the rows of a [`MemoryStorage`](super::MemoryStorage), which
    /// has no readers, are looked at by [`then`](Self::then).
    #[must_use]
    pub fn then_rows<T: ReadModel>(mut self, rows: impl IntoIterator<Item = T>) -> Self {
        match rows::stored(rows.into_iter().collect()) {
            Ok(expected) => self.looks.push(Box::new(move |process| {
                rows::difference::<T>(&expected, &rows::stored(process.rows::<T>()?)?)
            })),
            Err(fault) => self.faults.push(fault),
        }
        self
    }

    /// Looks at the storage, and panics where the read model is not as expected. On SQLite it is
    /// given a `rusqlite::Connection` that can only read; on a
    /// [`MemoryStorage`](super::MemoryStorage), that.
    ///
    /// ```
    /// # use projections::{Event, handlers, projector, testing::{MemoryStorage, MemoryTx, Spec}};
    /// # #[derive(Event, serde::Serialize, serde::Deserialize)]
    /// # #[event(domain = "notes")]
    /// # struct Noted { note: String, text: String }
    /// # #[projector("notes", storage = MemoryStorage, register = false)]
    /// # #[derive(Clone)]
    /// # struct Notes;
    /// # #[handlers]
    /// # impl Notes {
    /// #     #[reset]
    /// #     fn clear(&self, db: &mut MemoryTx<'_>) {
    /// #         db.clear("notes");
    /// #     }
    /// #     #[handles(Noted)]
    /// #     fn noted(&self, event: &Noted, db: &mut MemoryTx<'_>) {
    /// #         db.set("notes", &event.note, event.text.clone());
    /// #     }
    /// # }
    /// # fn main() {
    /// Spec::new(Notes)
    ///     .given("note-1", [Noted { note: "1".into(), text: "call Ada".into() }])
    ///     .then(|storage| assert_eq!(storage.rows("notes")["1"], "call Ada"))
    ///     .check();
    /// # }
    /// ```
    #[must_use]
    pub fn then(
        mut self,
        look: impl Fn(&<P::Storage as SpecStorage>::Reader) + Send + Sync + 'static,
    ) -> Self {
        self.looks.push(Box::new(move |process| {
            let reader = process.world().reader()?;
            asserted(|| look(&reader))
        }));
        self
    }

    /// Looks at a resource, such as a stand-in for a web API, and panics where it has not been told
    /// what is expected. What a handler does outside of its transaction happens at least once, so
    /// only what may be repeated can be expected of it.
    #[must_use]
    pub fn then_resource<R: Clone + Send + Sync + 'static>(
        mut self,
        look: impl Fn(&R) + Send + Sync + 'static,
    ) -> Self {
        self.looks.push(Box::new(move |process| {
            let resource = process.world().resources().get::<R>().map_err(|e| e.to_string())?;
            asserted(|| look(&resource))
        }));
        self
    }

    /// Expects an event of this stream to be parked, with an error that contains this text. Every
    /// other event that is parked fails the specification; those that only wait do not count.
    #[must_use]
    pub fn then_parked(mut self, stream: impl Into<String>, error: impl Into<String>) -> Self {
        self.parked.push(Parked { stream: stream.into(), error: error.into() });
        self
    }

    /// Expects the projector to halt, with a reason that contains this text. The read model is that
    /// of the events before. Nothing is redriven or rebuilt.
    #[must_use]
    pub fn then_halts(mut self, reason: impl Into<String>) -> Self {
        self.halts = Some(reason.into());
        self
    }

    /// Says that events of different streams (or other park keys) may not change places. Then what
    /// was parked is not redriven but rebuilt, as it must be in operation, too.
    #[must_use]
    pub fn keys_do_not_commute(mut self) -> Self {
        self.keys_commute = false;
        self
    }

    /// Leaves a way out: one in which the projector is known to come to something else, such as a
    /// rebuild where a handler with `replay = "skip"` writes to the read model.
    #[must_use]
    pub fn without(mut self, way: Way) -> Self {
        self.without.insert(way);
        self
    }

    /// Runs the specification. It may be called in a plain `#[test]` and in an async one.
    ///
    /// # Panics
    /// When the projector is not as specified: says in which ways, and what differs.
    #[track_caller]
    pub fn check(self) {
        if let Err(failure) = self.run() {
            panic!("{failure}");
        }
    }

    /// As [`check`](Self::check), without a panic.
    ///
    /// # Errors
    /// When the projector is not as specified: says in which ways, and what differs.
    pub fn run(self) -> Result<(), SpecFailure> {
        // On a thread of its own, because each process has an async runtime of its own.
        let ways = std::thread::scope(|scope| match scope.spawn(|| self.differences()).join() {
            Ok(ways) => ways,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        match ways.is_empty() {
            true => Ok(()),
            false => Err(SpecFailure { projector: P::NAME.to_owned(), ways }),
        }
    }

    fn differences(&self) -> Vec<(Way, String)> {
        if let Some(fault) = self.faults.first() {
            return vec![(Way::OneBatch, format!("the specification itself is wrong: {fault}"))];
        }
        let mut handled = BTreeSet::new();
        let mut differing = Vec::new();
        for way in Way::ALL.into_iter().filter(|way| self.goes(*way)) {
            if let Err(difference) = self.walk(way, &mut handled) {
                differing.push((way, difference));
                if way == Way::OneBatch {
                    break;
                }
            }
        }
        differing
    }

    fn goes(&self, way: Way) -> bool {
        // The first one tells which events are handled.
        way == Way::OneBatch || (self.has(way) && !self.without.contains(&way))
    }
}

impl<P: Subject + Projector<Storage = InProcess>> Spec<P> {
    /// Looks at the fields of a projector in process, and panics where they are not as expected.
    #[must_use]
    pub fn then_state(mut self, look: impl Fn(&P) + Send + Sync + 'static) -> Self {
        self.looks.push(Box::new(move |process| process.state(|p| asserted(|| look(p)))?));
        self
    }
}

impl<P: Subject> fmt::Debug for Spec<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec")
            .field("projector", &P::NAME)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
