//! `events import`: check every line, then store chunk by chunk.
//!
//! A broken line stores nothing, because the first pass writes nothing. An interruption leaves a
//! prefix, because chunks are stored in order, each in one transaction. Repeating the command
//! completes it, because an event's id is a hash over its line and all before it.

use std::io;

use indicatif::ProgressBar;
use tokio::sync::mpsc;

use super::{
    given::GivenIds,
    input::Input,
    line::{Chain, Line},
    reader::{Fault, Lines},
};
use crate::{
    AppendError, EventId, EventStore, ImportChunk, ImportProgress, NewEvent,
    cli::{command::Import, escape, failure::Failure, output, progress},
    error::chain,
    shutdown_signal,
};

/// Most lines in a chunk.
const CHUNK_LINES: usize = 10_000;

/// A chunk ends at the line that reaches this, so that memory is bounded whatever the lines hold.
const CHUNK_BYTES: usize = 8 << 20;

/// Faults that are listed before the check gives up.
const MAX_FAULTS: usize = 10;

/// A file that was checked and may be stored.
#[derive(Debug)]
pub(in crate::cli) struct Prepared {
    input: Input,
    checked: Checked,
}

impl Prepared {
    /// Tells whether there is nothing to store.
    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.checked.first.is_none()
    }
}

/// What the first pass found.
#[derive(Clone, Debug)]
struct Checked {
    lines: u64,
    /// The id of the first line's event; it names the import.
    first: Option<EventId>,
    chain: Chain,
}

/// Events on their way from the file to the store.
#[derive(Debug)]
struct Chunk {
    events: Vec<(String, NewEvent)>,
    /// Lines of the file up to the chunk's end.
    lines: u64,
}

/// Opens the file and checks every line, before any store is opened.
///
/// The order matters beyond "nothing is stored": should someone name the database itself, then
/// this process may not have it open through SQLite yet, whose locks end with any other handle.
pub(in crate::cli) async fn prepare(options: &Import) -> Result<Prepared, Failure> {
    let path = options.file.clone();
    let checking = tokio::task::spawn_blocking(move || {
        let input = Input::open(&path)?;
        let bar = progress::bytes("checking", input.bytes);
        let checked = input
            .lines(&bar)
            .map_err(|error| unreadable(&input, &error))
            .and_then(|lines| check(lines).map_err(|faults| refuse(&input, &faults)));
        bar.finish_and_clear();
        let prepared = Prepared { checked: checked?, input };
        if prepared.is_empty() {
            let name = shown(&prepared.input.name);
            output::tell(format_args!("`{name}` is empty; nothing to import"));
        }
        Ok(prepared)
    });
    checking.await.map_err(|error| Failure::error(&error))?
}

/// Stores what was checked.
pub(in crate::cli) async fn import<S: EventStore>(
    events: &S,
    prepared: Prepared,
) -> Result<(), Failure> {
    let Prepared { input, checked } = prepared;
    let Some(first) = checked.first else { return Ok(()) };
    let (name, total) = (input.name.clone(), checked.lines);
    let place = ImportProgress { import: first, file: name.clone(), lines: 0, total };
    let bar = progress::events("importing", total);
    let (sender, receiver) = mpsc::channel(1);
    let reading = tokio::task::spawn_blocking(move || read_again(&input, &checked, &sender));
    let stored = store(events, receiver, place, &bar).await;
    bar.finish_and_clear();
    let (stored, known) = stored?;
    reading.await.map_err(|error| Failure::error(&error))??;

    let head = events.head().await.map_err(|error| Failure::error(&error))?;
    let head = head.map_or(0, |head| head.position.get());
    let name = shown(&name);
    output::tell(format_args!(
        "imported `{name}`: {total} lines, {stored} stored, {known} already there; head {head}"
    ));
    Ok(())
}

/// The first pass: reads every line.
fn check(mut lines: Lines<impl io::BufRead>) -> Result<Checked, Vec<Fault>> {
    let mut checked = Checked { lines: 0, first: None, chain: Chain::new() };
    let mut given = GivenIds::new();
    let mut faults = Vec::new();
    while faults.len() < MAX_FAULTS {
        let (number, bytes) = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(fault) => {
                faults.push(fault);
                break;
            }
        };
        if let Err(reason) = checked.add(number, bytes, &mut given) {
            faults.push(Fault { line: number, reason });
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let fault = |line, reason| vec![Fault { line, reason }];
    match given.repeated() {
        Ok(None) => Ok(checked),
        Ok(Some((first, line))) => {
            Err(fault(line, format!("`id` is that of line {first}; remove one of the two lines")))
        }
        Err(error) => Err(fault(checked.lines, not_kept(&error))),
    }
}

impl Checked {
    fn add(&mut self, number: u64, bytes: &[u8], given: &mut GivenIds) -> Result<(), String> {
        let line = Line::parse(bytes)?;
        if let Some(id) = line.given_id() {
            given.push(id, number).map_err(|error| not_kept(&error))?;
        }
        self.chain.push(bytes);
        self.lines = number;
        self.first.get_or_insert_with(|| line.event_id(&self.chain));
        Ok(())
    }
}

fn not_kept(error: &io::Error) -> String {
    let folder = std::env::temp_dir();
    format!(
        "the ids so far cannot be kept in the temporary folder `{}`: {error}; TMPDIR names another",
        folder.display()
    )
}

/// The second pass: hands the checked lines on, chunk by chunk.
fn read_again(
    input: &Input,
    checked: &Checked,
    sender: &mpsc::Sender<Chunk>,
) -> Result<(), Failure> {
    let lines = input.lines(&ProgressBar::hidden()).map_err(|error| unreadable(input, &error))?;
    let mut chain = Chain::new();
    // The receiver goes away only after a failure, which it reports itself.
    let same =
        chunks(lines, checked.lines, &mut chain, |chunk| sender.blocking_send(chunk).is_ok());
    match same {
        Ok(false) => Ok(()),
        Ok(true) if chain == checked.chain => Ok(()),
        Ok(true) | Err(_) => Err(Failure::failed(format!(
            "`{}` changed while it was imported; import it again once it is complete",
            input.name
        ))),
    }
}

/// Cuts the first `total` lines into chunks; tells whether `send` took them all.
fn chunks(
    mut lines: Lines<impl io::BufRead>,
    total: u64,
    chain: &mut Chain,
    mut send: impl FnMut(Chunk) -> bool,
) -> Result<bool, String> {
    let mut number = 0;
    while number < total {
        let mut chunk = Chunk { events: Vec::new(), lines: number };
        let mut bytes = 0;
        while chunk.lines < total && chunk.events.len() < CHUNK_LINES && bytes < CHUNK_BYTES {
            let (_, line) = lines
                .next()
                .map_err(|fault| fault.reason)?
                .ok_or_else(|| "the file has become shorter".to_owned())?;
            chain.push(line);
            chunk.events.push(Line::parse(line)?.into_event(chain));
            chunk.lines += 1;
            bytes += line.len();
        }
        number = chunk.lines;
        if !send(chunk) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Stores the chunks; returns how many events were stored, and were there before.
async fn store<S: EventStore>(
    events: &S,
    mut chunks: mpsc::Receiver<Chunk>,
    place: ImportProgress,
    bar: &ProgressBar,
) -> Result<(u64, u64), Failure> {
    let (mut stored, mut known) = (0, 0);
    let mut before = 0;
    let interrupted = shutdown_signal();
    tokio::pin!(interrupted);
    // A chunk that is under way is finished: its outcome is then known.
    while let Some(chunk) = tokio::select! {
        biased;
        () = &mut interrupted => return Err(interruption(&place, before)),
        chunk = chunks.recv() => chunk,
    } {
        let ids: Vec<EventId> = chunk.events.iter().map(|(_, event)| event.id).collect();
        let place = ImportProgress { lines: chunk.lines, ..place.clone() };
        let receipt = events
            .import(ImportChunk::new(chunk.events, place.clone()))
            .await
            .map_err(|error| stopped(&place, before, &ids, &error))?;
        stored += receipt.stored;
        known += receipt.known;
        before = chunk.lines;
        bar.set_position(before);
    }
    Ok((stored, known))
}

fn interruption(place: &ImportProgress, before: u64) -> Failure {
    Failure::failed(format!(
        "`{}`: interrupted after {before} of {} lines; the same command continues there",
        place.file, place.total
    ))
}

fn stopped(place: &ImportProgress, before: u64, ids: &[EventId], error: &AppendError) -> Failure {
    let line = match error {
        AppendError::IdReused { id } | AppendError::Projector { event: id, .. } => {
            ids.iter().position(|other| other == id)
        }
        _ => None,
    };
    let (total, file) = (place.total, &place.file);
    // Which ids to repeat is not the caller's business here: the file makes them again.
    let reason = match error {
        AppendError::Unknown { source, .. } => chain(source),
        other => chain(other),
    };
    let correct = match error {
        AppendError::Projector { .. } => "the line, or the projector,",
        _ => "the id",
    };
    Failure::failed(match line {
        Some(index) => format!(
            "`{file}`, line {}: {reason}; the {before} lines of earlier chunks are stored; \
             correct {correct} and import the file again",
            before + index as u64 + 1
        ),
        None => format!(
            "`{file}`: stopped after {before} of {total} lines: {reason}; \
             the same command continues there"
        ),
    })
}

fn unreadable(input: &Input, error: &io::Error) -> Failure {
    Failure::failed(format!("cannot read `{}`: {error}", input.name))
}

fn refuse(input: &Input, faults: &[Fault]) -> Failure {
    let mut reasons: Vec<String> = faults
        .iter()
        .map(|fault| {
            let text = format!("`{}`, line {}: {}", input.name, fault.line, fault.reason);
            escape::terminal(&text).into_owned()
        })
        .collect();
    let more = if faults.len() == MAX_FAULTS { "there may be more; " } else { "" };
    reasons.push(format!("{more}nothing was stored; correct the file and import it again"));
    Failure::Failed(reasons)
}

fn shown(name: &str) -> std::borrow::Cow<'_, str> {
    escape::terminal(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn line(number: usize) -> String {
        format!(
            "{{\"stream\":\"s\",\"domain\":\"d\",\"type\":\"T\",\
             \"time\":\"2019-07-01T00:00:00Z\",\"data\":{number}}}\n"
        )
    }

    fn cut(text: &str, total: u64) -> Result<Vec<(usize, u64)>, String> {
        let mut sizes = Vec::new();
        chunks(Lines::new(text.as_bytes()), total, &mut Chain::new(), |chunk| {
            sizes.push((chunk.events.len(), chunk.lines));
            true
        })?;
        Ok(sizes)
    }

    #[test]
    fn every_fault_is_listed_up_to_ten() {
        let text = format!("{}x\n{}y\n", line(1), line(2));
        let faults = check(Lines::new(text.as_bytes())).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 4]);
        let faults = check(Lines::new("x\n".repeat(50).as_bytes())).unwrap_err();
        assert_eq!(faults.len(), MAX_FAULTS);
    }

    #[test]
    fn an_id_that_is_given_twice_is_a_fault_of_the_later_line() {
        let id = EventId::from_u128(7);
        let given = line(1).replace("}\n", &format!(",\"id\":\"{id}\"}}\n"));
        let text = format!("{given}{}{given}", line(2));
        let faults = check(Lines::new(text.as_bytes())).unwrap_err();
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].line, 3);
        assert!(faults[0].reason.starts_with("`id` is that of line 1"));
    }

    #[test]
    fn chunks_have_ten_thousand_lines() {
        let text: String = (0..25_000).map(line).collect();
        assert_eq!(
            cut(&text, 25_000).unwrap(),
            [(10_000, 10_000), (10_000, 20_000), (5_000, 25_000)]
        );
    }

    #[test]
    fn chunks_of_long_lines_are_shorter() {
        let long = line(1).replace(":1}", &format!(":\"{}\"}}", "x".repeat(1_000_000)));
        assert_eq!(cut(&long.repeat(20), 20).unwrap(), [(9, 9), (9, 18), (2, 20)]);
    }

    #[test]
    fn lines_that_came_after_the_check_are_left_for_later() {
        let text: String = (0..5).map(line).collect();
        assert_eq!(cut(&text, 3).unwrap(), [(3, 3)]);
        assert!(cut(&text, 6).is_err());
    }
}
