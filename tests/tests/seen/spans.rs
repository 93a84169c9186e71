//! The spans of a batch, as a subscriber sees them.

use std::sync::{Arc, Mutex};

use tracing::{
    Event, Id, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Record},
};

use projections_tests::log::listen;

use crate::support::{Conduct, Scene, append};

/// A span: its name, its parent, and its fields as text.
#[derive(Clone, Debug, Default)]
struct Span {
    name: &'static str,
    parent: Option<u64>,
    fields: Vec<(&'static str, String)>,
}

impl Span {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }
}

impl Visit for Span {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.fields.push((field.name(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.push((field.name(), value.to_owned()));
    }
}

/// Keeps the spans of the library, up to a level.
#[derive(Clone)]
struct Spans(Level, Arc<Mutex<Vec<Span>>>);

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
            && *metadata.level() <= self.0
            && metadata.name().starts_with("projections.")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut span = Span {
            name: attributes.metadata().name(),
            parent: attributes.parent().map(Id::into_u64),
            ..Span::default()
        };
        attributes.record(&mut span);
        let mut all = self.1.lock().unwrap();
        all.push(span);
        Id::from_u64(all.len() as u64)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let index = usize::try_from(id.into_u64()).unwrap() - 1;
        values.record(&mut self.1.lock().unwrap()[index]);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Keeps the spans of this thread from here on.
fn capture(level: Level) -> (Arc<Mutex<Vec<Span>>>, tracing::subscriber::DefaultGuard) {
    let spans = Spans(level, Arc::default());
    let kept = Arc::clone(&spans.1);
    (kept, listen(spans))
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_a_span_with_its_stages_within() {
    let (spans, _capturing) = capture(Level::DEBUG);
    let scene = Scene::new(Conduct::Good).await;
    append(&scene.events, 1..=5).await;
    scene.runtime.catch_up().await.unwrap();
    let spans = spans.lock().unwrap().clone();
    let batches: Vec<_> =
        (1..).zip(&spans).filter(|(_, span)| span.name == "projections.batch").collect();
    let [(id, batch)] = batches[..] else { panic!("{spans:#?}") };
    for (field, value) in [
        ("projector", "watched"),
        ("from", "1"),
        ("through", "5"),
        ("events", "5"),
        ("redriven", "false"),
        ("outcome", "committed"),
    ] {
        assert_eq!(batch.field(field), Some(value), "{field}");
    }
    assert_eq!((batch.field("error"), batch.field("attempt")), (None, None));
    let within = spans.iter().filter(|span| span.parent == Some(id));
    let within: Vec<_> = within.map(|span| span.name).collect();
    assert_eq!(within, ["projections.handle", "projections.commit"]);
    let read = spans.iter().find(|span| span.name == "projections.read").unwrap();
    assert_eq!(read.parent, None);
    for (field, value) in
        [("projector", "watched"), ("after", "0"), ("events", "5"), ("scanned", "5")]
    {
        assert_eq!(read.field(field), Some(value), "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_fails_is_a_span_with_its_error() {
    let (spans, _capturing) = capture(Level::INFO);
    let scene = Scene::new(Conduct::FailsForGood).await;
    append(&scene.events, [1]).await;
    scene.runtime.catch_up().await.unwrap();
    let spans = spans.lock().unwrap().clone();
    // The stages are for who asks for more.
    let [batch] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!(batch.field("outcome"), Some("failed"));
    assert_eq!(batch.field("otel.status_code"), Some("ERROR"));
    assert!(batch.field("error").unwrap().contains("it never works"), "{batch:?}");
}

#[tokio::test(start_paused = true)]
async fn a_retry_says_which_attempt_it_is() {
    let (spans, _capturing) = capture(Level::INFO);
    let scene = Scene::new(Conduct::Fails).await;
    append(&scene.events, [1]).await;
    scene.runtime.catch_up().await.unwrap();
    let spans = spans.lock().unwrap().clone();
    let attempts: Vec<_> = spans.iter().map(|span| span.field("attempt")).collect();
    assert_eq!(attempts, [None, Some("2"), Some("3"), Some("4")]);
}
