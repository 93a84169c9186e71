//! `projection status`.

use std::time::Duration;

use serde::Serialize;

use super::{
    command, escape,
    failure::Failure,
    output,
    table::{Cell, Table, Tone},
};
use crate::{
    EventSource, GlobalPosition, ImportProgress, Mode, Parking, Passed, ProjectorStatus, RowMemory,
    Runtime, State, Status,
};

/// How often `--watch` looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Longest error in the table, which is its last column; `--json` has all of it.
const MAX_ERROR: usize = 500;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Document<'a> {
    projectors: Vec<Projector<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    imports: Vec<Import<'a>>,
}

#[derive(Debug, Serialize)]
struct Projector<'a> {
    projector: &'a str,
    domains: &'a [String],
    state: String,
    changed: bool,
    position: u64,
    scanned: u64,
    head: u64,
    behind: u64,
    age_seconds: Option<f64>,
    last_error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parked: Option<Parked>,
    /// Left out where it is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Rows>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<Snapshot<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Owned<'a>>,
}

/// Who runs a projector.
#[derive(Debug, Serialize)]
struct Owned<'a> {
    process: &'a str,
    id: String,
}

/// What a projector lacks. Left out where it lacks nothing.
#[derive(Debug, Serialize)]
struct Parked {
    keys: u64,
    letters: u64,
    skipped: u64,
    discarded: u64,
    erased: u64,
}

/// The snapshots of a projector, as this process knows them.
#[derive(Debug, Serialize)]
struct Snapshot<'a> {
    position: Option<u64>,
    fault: Option<&'a str>,
}

/// What rows take in memory, in the process that runs the projector.
#[derive(Debug, Serialize)]
struct Rows {
    in_memory: usize,
    bytes: usize,
    bound: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Import<'a> {
    file: &'a str,
    lines: u64,
    total: u64,
}

/// Shows the status once, or every second until Ctrl-C.
pub(super) async fn status<S: EventSource>(
    runtime: &Runtime<S>,
    options: &command::Status,
) -> Result<(), Failure> {
    if !options.watch {
        return show(&look(runtime, options).await?, options);
    }
    tokio::select! {
        watched = watch(runtime, options) => watched,
        () = crate::shutdown_signal() => Ok(()),
    }
}

async fn watch<S: EventSource>(
    runtime: &Runtime<S>,
    options: &command::Status,
) -> Result<(), Failure> {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        let status = look(runtime, options).await?;
        if !options.json && output::is_terminal() {
            output::print("\u{1b}[H\u{1b}[2J")?; // home, and clear
        }
        show(&status, options)?;
    }
}

async fn look<S: EventSource>(
    runtime: &Runtime<S>,
    options: &command::Status,
) -> Result<Status, Failure> {
    let status = if options.exact { runtime.status_exact().await } else { runtime.status().await };
    status.map_err(|error| Failure::error(&error))
}

fn show(status: &Status, options: &command::Status) -> Result<(), Failure> {
    if options.json {
        output::print_json(&document(status))
    } else {
        output::print(&people(status, output::takes_colours()))
    }
}

fn document(status: &Status) -> Document<'_> {
    Document {
        projectors: status.projectors.iter().map(projector).collect(),
        imports: status
            .imports
            .iter()
            .map(|ImportProgress { file, lines, total, .. }| Import {
                file,
                lines: *lines,
                total: *total,
            })
            .collect(),
    }
}

fn projector(status: &ProjectorStatus) -> Projector<'_> {
    Projector {
        projector: &status.projector,
        domains: &status.domains,
        state: status.state.to_string(),
        changed: status.changed,
        position: status.position.get(),
        scanned: status.scanned.get(),
        head: status.head.get(),
        behind: status.behind,
        // Milliseconds are as much as two processes' clocks and a reader can agree on.
        age_seconds: status.age.map(|age| age.as_millis() as f64 / 1_000.0),
        last_error: status.last_error.as_deref(),
        parked: parked(status.parking),
        mode: (status.mode != Mode::default()).then(|| status.mode.as_str()),
        rows: status.rows.map(|RowMemory { rows, bytes, bound, .. }| Rows {
            in_memory: rows,
            bytes,
            bound,
        }),
        snapshot: status.snapshot.as_ref().map(|snapshot| Snapshot {
            position: snapshot.position.map(GlobalPosition::get),
            fault: snapshot.fault.as_deref(),
        }),
        owner: status
            .owner
            .as_ref()
            .map(|owner| Owned { process: &owner.process, id: owner.id.to_string() }),
    }
}

fn parked(parking: Parking) -> Option<Parked> {
    let Parking { keys, letters, passed } = parking;
    let Passed { skipped, discarded, erased } = passed;
    (parking != Parking::default()).then_some(Parked { keys, letters, skipped, discarded, erased })
}

fn people(status: &Status, colours: bool) -> String {
    let mut table = Table::new([
        Cell::text("PROJECTOR"),
        Cell::text("DOMAINS"),
        Cell::number("POSITION"),
        Cell::number("HEAD"),
        Cell::number("BEHIND"),
        Cell::number("AGE"),
        Cell::text("STATE"),
        Cell::text("LAST ERROR"),
    ]);
    for one in &status.projectors {
        table.push(row(one));
    }
    let mut text = table.render(colours);
    for one in status.projectors.iter().filter(|one| one.parking.letters > 0) {
        let Parking { keys, letters, .. } = one.parking;
        text.push_str(&format!(
            "\nprojector `{}` lacks {letters} events of {keys} parked keys: see `projection \
             dead-letters list`\n",
            escape::terminal(&one.projector)
        ));
    }
    for ImportProgress { file, lines, total, .. } in &status.imports {
        text.push_str(&format!(
            "\nimport of `{}` is not finished: {lines} of {total} lines are stored; \
             the same command completes it\n",
            escape::terminal(file)
        ));
    }
    text
}

fn row(status: &ProjectorStatus) -> [Cell; 8] {
    let state = match status.state {
        // Its own process alone knows.
        _ if status.elsewhere && status.mode == Mode::Live => "live".to_owned(),
        _ if status.elsewhere => "in process".to_owned(),
        state if status.mode == Mode::Live => format!("{state} (live{})", place(status, ", ")),
        state if status.per_process => match &*place(status, "") {
            "" => state.to_string(),
            place => format!("{state} ({place})"),
        },
        state if status.changed => format!("{state} (changed)"),
        state => state.to_string(),
    };
    let domains = match status.domains.as_slice() {
        [] => "any".to_owned(), // a catch-all names none
        domains => domains.join(", "),
    };
    let number = |number: String| match status.elsewhere {
        true => Cell::number("-"),
        false => Cell::number(number),
    };
    let error = status.last_error.as_deref().unwrap_or_default();
    [
        Cell::text(escape::terminal(&status.projector)),
        Cell::text(escape::terminal(&domains)),
        number(status.position.to_string()),
        Cell::number(status.head),
        number(status.behind.to_string()),
        number(status.age.map(age).unwrap_or_default()),
        Cell::text(state).toned(if status.elsewhere { Tone::Plain } else { tone(status.state) }),
        Cell::text(shorten(&escape::terminal(error))),
    ]
}

/// Which process it is that runs what every process runs by itself.
fn place(status: &ProjectorStatus, before: &str) -> String {
    let owner = status.owner.as_ref().filter(|_| status.per_process);
    owner.map_or_else(String::new, |owner| format!("{before}{}", escape::terminal(&owner.process)))
}

fn tone(state: State) -> Tone {
    match state {
        State::CaughtUp => Tone::Good,
        State::CatchingUp | State::Rebuilding | State::Retrying => Tone::Waiting,
        State::Stopped => Tone::Plain,
        _ => Tone::Bad,
    }
}

/// Writes an age in its two largest units.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_ERROR) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::EventId;

    fn example() -> Status {
        let one = ProjectorStatus {
            projector: "totals".to_owned(),
            domains: vec!["hand".to_owned(), "player".to_owned()],
            mode: Mode::Async,
            state: State::CatchingUp,
            changed: false,
            owner: None,
            position: 3.into(),
            scanned: 4.into(),
            head: 9.into(),
            behind: 5,
            age: Some(Duration::from_millis(12_500)),
            last_error: Some("stream `\u{1b}]0;x` is broken".to_owned()),
            parking: Parking::default(),
            rows: None,
            snapshot: None,
            per_process: false,
            elsewhere: false,
        };
        Status { projectors: vec![one], imports: vec![] }
    }

    #[test]
    fn the_document_has_the_promised_keys_in_order() {
        assert_eq!(
            serde_json::to_string(&document(&example())).unwrap(),
            r#"{"projectors":[{"projector":"totals","domains":["hand","player"],"state":"catching up","changed":false,"position":3,"scanned":4,"head":9,"behind":5,"age_seconds":12.5,"last_error":"stream `\u001b]0;x` is broken"}]}"#
        );
    }

    #[test]
    fn unfinished_imports_appear_only_where_there_are_any() {
        let mut status = example();
        status.projectors.clear();
        status.imports = vec![ImportProgress {
            import: EventId::from_u128(1),
            file: "a\u{1b}.ndjson".to_owned(),
            lines: 10_000,
            total: 25_000,
        }];
        assert_eq!(
            serde_json::to_string(&document(&status)).unwrap(),
            r#"{"projectors":[],"imports":[{"file":"a\u001b.ndjson","lines":10000,"total":25000}]}"#
        );
        assert!(
            people(&status, false).contains("`a\\u{1b}.ndjson` is not finished: 10000 of 25000")
        );
    }

    #[test]
    fn people_see_a_table_without_control_characters() {
        let text = people(&example(), false);
        assert_eq!(
            text,
            "PROJECTOR  DOMAINS       POSITION  HEAD  BEHIND  AGE  STATE        LAST ERROR\n\
             totals     hand, player         3     9       5  12s  catching up  \
             stream `\\u{1b}]0;x` is broken\n"
        );
        assert!(people(&example(), true).contains("\u{1b}[33mcatching up\u{1b}[0m"));
    }

    #[test]
    fn a_live_projector_is_shown_as_such() {
        let mut status = example();
        let one = &mut status.projectors[0];
        (one.mode, one.last_error) = (Mode::Live, None);
        assert!(people(&status, false).contains("catching up (live)"));
        assert!(
            serde_json::to_string(&document(&status))
                .unwrap()
                .ends_with(r#""last_error":null,"mode":"live"}]}"#)
        );
        status.projectors[0].elsewhere = true;
        let text = people(&status, false);
        assert!(text.contains("12s  live") || text.contains("-  live"), "{text}");
    }

    #[test]
    fn ages_are_short() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (61, "1m 1s"), (7_200, "2h 0m"), (90_000, "1d 1h")]
        {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }
}
