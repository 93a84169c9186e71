//! `projection check` and `projection health`.

use super::{escape, failure::Failure, output};
use crate::{EventSource, Mode, ProjectorHealth, Runtime};

/// Says that a runtime that was built has no fault: building it is the check of the wiring, and what
/// is left is what it has stored.
pub(super) async fn check<S: EventSource>(runtime: &Runtime<S>) -> Result<(), Failure> {
    // A checkpoint that cannot be read is a fault that building does not meet.
    runtime.status().await.map_err(|error| Failure::error(&error))?;
    if cfg!(panic = "abort") {
        output::tell(
            "note: this program is built with panic = \"abort\": a handler that panics ends the \
             process, not only its projector",
        );
    }
    check_tables(runtime).await?;
    let mut text = String::new();
    let projectors = runtime.projectors();
    for (name, registration) in &projectors {
        text.push_str(&format!(
            "{}: {}{}, {}\n",
            escape::terminal(name),
            escape::terminal(registration.storage),
            mode(registration.options.mode),
            escape::terminal(&registration.location.to_string()),
        ));
    }
    let noun = if projectors.len() == 1 { "projector" } else { "projectors" };
    output::print(&format!("{text}{} {noun}, no fault\n", projectors.len()))
}

/// How a projector is run, where it is not the usual way.
fn mode(mode: Mode) -> String {
    if mode == Mode::Async { String::new() } else { format!(", {}", mode.as_str()) }
}

/// Names every table of rows at which a start would halt.
async fn check_tables<S: EventSource>(runtime: &Runtime<S>) -> Result<(), Failure> {
    let found = runtime.check_tables().await.map_err(|error| Failure::error(&error))?;
    for projector in &found.unseen {
        output::tell(format_args!(
            "note: the tables of projector `{}` are not checked: its storage has no readers",
            escape::terminal(projector)
        ));
    }
    if found.faults.is_empty() {
        return Ok(());
    }
    let line = |fault: &String| escape::terminal(fault).into_owned();
    Err(Failure::Failed(found.faults.iter().map(line).collect()))
}

/// Says whether every projector is well.
pub(super) async fn health<S: EventSource>(runtime: &Runtime<S>) -> Result<(), Failure> {
    let status = runtime.status().await.map_err(|error| Failure::error(&error))?;
    let health = status.health();
    let ill = health.projectors.iter().filter(|one| !one.healthy);
    let ill: Vec<String> = ill.map(complaint).collect();
    for import in &status.imports {
        output::tell(format_args!(
            "note: import of `{}` is not finished: {} of {} lines are stored",
            escape::terminal(&import.file),
            import.lines,
            import.total
        ));
    }
    if !ill.is_empty() {
        return Err(Failure::Failed(ill));
    }
    let unseen = match health.unseen.len() {
        0 => String::new(),
        count => {
            let mut elsewhere = status.projectors.iter().filter(|one| one.elsewhere);
            let live = elsewhere.any(|one| one.mode == Mode::Live);
            let what = if live { "in process or live" } else { "in process" };
            format!("; {count} {what}, seen only by the process that runs them")
        }
    };
    output::print(&format!("healthy: {} judged{unseen}\n", health.projectors.len()))
}

fn complaint(health: &ProjectorHealth) -> String {
    let name = escape::terminal(&health.projector);
    let place = match &health.process {
        Some(process) => format!(" of {}", escape::terminal(process)),
        None => String::new(),
    };
    let ProjectorHealth { state, behind, .. } = health;
    let mut text = format!("projector `{name}`{place} is {state}, {behind} behind");
    let is_so = format!("it is {state}");
    for reason in &health.reasons {
        let reason = escape::terminal(reason);
        match reason.strip_prefix(&is_so) {
            Some(why) => text.push_str(why),
            None => text.push_str(&format!("; {reason}")),
        }
    }
    text
}
