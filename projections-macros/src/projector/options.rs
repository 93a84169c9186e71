//! The options of `#[projector]`: their words, ranges and combinations.

use proc_macro2::Span;

use super::{
    combinations,
    model::{Mode, OnChange, Options, Storage, Unregistered},
};
use crate::{
    attr::{Entry, Keys, Words},
    errors::Errors,
    names,
    paths::Library,
    policies::{self, Refusals},
};

pub(super) const KEYS: Keys = Keys {
    attribute: "`#[projector]`",
    available: &[
        "storage",
        "domain",
        "unregistered",
        "exhaustive",
        "ignores",
        "retry",
        "batch",
        "row_bytes",
        "probe",
        "from",
        "version",
        "on_change",
        "on_failure",
        "mode",
        "lanes",
        "rollback",
        "snapshot",
        "register",
        "crate",
    ],
    later: &["park", "park_by", "timeout"],
    aliases: &[("input_domain", "domain")],
    types: &["storage", "exhaustive", "ignores", "crate"],
    repeatable: &[],
    first: Some("a projector has one name, before its options"),
};

const BATCH: Keys = Keys {
    attribute: "`batch`",
    available: &["events", "bytes", "linger"],
    later: &[],
    aliases: &[],
    types: &[],
    repeatable: &[],
    first: None,
};

const PARK: Keys = Keys {
    attribute: "`park`",
    available: &["per_key", "keys", "total"],
    later: &[],
    aliases: &[],
    types: &[],
    repeatable: &[],
    first: None,
};

const UNREGISTERED: Words =
    Words { noun: "policy", available: &["ignore", "warn", "error"], later: &[] };
const ON_CHANGE: Words =
    Words { noun: "policy", available: &["ignore", "warn", "refuse", "rebuild"], later: &[] };
const ON_FAILURE: Words = Words { noun: "policy", available: &["halt"], later: &["park", "skip"] };
const PARK_BY: Words =
    Words { noun: "key", available: &[], later: &["stream", "domain", "projector"] };
const ROLLBACK: Words = Words { noun: "way", available: &["clone"], later: &[] };
const MODE: Words = Words { noun: "mode", available: &["async", "inline", "live"], later: &[] };
/// Where to begin; `#[handles]` takes the same words.
pub(crate) const FROM: Words =
    Words { noun: "start", available: &["beginning", "now"], later: &[] };

/// Reads the options, and refuses what cannot work or has no runtime.
pub(super) fn read(
    entries: &[Entry],
    is_readable: bool,
    errors: &mut Errors,
) -> (Options, Library) {
    let mut options = Options { register: true, ..Options::default() };
    let mut library = None;
    let mut refusals = Refusals::default();
    for entry in entries {
        options.set(entry, &mut library, &mut refusals, errors);
    }
    // What could not be read may be what an option needs.
    if is_readable {
        combinations::check(entries, &mut refusals, errors);
    } else if let Storage::InProcess = options.storage {
        options.storage = Storage::Unknown;
    }
    if !matches!(options.storage, Storage::InProcess) {
        // Of no use there, and refused above: nothing more is asked of the fields.
        (options.rollback, options.snapshot) = (None, None);
    }
    refusals.report(errors);
    (options, Library::new(library))
}

impl Options {
    fn set(
        &mut self,
        entry: &Entry,
        library: &mut Option<syn::Path>,
        refusals: &mut Refusals,
        errors: &mut Errors,
    ) {
        match entry.name().as_str() {
            "storage" => {
                self.storage =
                    entry.ty(errors).map_or(Storage::Unknown, |ty| Storage::Type(Box::new(ty)));
            }
            "domain" => {
                self.domain = entry.string(errors);
                check_domain("domain", self.domain.as_ref(), errors);
            }
            "unregistered" => {
                self.unregistered = match entry.word(&UNREGISTERED, errors).as_deref() {
                    Some("error") => Unregistered::Error,
                    Some("warn") => Unregistered::Warn,
                    _ => Unregistered::Ignore,
                };
            }
            "exhaustive" => self.exhaustive = entry.types("exhaustive = Domain", errors),
            "ignores" => self.ignores = entry.types("ignores(Event)", errors),
            "batch" => self.set_batch(entry, refusals, errors),
            "rollback" => {
                self.rollback = entry.word(&ROLLBACK, errors).map(|_| entry.place());
            }
            "snapshot" => self.snapshot = entry.flag(errors).then(|| entry.key.span()),
            "mode" => self.mode = read_mode(entry, refusals, errors),
            "row_bytes" => self.row_bytes = entry.number(errors),
            "probe" => self.probe = entry.boolean("probe = false", errors),
            "from" => self.from_now = entry.word(&FROM, errors).as_deref() == Some("now"),
            "version" => self.version = entry.number(errors),
            "on_change" => self.on_change = read_on_change(entry, errors),
            "register" => self.register = entry.boolean("register = false", errors) != Some(false),
            "crate" => *library = entry.path(errors),
            _ => check_policy(entry, refusals, errors),
        }
    }

    fn set_batch(&mut self, entry: &Entry, refusals: &mut Refusals, errors: &mut Errors) {
        let Some(tokens) = entry.list("batch(events = 500)", errors) else { return };
        if tokens.is_empty() {
            errors.at(entry.key.span(), "`batch` sets nothing\nhelp: write `batch(events = 500)`");
        }
        for bound in BATCH.read_list(tokens, errors) {
            match bound.name().as_str() {
                "events" => self.batch_events = bound.number(errors),
                "bytes" => self.batch_bytes = bound.number(errors),
                // `linger`, the last of the keys
                _ => {
                    if policies::duration(&bound, errors).is_some_and(|time| !time.is_zero()) {
                        refusals.value(&bound);
                    }
                }
            }
        }
    }
}

/// Checks an option that changes nothing yet: what works is what happens anyway.
fn check_policy(entry: &Entry, refusals: &mut Refusals, errors: &mut Errors) {
    match entry.name().as_str() {
        "retry" => policies::check_retry(entry, refusals, errors),
        "on_failure" => _ = refusals.word(entry, &ON_FAILURE, errors),
        "park_by" => _ = refusals.word(entry, &PARK_BY, errors),
        "lanes" => {
            if entry.number::<u32>(errors).is_some_and(|lanes| lanes > 1) {
                refusals.value(entry);
            }
        }
        "timeout" => check_timeout(entry, refusals, errors),
        // `park`, the last of the keys
        _ => check_park(entry, refusals, errors),
    }
}

fn check_timeout(entry: &Entry, refusals: &mut Refusals, errors: &mut Errors) {
    match policies::duration(entry, errors) {
        Some(time) if time.is_zero() => {
            errors.at(entry.place(), "`timeout` must be above zero");
        }
        Some(_) => refusals.option(entry),
        None => {}
    }
}

fn check_park(entry: &Entry, refusals: &mut Refusals, errors: &mut Errors) {
    const EXAMPLE: &str = "park(per_key = 1_000)";
    let Some(tokens) = entry.list(EXAMPLE, errors) else { return };
    let mut faults = Errors::default();
    if tokens.is_empty() {
        faults.at(entry.key.span(), format!("`park` sets nothing\nhelp: write `{EXAMPLE}`"));
    }
    for bound in PARK.read_list(tokens, &mut faults) {
        let _ = bound.number::<u64>(&mut faults); // checked, and of no use yet
    }
    if !faults.any() {
        refusals.option(entry);
    }
    errors.append(faults);
}

fn read_mode(entry: &Entry, refusals: &mut Refusals, errors: &mut Errors) -> Mode {
    match refusals.word(entry, &MODE, errors).as_deref() {
        Some("inline") => Mode::Inline,
        Some("live") => Mode::Live,
        _ => Mode::Async,
    }
}

fn read_on_change(entry: &Entry, errors: &mut Errors) -> Option<(OnChange, Span)> {
    let policy = match entry.word(&ON_CHANGE, errors)?.as_str() {
        "ignore" => OnChange::Ignore,
        "rebuild" => OnChange::Rebuild,
        "refuse" => OnChange::Refuse,
        _ => OnChange::Warn, // the last of the words
    };
    Some((policy, entry.place()))
}

/// Reports a domain that is not one.
pub(crate) fn check_domain(key: &str, domain: Option<&syn::LitStr>, errors: &mut Errors) {
    if let Some(domain) = domain
        && let Some(fault) = names::domain_fault(key, &domain.value())
    {
        errors.at(domain.span(), fault);
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use crate::projector;

    /// The faults of a projector with these options.
    fn faults(options: &TokenStream) -> String {
        let item = quote!(
            struct OrderSummary;
        );
        let written = projector::expand(quote!("order-summary", #options), item).to_string();
        // The faults come last.
        written.find("compile_error").map_or(String::new(), |at| written[at - 9..].to_owned())
    }

    fn has_one(options: &TokenStream, fault: &str) {
        let found = faults(options);
        assert!(found.contains(fault), "{options}: {found}");
        assert_eq!(found.matches("compile_error").count(), 1, "{options}: {found}");
    }

    #[test]
    fn what_works_is_accepted() {
        for options in [
            quote!(retry(none)),
            quote!(batch(events = 1, bytes = 1, linger = "0ms")),
            quote!(on_failure = "halt", mode = "async", lanes = 1),
            quote!(mode = "live", on_failure = "halt"),
            quote!(mode = "live", storage = Sqlite),
            quote!(snapshot, rollback = "clone"),
            quote!(exhaustive = Hand, ignores(hand::Started, Ended)),
            quote!(exhaustive = [Hand, player::Player<'static>], ignores(Started)),
            quote!(exhaustive(Hand, Player)),
            quote!(storage = Sqlite, on_change = "rebuild"),
            quote!(storage = Sqlite, mode = "inline"),
            quote!(from = "now", version = 2, register = true, unregistered = "warn"),
        ] {
            assert_eq!(faults(&options), "", "{options}");
        }
    }

    #[test]
    fn what_has_no_runtime_is_refused_as_not_available_yet() {
        for (options, refused) in [
            (quote!(retry(max = 5)), "`retry` is"),
            (quote!(batch(linger = "5ms")), "`linger = \\\"5ms\\\"` is"),
            (quote!(timeout = "30s"), "`timeout` is"),
            (quote!(park(per_key = 1, keys = 2, total = 3)), "`park` is"),
            (quote!(park_by = "stream"), "`park_by = \\\"stream\\\"` is"),
            (quote!(park_by = "domain"), "`park_by = \\\"domain\\\"` is"),
            (quote!(park_by = "projector"), "`park_by = \\\"projector\\\"` is"),
            (quote!(on_failure = "park"), "`on_failure = \\\"park\\\"` is"),
            (quote!(on_failure = "skip"), "`on_failure = \\\"skip\\\"` is"),
            (quote!(lanes = 2, storage = Postgres), "`lanes = 2` is"),
        ] {
            has_one(&options, &format!("{refused} not available yet"));
        }
    }

    #[test]
    fn a_wrong_value_is_told_as_such() {
        for (options, fault) in [
            (quote!(retry(max = 0)), "`max = 0` is no retry"),
            (quote!(batch(events = 0)), "`events` must be at least 1"),
            (quote!(batch(bytes = 0)), "`bytes` must be at least 1"),
            (quote!(batch(linger = "5")), "is not a duration"),
            (quote!(batch()), "sets nothing"),
            (quote!(timeout = "0s"), "`timeout` must be above zero"),
            (quote!(timeout = 30), "expected a duration, found `30`"),
            (quote!(park(per_key = 0)), "`per_key` must be at least 1"),
            (quote!(park(keys = "many")), "expected a whole number"),
            (quote!(park(totl = 1)), "did you mean `total`?"),
            (quote!(park()), "sets nothing"),
            (quote!(park_by = "steam"), "did you mean `stream`?"),
            (quote!(snapshot = true), "expected `snapshot`, found `snapshot = true`"),
            (quote!(rollback = "clon"), "did you mean `clone`?"),
            (quote!(probe = "no"), "expected `true` or `false`"),
            (quote!(on_failure = "skp"), "did you mean `skip`?"),
            (quote!(mode = "inlin", storage = Sqlite), "did you mean `inline`?"),
            (quote!(from = "nwo"), "did you mean `now`?"),
            (quote!(lanes = 0), "`lanes` must be at least 1"),
            (quote!(version = 0), "`version` must be at least 1"),
            (quote!(version = 2nd), "expected a whole number, found `2nd`"),
            (quote!(lanes = 1u32), "expected a whole number, found `1u32`"),
            (quote!(batch(events = 500ms)), "expected a whole number, found `500ms`"),
            (quote!(batch(linger = "0"ms)), "expected a duration, found"),
            (quote!(on_change = "warn"ing), "expected a string literal, found"),
            (quote!(on_change = "rebuilt"), "did you mean `rebuild`?"),
            (quote!(unregistered = "wran"), "did you mean `warn`?"),
            (quote!(exhaustive = "Hand"), "help: remove the quotes"),
            (quote!(exhaustive = [Hand, "Player"]), "help: remove the quotes"),
            (quote!(exhaustive), "`exhaustive` has no value"),
            (quote!(exhaustive = []), "names nothing"),
            (quote!(exhaustive = 3), "expected a type or a path"),
            (quote!(exhaustive = Hand, ignores("Started")), "help: remove the quotes"),
            (quote!(exhaustive = Hand, ignores()), "names nothing"),
            (quote!(storage = [Sqlite]), "found `storage = [..]`"),
        ] {
            has_one(&options, fault);
            // Words that are not available yet may be in the list of those that are known.
            let told = faults(&options);
            let is_refused = told.contains("is not available yet") && !told.contains("expected `");
            assert!(!is_refused, "{options}: {told}");
        }
    }

    #[test]
    fn a_combination_that_cannot_work_is_one_fault() {
        for (options, fault) in [
            (quote!(mode = "inline"), "needs `storage`"),
            (quote!(lanes = 4), "`lanes = 4` needs `storage`"),
            (quote!(ignores(Started)), "`ignores(..)` needs `exhaustive`"),
            (quote!(mode = "live", from = "now"), "cannot go with `mode = \\\"live\\\"`"),
            (quote!(from = "now", mode = "live"), "cannot go with `from = \\\"now\\\"`"),
            (quote!(mode = "live", on_failure = "park"), "cannot go with `mode"),
            (quote!(on_failure = "park", mode = "live"), "cannot go with `on_failure"),
            (quote!(mode = "live", park(keys = 1)), "`park(..)` cannot go with"),
            (quote!(mode = "live", park_by = "stream"), "cannot go with `mode"),
            (quote!(mode = "live", snapshot), "`snapshot` cannot go with `mode"),
            (quote!(storage = S, mode = "inline", retry(max = 2)), "`retry(..)` cannot go with"),
            (quote!(storage = S, mode = "inline", on_failure = "halt"), "cannot go with `mode"),
            (quote!(storage = S, mode = "inline", park(keys = 1)), "`park(..)` cannot go with"),
            (quote!(storage = S, mode = "inline", park_by = "stream"), "cannot go with `mode"),
            (quote!(storage = S, mode = "inline", lanes = 2), "`lanes = 2` cannot go with"),
            (quote!(storage = S, mode = "inline", batch(events = 2)), "`batch(..)` cannot go with"),
            (quote!(on_failure = "halt", park(keys = 1)), "cannot go with `on_failure"),
            (quote!(on_failure = "skip", park_by = "stream"), "cannot go with `on_failure"),
            (quote!(storage = S, snapshot), "`snapshot` cannot go with `storage = S`"),
            (quote!(storage = S, rollback = "clone"), "cannot go with `storage = S`"),
        ] {
            has_one(&options, fault);
            assert!(!faults(&options).contains("is not available yet"), "{options}");
        }
        // These go together.
        for options in [
            quote!(storage = S, mode = "inline", retry(none)),
            quote!(storage = S, mode = "inline", lanes = 1),
        ] {
            assert_eq!(faults(&options), "", "{options}");
        }
        has_one(&quote!(mode = "live", on_failure = "skip"), "not available yet");
    }
}
