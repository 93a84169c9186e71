//! Event stores that break one rule each, and the checks that catch them.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use jiff::Timestamp;
use projections::{
    AppendError, AppendRequest, EventId, EventSource, EventStore, Expected, Filter, GlobalPosition,
    ImportChunk, ImportProgress, ImportReceipt, Page, PageBuilder, ReadError, ReadRequest, Receipt,
    RecordedEvent, Scanned, StoreError, StoreId, memory::MemoryEventStore, testing::conformance,
};
use tokio::sync::watch;

use crate::assert_caught;

/// How a store is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    AppendsOneByOne,
    ComparesBeforeItSubscribes,
    ComparesOutsideTheTransaction,
    CountsTheEventItStartsAfter,
    CutsTimesToMilliseconds,
    DropsMetadata,
    DropsVersions,
    FoldsCase,
    ForgetsIds,
    IgnoresExpectedPositions,
    IgnoresVerify,
    ImportsEventByEvent,
    KeepsNoImports,
    LetsRunningAppendsBePassed,
    NamesTheLastMatchAsScanned,
    PutsNulsAway,
    ReadsTextPayloads,
    RecordsTheProducersTime,
    ReusesPositions,
    ShowsAnOldHead,
    SkipsAtFullPages,
    SkipsAtFullPagesOfAFilter,
    SleepsThroughImports,
    StandsStillWhereNothingMatches,
    VerifiesOnlyWithEvents,
}

use Fault::*;

const CAUGHT_BY: &[(Fault, &[&str])] = &[
    (AppendsOneByOne, &["a_reused_id_is_refused", "an_id_twice_in_one_append_is_refused"]),
    (ComparesBeforeItSubscribes, &["an_append_wakes_a_wait", "an_import_wakes_a_wait"]),
    (ComparesOutsideTheTransaction, &["writers_of_one_stream_exclude_each_other"]),
    (CountsTheEventItStartsAfter, &["counts_keep_their_bounds"]),
    (CutsTimesToMilliseconds, &["times_keep_microseconds"]),
    (DropsMetadata, &["texts_come_back_as_they_were"]),
    (DropsVersions, &["versions_come_back_as_they_were"]),
    (FoldsCase, &["texts_come_back_as_they_were"]),
    (ForgetsIds, &["a_repeated_append_returns_the_first_receipt", "a_reused_id_is_refused"]),
    (IgnoresExpectedPositions, &["the_expected_position_is_checked"]),
    (IgnoresVerify, &["an_event_that_is_gone_is_diverged"]),
    (ImportsEventByEvent, &["a_refused_chunk_stores_nothing"]),
    (KeepsNoImports, &["an_unfinished_import_is_listed"]),
    (LetsRunningAppendsBePassed, &["what_is_delivered_is_what_is_stored"]),
    (NamesTheLastMatchAsScanned, &["scanned_moves_where_nothing_matches"]),
    (PutsNulsAway, &["invalid_requests_are_refused"]),
    (ReadsTextPayloads, &["payloads_come_back_byte_for_byte"]),
    (RecordsTheProducersTime, &["the_time_of_recording_is_the_stores"]),
    (ReusesPositions, &["a_refused_append_leaves_no_trace"]),
    (ShowsAnOldHead, &["the_head_is_the_last_event"]),
    (
        SkipsAtFullPages,
        &[
            "pages_skip_and_repeat_nothing",
            "filtered_pages_skip_and_repeat_nothing",
            "what_is_delivered_is_what_is_stored",
        ],
    ),
    (SkipsAtFullPagesOfAFilter, &["filtered_pages_skip_and_repeat_nothing"]),
    (SleepsThroughImports, &["an_import_wakes_a_wait"]),
    (StandsStillWhereNothingMatches, &["scanned_moves_where_nothing_matches"]),
    (VerifiesOnlyWithEvents, &["an_event_that_is_gone_is_diverged"]),
];

// The clock is paused so that waits that never end take no time.
#[tokio::test(start_paused = true)]
async fn every_broken_event_store_is_caught_by_its_check() {
    for (fault, expected) in CAUGHT_BY {
        let failures = conformance::event_store_failures(|| async { Broken::new(*fault) }).await;
        assert_caught(fault, &failures, expected);
    }
}

#[tokio::test]
#[should_panic(expected = "`times_keep_microseconds`: times keep their microseconds")]
async fn a_suite_panics_with_the_check_and_the_rule() {
    conformance::event_store(|| async { Broken::new(CutsTimesToMilliseconds) }).await;
}

#[tokio::test]
#[should_panic(expected = "identity and head outlive the store's handle")]
async fn a_store_that_is_lost_when_it_is_closed_is_caught() {
    let lose = |_| async { MemoryEventStore::new() };
    conformance::event_store_reopened(|| async { MemoryEventStore::new() }, lose).await;
}

struct Broken {
    inner: MemoryEventStore,
    fault: Fault,
    appends: AtomicU64,
    refused: AtomicBool,
    hidden: Mutex<Option<EventId>>,
    news: watch::Sender<u64>,
}

impl Broken {
    fn new(fault: Fault) -> Self {
        Self {
            inner: MemoryEventStore::new(),
            fault,
            appends: AtomicU64::new(0),
            refused: AtomicBool::new(false),
            hidden: Mutex::default(),
            news: watch::Sender::new(0),
        }
    }

    /// Whether the store is broken in this way.
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    async fn ends(&self, stream: &str) -> Expected {
        let all = Filter::all();
        let request = ReadRequest::new(GlobalPosition::BEGINNING, &all);
        let page = self.inner.read(request).await.unwrap();
        let end = page.events().filter(|event| event.stream() == stream).last();
        end.map_or(Expected::NoStream, |event| Expected::At(event.stream_position()))
    }

    async fn append_one_by_one(&self, request: AppendRequest) -> Result<Receipt, AppendError> {
        request.validate()?;
        let AppendRequest { stream, mut expected, events, .. } = request;
        let mut whole: Option<Receipt> = None;
        for event in events {
            let one = AppendRequest::new(stream.clone(), expected, vec![event]);
            let mut receipt = self.inner.append(one).await?;
            expected = Expected::Any;
            receipt.first = whole.map_or(receipt.first, |whole| whole.first);
            whole = Some(receipt);
        }
        Ok(whole.unwrap())
    }

    async fn forget_known_ids(&self, request: &mut AppendRequest) {
        let all = Filter::all();
        let page =
            self.inner.read(ReadRequest::new(GlobalPosition::BEGINNING, &all)).await.unwrap();
        for event in &mut request.events {
            if page.events().any(|known| known.id() == event.id) {
                event.id = EventId::random();
            }
        }
    }

    /// Hides the last event of some appends until the next append, as where positions are drawn
    /// before transactions commit.
    fn hide(&self, receipt: &Receipt, last: EventId) {
        let number = self.appends.fetch_add(1, Relaxed);
        let hides = self.is(LetsRunningAppendsBePassed) && number >= 20 && number % 5 == 3;
        *self.hidden.lock().unwrap() = hides.then_some(last);
        assert!(receipt.last >= receipt.first);
    }

    fn announce(&self) {
        self.news.send_modify(|news| *news += 1);
    }
}

impl EventSource for Broken {
    fn store_id(&self) -> StoreId {
        self.inner.store_id()
    }

    fn label(&self) -> String {
        format!("{:?}", self.fault)
    }

    async fn head(&self) -> Result<Option<Scanned>, StoreError> {
        if self.is(ShowsAnOldHead) {
            let all = Filter::all();
            let request = ReadRequest::new(GlobalPosition::BEGINNING, &all).at_most(1, 1);
            return Ok(self.inner.read(request).await.unwrap().scanned());
        }
        self.inner.head().await
    }

    async fn read(&self, mut request: ReadRequest<'_>) -> Result<Page, ReadError> {
        let is_at_end = self.inner.head().await?.is_none_or(|head| head.position <= request.after);
        if self.is(IgnoresVerify) || self.is(VerifiesOnlyWithEvents) && is_at_end {
            request.verify = None;
        }
        let page = self.inner.read(request).await?;
        let is_full = page.len() == request.max_events && page.len() > 1;
        let skips = self.is(SkipsAtFullPages)
            || self.is(SkipsAtFullPagesOfAFilter) && *request.filter != Filter::all();
        let keep = if is_full && skips { page.len() - 1 } else { page.len() };
        let hidden = *self.hidden.lock().unwrap();
        let last = page.events().last().map(|event| event.id());
        let mut rebuilt = PageBuilder::default();
        for event in page.events().take(keep).filter(|event| Some(event.id()) != hidden) {
            let text = String::from_utf8_lossy(event.payload()).into_owned();
            rebuilt.push(RecordedEvent {
                position: event.position(),
                id: event.id(),
                stream: event.stream(),
                stream_position: event.stream_position(),
                domain: event.domain(),
                name: event.name(),
                version: if self.is(DropsVersions) { 1 } else { event.version() },
                time: event.time(),
                recorded_at: match self.fault {
                    RecordsTheProducersTime => event.time(),
                    _ => event.recorded_at(),
                },
                payload: match self.fault {
                    ReadsTextPayloads => text.as_bytes(),
                    _ => event.payload(),
                },
                metadata: event.metadata().filter(|_| !self.is(DropsMetadata)),
            });
        }
        let scanned = match (self.fault, page.scanned()) {
            (StandsStillWhereNothingMatches, _) if page.is_empty() => None,
            (NamesTheLastMatchAsScanned, Some(scanned)) => {
                Some(Scanned { id: last.unwrap_or(scanned.id), ..scanned })
            }
            (_, scanned) => scanned,
        };
        Ok(rebuilt.finish(scanned))
    }

    async fn count(
        &self,
        filter: &Filter,
        after: GlobalPosition,
        up_to: GlobalPosition,
    ) -> Result<u64, StoreError> {
        let from = match self.fault {
            CountsTheEventItStartsAfter => GlobalPosition::new(after.get().saturating_sub(1)),
            _ => after,
        };
        self.inner.count(filter, from, up_to).await
    }

    async fn wait(&self, after: GlobalPosition) -> Result<(), StoreError> {
        let head = self.inner.head().await?.map(|head| head.position).unwrap_or_default();
        if self.is(ComparesBeforeItSubscribes) && head <= after {
            tokio::task::yield_now().await;
            let mut news = self.news.subscribe();
            news.changed().await.unwrap();
            return Ok(());
        }
        if self.is(SleepsThroughImports) && head <= after {
            let mut news = self.news.subscribe();
            news.changed().await.unwrap();
            return Ok(());
        }
        self.inner.wait(after).await
    }

    async fn unfinished_imports(&self) -> Result<Vec<ImportProgress>, StoreError> {
        match self.fault {
            KeepsNoImports => Ok(Vec::new()),
            _ => self.inner.unfinished_imports().await,
        }
    }
}

impl EventStore for Broken {
    async fn append(&self, mut request: AppendRequest) -> Result<Receipt, AppendError> {
        let last = request.events.last().map(|event| event.id);
        match self.fault {
            AppendsOneByOne => return self.append_one_by_one(request).await,
            ComparesOutsideTheTransaction => {
                let end = self.ends(&request.stream).await;
                let is_so = request.expected == Expected::Any || request.expected == end;
                tokio::task::yield_now().await;
                if is_so {
                    request.expected = Expected::Any;
                }
            }
            CutsTimesToMilliseconds => {
                for event in &mut request.events {
                    let cut = Timestamp::from_millisecond(event.time.as_millisecond());
                    event.time = cut.unwrap();
                }
            }
            FoldsCase => request.stream = request.stream.to_lowercase(),
            ForgetsIds => self.forget_known_ids(&mut request).await,
            IgnoresExpectedPositions if matches!(request.expected, Expected::At(_)) => {
                request.expected = Expected::Any;
            }
            PutsNulsAway => request.stream = request.stream.replace('\0', " "),
            _ => {}
        }
        let outcome = self.inner.append(request).await;
        match outcome {
            Ok(mut receipt) => {
                self.hide(&receipt, last.unwrap());
                self.announce();
                if self.is(ReusesPositions) && self.refused.swap(false, Relaxed) {
                    receipt.first = GlobalPosition::new(receipt.first.get() - 1);
                    receipt.last = GlobalPosition::new(receipt.last.get() - 1);
                }
                Ok(receipt)
            }
            Err(error) => {
                self.refused.store(true, Relaxed);
                Err(error)
            }
        }
    }

    async fn import(&self, chunk: ImportChunk) -> Result<ImportReceipt, AppendError> {
        if self.is(ImportsEventByEvent) {
            let mut whole = ImportReceipt::default();
            for event in chunk.events {
                let one = ImportChunk::new(vec![event], chunk.progress.clone());
                let receipt = self.inner.import(one).await?;
                whole.stored += receipt.stored;
                whole.known += receipt.known;
            }
            return Ok(whole);
        }
        let receipt = self.inner.import(chunk).await?;
        if !self.is(SleepsThroughImports) {
            self.announce();
        }
        Ok(receipt)
    }
}
