//! Every way to say what becomes of an event that fails, on every kind of projector.
#![deny(missing_docs, warnings, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

use std::{fmt, io, time::Duration};

use projections::{
    BatchPolicy, BoxError, Envelope, Event, Handlers, Mode, OnFailure, Options, ParkBy, ParkCaps,
    Permanent, Projector, RawEvent, RetryPolicy, Rows, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
    testing::MemoryStorage,
};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted {
    table: String,
}

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct PotAwarded {
    winner: String,
}

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandEnded;

#[derive(Default, projections::ReadModel)]
struct Player {
    #[key]
    name: String,
    pots: i64,
}

mod faults {
    use projections::sqlite::rusqlite;

    pub(super) fn is_permanent(error: &rusqlite::Error) -> bool {
        matches!(error, rusqlite::Error::InvalidQuery)
    }

    pub(super) fn any<E>(_: &E) -> bool {
        true
    }

    pub(super) const NONE: fn(&std::io::Error) -> bool = |_| false;
}

/// Says everything.
#[projector(
    "hand-history",
    storage = Sqlite,
    on_failure = "park",
    park(per_key = 10, keys = 20, total = 100),
    retry(max = 5, initial = "100ms", factor = 1.5, cap = "10s", jitter = 0.2),
    timeout = "5s",
    batch(events = 10, linger = "5ms"),
)]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted, retry(max = 1, initial = "1s"), permanent = faults::is_permanent)]
    fn started(&self, event: &HandStarted, db: &mut SqliteTx<'_>) -> rusqlite::Result<usize> {
        db.execute("INSERT INTO hands VALUES (?1)", [&event.table])
    }

    #[handles(PotAwarded, replay = "skip", permanent = Self::is_ours)]
    fn awarded(&self, event: &PotAwarded) -> Result<(), Fault> {
        let fault = Fault(event.winner.clone());
        if Self::is_ours(&fault) { Err(fault) } else { Ok(()) }
    }

    #[fallback(all, replay = "skip", retry(none), permanent = faults::any::<BoxError>)]
    fn other(&self, event: &RawEvent<'_>) -> Result<(), BoxError> {
        Err(Permanent::new(event.name()).into())
    }

    /// By table.
    #[park_key]
    fn table(at: &Envelope) -> &str {
        at.stream().split('-').next().unwrap_or_default()
    }

    fn is_ours(fault: &Fault) -> bool {
        fault.0.is_empty()
    }
}

#[derive(Debug)]
struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

type At = Envelope;
type Key<'a> = &'a str;

/// Has no storage, and is told by a value.
#[projector("pots", register = false, park(keys = 3), batch(linger = "1s"))]
struct Pots<T> {
    of: Vec<T>,
}

#[handlers]
impl<T: Default + Send + Sync + 'static> Pots<T> {
    #[handles(PotAwarded, retry(none), permanent = faults::NONE)]
    async fn awarded(&mut self, _: &PotAwarded) -> io::Result<()> {
        self.of.push(T::default());
        std::future::ready(Ok(())).await
    }

    #[handles(HandEnded, from = "now", replay = "skip", permanent = faults::any)]
    async fn ended(&self, HandEnded: HandEnded) -> Result<Option<u64>, String> {
        Ok(None)
    }

    #[cfg(not(target_os = "none"))]
    #[projections::park_key]
    pub(crate) const fn r#type<'a>(_: &'a At) -> Key<'a> {
        "all"
    }
}

/// Is live, and may skip.
#[projector("feed", mode = "live", on_failure = "skip", retry(none), timeout = "1m")]
struct Feed;

#[handlers]
impl Feed {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[cfg(target_os = "none")]
    #[park_key]
    fn nowhere(at: &Nothing) -> Nothing {}
}

/// On a storage behind a network a handler that skips history names its rows.
#[projector("players", storage = MemoryStorage, on_failure = "halt")]
struct Players;

#[handlers]
impl Players {
    #[handles(PotAwarded, replay = "skip")]
    fn awarded(&self, event: &PotAwarded, #[keys([&event.winner])] players: &mut Rows<Player>) {
        players.entry(&event.winner).pots += 1;
    }

    #[handles(HandStarted, retry(none))]
    fn started(&self, event: &HandStarted, players: &mut Rows<Player>) {
        players.entry(&event.table);
    }
}

/// By domain.
#[projector("by-domain", park_by = "domain")]
struct ByDomain;

#[handlers]
impl ByDomain {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}
}

fn main() {
    let options = HandHistory::OPTIONS;
    assert_eq!(options.on_failure, Some(OnFailure::Park));
    assert_eq!(options.park, ParkCaps::new(10, 20, 100));
    let retry = RetryPolicy::DEFAULT.max(5).initial(Duration::from_millis(100)).factor(1.5);
    assert_eq!(options.retry, retry.cap(Duration::from_secs(10)).jitter(0.2));
    assert_eq!(options.timeout, Duration::from_secs(5));
    let bytes = BatchPolicy::DEFAULT.bytes;
    assert_eq!(options.batch, BatchPolicy::new(10, bytes).linger(Duration::from_millis(5)));
    assert!(matches!(ByDomain::OPTIONS.park_by, ParkBy::Domain));
    assert_eq!(Feed::OPTIONS.on_failure, Some(OnFailure::Skip));
    assert_eq!((Feed::OPTIONS.mode, Feed::OPTIONS.retry), (Mode::Live, RetryPolicy::NONE));
    assert_eq!(Feed::OPTIONS.timeout, Duration::from_secs(60));

    let [started, awarded] = HandHistory::ROUTES else { panic!("two routes") };
    assert_eq!(started.retry, Some(RetryPolicy::DEFAULT.max(1).initial(Duration::from_secs(1))));
    assert_eq!((started.skips_replay, awarded.skips_replay), (false, true));
    assert_eq!(awarded.retry, None);
    let fallback = HandHistory::FALLBACK.unwrap();
    assert_eq!((fallback.retry, fallback.skips_replay), (Some(RetryPolicy::NONE), true));
    let ended = Pots::<u8>::ROUTES[1];
    assert_eq!((ended.retry, ended.skips_replay), (None, true));

    assert!(HandHistory::PARK_KEY.is_some());
    assert!(Pots::<u8>::PARK_KEY.is_some());
    assert!(Players::PARK_KEY.is_none());
    assert_eq!(Players::OPTIONS.park, Options::DEFAULT.park);
}
