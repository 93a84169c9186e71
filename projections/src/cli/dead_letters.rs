//! `projection dead-letters`.

use serde::Serialize;

use super::{
    command::{self, Choice, DeadLetters},
    escape,
    failure::Failure,
    output,
    pause::code,
    table::{Cell, Table},
};
use crate::{
    Chosen, EventSource, GlobalPosition, Handled, Letter, LetterQuery, RebuildError, RedriveError,
    Runtime,
};

/// Longest error in the table; `show` and `--json` have all of it.
const MAX_ERROR: usize = 200;

/// What `list --json` prints.
#[derive(Serialize)]
struct Listed<'a> {
    letters: Vec<Document<'a>>,
}

/// One letter.
#[derive(Serialize)]
struct Document<'a> {
    projector: &'a str,
    position: u64,
    event: String,
    name: &'a str,
    domain: &'a str,
    stream: &'a str,
    stream_position: u64,
    key: &'a str,
    /// `parked`, or `waiting` behind one that is.
    state: &'static str,
    replay: bool,
    attempts: Option<u32>,
    error: Option<&'a str>,
    first_at: Option<String>,
    last_at: Option<String>,
    /// Left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
}

/// What `redrive --json` and `discard --json` print.
#[derive(Serialize)]
struct Done<'a> {
    projector: &'a str,
    applied: u64,
    discarded: u64,
    left: u64,
    failed: Vec<Document<'a>>,
}

pub(super) async fn dead_letters<S: EventSource>(
    runtime: &Runtime<S>,
    command: &DeadLetters,
) -> Result<(), Failure> {
    match command {
        DeadLetters::List(options) => list(runtime, options).await,
        DeadLetters::Show(options) => show(runtime, options).await,
        DeadLetters::Redrive(options) => redrive(runtime, options).await,
        DeadLetters::Discard(options) => {
            let letters = of(runtime, &options.projector)?.by(options.with_this_code);
            let handled = letters.discard(chosen(&options.choice)).await;
            done(&options.projector, options.json, handled)
        }
    }
}

async fn list<S: EventSource>(
    runtime: &Runtime<S>,
    options: &command::ListLetters,
) -> Result<(), Failure> {
    let names: Vec<String> = match &options.projector {
        Some(name) => vec![name.clone()],
        None => runtime.projectors().into_iter().map(|(name, _)| name).collect(),
    };
    let mut all = Vec::new();
    for name in names {
        let mut query = LetterQuery::first(options.limit.saturating_sub(all.len()));
        if let Some(key) = &options.key {
            query = query.of_key(key);
        }
        let found = of(runtime, &name)?.list(&query).await;
        let found = found.map_err(|error| Failure::error(&error))?;
        all.extend(found.into_iter().map(|letter| (name.clone(), letter)));
    }
    if options.json {
        let letters = all.iter().map(|(name, letter)| document(name, letter)).collect();
        return output::print_json(&Listed { letters });
    }
    if all.is_empty() {
        output::tell("nothing is parked");
        return Ok(());
    }
    output::print(&table(&all))?;
    if all.len() == options.limit {
        output::tell(format_args!("there may be more than these {}: raise --limit", all.len()));
    }
    Ok(())
}

fn table(all: &[(String, Letter)]) -> String {
    let mut table = Table::new([
        Cell::text("PROJECTOR"),
        Cell::number("POSITION"),
        Cell::text("KEY"),
        Cell::text("EVENT"),
        Cell::number("ATTEMPTS"),
        Cell::text("ERROR"),
    ]);
    for (projector, letter) in all {
        let failure = letter.failure.as_ref();
        let error = failure.map_or("waits behind the one before it", |failure| &failure.error);
        table.push([
            Cell::text(escape::terminal(projector)),
            Cell::number(letter.position),
            Cell::text(escape::terminal(&letter.park_key)),
            Cell::text(escape::terminal(&letter.name)),
            Cell::number(failure.map_or_else(String::new, |failure| failure.attempts.to_string())),
            Cell::text(shorten(&escape::terminal(error))),
        ]);
    }
    table.render(false)
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_ERROR) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

async fn show<S: EventSource>(
    runtime: &Runtime<S>,
    options: &command::ShowLetter,
) -> Result<(), Failure> {
    let letters = of(runtime, &options.projector)?;
    let position = GlobalPosition::new(options.position);
    let before = options.position.saturating_sub(1).into();
    let found = letters.list(&LetterQuery::first(1).after(before)).await;
    let letter = found.map_err(|error| Failure::error(&error))?.pop();
    let Some(letter) = letter.filter(|letter| letter.position == position) else {
        return Err(Failure::failed(format!(
            "projector `{}` has not parked the event at position {position}",
            options.projector
        )));
    };
    let event = letters.event(&letter).await.map_err(|error| Failure::error(&error))?;
    let payload = event.map(|event| String::from_utf8_lossy(event.payload()).into_owned());
    let mut document = document(&options.projector, &letter);
    if options.json {
        document.payload = payload;
        return output::print_json(&document);
    }
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("{name:<16} {}\n", escape::terminal(value)));
    };
    line("projector", document.projector);
    line("state", document.state);
    line("position", &document.position.to_string());
    line("event", &document.event);
    line("name", document.name);
    line("domain", document.domain);
    line("stream", document.stream);
    line("stream position", &document.stream_position.to_string());
    line("key", document.key);
    if let Some(failure) = &letter.failure {
        line("attempts", &failure.attempts.to_string());
        line("first failed", &failure.first_at.to_string());
        line("last failed", &failure.last_at.to_string());
        line("error", &failure.error);
    }
    line("payload", payload.as_deref().unwrap_or("the log no longer holds the event"));
    output::print(&text)
}

async fn redrive<S: EventSource>(
    runtime: &Runtime<S>,
    options: &command::Redrive,
) -> Result<(), Failure> {
    let letters = of(runtime, &options.projector)?;
    if !options.rebuild {
        let letters = letters.by(options.with_this_code);
        let handled = letters.redrive(chosen(&options.choice)).await;
        return done(&options.projector, options.json, handled);
    }
    if options.choice.event.is_some() || options.choice.key.is_some() {
        let reason = "`--rebuild` applies all events again: say it with `--all`";
        return Err(Failure::usage(reason));
    }
    let before = letters.counts().await.map_err(|error| Failure::error(&error))?;
    match letters.rebuild_by(code(options.with_this_code)).await {
        Ok(()) => {}
        Err(RebuildError::Unknown(error)) => return Err(Failure::usage(error.to_string())),
        Err(error) => return Err(Failure::error(&error)),
    }
    let after = letters.counts().await.map_err(|error| Failure::error(&error))?;
    let failed = letters.list(&LetterQuery::first(usize::MAX)).await;
    let mut failed = failed.map_err(|error| Failure::error(&error))?;
    failed.retain(|letter| letter.failure.is_some());
    let applied = before.letters.saturating_sub(after.letters);
    report(
        &options.projector,
        options.json,
        &Handled { applied, failed, left: after.letters, ..Handled::default() },
    )
}

fn of<S: EventSource>(
    runtime: &Runtime<S>,
    projector: &str,
) -> Result<crate::DeadLetters<S>, Failure> {
    runtime.dead_letters(projector).map_err(|error| Failure::usage(error.to_string()))
}

fn chosen(choice: &Choice) -> Chosen {
    match (choice.event, &choice.key) {
        (Some(position), _) => Chosen::Event(position.into()),
        (None, Some(key)) => Chosen::Key(key.clone()),
        (None, None) => Chosen::All,
    }
}

fn done(
    projector: &str,
    json: bool,
    handled: Result<Handled, RedriveError>,
) -> Result<(), Failure> {
    match handled {
        Ok(handled) => report(projector, json, &handled),
        Err(error) => Err(Failure::error(&error)),
    }
}

/// Tells what was done. What failed again is no success.
fn report(projector: &str, json: bool, handled: &Handled) -> Result<(), Failure> {
    let Handled { applied, discarded, failed, left, .. } = handled;
    if json {
        output::print_json(&Done {
            projector,
            applied: *applied,
            discarded: *discarded,
            left: *left,
            failed: failed.iter().map(|letter| document(projector, letter)).collect(),
        })?;
    }
    output::tell(format_args!(
        "{applied} applied, {discarded} discarded; {left} are parked or wait"
    ));
    if failed.is_empty() {
        return Ok(());
    }
    let told = failed.iter().map(|letter| {
        let error = letter.failure.as_ref().map_or("", |failure| &failure.error);
        let text = format!("the event at position {} failed again: {error}", letter.position);
        escape::terminal(&text).into_owned()
    });
    Err(Failure::Failed(told.collect()))
}

fn document<'a>(projector: &'a str, letter: &'a Letter) -> Document<'a> {
    let failure = letter.failure.as_ref();
    Document {
        projector,
        position: letter.position.get(),
        event: letter.event.to_string(),
        name: &letter.name,
        domain: &letter.domain,
        stream: &letter.stream,
        stream_position: letter.stream_position.get(),
        key: &letter.park_key,
        state: if failure.is_some() { "parked" } else { "waiting" },
        replay: letter.replay,
        attempts: failure.map(|failure| failure.attempts),
        error: failure.map(|failure| &*failure.error),
        first_at: failure.map(|failure| failure.first_at.to_string()),
        last_at: failure.map(|failure| failure.last_at.to_string()),
        payload: None,
    }
}
