//! `retry(..)`: how often an event that failed is tried again, and when.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use super::duration;
use crate::{
    attr::{Entry, Keys, Value, shown},
    errors::Errors,
};

const KEYS: Keys = Keys {
    attribute: "`retry`",
    available: &["none", "max", "initial", "factor", "cap", "jitter"],
    aliases: &[("backoff", "factor"), ("multiplier", "factor"), ("delay", "initial")],
    types: &[],
    repeatable: &[],
    first: None,
};
const EXAMPLE: &str = "retry(max = 5)";

/// What a retry's first wait and longest wait are where `retry(..)` does not say it.
const DEFAULT_INITIAL: (&str, Duration) = ("200ms", Duration::from_millis(200));
const DEFAULT_CAP: (&str, Duration) = ("30s", Duration::from_secs(30));

/// What `retry(..)` says.
#[derive(Clone, Copy)]
pub(crate) enum Retry {
    None,
    Set(Settings),
}

/// The settings that were written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Settings {
    max: Option<u32>,
    initial: Option<Duration>,
    factor: Option<f64>,
    cap: Option<Duration>,
    jitter: Option<f64>,
}

impl Retry {
    /// Reads `retry(..)`; there is none after a fault.
    pub(crate) fn read(entry: &Entry, errors: &mut Errors) -> Option<Self> {
        let tokens = entry.list(EXAMPLE, errors)?;
        if tokens.is_empty() {
            let help = format!("`retry` sets nothing\nhelp: write `{EXAMPLE}` or `retry(none)`");
            errors.at(entry.key.span(), help);
            return None;
        }
        let before = errors.count();
        let settings = KEYS.read_list(tokens, errors);
        let retry = read_settings(&settings, errors);
        (errors.count() == before).then_some(retry)
    }

    /// The policy, as generated code makes it.
    pub(crate) fn tokens(&self, public: &TokenStream) -> TokenStream {
        let policy = quote_spanned!(Span::mixed_site()=> #public::RetryPolicy);
        let Self::Set(Settings { max, initial, factor, cap, jitter }) = self else {
            return quote_spanned!(Span::mixed_site()=> #policy::NONE);
        };
        let max = max.map(|max| quote_spanned!(Span::mixed_site()=> .max(#max)));
        let initial = initial.map(duration::tokens);
        let initial = initial.map(|time| quote_spanned!(Span::mixed_site()=> .initial(#time)));
        let factor = factor.map(|factor| quote_spanned!(Span::mixed_site()=> .factor(#factor)));
        let cap = cap.map(duration::tokens);
        let cap = cap.map(|time| quote_spanned!(Span::mixed_site()=> .cap(#time)));
        let jitter = jitter.map(|jitter| quote_spanned!(Span::mixed_site()=> .jitter(#jitter)));
        quote_spanned!(Span::mixed_site()=> #policy::DEFAULT #max #initial #factor #cap #jitter)
    }

    /// The policy in documentation, with what it does not say.
    pub(crate) fn text(&self) -> String {
        let Self::Set(Settings { max, initial, factor, cap, jitter }) = self else {
            return "none".to_owned();
        };
        let (max, factor, jitter) =
            (max.unwrap_or(3), factor.unwrap_or(2.0), jitter.unwrap_or(0.1));
        let first = duration::text(initial.unwrap_or(DEFAULT_INITIAL.1));
        let longest = duration::text(cap.unwrap_or(DEFAULT_CAP.1));
        match max {
            1 => format!("once, after {first}, jitter {jitter}"),
            _ => format!(
                "{max} times, after {first}, each wait {factor} times the last, at most {longest}, jitter {jitter}"
            ),
        }
    }
}

/// Reads what is inside `retry(..)`.
fn read_settings(written: &[Entry], errors: &mut Errors) -> Retry {
    let mut settings = Settings::default();
    let mut waits = Waits::default();
    for setting in written {
        match setting.name().as_str() {
            "none" => _ = setting.flag(errors),
            "max" => settings.max = read_max(setting, errors),
            "initial" => {
                settings.initial = duration::read(setting, errors);
                waits.initial = settings.initial.map(|time| (setting, time));
            }
            "cap" => {
                settings.cap = duration::read(setting, errors);
                waits.cap = settings.cap.map(|time| (setting, time));
            }
            "factor" => settings.factor = read_factor(setting, errors),
            _ => settings.jitter = read_jitter(setting, errors), // the last of the keys
        }
    }
    waits.check(errors);
    let Some(none) = written.iter().position(|setting| setting.name() == "none") else {
        return Retry::Set(settings);
    };
    for (index, setting) in written.iter().enumerate().filter(|(index, _)| *index != none) {
        let (later, name) = (written.get(index.max(none)), setting.name());
        let place = later.map_or(setting.key.span(), |later| later.key.span());
        errors.at(
            place,
            format!(
                "`none` cannot go with `{name}`\nnote: `retry(none)` tries once\nhelp: remove one of them"
            ),
        );
    }
    Retry::None
}

fn read_max(setting: &Entry, errors: &mut Errors) -> Option<u32> {
    let value = setting.expression("max = 3", errors)?;
    if shown(value) == "0" {
        errors.at(setting.place(), "`max = 0` is no retry at all\nhelp: write `retry(none)`");
        return None;
    }
    setting.number(errors)
}

fn read_factor(setting: &Entry, errors: &mut Errors) -> Option<f64> {
    let factor = setting.decimal(errors)?;
    if !(factor >= 1.0 && factor.is_finite()) {
        let message = format!(
            "`{}` is below 1\nnote: each wait is the one before it times `factor`",
            setting.written()
        );
        refuse_value(setting, message, errors);
    }
    Some(factor)
}

fn read_jitter(setting: &Entry, errors: &mut Errors) -> Option<f64> {
    let jitter = setting.decimal(errors)?;
    if !(0.0..=1.0).contains(&jitter) {
        let message = format!(
            "`{}` is not between 0 and 1\nnote: `jitter` is the part of a wait that is left to chance",
            setting.written()
        );
        refuse_value(setting, message, errors);
    }
    Some(jitter)
}

fn refuse_value(setting: &Entry, message: String, errors: &mut Errors) {
    match &setting.value {
        Value::Expression(value) => errors.on(value, message),
        _ => errors.at(setting.place(), message),
    }
}

/// The two waits of `retry(..)` that depend on each other.
#[derive(Default)]
struct Waits<'a> {
    initial: Option<(&'a Entry, Duration)>,
    cap: Option<(&'a Entry, Duration)>,
}

impl Waits<'_> {
    /// Refuses a longest wait below the first one, which is a default where only one is written.
    fn check(&self, errors: &mut Errors) {
        let message = match (self.initial, self.cap) {
            (Some((initial, first)), Some((cap, longest))) if longest < first => {
                (cap, format!("`{}` is below `{}`", cap.written(), initial.written()))
            }
            (Some((initial, first)), None) if DEFAULT_CAP.1 < first => (
                initial,
                format!(
                    "`{}` is above `cap = \"{}\"`, the default\nhelp: set `cap`, too",
                    initial.written(),
                    DEFAULT_CAP.0
                ),
            ),
            (None, Some((cap, longest))) if longest < DEFAULT_INITIAL.1 => (
                cap,
                format!(
                    "`{}` is below `initial = \"{}\"`, the default\nhelp: set `initial`, too",
                    cap.written(),
                    DEFAULT_INITIAL.0
                ),
            ),
            _ => return,
        };
        let (setting, message) = message;
        errors.at(setting.place(), message);
    }
}
