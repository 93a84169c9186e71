//! Events of older shapes: acceptance line 9.
//!
//! Each history is read in every mode: handlers in process, on SQLite and `async`, and a fallback.

use std::{borrow::Cow, path::PathBuf};

use projections::{
    AppendRequest, BoxError, Envelope, Event, EventStore, Expected, HaltReason, HandleError, Json,
    NewEvent, RawEvent, RunError, Runtime, Stored, Upcast, UpcastError, handlers,
    json::{Value, json},
    projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
    testing::{MemoryStorage, MemoryTx},
};
use serde::{Deserialize, Serialize};

/// Three typed steps, of which the last changes the wire name.
#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event(domain = "people", upcast(from = RegisteredV3))]
struct PersonRegistered {
    names: Vec<String>,
    newsletter: bool,
}

#[derive(Deserialize, Event, Serialize)]
#[event(name = "Registered", version = 3, upcast(from = RegisteredV2<'_>))]
struct RegisteredV3 {
    names: Vec<String>,
}

#[derive(Deserialize, Event)]
#[event(name = "Registered", version = 2, upcast(from = RegisteredV1<'_>))]
struct RegisteredV2<'a> {
    #[serde(borrow)]
    first: Cow<'a, str>,
    last: String,
}

#[derive(Deserialize, Event)]
#[event(name = "Registered", aliases("SignedUp"))]
struct RegisteredV1<'a> {
    name: &'a str,
}

impl<'a> From<RegisteredV1<'a>> for RegisteredV2<'a> {
    fn from(older: RegisteredV1<'a>) -> Self {
        let (first, last) = older.name.split_once(' ').unwrap_or((older.name, ""));
        Self { first: first.into(), last: last.to_owned() }
    }
}

#[derive(Debug)]
struct OneName(String);

impl std::error::Error for OneName {}

impl std::fmt::Display for OneName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` has no last name", self.0)
    }
}

impl TryFrom<RegisteredV2<'_>> for RegisteredV3 {
    type Error = OneName;

    fn try_from(older: RegisteredV2<'_>) -> Result<Self, OneName> {
        match older.last.as_str() {
            "" => Err(OneName(older.first.into_owned())),
            _ => Ok(Self { names: vec![older.first.into_owned(), older.last] }),
        }
    }
}

impl From<RegisteredV3> for PersonRegistered {
    fn from(older: RegisteredV3) -> Self {
        Self { names: older.names, newsletter: false }
    }
}

/// Three functions over the JSON.
#[derive(Deserialize, Event, Serialize)]
#[event(
    domain = "people",
    aliases("Relocated"),
    version = 4,
    upcast(from = 1, with = to_is_a_city),
    upcast(from = 2, with = find_country),
    upcast(from = 3, with = nest)
)]
struct Moved {
    home: Home,
}

#[derive(Deserialize, Serialize)]
struct Home {
    city: String,
    country: String,
}

fn to_is_a_city(event: Value) -> Value {
    json!({ "city": event["to"] })
}

fn find_country(mut event: Value) -> Result<Value, String> {
    let country = match event["city"].as_str() {
        Some("Bonn") => "DE",
        Some("Lyon") => "FR",
        _ => return Err(format!("nobody knows where {} is", event["city"])),
    };
    event["country"] = country.into();
    Ok(event)
}

fn nest(event: Value) -> Value {
    // Only the Swiss are moved on by force, into something that is no home.
    if event["country"] == "CH" { json!({ "home": 7 }) } else { json!({ "home": event }) }
}

/// A function, then a type, then a function.
#[derive(Deserialize, Event, Serialize)]
#[event(
    domain = "people",
    version = 4,
    upcast(from = PaidV2),
    upcast(from = 3, with = count_cents)
)]
struct Paid {
    cents: u64,
}

#[derive(Deserialize, Event)]
#[event(name = "Paid", version = 2, upcast(from = 1, with = read_number))]
struct PaidV2 {
    euros: u64,
}

fn read_number(event: Value) -> Result<Value, BoxError> {
    let euros: u64 = event["euros"].as_str().unwrap_or("none").parse()?;
    Ok(json!({ "euros": euros }))
}

impl From<PaidV2> for Paid {
    fn from(older: PaidV2) -> Self {
        Self { cents: older.euros * 100 }
    }
}

fn count_cents(event: Value) -> Value {
    json!({ "cents": event["dimes"].as_u64().unwrap_or_default() * 10 })
}

/// By hand: it is at version 3, and nothing leads there.
#[derive(Deserialize)]
struct Left {
    why: String,
}

impl Event for Left {
    const NAME: &'static str = "Left";
    const DOMAIN: Option<&'static str> = Some("people");
    const VERSION: u32 = 3;
    type Decoded<'a> = Self;
    type Codec = Json;
}

/// What the read models hold of an event.
trait Text {
    fn text(&self) -> String;
}

impl Text for PersonRegistered {
    fn text(&self) -> String {
        format!("{} registered, newsletter {}", self.names.join(" and "), self.newsletter)
    }
}

impl Text for Moved {
    fn text(&self) -> String {
        format!("moved to {}, {}", self.home.city, self.home.country)
    }
}

impl Text for Paid {
    fn text(&self) -> String {
        format!("paid {} cents", self.cents)
    }
}

impl Text for Left {
    fn text(&self) -> String {
        format!("left because of {}", self.why)
    }
}

fn row(at: &Envelope, event: &impl Text) -> String {
    format!("{} v{}: {}", at.position(), at.version(), event.text())
}

#[projector("people-in-process", register = false, on_failure = "halt")]
#[derive(Clone, Default)]
struct InProcess {
    rows: Vec<String>,
}

#[handlers]
impl InProcess {
    #[handles(PersonRegistered)]
    fn registered(&mut self, event: PersonRegistered, at: &Envelope) {
        self.rows.push(row(at, &event));
    }

    #[handles(Moved)]
    fn moved(&mut self, event: &Moved, at: &Envelope) {
        self.rows.push(row(at, event));
    }

    #[handles(Paid)]
    async fn paid(&mut self, event: &Paid, at: &Envelope) {
        self.rows.push(row(at, event));
    }

    #[handles(Left)]
    fn left(&mut self, event: &Left, at: &Envelope) {
        self.rows.push(row(at, event));
    }
}

#[projector("people-sqlite", storage = Sqlite, register = false, on_failure = "halt")]
#[derive(Clone, Default)]
struct OnSqlite;

#[handlers]
impl OnSqlite {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS people (n INTEGER PRIMARY KEY, row TEXT)")
    }

    #[handles(PersonRegistered)]
    fn registered(
        &self,
        event: &PersonRegistered,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        insert(db, &row(at, event))
    }

    #[handles(Moved)]
    fn moved(&self, event: &Moved, at: &Envelope, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        insert(db, &row(at, event))
    }

    #[handles(Paid)]
    fn paid(&self, event: Paid, at: &Envelope, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        insert(db, &row(at, &event))
    }

    #[handles(Left)]
    fn left(&self, event: &Left, at: &Envelope, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        insert(db, &row(at, event))
    }
}

fn insert(db: &mut SqliteTx<'_>, row: &str) -> rusqlite::Result<()> {
    db.execute("INSERT INTO people (row) VALUES (?1)", [row]).map(drop)
}

#[projector("people-async", storage = MemoryStorage, register = false, on_failure = "halt")]
#[derive(Clone, Default)]
struct Async;

#[handlers]
impl Async {
    #[handles(PersonRegistered)]
    async fn registered(&self, event: &PersonRegistered, at: &Envelope, db: &mut MemoryTx<'_>) {
        db.set("async", at.position().to_string(), row(at, event));
    }

    #[handles(Moved)]
    async fn moved(&self, event: Moved, at: &Envelope, db: &mut MemoryTx<'_>) {
        db.set("async", at.position().to_string(), row(at, &event));
    }

    #[handles(Paid)]
    async fn paid(&self, event: &Paid, at: &Envelope, db: &mut MemoryTx<'_>) {
        db.set("async", at.position().to_string(), row(at, event));
    }

    #[handles(Left)]
    async fn left(&self, event: &Left, at: &Envelope, db: &mut MemoryTx<'_>) {
        db.set("async", at.position().to_string(), row(at, event));
    }
}

/// Finds the event's type itself, by the names that it answers to.
#[projector("people-fallback", storage = MemoryStorage, register = false, on_failure = "halt")]
#[derive(Clone, Default)]
struct InFallback;

#[handlers]
impl InFallback {
    #[fallback(domain = "people")]
    fn any(&self, event: &RawEvent<'_>, db: &mut MemoryTx<'_>) -> Result<(), BoxError> {
        let at = event.envelope();
        assert_eq!(event.version(), at.version());
        let row = match event.name() {
            name if Upcast::of::<PersonRegistered>().answers_to(name) => {
                row(at, &event.decode::<PersonRegistered>()?)
            }
            "Moved" | "Relocated" => row(at, &event.decode::<Moved>()?),
            "Paid" => row(at, &event.decode::<Paid>()?),
            _ => row(at, &event.decode::<Left>()?),
        };
        db.set("fallback", at.position().to_string(), row);
        Ok(())
    }
}

const MODES: [&str; 4] = ["people-async", "people-fallback", "people-in-process", "people-sqlite"];

/// What came of a history, for each of the modes: its rows, and what status says of a failure.
struct Outcome {
    modes: Vec<(&'static str, Vec<String>, Option<String>)>,
    error: Option<RunError>,
}

async fn project<S: EventStore>(events: S, folder: PathBuf, batch: u32) -> Outcome {
    let (memory, path) = (MemoryStorage::new(), folder.join(format!("read-{batch}.db")));
    let runtime = Runtime::builder(events)
        .without_linked()
        .storage(memory.clone())
        .storage(Sqlite::open(&path).unwrap())
        .projector(InProcess::default())
        .projector(OnSqlite)
        .projector(Async)
        .projector(InFallback)
        .batch_events(batch);
    let runtime = runtime.build().await.unwrap();
    let error = runtime.catch_up().await.err();
    let of_memory = |table: &str| {
        let mut rows: Vec<_> = memory.rows(table).into_iter().collect();
        rows.sort_by_key(|(position, _)| position.parse::<u64>().unwrap());
        rows.into_iter().map(|(_, row)| row.as_str().unwrap().to_owned()).collect()
    };
    let rows = [
        of_memory("async"),
        of_memory("fallback"),
        runtime.read::<InProcess, _>(|people| people.rows.clone()).await.unwrap(),
        of_sqlite(&path),
    ];
    let status = runtime.status().await.unwrap().projectors;
    let last_error = |mode: &str| {
        let own = status.iter().find(|status| status.projector == mode).unwrap();
        own.last_error.clone()
    };
    let modes = MODES.into_iter().zip(rows);
    Outcome { modes: modes.map(|(mode, rows)| (mode, rows, last_error(mode))).collect(), error }
}

fn of_sqlite(path: &std::path::Path) -> Vec<String> {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut rows = db.prepare("SELECT row FROM people ORDER BY n").unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

async fn store<S: EventStore>(events: &S, name: &'static str, version: u32, payload: &str) {
    let event = NewEvent::json(name, payload).in_domain("people").with_version(version);
    events.append(AppendRequest::new("person-1", Expected::Any, vec![event])).await.unwrap();
}

async fn every_older_shape_is_brought_to_the_present_one_in_every_mode<S: EventStore + Clone>(
    events: S,
    folder: PathBuf,
) {
    let history = [
        ("SignedUp", 1, r#"{"name":"Ada Lovelace"}"#),
        ("Registered", 1, r#"{"name":"Alan Turing"}"#),
        ("Registered", 3, r#"{"names":["Edsger","W","Dijkstra"]}"#),
        ("Registered", 2, r#"{"first":"Kurt","last":"G\u00f6del"}"#),
        ("PersonRegistered", 1, r#"{"names":["Emmy","Noether"],"newsletter":true}"#),
        ("Moved", 1, r#"{"to":"Bonn"}"#),
        ("Relocated", 1, r#"{"to":"Lyon"}"#),
        ("Moved", 2, r#"{"city":"Bonn"}"#),
        ("Moved", 3, r#"{"city":"Rom","country":"IT"}"#),
        ("Moved", 4, r#"{"home":{"city":"Oslo","country":"NO"}}"#),
        ("Paid", 1, r#"{"euros":"7"}"#),
        ("Paid", 2, r#"{"euros":8}"#),
        ("Paid", 3, r#"{"dimes":9}"#),
        ("Paid", 4, r#"{"cents":10}"#),
        ("Left", 3, r#"{"why":"boredom"}"#),
    ];
    for (name, version, payload) in history {
        store(&events, name, version, payload).await;
    }
    // What a typed append stores is of the present shape.
    let now = PersonRegistered { names: vec!["Grace".into()], newsletter: true };
    let now = NewEvent::of(&now).unwrap();
    let paid = NewEvent::of(&Paid { cents: 1 }).unwrap();
    let request = AppendRequest::new("person-1", Expected::Any, vec![now, paid]);
    events.append(request).await.unwrap();
    let expected = [
        "1 v1: Ada and Lovelace registered, newsletter false",
        "2 v1: Alan and Turing registered, newsletter false",
        "3 v3: Edsger and W and Dijkstra registered, newsletter false",
        "4 v2: Kurt and Gödel registered, newsletter false",
        "5 v1: Emmy and Noether registered, newsletter true",
        "6 v1: moved to Bonn, DE",
        "7 v1: moved to Lyon, FR",
        "8 v2: moved to Bonn, DE",
        "9 v3: moved to Rom, IT",
        "10 v4: moved to Oslo, NO",
        "11 v1: paid 700 cents",
        "12 v2: paid 800 cents",
        "13 v3: paid 90 cents",
        "14 v4: paid 10 cents",
        "15 v3: left because of boredom",
        "16 v1: Grace registered, newsletter true",
        "17 v4: paid 1 cents",
    ];
    for batch in [1, 1_000] {
        let outcome = project(events.clone(), folder.clone(), batch).await;
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        for (mode, rows, last_error) in outcome.modes {
            assert_eq!(rows, expected, "{mode}");
            assert_eq!(last_error, None, "{mode}");
        }
    }
}

/// Stores a good event, this one and another good one, and checks that each mode halts at this one,
/// says all of it, and keeps nothing of it.
async fn halts_at<S: EventStore + Clone>(
    events: S,
    folder: PathBuf,
    (name, version, payload): (&'static str, u32, &str),
    texts: &[&str],
    is_cause: fn(&UpcastError) -> bool,
) {
    store(&events, "Paid", 3, r#"{"dimes":1}"#).await;
    store(&events, name, version, payload).await;
    store(&events, "Paid", 3, r#"{"dimes":2}"#).await;
    for batch in [1, 1_000] {
        let outcome = project(events.clone(), folder.clone(), batch).await;
        let error = outcome.error.expect("it was applied");
        let halted: Vec<_> = error.halted().iter().map(|halted| &*halted.projector).collect();
        assert_eq!(halted, MODES, "{error}");
        for (halted, (mode, rows, last_error)) in error.halted().iter().zip(outcome.modes) {
            let said = halted.to_string();
            let HaltReason::Event { event, source, .. } = &*halted.reason else { panic!("{said}") };
            let (event, name) = (event.to_string(), format!("`{name}`"));
            let place = [&*event, &*name, "position 2", "stream `person-1`"];
            for part in place.iter().chain(texts) {
                assert!(said.contains(part), "{mode}: {part} is not in: {said}");
            }
            for cause in texts {
                assert_eq!(said.matches(cause).count(), 1, "{mode}: {cause} is twice in: {said}");
            }
            assert!(is_cause(upcast_error(source)), "{mode}: {source:?}");
            assert!(last_error.unwrap().contains(texts[0]), "{mode}");
            assert_eq!(rows, ["1 v3: paid 10 cents"], "{mode}, batches of {batch}");
        }
    }
}

fn upcast_error(source: &HandleError) -> &UpcastError {
    match source {
        HandleError::Decode { source, .. } | HandleError::Failed { source, .. } => {
            source.downcast_ref().expect("another cause")
        }
        other => panic!("{other:?}"),
    }
}

async fn a_function_in_the_middle_that_fails_halts<S: EventStore + Clone>(events: S, at: PathBuf) {
    let texts = [
        "the upcaster of `Moved` from version 2 to version 3 failed",
        r#"nobody knows where "Atlantis" is"#,
    ];
    let is_cause =
        |error: &UpcastError| matches!(error, UpcastError::Function { from: 2, to: 3, .. });
    halts_at(events, at, ("Moved", 1, r#"{"to":"Atlantis"}"#), &texts, is_cause).await;
}

async fn a_conversion_in_the_middle_that_fails_halts<S: EventStore + Clone>(
    events: S,
    at: PathBuf,
) {
    let texts =
        ["`RegisteredV2<'_>` cannot be turned into `RegisteredV3`", "`Plato` has no last name"];
    let is_cause = |error: &UpcastError| matches!(error, UpcastError::Conversion { source, .. } if source.is::<OneName>());
    halts_at(events, at, ("SignedUp", 1, r#"{"name":"Plato"}"#), &texts, is_cause).await;
}

async fn a_function_behind_a_type_that_fails_halts<S: EventStore + Clone>(events: S, at: PathBuf) {
    let texts =
        ["the upcaster of `Paid` from version 1 to version 2 failed", "invalid digit found"];
    let is_cause = |error: &UpcastError| matches!(error, UpcastError::Function { from: 1, .. });
    halts_at(events, at, ("Paid", 1, r#"{"euros":"none"}"#), &texts, is_cause).await;
}

async fn what_is_not_of_its_own_version_halts<S: EventStore + Clone>(events: S, at: PathBuf) {
    let texts = ["stored as version 2, and is no `RegisteredV2<'_>`", "missing field `last`"];
    let is_cause = |error: &UpcastError| matches!(error, UpcastError::Payload { stored: 2, .. });
    halts_at(events, at, ("Registered", 2, r#"{"first":"Plato"}"#), &texts, is_cause).await;
}

async fn functions_that_make_something_else_halt<S: EventStore + Clone>(events: S, at: PathBuf) {
    let texts = ["its upcasters, from version 3 on, made something else of it", "invalid type"];
    let is_cause = |error: &UpcastError| matches!(error, UpcastError::Rewritten { stored: 3, .. });
    halts_at(events, at, ("Moved", 3, r#"{"city":"Bern","country":"CH"}"#), &texts, is_cause).await;
}

async fn a_version_that_is_not_known_yet_halts<S: EventStore + Clone>(events: S, at: PathBuf) {
    let texts = [
        "stored as version 5 of `Moved`",
        "this program knows versions up to 4: run the newer program",
    ];
    let is_cause =
        |error: &UpcastError| matches!(error, UpcastError::Newer { stored: 5, known: 4, .. });
    // Its payload would decode.
    let payload = r#"{"home":{"city":"Oslo","country":"NO"}}"#;
    halts_at(events, at, ("Moved", 5, payload), &texts, is_cause).await;
}

async fn an_older_name_of_a_version_that_is_not_known_halts<S: EventStore + Clone>(
    events: S,
    at: PathBuf,
) {
    let texts = ["stored as version 4 of `Registered`", "knows versions up to 3"];
    let is_cause =
        |error: &UpcastError| matches!(error, UpcastError::Newer { stored: 4, known: 3, .. });
    halts_at(events, at, ("Registered", 4, r#"{"names":["A","B"]}"#), &texts, is_cause).await;
}

async fn a_version_without_an_upcaster_halts<S: EventStore + Clone>(events: S, at: PathBuf) {
    let texts = ["stored as version 2 of `Left`", "there is no upcaster from there to version 3"];
    let is_cause = |error: &UpcastError| {
        matches!(error, UpcastError::NoUpcaster { stored: 2, current: 3, .. })
    };
    halts_at(events, at, ("Left", 2, r#"{"why":"boredom"}"#), &texts, is_cause).await;
}

on_both_stores!(
    a_conversion_in_the_middle_that_fails_halts,
    a_function_behind_a_type_that_fails_halts,
    a_function_in_the_middle_that_fails_halts,
    a_version_that_is_not_known_yet_halts,
    a_version_without_an_upcaster_halts,
    an_older_name_of_a_version_that_is_not_known_halts,
    every_older_shape_is_brought_to_the_present_one_in_every_mode,
    functions_that_make_something_else_halt,
    what_is_not_of_its_own_version_halts,
);

/// A name that nobody knows is that of a foreign log: the version alone chooses the shape.
#[test]
fn an_event_under_a_foreign_name_is_taken_by_its_version() {
    let decode = |name, version, payload: &'static str| {
        Paid::decode(Stored::new(name, version, payload.as_bytes())).map(|paid| paid.cents)
    };
    assert_eq!(decode("pay", 1, r#"{"euros":"7"}"#).unwrap(), 700);
    assert_eq!(decode("pay", 2, r#"{"euros":7}"#).unwrap(), 700);
    assert_eq!(decode("pay", 3, r#"{"dimes":7}"#).unwrap(), 70);
    assert_eq!(decode("pay", 4, r#"{"cents":7}"#).unwrap(), 7);
    let error = decode("pay", 5, r#"{"cents":7}"#).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(UpcastError::Newer { stored: 5, known: 4, .. })));
}
