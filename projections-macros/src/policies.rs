//! Policies that `#[projector]` and `#[handles]` share, and the durations in them.

use std::time::Duration;

use proc_macro2::Span;

use crate::{
    attr::{Entry, Keys, Value, Words, not_yet, shown},
    errors::Errors,
};

const RETRY: Keys = Keys {
    attribute: "`retry`",
    available: &["none", "max", "initial", "factor", "cap", "jitter"],
    later: &[],
    aliases: &[("backoff", "factor"), ("multiplier", "factor"), ("delay", "initial")],
    types: &[],
    repeatable: &[],
    first: None,
};
const RETRY_EXAMPLE: &str = "retry(none)";
const REPLAY: Words = Words { noun: "policy", available: &[], later: &["skip"] };

/// What a retry's first wait and longest wait are where `retry(..)` does not say it.
const DEFAULT_INITIAL: (&str, Duration) = ("200ms", Duration::from_millis(200));
const DEFAULT_CAP: (&str, Duration) = ("30s", Duration::from_secs(30));

/// Options of a handler that are policies.
pub(crate) const OF_A_HANDLER: &[&str] = &["permanent", "replay", "retry"];

/// What has no runtime yet. It is refused last: where two options cannot go together, saying that
/// one of them will come would be wrong.
#[derive(Default)]
pub(crate) struct Refusals(Vec<Refusal>);

struct Refusal {
    option: String,
    span: Span,
    message: String,
}

impl Refusals {
    /// Refuses an option, whatever its value.
    pub(crate) fn option(&mut self, entry: &Entry) {
        self.push(entry, entry.key.span(), not_yet(&entry.name()));
    }

    /// Refuses an option's value.
    pub(crate) fn value(&mut self, entry: &Entry) {
        self.push(entry, entry.place(), not_yet(&entry.written()));
    }

    /// Reads one of some words, and refuses it where it has no runtime.
    pub(crate) fn word(
        &mut self,
        entry: &Entry,
        words: &Words,
        errors: &mut Errors,
    ) -> Option<String> {
        let word = entry.known_word(words, errors)?.value();
        if !words.available.contains(&&*word) {
            self.value(entry);
        }
        Some(word)
    }

    /// Takes back what was refused of an option.
    pub(crate) fn forget(&mut self, option: &str) {
        self.0.retain(|refusal| refusal.option != option);
    }

    /// Reports what is left.
    pub(crate) fn report(self, errors: &mut Errors) {
        for Refusal { span, message, .. } in self.0 {
            errors.at(span, message);
        }
    }

    fn push(&mut self, entry: &Entry, span: Span, message: String) {
        self.0.push(Refusal { option: entry.name(), span, message });
    }
}

/// Checks a policy of a handler. None of them has a runtime, but `retry(none)` needs none.
pub(crate) fn check_handler(entry: &Entry, errors: &mut Errors) {
    let mut refusals = Refusals::default();
    match entry.name().as_str() {
        "retry" => check_retry(entry, &mut refusals, errors),
        "replay" => _ = refusals.word(entry, &REPLAY, errors),
        // `permanent`, the last of the keys
        _ => {
            if entry.path(errors).is_some() {
                refusals.option(entry);
            }
        }
    }
    refusals.report(errors);
}

/// Checks `retry(..)`. Only `retry(none)` works, which is what happens without it.
pub(crate) fn check_retry(entry: &Entry, refusals: &mut Refusals, errors: &mut Errors) {
    let Some(tokens) = entry.list(RETRY_EXAMPLE, errors) else { return };
    if tokens.is_empty() {
        let help = format!("`retry` sets nothing\nhelp: write `{RETRY_EXAMPLE}` or `retry(none)`");
        errors.at(entry.key.span(), help);
        return;
    }
    let mut faults = Errors::default();
    let settings = RETRY.read_list(tokens, &mut faults);
    let is_none = check_settings(&settings, &mut faults);
    if !is_none && !faults.any() {
        refusals.option(entry);
    }
    errors.append(faults);
}

/// Checks what is inside `retry(..)`; tells whether it is `none`.
fn check_settings(settings: &[Entry], errors: &mut Errors) -> bool {
    let mut waits = Waits::default();
    for setting in settings {
        match setting.name().as_str() {
            "none" => _ = setting.flag(errors),
            "max" => check_max(setting, errors),
            "initial" => waits.initial = duration(setting, errors).map(|time| (setting, time)),
            "cap" => waits.cap = duration(setting, errors).map(|time| (setting, time)),
            "factor" => check_factor(setting, errors),
            _ => check_jitter(setting, errors), // `jitter`, the last of the keys
        }
    }
    waits.check(errors);
    let Some(none) = settings.iter().position(|setting| setting.name() == "none") else {
        return false;
    };
    for (index, setting) in settings.iter().enumerate().filter(|(index, _)| *index != none) {
        let (later, name) = (settings.get(index.max(none)), setting.name());
        let place = later.map_or(setting.key.span(), |later| later.key.span());
        errors.at(
            place,
            format!(
                "`none` cannot go with `{name}`\nnote: `retry(none)` tries once\nhelp: remove one of them"
            ),
        );
    }
    true
}

fn check_max(setting: &Entry, errors: &mut Errors) {
    let example = "max = 3";
    let is_zero = setting.expression(example, errors).map(|value| shown(value) == "0");
    match is_zero {
        Some(true) => {
            errors.at(setting.place(), "`max = 0` is no retry at all\nhelp: write `retry(none)`")
        }
        Some(false) => _ = setting.number::<u32>(errors),
        None => {}
    }
}

fn check_factor(setting: &Entry, errors: &mut Errors) {
    if let Some(factor) = setting.decimal(errors)
        && !(factor >= 1.0 && factor.is_finite())
    {
        let message = format!(
            "`{}` is below 1\nnote: each wait is the one before it times `factor`",
            setting.written()
        );
        refuse_value(setting, message, errors);
    }
}

fn check_jitter(setting: &Entry, errors: &mut Errors) {
    if let Some(jitter) = setting.decimal(errors)
        && !(0.0..=1.0).contains(&jitter)
    {
        let message = format!(
            "`{}` is not between 0 and 1\nnote: `jitter` is the part of a wait that is left to chance",
            setting.written()
        );
        refuse_value(setting, message, errors);
    }
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

/// Reads the value as a duration.
pub(crate) fn duration(entry: &Entry, errors: &mut Errors) -> Option<Duration> {
    const EXAMPLES: &str = "help: for example `\"250ms\"`, `\"2s\"`, `\"1m\"`";
    let value = entry.expression(&format!("{} = \"2s\"", entry.name()), errors)?;
    let literal = match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(literal), .. })
            if literal.suffix().is_empty() =>
        {
            literal
        }
        other => {
            errors.on(other, format!("expected a duration, found `{}`\n{EXAMPLES}", shown(other)));
            return None;
        }
    };
    let duration = parse_duration(&literal.value());
    if duration.is_none() {
        let text = literal.value();
        errors.at(literal.span(), format!("`\"{text}\"` is not a duration\n{EXAMPLES}"));
    }
    duration
}

/// Parses a whole number and its unit, together no longer than a `u64` of milliseconds.
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits); // digits are one byte each
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::*;

    const KEYS: Keys = Keys {
        attribute: "`#[test]`",
        available: &["retry", "replay", "permanent"],
        later: &[],
        aliases: &[],
        types: &["permanent"],
        repeatable: &[],
        first: None,
    };

    fn faults(options: TokenStream) -> String {
        let mut errors = Errors::default();
        for entry in KEYS.read_list(options, &mut errors) {
            check_handler(&entry, &mut errors);
        }
        errors.finish().to_string()
    }

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, milliseconds) in
            [("0ms", 0), ("250ms", 250), ("2s", 2_000), ("1m", 60_000), ("1h", 3_600_000)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_not_a_duration() {
        for text in [
            "",
            "s",
            "2",
            "2 s",
            " 2s",
            "2s ",
            "-2s",
            "+2s",
            "1.5s",
            "2S",
            "2sekonds",
            "1d",
            "2µs",
            "1m30s",
            "99999999999999999999ms",
            "18446744073709551615s",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn retry_none_is_what_happens_anyway() {
        assert_eq!(faults(quote!(retry(none))), "");
    }

    #[test]
    fn correct_policies_are_refused_as_not_available_yet() {
        for (options, refused) in [
            (quote!(retry(max = 3)), "`retry` is not available yet"),
            (quote!(retry(initial = "30s")), "`retry` is not available yet"),
            (quote!(retry(cap = "200ms")), "`retry` is not available yet"),
            (quote!(retry(factor = 1)), "`retry` is not available yet"),
            (quote!(retry(jitter = 0)), "`retry` is not available yet"),
            (quote!(retry(jitter = 1.0)), "`retry` is not available yet"),
            (quote!(retry(initial = "1s", cap = "1s")), "`retry` is not available yet"),
            (quote!(replay = "skip"), "`replay = \\\"skip\\\"` is not available yet"),
            (quote!(permanent = faults::is_permanent), "`permanent` is not available yet"),
        ] {
            let found = faults(options.clone());
            assert!(found.contains(refused), "{options}: {found}");
            assert_eq!(found.matches("compile_error").count(), 1, "{options}: {found}");
        }
    }

    #[test]
    fn wrong_policies_are_told_what_is_wrong() {
        for (options, fault) in [
            (quote!(retry), "`retry` has no value"),
            (quote!(retry = 3), "found `retry = 3`"),
            (quote!(retry()), "sets nothing"),
            (quote!(retry(non)), "did you mean `none`?"),
            (quote!(retry(none = 1)), "expected `none`, found `none = 1`"),
            (quote!(retry(none, max = 3)), "`none` cannot go with `max`"),
            (quote!(retry(max = 3, none)), "`none` cannot go with `max`"),
            (quote!(retry(max = 0)), "help: write `retry(none)`"),
            (quote!(retry(max = "3")), "expected a whole number"),
            (quote!(retry(initial = "2 sekonds")), "is not a duration"),
            (quote!(retry(initial = 200)), "expected a duration, found `200`"),
            (quote!(retry(initial = "31s")), "the default"),
            (quote!(retry(cap = "199ms")), "the default"),
            (quote!(retry(initial = "2s", cap = "1s")), "is below `initial = "),
            (quote!(retry(factor = 0.99)), "`factor = 0.99` is below 1"),
            (quote!(retry(factor = -2)), "`factor = -2` is below 1"),
            (quote!(retry(factor = "2")), "expected a number"),
            (quote!(retry(jitter = 1.01)), "is not between 0 and 1"),
            (quote!(retry(jitter = -0.1)), "`jitter = -0.1` is not between 0 and 1"),
            (quote!(replay = "skpi"), "did you mean `skip`?"),
            (quote!(permanent = "path"), "help: remove the quotes"),
            (quote!(permanent), "`permanent` has no value"),
        ] {
            let found = faults(options.clone());
            assert!(found.contains(fault), "{options}: {found}");
            assert!(!found.contains("not available yet"), "{options}: {found}");
            assert_eq!(found.matches("compile_error").count(), 1, "{options}: {found}");
        }
    }
}
