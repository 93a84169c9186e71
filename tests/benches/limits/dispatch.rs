//! Dispatch and decoding: an in-process projector against a `match` over the same bytes.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use projections::{
    Envelope, EventId, EventSource, Filter, GlobalPosition, Page, PageBuilder, ReadError,
    ReadRequest, RecordedEvent, Runtime, Scanned, StoreError, StoreId, StreamPosition, handlers,
    projector,
};

use super::{
    Comparison,
    events::{CardsDealt, HandComplete, HandStarted, Log, PlayerActed, PotAwarded},
};

/// What both sides fold the log into.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Totals {
    hands: u64,
    blinds: u64,
    cards: usize,
    actions: u64,
    wagered: u64,
    all_in: u64,
    awarded: u64,
    pots: u64,
}

impl Totals {
    fn started(&mut self, event: &HandStarted) {
        self.hands += 1;
        self.blinds += event.small_blind + event.big_blind + event.table_id.len() as u64;
    }

    fn dealt(&mut self, event: &CardsDealt) {
        self.cards += event.cards.len() + event.player.len();
    }

    fn acted(&mut self, event: &PlayerActed) {
        self.actions += event.number.min(1) + u64::from(event.street.len() > 9);
        self.wagered += event.amount + event.action.len() as u64;
        self.all_in += u64::from(event.all_in);
    }

    fn awarded(&mut self, event: &PotAwarded) {
        self.awarded += event.amount + event.player.len() as u64;
    }

    fn complete(&mut self, event: &HandComplete) {
        self.pots += event.pot + u64::from(event.showdown) + event.hand_id.len() as u64;
    }
}

#[projector("plain", register = false)]
#[derive(Clone, Default)]
struct Plain(Totals);

#[handlers]
impl Plain {
    #[handles(HandStarted)]
    fn started(&mut self, event: &HandStarted) {
        self.0.started(event);
    }
    #[handles(CardsDealt)]
    fn dealt(&mut self, event: &CardsDealt) {
        self.0.dealt(event);
    }
    #[handles(PlayerActed)]
    fn acted(&mut self, event: &PlayerActed) {
        self.0.acted(event);
    }
    #[handles(PotAwarded)]
    fn awarded(&mut self, event: &PotAwarded) {
        self.0.awarded(event);
    }
    #[handles(HandComplete)]
    fn complete(&mut self, event: &HandComplete) {
        self.0.complete(event);
    }
}

#[projector("asynchronous", register = false)]
#[derive(Clone, Default)]
struct Asynchronous(Totals);

#[handlers]
impl Asynchronous {
    #[handles(HandStarted)]
    async fn started(&mut self, event: &HandStarted) {
        self.0.started(event);
    }
    #[handles(CardsDealt)]
    async fn dealt(&mut self, event: &CardsDealt) {
        self.0.dealt(event);
    }
    #[handles(PlayerActed)]
    async fn acted(&mut self, event: &PlayerActed) {
        self.0.acted(event);
    }
    #[handles(PotAwarded)]
    async fn awarded(&mut self, event: &PotAwarded) {
        self.0.awarded(event);
    }
    #[handles(HandComplete)]
    async fn complete(&mut self, event: &HandComplete) {
        self.0.complete(event);
    }
}

/// A log that is in memory as pages: reading it costs nothing.
#[derive(Clone)]
pub(crate) struct Pages {
    store: StoreId,
    pages: Arc<Vec<Page>>,
}

impl Pages {
    pub(crate) fn of(log: &Log) -> Self {
        let mut pages = Vec::new();
        let mut position = 0;
        for events in log.events.chunks(1_000) {
            let mut page = PageBuilder::with_capacity(events.len());
            for event in events {
                position += 1;
                page.push(RecordedEvent {
                    position: GlobalPosition::new(position),
                    id: EventId::from_u128(position.into()),
                    stream: &event.hand,
                    stream_position: StreamPosition::new(1),
                    domain: "hand",
                    name: event.name,
                    version: 1,
                    time: jiff::Timestamp::UNIX_EPOCH,
                    recorded_at: jiff::Timestamp::UNIX_EPOCH,
                    payload: &event.payload,
                    metadata: None,
                });
            }
            let id = EventId::from_u128(position.into());
            pages.push(page.finish(Some(Scanned { position: GlobalPosition::new(position), id })));
        }
        Self { store: StoreId::random(), pages: Arc::new(pages) }
    }
}

/// The names and payloads of pages, for hand-written loops: the very bytes that the library reads,
/// because how fast memory is depends on where it is.
pub(crate) struct Payloads(Vec<(&'static str, &'static [u8])>);

impl Payloads {
    pub(crate) fn of(log: &Log, pages: &Pages) -> Self {
        let envelopes: Vec<Envelope> = pages.pages.iter().flat_map(Page::events).collect();
        let envelopes: &'static [Envelope] = envelopes.leak();
        let names = log.events.iter().map(|event| event.name);
        Self(names.zip(envelopes.iter().map(Envelope::payload)).collect())
    }

    /// Names and payloads, in order.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, &'static [u8])> {
        self.0.iter().copied()
    }
}

impl EventSource for Pages {
    fn store_id(&self) -> StoreId {
        self.store
    }

    fn label(&self) -> String {
        "pages in memory".to_owned()
    }

    async fn head(&self) -> Result<Option<Scanned>, StoreError> {
        Ok(self.pages.last().and_then(Page::scanned))
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<Page, ReadError> {
        let page = usize::try_from(request.after.get()).unwrap().div_ceil(1_000);
        Ok(self.pages.get(page).cloned().unwrap_or_else(|| PageBuilder::default().finish(None)))
    }

    async fn count(
        &self,
        _: &Filter,
        _: GlobalPosition,
        _: GlobalPosition,
    ) -> Result<u64, StoreError> {
        Ok(0) // asked only of handlers that were added, and none is
    }

    fn wait(&self, _: GlobalPosition) -> impl Future<Output = Result<(), StoreError>> + Send {
        std::future::pending()
    }
}

fn hand_written(payloads: &Payloads) -> Totals {
    let mut totals = Totals::default();
    for (name, payload) in payloads.each() {
        match name {
            "HandStarted" => totals.started(&serde_json::from_slice(payload).unwrap()),
            "CardsDealt" => totals.dealt(&serde_json::from_slice(payload).unwrap()),
            "PlayerActed" => totals.acted(&serde_json::from_slice(payload).unwrap()),
            "PotAwarded" => totals.awarded(&serde_json::from_slice(payload).unwrap()),
            "HandComplete" => totals.complete(&serde_json::from_slice(payload).unwrap()),
            other => panic!("{other}"),
        }
    }
    totals
}

macro_rules! library {
    ($pages:expr, $projector:ty, $expected:expr) => {{
        let (pages, expected) = ($pages, $expected);
        // On the thread of the hand-written loop: two threads have two heaps.
        let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Box::new(move || {
            let runtime = Runtime::builder(pages.clone()).without_linked();
            let runtime = runtime.projector(<$projector>::default());
            let runtime = tokio.block_on(runtime.build()).unwrap();
            let began = Instant::now();
            tokio.block_on(runtime.catch_up()).unwrap();
            let took = began.elapsed();
            let totals = tokio.block_on(runtime.read::<$projector, _>(|p| p.0.clone())).unwrap();
            assert_eq!(totals, expected);
            took
        })
    }};
}

pub(crate) fn comparisons(log: &Arc<Log>) -> Vec<Comparison> {
    let pages = Pages::of(log);
    let payloads = Arc::new(Payloads::of(log, &pages));
    let expected = hand_written(&payloads);
    let by_hand = || -> Box<dyn FnMut() -> Duration> {
        let (payloads, expected) = (Arc::clone(&payloads), expected.clone());
        Box::new(move || {
            let began = Instant::now();
            let totals = hand_written(std::hint::black_box(&payloads));
            let took = began.elapsed();
            assert_eq!(totals, expected);
            took
        })
    };
    let events = log.events.len() as u64;
    vec![
        Comparison {
            what: "decode and dispatch, fn",
            events,
            bound: 1.05,
            hand_written: by_hand(),
            library: library!(pages.clone(), Plain, expected.clone()),
        },
        Comparison {
            what: "decode and dispatch, async fn",
            events,
            bound: 1.10,
            hand_written: by_hand(),
            library: library!(pages, Asynchronous, expected.clone()),
        },
    ]
}
