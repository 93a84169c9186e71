//! What the macros write for a projector: [`Projector`], `Handlers` and its table of routes.

use std::future::Future;

use crate::{
    Envelope, Event, Fingerprint, HandleError, MissingResource, Options, Resources, RetryPolicy,
    StartFrom, Storage, Upcast, rows::DeclaredTable, snapshot::SnapshotCode, storage::HookResult,
};

/// A projector's name, options and storage.
///
/// `#[projector]` writes it; the runtime reads it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projector",
    label = "`{Self}` has `#[handlers]` but no name to register under",
    note = "add `#[projector(\"...\")]` to the definition of `{Self}`"
)]
pub trait Projector: Sized {
    /// The name, under which the checkpoint is stored.
    const NAME: &'static str;
    /// The options.
    const OPTIONS: Options;
    /// Where the read model is kept.
    type Storage: Storage;
    /// Whether it has no fields but resources, so that all that its handlers change is stored.
    #[doc(hidden)]
    const IS_STATELESS: bool = false;

    /// Copies it, for `rollback = "clone"`.
    #[doc(hidden)]
    const COPY: Option<fn(&Self) -> Self> = None;

    /// How its fields get into a snapshot, for `snapshot`.
    #[doc(hidden)]
    const SNAPSHOT: Option<SnapshotCode<Self>> = None;

    /// Stops the compiler where the options of a generic projector do not fit its handlers. Those
    /// of any other are checked where they are declared.
    #[doc(hidden)]
    fn check_options()
    where
        Self: Handlers,
    {
    }
}

/// How the runtime makes a projector that registers itself.
///
/// `#[projector]` writes it, unless the projector says `register = false`.
#[doc(hidden)]
pub trait Construct: Sized {
    /// Makes the projector: `#[resource]` fields by type, all others as `Default`.
    ///
    /// # Errors
    /// Names the resource that the builder was not given.
    fn construct(resources: &Resources) -> Result<Self, MissingResource>;
}

/// A projector's handlers, hooks and routes.
///
/// `#[handlers]` writes it, once for a projector: a second `#[handlers]` block is a second
/// implementation, which does not compile. The runtime calls it, and asks for a [`Projector`] beside
/// it.
///
/// That it is one is no supertrait: where `#[projector]` is missing, the compiler would say so of the
/// implementation and once more of its methods.
#[diagnostic::on_unimplemented(
    message = "projector `{Self}` has no handlers",
    label = "registered here, but no `#[handlers]` block was found",
    note = "write `#[handlers] impl {Self} {{ ... }}` with one `#[handles(Event, input_domain = \"...\")]` method per event"
)]
pub trait Handlers: Sized {
    /// One route a handler, in the order of the methods.
    const ROUTES: &'static [Route];
    /// The method that takes what no route takes.
    const FALLBACK: Option<Fallback>;
    /// Whether there is a `#[setup]` method.
    const SETUP: Hook;
    /// Whether there is a `#[reset]` method.
    const RESET: Hook;
    /// The hash of all that stands in the block.
    const FINGERPRINT: Fingerprint;
    /// Stops the compiler where a generic projector's routes have a fault. Those of any other are
    /// checked where they are declared.
    #[doc(hidden)]
    const SOUND: () = ();
    /// Whether the block does not compile, and this stands for it.
    #[doc(hidden)]
    const INERT: bool = false;

    /// The `#[park_key]` function.
    #[doc(hidden)]
    const PARK_KEY: Option<fn(&Envelope) -> &str> = None;

    /// Whether all that the methods take by `&mut` are rows, so that emptying their tables empties
    /// the read model.
    #[doc(hidden)]
    const ROWS_ONLY: bool = false;

    /// Holds the generated assertions on the types that the handlers name. Nobody calls it.
    #[doc(hidden)]
    fn check_types() {}

    /// Lists the tables of the rows that the methods take, in the order in which they name them.
    #[doc(hidden)]
    #[must_use]
    fn tables() -> Vec<DeclaredTable> {
        Vec::new()
    }

    /// Decodes the event and names the rows that the handler of this route will ask for, as far as
    /// its `#[keys(..)]` say.
    #[doc(hidden)]
    fn keys(
        &self,
        route: u32,
        event: &Envelope,
        session: &SessionOf<Self>,
    ) -> Result<(), HandleError>
    where
        Self: Projector<Storage: Storage>,
    {
        let _ = (route, event, session);
        Ok(())
    }

    /// Runs a `fn` hook.
    #[doc(hidden)]
    fn hook(&mut self, hook: HookCall, session: &mut SessionOf<Self>) -> HookResult
    where
        Self: Projector<Storage: Storage>,
    {
        let _ = (hook, session);
        Ok(())
    }

    /// Runs an `async fn` hook.
    #[doc(hidden)]
    fn hook_async(
        &mut self,
        hook: HookCall,
        session: &mut SessionOf<Self>,
    ) -> impl Future<Output = HookResult> + Send
    where
        Self: Projector<Storage: Storage>,
    {
        let _ = (hook, session);
        std::future::ready(Ok(()))
    }

    /// Decodes the event and calls the `fn` handler of this route.
    #[doc(hidden)]
    fn handle(
        &mut self,
        route: u32,
        event: &Envelope,
        session: &mut SessionOf<Self>,
    ) -> Result<(), HandleError>
    where
        Self: Projector<Storage: Storage>;

    /// Decodes the event and calls the `async fn` handler of this route.
    #[doc(hidden)]
    fn handle_async(
        &mut self,
        route: u32,
        event: &Envelope,
        session: &mut SessionOf<Self>,
    ) -> impl Future<Output = Result<(), HandleError>> + Send
    where
        Self: Projector<Storage: Storage>,
    {
        let _ = (event, session);
        std::future::ready(Err(HandleError::no_route(route)))
    }
}

/// The session of a projector's storage.
#[doc(hidden)]
pub type SessionOf<P> = <<P as Projector>::Storage as Storage>::Session;

/// One handler: which events go to it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Route {
    /// Its number in the generated `match`.
    pub id: u32,
    /// The event's wire name.
    pub event: &'static str,
    /// Older names of the event.
    pub aliases: &'static [&'static str],
    /// The domain that it is taken from.
    pub domain: &'static str,
    /// The method.
    pub method: &'static str,
    /// Whether the method is an `async fn`.
    pub is_async: bool,
    /// Where the handler begins.
    pub from: StartFrom,
    /// How often an event that failed is tried again, where the handler says so itself.
    pub retry: Option<RetryPolicy>,
    /// Whether the handler is not called for history: `replay = "skip"`.
    pub skips_replay: bool,
    /// How it is known which rows the handler asks for.
    pub(crate) keys: KeySource,
    /// The domain that the event itself names.
    pub(crate) own_domain: Option<&'static str>,
    /// Whether there may be none, or another than the event's own.
    pub(crate) is_domain_doubtful: bool,
    /// Of two routes with different keys the events have no name in common; of 0 nothing is known.
    pub(crate) key: u64,
    /// The hash of the method's tokens.
    pub(crate) hash: u64,
    /// The event's present shape, and with it the older ones.
    pub(crate) shape: Upcast,
    /// The path of the event's type.
    pub type_name: fn() -> &'static str,
    /// The same, where it is known while compiling: not of a hand-written event.
    pub(crate) type_path: &'static str,
}

impl Route {
    /// Makes the route of an event's handler. Its domain is `input_domain`, else the event's own,
    /// else the projector's; where none of them names one it is empty, which does not compile.
    #[doc(hidden)]
    #[must_use]
    pub const fn of<E: Event>(
        id: u32,
        method: &'static str,
        hash: u64,
        input_domain: Option<&'static str>,
        options: &Options,
    ) -> Self {
        let (domain, is_domain_doubtful) = match (input_domain, E::DOMAIN, options.domain) {
            (Some(domain), own, _) => (domain, own.is_some()),
            (None, Some(domain), _) | (None, None, Some(domain)) => (domain, false),
            (None, None, None) => ("", true),
        };
        let is_plain = matches!((E::ALIASES, E::UPCASTS), ([], []));
        Self {
            id,
            event: E::NAME,
            aliases: E::ALIASES,
            domain,
            method,
            is_async: false,
            from: StartFrom::Beginning,
            retry: None,
            skips_replay: false,
            keys: KeySource::NONE,
            own_domain: E::DOMAIN,
            is_domain_doubtful,
            key: if is_plain { E::KEY } else { 0 },
            hash,
            shape: Upcast::of::<E>(),
            type_name: std::any::type_name::<E>,
            type_path: E::TYPE,
        }
    }

    /// Says that the method is an `async fn`.
    #[doc(hidden)]
    #[must_use]
    pub const fn asynchronous(mut self) -> Self {
        self.is_async = true;
        self
    }

    /// Says that the handler begins with the first event after its first start.
    #[doc(hidden)]
    #[must_use]
    pub const fn from_now(mut self) -> Self {
        self.from = StartFrom::Now;
        self
    }

    /// Says how often an event that failed is tried again.
    #[doc(hidden)]
    #[must_use]
    pub const fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Says that the handler is not called for history.
    #[doc(hidden)]
    #[must_use]
    pub const fn skips_replay(mut self) -> Self {
        self.skips_replay = true;
        self
    }

    /// Says how it is known which rows the handler asks for.
    #[doc(hidden)]
    #[must_use]
    pub const fn keys(mut self, keys: KeySource) -> Self {
        self.keys = keys;
        self
    }

    /// The wire names that the route answers to, each once: the event's, its older ones, and those
    /// of its older shapes.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.shape.names()
    }

    /// Tells whether the route answers to a wire name.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.shape.answers_to(name)
    }
}

/// A `#[fallback]` method.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Fallback {
    /// Its number in the generated `match`.
    pub id: u32,
    /// The method.
    pub method: &'static str,
    /// Whether the method is an `async fn`.
    pub is_async: bool,
    /// Which events it takes.
    pub scope: FallbackScope,
    /// How often an event that failed is tried again, where the fallback says so itself.
    pub retry: Option<RetryPolicy>,
    /// Whether the fallback is not called for history: `replay = "skip"`.
    pub skips_replay: bool,
    /// How it is known which rows it asks for.
    pub(crate) keys: KeySource,
}

impl Fallback {
    /// Makes the route of a fallback.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(id: u32, method: &'static str, is_async: bool, scope: FallbackScope) -> Self {
        let (retry, skips_replay) = (None, false);
        Self { id, method, is_async, scope, retry, skips_replay, keys: KeySource::NONE }
    }

    /// As of a [route](Route::retry).
    #[doc(hidden)]
    #[must_use]
    pub const fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = Some(retry);
        self
    }

    /// As of a [route](Route::skips_replay).
    #[doc(hidden)]
    #[must_use]
    pub const fn skips_replay(mut self) -> Self {
        self.skips_replay = true;
        self
    }

    /// Says how it is known which rows it asks for.
    #[doc(hidden)]
    #[must_use]
    pub const fn keys(mut self, keys: KeySource) -> Self {
        self.keys = keys;
        self
    }
}

/// How it is known which rows a handler asks for, before it is called.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct KeySource {
    /// By its `#[keys(..)]`.
    pub(crate) named: bool,
    /// By calling it with rows of which nothing is kept.
    pub(crate) probed: bool,
    /// It is not known of some of the rows that it takes.
    pub(crate) unknown: bool,
}

impl KeySource {
    /// Nobody knows, or it takes no rows.
    pub(crate) const NONE: Self = Self { named: false, probed: false, unknown: false };

    /// Of a handler that takes rows: whether some are named, whether others are not, and whether it
    /// can be called to see its keys.
    #[must_use]
    pub const fn new(named: bool, unnamed: bool, can_be_probed: bool) -> Self {
        Self { named, probed: unnamed && can_be_probed, unknown: unnamed && !can_be_probed }
    }
}

/// Which events a `#[fallback]` takes, of those that no handler takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FallbackScope {
    /// Every event.
    All,
    /// Those of these domains.
    Domains(&'static [&'static str]),
    /// Those of the handlers' domains.
    HandlersDomains,
}

/// Whether a projector has a hook, and of which kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Hook {
    /// There is none.
    None,
    /// A `fn`.
    Blocking,
    /// An `async fn`.
    Async,
}

/// Which hook to run.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_enums)] // matched by generated code
pub enum HookCall {
    /// `#[setup]`.
    Setup,
    /// `#[reset]`.
    Reset,
}
