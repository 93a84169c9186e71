//! [`Builder`]: what a runtime consists of, checked before the first event.

use std::{
    collections::{BTreeMap, btree_map::Entry as Place},
    fmt,
    sync::Arc,
    time::Duration,
};

use tokio::sync::Mutex as AsyncMutex;

use super::{
    Inner, Runtime,
    inline::{self, Joined},
    lease::{DEFAULT_LEASE, Ownership, SHORTEST_LEASE},
    mark::LiveMark,
    observe::Observed,
    runner::Runner,
    slot::{Shared, Slot},
    source::Source,
    storages::Storages,
    watcher::Watchers,
};
use crate::{
    BatchPolicy, BuildError, BuildFault, CheckpointKey, EventSource, Handlers, Mode, OwnerId,
    PresenceStore, Projector, Registration, Resources, SnapshotStore, Storage, Verdict,
    engine::{Engine, Identity, SnapshotPlace},
    failure::Classify,
    registry::{Build, EngineFault, Linked, join, short},
};

/// Collects what a [`Runtime`] consists of.
///
/// Projectors that registered themselves are in unless [`only`](Self::only) or
/// [`without_linked`](Self::without_linked) leaves them out.
pub struct Builder<S> {
    source: Arc<S>,
    storages: Storages,
    resources: Resources,
    given: Vec<Entry>,
    linked: bool,
    only: Option<Vec<String>>,
    expected: Vec<String>,
    namespace: String,
    batch_events: Option<u32>,
    deadline: Duration,
    lease: Duration,
    classify: Option<Arc<Classify>>,
    /// Where snapshots go, and the storage's name.
    checkpoints: Option<(Option<Arc<dyn SnapshotStore>>, String)>,
    /// Where processes say what they run, if not in the event store.
    presences: Option<Option<Arc<dyn PresenceStore>>>,
    faults: Vec<BuildFault>,
}

/// A projector that may run.
struct Entry {
    name: String,
    registration: Registration,
    build: Arc<Build>,
}

impl<S: EventSource> Builder<S> {
    pub(super) fn new(events: S) -> Self {
        Self {
            source: Arc::new(events),
            storages: Storages::new(),
            resources: Resources::default(),
            given: Vec::new(),
            linked: true,
            only: None,
            expected: Vec::new(),
            namespace: String::new(),
            batch_events: None,
            deadline: Duration::from_secs(10),
            lease: DEFAULT_LEASE,
            classify: None,
            checkpoints: None,
            presences: None,
            faults: Vec::new(),
        }
    }

    /// The event store alone, for commands that need no projector.
    #[cfg(feature = "cli")]
    pub(crate) fn into_source(self) -> Arc<S> {
        self.source
    }

    /// The event store, for commands that append, with the projectors that its appends may have to
    /// run for as long as the second value is kept. One that cannot be made is left out: moving
    /// events does not depend on how projectors are wired, and an append that needs it says so.
    #[cfg(feature = "cli")]
    pub(crate) fn into_store(mut self) -> (Arc<S>, Vec<Joined>) {
        let resources = Arc::new(std::mem::take(&mut self.resources));
        let mut joined = Vec::new();
        let is_inline = |entry: &Entry| entry.registration.options.mode == Mode::Inline;
        for entry in self.entries().into_iter().filter(is_inline) {
            let Ok(engine) = (entry.build)(&entry.name, &self.storages, &resources) else {
                continue;
            };
            joined.extend(self.join(&entry, &*engine, &self.storages).ok().flatten());
        }
        (self.source, joined)
    }

    /// Lets the appends of this process run a projector, where it is inline.
    fn join(
        &self,
        entry: &Entry,
        engine: &dyn Engine,
        storages: &Storages,
    ) -> Result<Option<Joined>, BuildFault> {
        let Entry { name, registration, .. } = entry;
        let key = CheckpointKey::new(self.namespace.clone(), name.clone());
        let identity = Identity { key, registration: *registration };
        let storage = storages.label((registration.storage_type)().0);
        inline::join(&*self.source, engine, identity, storage)
    }

    /// Gives a storage: one value for each storage type that a projector names.
    #[must_use]
    pub fn storage<T: Storage>(mut self, storage: T) -> Self {
        if self.storages.insert(storage) {
            let storage = short(std::any::type_name::<T>());
            self.faults.push(BuildFault::DuplicateStorage { storage });
        }
        self
    }

    /// Sets what judges the errors that handlers return, and their causes, one after the other: what
    /// an error means for its event, or `None` where that is not known. Then the storage is asked
    /// about errors of its driver; what nobody knows is worth [retrying](Verdict::Retry). An error
    /// that is marked [`Permanent`](crate::Permanent) is not asked about.
    ///
    /// ```
    /// use std::io;
    /// use projections::{Runtime, Verdict, memory::MemoryEventStore};
    ///
    /// let builder = Runtime::builder(MemoryEventStore::new()).classify(|error| {
    ///     let error = error.downcast_ref::<io::Error>()?;
    ///     (error.kind() == io::ErrorKind::ConnectionRefused).then_some(Verdict::Outage)
    /// });
    /// # drop(builder);
    /// ```
    #[must_use]
    pub fn classify(
        mut self,
        classify: impl Fn(&(dyn std::error::Error + 'static)) -> Option<Verdict> + Send + Sync + 'static,
    ) -> Self {
        self.classify = Some(Arc::new(classify));
        self
    }

    /// Gives a value for `#[resource]` fields of its type.
    #[must_use]
    pub fn resource<T: Clone + Send + Sync + 'static>(mut self, resource: T) -> Self {
        if self.resources.insert(resource) {
            let resource = std::any::type_name::<T>();
            self.faults.push(BuildFault::DuplicateResource { resource });
        }
        self
    }

    /// Adds a projector by value, under the name that it declares. It is cloned wherever the
    /// runtime needs a fresh one.
    #[must_use]
    #[track_caller]
    pub fn projector<P>(self, projector: P) -> Self
    where
        P: Projector + Handlers + Clone + Send + Sync + 'static,
    {
        let registration = Registration::of::<P>();
        self.give(P::NAME.to_owned(), registration, projector)
    }

    /// Adds a projector by value, under a name of its own: an instance of a generic projector.
    #[must_use]
    #[track_caller]
    pub fn projector_named<P>(self, name: impl Into<String>, projector: P) -> Self
    where
        P: Projector + Handlers + Clone + Send + Sync + 'static,
    {
        let registration = Registration::of::<P>();
        self.give(name.into(), registration, projector)
    }

    fn give<P>(mut self, name: String, registration: Registration, projector: P) -> Self
    where
        P: Projector + Handlers + Clone + Send + Sync + 'static,
    {
        P::check_options();
        let build: Arc<Build> = Arc::new(move |name, storages, _| {
            let fresh = projector.clone();
            // `Make` is called from several places and must be `Sync`, which `P` is.
            join::<P>(name, storages, Arc::new(move || fresh.clone()))
        });
        self.given.push(Entry { name, registration, build });
        self
    }

    /// Runs these projectors alone.
    #[must_use]
    pub fn only<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.only = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Leaves out every projector that registered itself: for tests.
    #[must_use]
    pub fn without_linked(mut self) -> Self {
        self.linked = false;
        self
    }

    /// Fails the build when one of these projectors is not there.
    ///
    /// A linker drops a crate that the binary never names, and its projectors with it, without a
    /// word. `use its_crate as _;` in the binary keeps it. An application whose projectors are in
    /// libraries names them here, so that a forgotten line is noticed at the first start and not by
    /// who misses the read model:
    ///
    /// ```
    /// # use projections::{Runtime, memory::MemoryEventStore};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// // use shop_projectors as _; // forgotten
    ///
    /// let built = Runtime::builder(MemoryEventStore::new()).expect(["stock-levels"]).build().await;
    /// let error = built.expect_err("nobody names the crate");
    /// assert!(error.to_string().contains("projector `stock-levels` is expected but not linked in"));
    /// # }
    /// ```
    #[must_use]
    pub fn expect<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.expected.extend(names.into_iter().map(Into::into));
        self
    }

    /// Keeps the checkpoints of several applications in one database apart.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Overrides how many events every projector takes in one transaction at most (at least 1).
    #[must_use]
    pub fn batch_events(mut self, events: u32) -> Self {
        self.batch_events = Some(events.max(1));
        self
    }

    /// Names where projectors keep what their own storage cannot: the snapshots of those that say
    /// `snapshot`, and what each process says of those that it runs by itself, for `status`. Without
    /// it that is the event store's database.
    #[must_use]
    pub fn checkpoints<T: Storage>(mut self, storage: T) -> Self {
        self.checkpoints = Some((storage.snapshots(), storage.label()));
        self.presences = Some(storage.presences());
        self
    }

    /// Sets how long a stop waits for batches under way; 10 seconds by default.
    #[must_use]
    pub fn shutdown_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets how long the owner of a projector may be silent before another process takes it over:
    /// 10 seconds by default, and at least 100 milliseconds.
    ///
    /// Every projector with a storage has one owner among all processes that run it. The others
    /// stand by: they take over at once where the owner stops cleanly, and within two leases where
    /// it is killed. A shorter lease finds a dead owner sooner, and writes more: an owner with
    /// nothing to do writes every third of it.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(SHORTEST_LEASE);
        self
    }

    /// Checks the wiring and makes the runtime. No event is read and nothing is written.
    ///
    /// # Errors
    /// Lists every fault: two projectors of one name, a resource or storage that nobody gave, an
    /// expected projector that is not linked in, a wire name that two event types share.
    ///
    /// # Cancel safety
    /// Cancel safe: a dropped build leaves nothing behind.
    pub async fn build(mut self) -> Result<Runtime<S>, BuildError> {
        let entries = self.entries();
        find_shared_names(&entries, &mut self.faults);
        find_shared_tables(&entries, &mut self.faults);
        let resources = Arc::new(std::mem::take(&mut self.resources));
        let source: Arc<dyn Source> = Arc::clone(&self.source) as _;
        let storages = Arc::new(std::mem::replace(&mut self.storages, Storages::new()));
        let ownership = Ownership {
            owner: OwnerId::random(),
            lease: self.lease,
            storages: Arc::clone(&storages),
        };
        let mut slots = Vec::new();
        for entry in entries {
            match (entry.build)(&entry.name, &storages, &resources) {
                Ok(mut engine) => {
                    let place = self.snapshot_place(&entry);
                    let snapshot_place = place.clone();
                    let snapshots = place.and_then(|place| engine.keep_snapshots(place));
                    match self.slot(entry, &source, engine, &ownership) {
                        Ok(slot) => {
                            slots.push(Arc::new(Slot { snapshots, snapshot_place, ..slot }))
                        }
                        Err(fault) => self.faults.push(fault),
                    }
                }
                Err(fault) => self.faults.push(entry.fault(fault)),
            }
        }
        if !self.faults.is_empty() {
            return Err(BuildError { faults: self.faults });
        }
        let presences = match self.presences {
            Some(named) => named,
            None => EventSource::presences(&*self.source),
        };
        let inner = Inner {
            presences,
            ownership,
            source: self.source,
            erased: source,
            slots,
            watchers: Watchers::new(Arc::clone(&storages), self.namespace.clone()),
            storages,
            namespace: self.namespace,
            deadline: self.deadline,
        };
        let runtime = Runtime { inner: Arc::new(inner) };
        if self.only.is_none() && self.linked {
            runtime.warn_of_orphans().await;
        }
        Ok(runtime)
    }

    /// The projectors to run, by name; what is wrong with the list is noted.
    fn entries(&mut self) -> Vec<Entry> {
        let mut entries = std::mem::take(&mut self.given);
        if self.linked {
            entries.extend(inventory::iter::<Linked>().map(Entry::linked));
        }
        entries.sort_by(|a, b| {
            let place = |entry: &Entry| {
                let location = entry.registration.location;
                (location.file(), location.line(), location.column())
            };
            (&a.name, place(a)).cmp(&(&b.name, place(b)))
        });
        for pair in entries.windows(2) {
            if let [first, second] = pair
                && first.name == second.name
            {
                self.faults.push(BuildFault::DuplicateName {
                    name: first.name.clone(),
                    first: first.place(),
                    second: second.place(),
                });
            }
        }
        let known = |name: &String| entries.iter().any(|entry| entry.name == *name);
        for name in self.expected.iter().filter(|name| !known(name)) {
            self.faults.push(BuildFault::Expected { name: name.clone() });
        }
        if let Some(only) = &self.only {
            for name in only.iter().filter(|name| !known(name)) {
                let known = names(&entries);
                self.faults.push(BuildFault::UnknownProjector { name: name.clone(), known });
            }
            entries.retain(|entry| only.contains(&entry.name));
        }
        if entries.is_empty() && self.faults.is_empty() {
            self.faults.push(BuildFault::NoProjectors);
        }
        entries
    }

    /// The place for the snapshots of a projector that has such.
    fn snapshot_place(&mut self, entry: &Entry) -> Option<SnapshotPlace> {
        if !entry.registration.snapshot {
            return None;
        }
        let (store, place) = match &self.checkpoints {
            Some((store, place)) => (store.clone(), place.clone()),
            None => (EventSource::snapshots(&*self.source), EventSource::label(&*self.source)),
        };
        let Some(store) = store else {
            let projector = entry.name.clone();
            self.faults.push(BuildFault::NoSnapshots { projector, place });
            return None;
        };
        let key = CheckpointKey::new(self.namespace.clone(), entry.name.clone());
        Some(SnapshotPlace { store, key })
    }

    fn slot(
        &self,
        entry: Entry,
        source: &Arc<dyn Source>,
        engine: Box<dyn Engine>,
        ownership: &Ownership,
    ) -> Result<Slot, BuildFault> {
        let joined = self.join(&entry, &*engine, &ownership.storages)?;
        let Entry { name, registration, .. } = entry;
        let mut batch = registration.options.batch;
        if let Some(events) = self.batch_events {
            batch = BatchPolicy { events, ..batch };
        }
        let key = CheckpointKey::new(self.namespace.clone(), name.clone());
        let observed = Observed::new(name.clone(), &registration, batch);
        let shared = Arc::new(Shared::new(observed));
        let place = ownership.storages.snapshots((registration.storage_type)().0);
        let mark = LiveMark::new(place.filter(|_| !registration.is_in_process()));
        let state = engine.state();
        let reads = engine.row_reads();
        let row_use = engine.row_use().filter(|_| !(registration.tables)().is_empty());
        let letters = engine.letter_box();
        let mut runner = Runner::new(
            Identity { key: key.clone(), registration },
            Arc::clone(source),
            engine,
            batch,
            Arc::clone(&shared),
            ownership.clone(),
            mark,
        );
        runner.classify(self.classify.clone());
        let runner = Arc::new(AsyncMutex::new(runner));
        let (snapshots, snapshot_place, _joined) = (None, None, joined);
        Ok(Slot {
            name,
            registration,
            key,
            runner,
            state,
            shared,
            row_use,
            letters,
            reads,
            snapshots,
            snapshot_place,
            _joined,
        })
    }
}

impl<S> fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("storages", &self.storages)
            .field("resources", &self.resources)
            .finish_non_exhaustive()
    }
}

impl Entry {
    fn linked(linked: &'static Linked) -> Self {
        Self {
            name: linked.registration.name.to_owned(),
            registration: linked.registration,
            build: Arc::new(linked.build),
        }
    }

    fn place(&self) -> String {
        format!("{} ({})", self.registration.type_name(), self.registration.location)
    }

    fn fault(&self, fault: EngineFault) -> BuildFault {
        let projector = self.name.clone();
        match fault {
            EngineFault::Resource(missing) => {
                BuildFault::MissingResource { projector, resource: missing.type_name }
            }
            EngineFault::Storage => {
                let storage = self.registration.storage_name();
                BuildFault::MissingStorage { projector, storage }
            }
        }
    }
}

fn names(entries: &[Entry]) -> String {
    entries.iter().map(|entry| format!("`{}`", entry.name)).collect::<Vec<_>>().join(", ")
}

/// Finds tables that have two writers. Those of projectors in process are in no common place.
fn find_shared_tables(entries: &[Entry], faults: &mut Vec<BuildFault>) {
    let mut known: BTreeMap<(String, String), String> = BTreeMap::new();
    for entry in entries {
        let storage = match entry.registration.is_in_process() {
            true => format!("projector `{}`", entry.name),
            false => entry.registration.storage_name(),
        };
        for table in (entry.registration.tables)() {
            let name = table.table.name;
            let writer = format!("`{}` as `{}`", entry.name, table.row_name());
            match known.entry((storage.clone(), name.to_ascii_lowercase())) {
                Place::Vacant(place) => _ = place.insert(writer),
                Place::Occupied(first) => faults.push(BuildFault::SharedTable {
                    table: name,
                    storage: storage.clone(),
                    first: first.get().clone(),
                    second: writer,
                }),
            }
        }
    }
}

/// Finds wire names of one domain that stand for two event types.
fn find_shared_names(entries: &[Entry], faults: &mut Vec<BuildFault>) {
    let mut known: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for route in entries.iter().flat_map(|entry| entry.registration.routes) {
        let ty = (route.type_name)();
        for name in route.names() {
            let first = *known.entry((route.domain, name)).or_insert(ty);
            if first != ty {
                faults.push(BuildFault::SharedName {
                    name,
                    domain: route.domain,
                    first,
                    second: ty,
                });
            }
        }
    }
}
