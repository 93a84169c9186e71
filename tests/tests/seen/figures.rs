//! The figures of batches, and what the documentation says of all of them.

use std::{collections::BTreeSet, fs, path::Path};

use projections::{State, StoreErrorKind, testing::Call};
use tokio::time::sleep;

use crate::support::{Conduct, LOOK, Scene, append, record};

#[tokio::test(start_paused = true)]
async fn a_batch_is_counted_with_its_events_and_stages() {
    record!(figures);
    let scene = Scene::new(Conduct::Good).await;
    append(&scene.events, 1..=5).await;
    scene.runtime.catch_up().await.unwrap();
    append(&scene.events, 6..=7).await;
    scene.runtime.catch_up().await.unwrap();
    let all = figures.look();
    assert_eq!(all["projections.batch.size"], [5.0, 2.0]);
    assert_eq!(all["projections.events"], [7.0]);
    for stage in ["handle", "commit"] {
        let took = &all[&format!("projections.stage.duration{{stage={stage}}}")];
        assert_eq!(took.len(), 2, "{stage}");
        assert!(took.iter().all(|took| *took > 0.0 && *took < 60.0), "{stage}: {took:?}");
    }
    assert_eq!(all["projections.stage.duration{stage=read}"].len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_retrying_and_counted() {
    record!(figures);
    let scene = Scene::new(Conduct::Good).await;
    append(&scene.events, [1]).await;
    for nth in 1..=8 {
        scene.storage.fail(Call::Begin, nth, StoreErrorKind::Unavailable);
    }
    let running = scene.run();
    sleep(LOOK * 2).await;
    figures.look();
    assert_eq!(figures.states(), [State::Retrying.to_string()]);
    assert_eq!(figures.get("projections.healthy"), 0.0);
    assert!(figures.get("projections.retries{cause=storage}") >= 3.0);
    assert_eq!(figures.get("projections.retries{cause=event}"), 0.0);
    running.abort();
}

/// The table of `docs/observing.md` lists every figure, and no other.
#[tokio::test(start_paused = true)]
async fn every_figure_is_documented_and_every_documented_figure_is_there() {
    record!(figures);
    let scene = Scene::new(Conduct::Good).await;
    append(&scene.events, [1]).await;
    scene.runtime.catch_up().await.unwrap();
    scene.runtime.status().await.unwrap();
    let names = figures.look().into_keys();
    let names: BTreeSet<_> = names.map(|name| name.split('{').next().unwrap().to_owned()).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/observing.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `projections."));
    let rows = rows.map(|row| format!("projections.{}", row.split('`').next().unwrap()));
    assert_eq!(names, rows.filter(|name| !is_span(name)).collect());
}

/// The same table is made of spans elsewhere on the page.
fn is_span(name: &str) -> bool {
    let spans = ["batch", "read", "load", "handle", "write", "commit"];
    spans.iter().any(|span| name == format!("projections.{span}"))
}
