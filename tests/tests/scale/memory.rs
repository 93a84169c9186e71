//! Memory does not grow with the log, and one large event takes a few times its size.

use std::process::Command;

use projections::{
    AppendRequest, Event, EventStore, Expected, NewEvent, handlers, projector,
    sqlite::SqliteEventStore,
};
use serde_json::Value;

use crate::child::Other;

/// What `docs/promises.md` states for a catch-up, whatever the number of events.
const BOUND: u64 = 64 << 20;

/// So many events carry some 70 MB, more than the bound: whoever keeps them fails.
/// `PROJECTIONS_SCALE_EVENTS` asks for more.
const EVENTS: u64 = 300_000;

#[test]
fn a_catch_up_stays_under_the_stated_resident_size() {
    let asked = std::env::var("PROJECTIONS_SCALE_EVENTS").ok();
    let events = asked.map_or(EVENTS, |events| events.parse().unwrap()).max(EVENTS);
    let folder = tempfile::tempdir().unwrap();
    let mut scale = Command::new(env!("CARGO_BIN_EXE_scale"));
    scale.args(["--events", &events.to_string(), "--folder"]).arg(folder.path());
    let output = scale.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["events"], events);
    if let Some(why) = report.get("resident") {
        println!("skipped: resident size {why}");
        return;
    }
    // A peak only rises, so the last one is that of the whole run.
    let peak = report["in_process_peak_resident_bytes"].as_u64().unwrap();
    assert!(peak > 1 << 20, "{peak} bytes are no process");
    assert!(peak < BOUND, "{peak} bytes resident, and {BOUND} are stated: {report}");
}

#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "blobs")]
struct Stored<'a> {
    text: &'a str,
}

/// The lengths of what was stored.
#[projector("blobs", register = false)]
#[derive(Clone, Default)]
pub(crate) struct Blobs {
    pub(crate) lengths: Vec<usize>,
}

#[handlers]
impl Blobs {
    #[handles(Stored)]
    fn stored(&mut self, event: &Stored<'_>) {
        self.lengths.push(event.text.len());
    }
}

/// The peak resident size of this process in bytes, where the kernel tells it.
pub(crate) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

/// A process that projects one event of 200 MB, and many small ones around it.
#[tokio::test]
async fn one_huge_event_takes_a_few_times_its_size() {
    const HUGE: usize = 200_000_000;
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    for length in [10, HUGE, 20, HUGE, 30] {
        let text = "x".repeat(length);
        let event = NewEvent::of(&Stored { text: &text }).unwrap();
        events.append(AppendRequest::new("a", Expected::Any, vec![event])).await.unwrap();
    }
    let mut other = Other::start(folder.path(), "huge", "");
    let before: u64 = other.line("before").parse().unwrap();
    assert_eq!(other.line("lengths"), format!("[10, {HUGE}, 20, {HUGE}, 30]"));
    let after: u64 = other.line("after").parse().unwrap();
    other.end();
    println!("peak before {before}, after two events of {HUGE} bytes {after}");
    if after == 0 {
        println!("skipped: resident size unavailable, no /proc/self/status here");
        return;
    }
    assert!(after > HUGE as u64, "{after} bytes cannot hold the event");
    // The row as SQLite reads it, and the page: not both events at once.
    let bound = BOUND + 3 * HUGE as u64;
    assert!(after < bound, "{after} bytes resident, and {bound} are stated");
}
