//! Progress bars on standard error, which show only on a terminal, and halts and waits told as they
//! happen.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    fmt,
    time::Duration,
};

use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};
use tokio::time::Instant;

use super::{escape, output};
use crate::{EventSource, ProjectorStatus, Runtime, State, error::chain};

/// How often a [`Watch`] looks.
const INTERVAL: Duration = Duration::from_millis(250);

const EVENTS: &str = "{msg} [{wide_bar}] {human_pos}/{human_len}  {rate}  {eta} left";
const BYTES: &str = "{msg} [{wide_bar}] {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
const MESSAGE: &str = "{msg}";

/// Counts events, with rate and time left.
pub(super) fn events(message: &'static str, total: u64) -> ProgressBar {
    ProgressBar::new(total).with_style(style(EVENTS)).with_message(message)
}

/// Counts bytes, with rate and time left.
pub(super) fn bytes(message: &'static str, total: u64) -> ProgressBar {
    ProgressBar::new(total).with_style(style(BYTES)).with_message(message)
}

fn style(template: &str) -> ProgressStyle {
    // The templates above are well-formed; the default style would only look different.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            // The bar writes to a `String`, which does not fail.
            let _ = write!(out, "{}/s", HumanCount(state.per_sec() as u64));
        })
        .progress_chars("=> ")
}

/// Follows projectors while they work: how far they are, and which halt.
#[derive(Debug)]
pub(super) struct Watch<'a, S: EventSource> {
    runtime: &'a Runtime<S>,
    /// Only this projector, if it is said.
    only: Option<&'a str>,
    bar: ProgressBar,
    /// What each projector had scanned at the first look; the rate counts from there.
    first: HashMap<String, u64>,
    behind: bool,
    halted: BTreeSet<String>,
    /// Work that ends with a halt tells it then.
    tells_halts: bool,
    /// What each projector that waits had scanned when that was told.
    waiting: HashMap<String, u64>,
    /// Whether it was told that nothing can be seen.
    blind: bool,
}

impl<'a, S: EventSource> Watch<'a, S> {
    pub(super) fn new(runtime: &'a Runtime<S>, only: Option<&'a str>) -> Self {
        let bar = events("starting", 0).with_style(style(MESSAGE));
        Self {
            runtime,
            only,
            bar,
            first: HashMap::new(),
            behind: false,
            halted: BTreeSet::new(),
            tells_halts: false,
            waiting: HashMap::new(),
            blind: false,
        }
    }

    /// Tells halts as they happen.
    pub(super) fn telling_halts(mut self) -> Self {
        self.tells_halts = true;
        self
    }

    /// Shows progress until the work is done.
    pub(super) async fn during<T>(mut self, work: impl Future<Output = T>) -> T {
        let done = tokio::select! {
            done = work => done,
            never = self.keep_looking() => match never {},
        };
        self.bar.finish_and_clear();
        done
    }

    /// Runs beside the work and not in turns with it: a look may need the work to go on.
    async fn keep_looking(&mut self) -> Infallible {
        // The first look waits, too: until the runners have begun, what is to be seen is how an
        // earlier process ended.
        let mut ticks = tokio::time::interval_at(Instant::now() + INTERVAL, INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.runtime.status().await {
                Ok(status) => {
                    let mut projectors = status.projectors;
                    projectors.retain(|one| self.only.is_none_or(|name| one.projector == name));
                    self.blind = false;
                    self.tell_halts();
                    self.tell_waits(&projectors);
                    self.show(&projectors);
                }
                // The work ends with it, or waits, which must not look like peace.
                Err(error) if !self.blind => {
                    self.blind = true;
                    let error = chain(&error);
                    self.bar.suspend(|| output::tell(escape::terminal(&error)));
                }
                Err(_) => {}
            }
        }
    }

    fn tell_waits(&mut self, projectors: &[ProjectorStatus]) {
        for one in projectors {
            let name = escape::terminal(&one.projector);
            let scanned = one.scanned.get();
            match (one.state, self.waiting.get(&one.projector)) {
                (State::Retrying, None) => {
                    let error = one.last_error.as_deref().unwrap_or("no reason is known");
                    let error = escape::terminal(error);
                    self.bar.suspend(|| {
                        output::tell(format_args!("projector `{name}` waits and retries: {error}"));
                    });
                    self.waiting.insert(one.projector.clone(), scanned);
                }
                // Between two attempts of which none came further it still waits.
                (state, Some(then)) if state == State::CaughtUp || scanned > *then => {
                    self.bar.suspend(|| output::tell(format_args!("projector `{name}` goes on")));
                    self.waiting.remove(&one.projector);
                }
                _ => {}
            }
        }
    }

    /// Tells what halted here. Of a projector that another process has taken over the status shows
    /// what that one does.
    fn tell_halts(&mut self) {
        for halted in self.runtime.halted() {
            if self.tells_halts && self.halted.insert(halted.projector.clone()) {
                let halted = halted.to_string();
                self.bar.suspend(|| output::tell(escape::terminal(&halted)));
            }
        }
    }

    fn show(&mut self, projectors: &[ProjectorStatus]) {
        let working: Vec<_> = projectors.iter().filter(|one| !is_halted(one.state)).collect();
        let behind: Vec<_> = working.iter().filter(|one| one.behind > 0).collect();
        let (mut done, mut total) = (0, 0);
        for one in &working {
            let scanned = one.scanned.get();
            let first = self.first.entry(one.projector.clone()).or_insert(scanned);
            // A rebuild begins below where the first look found the projector.
            *first = scanned.min(*first);
            done += scanned - *first;
            total += one.head.get().max(scanned) - *first;
        }
        // The numbers come first: what follows may draw the bar with them.
        self.bar.set_length(total);
        self.bar.set_position(done);
        if self.behind == behind.is_empty() {
            self.behind = !behind.is_empty();
            self.bar.set_style(style(if self.behind { EVENTS } else { MESSAGE }));
            self.bar.reset_eta();
        }
        self.bar.set_message(match behind.as_slice() {
            [] => format!("{} projectors caught up", working.len()),
            [one] => format!("{} catches up", escape::terminal(&one.projector)),
            more => format!("{} projectors catch up", more.len()),
        });
    }
}

/// Tells whether a projector has stopped because it cannot go on.
fn is_halted(state: State) -> bool {
    matches!(state, State::Halted | State::Diverged | State::StaleCode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_well_formed() {
        for template in [EVENTS, BYTES, MESSAGE] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
