//! Which events reach which handler: acceptance lines 1, 3, 5, 6 and 7, and rule R16.

use std::path::PathBuf;

use projections::{
    Domain, Event, EventStore, HaltReason, HandleError, RawEvent, Runtime, Status, handlers,
    projector, sqlite::Sqlite, testing::MemoryStorage,
};
use projections_tests::{ledger::Added, log::capture_log};

use crate::support::{append, append_raw};

mod renamed {
    use super::Event;

    #[derive(Event, serde::Serialize, serde::Deserialize)]
    #[event(name = "Subtracted", aliases("Removed"), domain = "numbers", upcast(from = Lowered))]
    pub(super) struct Taken {
        pub(super) n: u64,
    }

    #[derive(Event, serde::Serialize, serde::Deserialize)]
    #[event(domain = "numbers")]
    pub(super) struct Lowered {
        by: u64,
    }

    impl From<Lowered> for Taken {
        fn from(Lowered { by: n }: Lowered) -> Self {
            Self { n }
        }
    }
}

type Alias = renamed::Taken;

#[derive(Event, serde::Deserialize)]
struct Shared {
    n: u64,
}

/// One handler by path, one by alias, one event type from one of two domains.
#[projector("router", register = false)]
#[derive(Clone, Default)]
struct Router {
    seen: Vec<String>,
}

#[handlers]
impl Router {
    #[handles(projections_tests::ledger::Added)]
    fn added(&mut self, event: &Added) {
        self.seen.push(format!("added {}", event.n));
    }

    #[handles(Alias)]
    fn taken(&mut self, event: &renamed::Taken) {
        self.seen.push(format!("taken {}", event.n));
    }

    #[handles(Shared, input_domain = "player")]
    fn shared(&mut self, event: Shared) {
        self.seen.push(format!("shared {}", event.n));
    }
}

async fn a_projector_reads_exactly_what_its_handlers_name<S: EventStore>(events: S, _: PathBuf) {
    append(&events, "a", [1]).await;
    append_raw(&events, "numbers", "Subtracted", r#"{"n":2}"#).await;
    append_raw(&events, "numbers", "Removed", r#"{"n":3}"#).await; // an old name
    append_raw(&events, "player", "Shared", r#"{"n":4}"#).await;
    append_raw(&events, "hand", "Shared", r#"{"n":5}"#).await; // of another domain
    append_raw(&events, "numbers", "Multiplied", r#"{"n":6}"#).await; // of no handler

    let runtime = Runtime::builder(events).without_linked().projector(Router::default());
    let runtime = runtime.build().await.unwrap();
    let (_, registration) = runtime.projectors().remove(0);
    let routes: Vec<_> = registration.routes.iter().map(|r| (r.domain, r.event)).collect();
    assert_eq!(routes, [("numbers", "Added"), ("numbers", "Subtracted"), ("player", "Shared")]);
    assert_eq!(registration.domains(), ["numbers", "player"]);

    runtime.catch_up().await.unwrap();
    let seen = runtime.read::<Router, _>(|router| router.seen.clone()).await.unwrap();
    assert_eq!(seen, ["added 1", "taken 2", "taken 3", "shared 4"]);
}

#[projector("strict", unregistered = "error", register = false)]
#[derive(Clone, Default)]
struct Strict {
    sum: u64,
}

#[handlers]
impl Strict {
    #[handles(Added)]
    fn added(&mut self, event: &Added) {
        self.sum += event.n;
    }
}

/// The same projector after the code has learnt the new event.
#[projector("strict", unregistered = "error", register = false)]
#[derive(Clone, Default)]
struct Learnt {
    sum: u64,
}

#[handlers]
impl Learnt {
    #[handles(Added)]
    fn added(&mut self, event: &Added) {
        self.sum += event.n;
    }

    #[handles(renamed::Taken)]
    fn taken(&mut self, event: &renamed::Taken) {
        self.sum -= event.n;
    }
}

async fn error_halts_at_an_unregistered_event<S: EventStore + Clone>(events: S, _: PathBuf) {
    append(&events, "a", [1, 2]).await;
    let unknown = append_raw(&events, "numbers", "Subtracted", r#"{"n":1}"#).await;
    append_raw(&events, "other", "Subtracted", r#"{"n":1}"#).await; // not a handlers' domain
    append(&events, "a", [4]).await;

    let build = || Runtime::builder(events.clone()).without_linked();
    let old = build().projector(Strict::default()).build().await.unwrap();
    for _start in 0..2 {
        // The next start tries it again, and halts again.
        let error = old.catch_up().await.unwrap_err();
        let halted = &error.halted()[0];
        let HaltReason::Event { position, name, source, .. } = &*halted.reason else {
            panic!("{error}");
        };
        assert_eq!((*position, &**name), (unknown.first, "Subtracted"));
        assert!(matches!(source, HandleError::Unregistered { handled, .. } if handled == "Added"));
        assert!(error.to_string().contains("handled are Added"), "{error}");
        assert_eq!(old.read::<Strict, _>(|strict| strict.sum).await.unwrap(), 3);
    }

    let new = build().projector(Learnt::default()).build().await.unwrap();
    new.catch_up().await.unwrap();
    assert_eq!(new.read::<Learnt, _>(|learnt| learnt.sum).await.unwrap(), 6);
}

#[derive(Domain)]
#[domain("numbers")]
#[allow(dead_code)] // of a domain that is only listed, no value is made
enum Numbers {
    Added(Added),
    Taken(renamed::Taken),
}

/// Has decided about every event of the domain.
#[projector(
    "decided",
    unregistered = "error",
    exhaustive = Numbers,
    ignores(renamed::Taken),
    register = false
)]
#[derive(Clone, Default)]
struct Decided {
    sum: u64,
}

#[handlers]
impl Decided {
    #[handles(Added)]
    fn added(&mut self, event: &Added) {
        self.sum += event.n;
    }
}

async fn an_ignored_event_is_registered<S: EventStore + Clone>(events: S, _: PathBuf) {
    append(&events, "a", [1]).await;
    append_raw(&events, "numbers", "Subtracted", r#"{"n":1}"#).await;
    append_raw(&events, "numbers", "Removed", r#"{"n":1}"#).await; // an old name
    append_raw(&events, "numbers", "Lowered", r#"{"by":1}"#).await; // an old shape
    append(&events, "a", [4]).await;
    let runtime = Runtime::builder(events.clone()).without_linked();
    let runtime = runtime.projector(Decided::default()).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    assert_eq!(runtime.read::<Decided, _>(|decided| decided.sum).await.unwrap(), 5);

    append_raw(&events, "numbers", "Multiplied", "{}").await; // of nobody's decision
    let error = runtime.catch_up().await.unwrap_err().to_string();
    assert!(error.contains("Multiplied"), "{error}");
}

/// Ignores what its fallback takes, as a fallback takes everything that no handler takes.
#[projector("rest", exhaustive = Numbers, ignores(renamed::Taken), register = false)]
#[derive(Clone, Default)]
struct Rest {
    seen: Vec<String>,
}

#[handlers]
impl Rest {
    #[handles(Added)]
    fn added(&mut self, _event: &Added) {}

    #[fallback]
    fn rest(&mut self, event: &RawEvent<'_>) {
        self.seen.push(event.name().to_owned());
    }
}

async fn a_fallback_takes_ignored_events<S: EventStore>(events: S, _: PathBuf) {
    append(&events, "a", [1]).await;
    append_raw(&events, "numbers", "Subtracted", r#"{"n":1}"#).await;
    let runtime = Runtime::builder(events).without_linked().projector(Rest::default());
    let runtime = runtime.build().await.unwrap();
    runtime.catch_up().await.unwrap();
    assert_eq!(runtime.read::<Rest, _>(|rest| rest.seen.clone()).await.unwrap(), ["Subtracted"]);
}

#[projector("lenient", unregistered = "warn", register = false)]
#[derive(Clone, Default)]
struct Lenient {
    sum: u64,
}

#[handlers]
impl Lenient {
    #[handles(Added)]
    fn added(&mut self, event: &Added) {
        self.sum += event.n;
    }
}

async fn warn_logs_once_an_event_type_and_goes_on<S: EventStore>(events: S, _: PathBuf) {
    append_raw(&events, "numbers", "Subtracted", "{}").await;
    append_raw(&events, "numbers", "Subtracted", "{}").await;
    append_raw(&events, "numbers", "Multiplied", "{}").await;
    append(&events, "a", [4]).await;
    let (log, _guard) = capture_log(tracing::Level::INFO);
    let runtime = Runtime::builder(events).without_linked().batch_events(1);
    let runtime = runtime.projector(Lenient::default()).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    assert_eq!(runtime.read::<Lenient, _>(|lenient| lenient.sum).await.unwrap(), 4);
    let text = log.text();
    let lines = text.lines().filter(|line| line.contains("no handler takes this event type"));
    assert_eq!(lines.count(), 2, "{text}");
}

/// Takes everything that has no handler.
#[projector("catch-all", register = false)]
#[derive(Clone, Default)]
struct CatchAll {
    seen: Vec<(String, String)>,
}

#[handlers]
impl CatchAll {
    #[fallback(all)]
    fn any(&mut self, event: &RawEvent<'_>) {
        self.seen.push((event.domain().to_owned(), event.name().to_owned()));
    }
}

async fn a_fallback_takes_what_no_handler_takes<S: EventStore>(events: S, _: PathBuf) {
    append(&events, "a", [1]).await;
    append_raw(&events, "other", "Else", "{}").await;
    let runtime = Runtime::builder(events).without_linked().projector(CatchAll::default());
    let runtime = runtime.build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let seen = runtime.read::<CatchAll, _>(|all| all.seen.clone()).await.unwrap();
    let pair = |domain: &str, name: &str| (domain.to_owned(), name.to_owned());
    assert_eq!(seen, [pair("numbers", "Added"), pair("other", "Else")]);
}

async fn two_projectors_of_one_name_are_a_build_error<S: EventStore>(events: S, _: PathBuf) {
    let runtime = Runtime::builder(events).without_linked();
    let runtime = runtime.projector(Strict::default()).projector(Learnt::default());
    let error = runtime.build().await.unwrap_err().to_string();
    for part in
        ["two projectors are called `strict`", "routing::Strict", "routing::Learnt", "routing.rs:"]
    {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

async fn a_build_error_lists_every_fault<S: EventStore>(events: S, _: PathBuf) {
    let runtime = Runtime::builder(events)
        .storage(MemoryStorage::new())
        .storage(MemoryStorage::new())
        .only(["ledger-sqlite", "ledger-x"])
        .expect(["absent"]);
    let error = runtime.build().await.unwrap_err();
    let text = error.to_string();
    for part in [
        "two storages of type `MemoryStorage`",
        "projector `absent` is expected but not linked in",
        "there is no projector `ledger-x`; there are",
        "projector `ledger-sqlite` writes to `Sqlite",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert_eq!(error.faults().len(), 4, "{text}");
}

on_both_stores!(
    a_build_error_lists_every_fault,
    a_fallback_takes_ignored_events,
    a_fallback_takes_what_no_handler_takes,
    a_projector_reads_exactly_what_its_handlers_name,
    an_ignored_event_is_registered,
    error_halts_at_an_unregistered_event,
    two_projectors_of_one_name_are_a_build_error,
    warn_logs_once_an_event_type_and_goes_on,
);

/// A resource that nobody gives.
#[derive(Clone)]
struct Client;

#[projector("needs-client", storage = Sqlite)]
struct NeedsClient {
    #[resource]
    client: Client,
}

#[handlers]
impl NeedsClient {
    #[handles(Added)]
    fn added(&self, _event: &Added) {
        let _ = &self.client;
    }
}

#[tokio::test]
async fn a_missing_resource_is_a_build_error() {
    let folder = tempfile::tempdir().unwrap();
    let build = || {
        Runtime::builder(projections::memory::MemoryEventStore::new())
            .storage(Sqlite::open(folder.path().join("read.db")).unwrap())
            .only(["needs-client"])
    };
    let error = build().build().await.unwrap_err().to_string();
    assert!(error.contains("projector `needs-client` needs a resource of type"), "{error}");
    assert!(error.contains("routing::Client"), "{error}");
    let runtime = build().resource(Client).build().await.unwrap();
    let Status { projectors, .. } = runtime.status().await.unwrap();
    assert_eq!(projectors.len(), 1);
}

#[projector("other-added", register = false)]
#[derive(Clone, Default)]
struct OtherAdded;

mod other {
    #[derive(projections::Event, serde::Deserialize)]
    #[event(domain = "numbers")]
    pub(super) struct Added {}
}

#[handlers]
impl OtherAdded {
    #[handles(other::Added)]
    fn added(&mut self, _event: &other::Added) {}
}

#[tokio::test]
async fn one_wire_name_of_two_event_types_is_a_build_error() {
    let runtime = Runtime::builder(projections::memory::MemoryEventStore::new()).without_linked();
    let runtime = runtime.projector(OtherAdded).projector(Strict::default());
    let error = runtime.build().await.unwrap_err().to_string();
    assert!(
        error.contains("`Added` of domain `numbers` is the wire name of two event types"),
        "{error}"
    );
}
