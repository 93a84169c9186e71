//! How projectors become known: [`Registration`], collected by `inventory` or given to the builder.

use std::{any::TypeId, fmt, panic::Location, sync::Arc};

use crate::{
    __private::Facts,
    Envelope, Fallback, FallbackScope, Fingerprint, Handlers, Hook, MissingResource, Mode,
    OnFailure, Options, ParkBy, Projector, Resources, RetryPolicy, Route, StartFrom, Storage,
    engine::{Engine, Execution, Make},
    projector::Construct,
    rows::DeclaredTable,
    runtime::storages::Storages,
};

/// The facts of one projector, known before it is made.
///
/// Users see it in [`Runtime::projectors`](crate::Runtime::projectors).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Registration {
    /// The name that the projector declares.
    pub name: &'static str,
    /// Where it is declared, or given to the builder.
    pub location: &'static Location<'static>,
    /// Its options.
    pub options: &'static Options,
    /// Its routes.
    pub routes: &'static [Route],
    /// Its fallback.
    pub fallback: Option<Fallback>,
    /// The name of its storage's type.
    pub storage: &'static str,
    /// Not before it is asked for: a `cargo check` need not hash.
    pub(crate) fingerprint: fn() -> Fingerprint,
    pub(crate) type_name: fn() -> &'static str,
    pub(crate) type_id: fn() -> TypeId,
    pub(crate) storage_type: fn() -> (TypeId, &'static str),
    pub(crate) kind: StorageKind,
    pub(crate) reset: Hook,
    pub(crate) rows_only: bool,
    pub(crate) tables: fn() -> Vec<DeclaredTable>,
    pub(crate) inert: bool,
    pub(crate) snapshot: bool,
    pub(crate) park_key: Option<fn(&Envelope) -> &str>,
}

/// How a storage runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_enums)] // matched by generated checks
pub enum StorageKind {
    /// Calls are futures.
    Async,
    /// Calls block, on threads of their own.
    Blocking,
    /// There is none: the read model is in the projector's fields.
    InProcess,
    /// The projector's attribute does not compile.
    Unknown,
}

impl Registration {
    #[track_caller]
    pub(crate) const fn of<P>() -> Self
    where
        P: Projector + Handlers + Send + Sync + 'static,
    {
        let () = P::SOUND;
        Self {
            name: P::NAME,
            location: Location::caller(),
            options: &P::OPTIONS,
            routes: P::ROUTES,
            fallback: P::FALLBACK,
            fingerprint: || P::FINGERPRINT,
            storage: <P::Storage as Storage>::LABEL,
            type_name: std::any::type_name::<P>,
            type_id: TypeId::of::<P>,
            storage_type: || (TypeId::of::<P::Storage>(), std::any::type_name::<P::Storage>()),
            kind: <<P::Storage as Storage>::Execution as Execution<P::Storage>>::KIND,
            reset: P::RESET,
            rows_only: P::ROWS_ONLY,
            tables: P::tables,
            inert: P::INERT,
            snapshot: P::SNAPSHOT.is_some(),
            park_key: P::PARK_KEY,
        }
    }

    /// The path of the projector's type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        (self.type_name)()
    }

    /// The hash of its handlers.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        (self.fingerprint)()
    }

    /// The storage's type as its user writes it: `Sqlite<Reporting>`.
    pub(crate) fn storage_name(&self) -> String {
        let (_, path) = (self.storage_type)();
        short(path)
    }

    /// Tells whether the read model is in the projector's own fields.
    #[must_use]
    pub fn is_in_process(&self) -> bool {
        self.kind == StorageKind::InProcess
    }

    /// Tells whether it runs in every process by itself, with a place in the log that is in memory:
    /// the read model is in its own fields, or it is [live](Mode::Live).
    #[must_use]
    pub fn is_per_process(&self) -> bool {
        self.is_in_process() || self.is_live()
    }

    /// Whether the projector, or a handler of it, begins where the log was when it first started.
    pub(crate) fn begins_now(&self) -> bool {
        self.options.from == StartFrom::Now
            || self.routes.iter().any(|route| route.from == StartFrom::Now)
    }

    /// Whether it begins with what comes after its start.
    pub(crate) fn is_live(&self) -> bool {
        self.options.mode == Mode::Live
    }

    /// What to do with an event whose retries are spent. Inline, while it catches up, a projector
    /// halts: only one that has applied everything can take part in appends.
    pub(crate) fn on_failure(&self) -> OnFailure {
        let default = if self.is_live() { OnFailure::Halt } else { OnFailure::Park };
        match self.options.mode {
            Mode::Inline => OnFailure::Halt,
            _ => self.options.on_failure.unwrap_or(default),
        }
    }

    /// How often an event is tried again. What no route takes, the fallback does.
    pub(crate) fn retry(&self, route: Option<&Route>) -> RetryPolicy {
        let own = match route {
            Some(route) => route.retry,
            None => self.fallback.and_then(|fallback| fallback.retry),
        };
        match self.options.mode {
            Mode::Inline => RetryPolicy::NONE,
            _ => own.unwrap_or(self.options.retry),
        }
    }

    /// Which events wait behind one that is parked.
    pub(crate) fn park_by(&self) -> ParkBy {
        self.park_key.map_or(self.options.park_by, ParkBy::Key)
    }

    /// Whether a rebuild can empty the read model.
    pub(crate) fn can_reset(&self) -> bool {
        self.rows_only || self.reset != Hook::None
    }

    /// The domains that the projector takes events from, sorted. A fallback of every domain adds
    /// none: it is not a list.
    #[must_use]
    pub fn domains(&self) -> Vec<&'static str> {
        let mut domains: Vec<_> = self.routes.iter().map(|route| route.domain).collect();
        if let Some(Fallback { scope: FallbackScope::Domains(more), .. }) = self.fallback {
            domains.extend(more);
        }
        domains.sort_unstable();
        domains.dedup();
        domains
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("name", &self.name)
            .field("type_name", &self.type_name())
            .field("location", &format_args!("{}", self.location))
            .finish_non_exhaustive()
    }
}

/// Why a projector cannot be made.
#[derive(Debug)]
pub(crate) enum EngineFault {
    Resource(MissingResource),
    Storage,
}

/// A projector joined with its storage.
pub(crate) type Joined = Result<Box<dyn Engine>, EngineFault>;

/// Joins a projector with its storage, under a name.
pub(crate) type Build = dyn Fn(&str, &Storages, &Arc<Resources>) -> Joined + Send + Sync;

/// A projector that registered itself: what `#[projector]` submits to `inventory`.
#[allow(missing_debug_implementations)]
pub struct Linked {
    pub(crate) registration: Registration,
    pub(crate) build: fn(&str, &Storages, &Arc<Resources>) -> Joined,
}

impl Linked {
    /// Describes a projector at the place of the caller.
    #[must_use]
    #[track_caller]
    pub const fn of<P>() -> Self
    where
        P: Projector + Handlers + Construct + Send + Sync + 'static,
    {
        Self {
            registration: Registration::of::<P>(),
            build: |name, storages, resources| {
                P::construct(resources).map_err(EngineFault::Resource)?;
                let resources = Arc::clone(resources);
                join::<P>(
                    name,
                    storages,
                    Arc::new(move || {
                        #[allow(clippy::expect_used)] // the same call succeeded above
                        P::construct(&resources).expect("resources do not change")
                    }),
                )
            },
        }
    }
}

impl Linked {
    /// What the assertions on a projector look at. Taken from here, and not from the type, it lets
    /// a projector without handlers be reported once.
    #[must_use]
    pub const fn facts(&self) -> Facts {
        Facts::of(&self.registration)
    }
}

inventory::collect!(Linked);

/// Joins a projector with the storage that the builder was given.
pub(crate) fn join<P>(
    name: &str,
    storages: &Storages,
    make: Make<P>,
) -> Result<Box<dyn Engine>, EngineFault>
where
    P: Projector + Handlers + Send + Sync + 'static,
{
    let storage = storages.get::<P::Storage>().ok_or(EngineFault::Storage)?;
    Ok(<<P::Storage as Storage>::Execution as Execution<P::Storage>>::engine(storage, name, make))
}

/// A type's path as its user writes it: `Sqlite<Reporting>`, without modules.
pub(crate) fn short(path: &str) -> String {
    let mut short = String::new();
    for part in path.split_inclusive(['<', '>', ',', ' ', '&', '(', ')']) {
        short.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_types_path_is_shown_without_modules() {
        assert_eq!(short("projections::store::sqlite::Sqlite"), "Sqlite");
        assert_eq!(short("a::b::Sqlite<c::Reporting>"), "Sqlite<Reporting>");
        assert_eq!(short("a::Pair<b::One, c::d::Two>"), "Pair<One, Two>");
    }
}
