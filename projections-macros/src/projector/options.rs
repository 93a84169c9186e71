//! The options of `#[projector]`: their words, ranges and combinations.

use std::time::Duration;

use proc_macro2::Span;

use super::{
    combinations,
    model::{Batch, Mode, OnChange, OnFailure, Options, Park, ParkBy, Storage, Unregistered},
    refusals::Refusals,
};
use crate::{
    attr::{Entry, Keys, Words},
    errors::Errors,
    names,
    paths::{Library, ungrouped},
    policies::{Retry, duration},
};

pub(super) const KEYS: Keys = Keys {
    attribute: "`#[projector]`",
    available: &[
        "storage",
        "domain",
        "unregistered",
        "exhaustive",
        "ignores",
        "on_failure",
        "park_by",
        "park",
        "retry",
        "timeout",
        "batch",
        "row_bytes",
        "probe",
        "from",
        "version",
        "on_change",
        "mode",
        "lanes",
        "rollback",
        "snapshot",
        "register",
        "crate",
    ],
    aliases: &[("input_domain", "domain")],
    types: &["storage", "exhaustive", "ignores", "crate"],
    repeatable: &[],
    first: Some("a projector has one name, before its options"),
};

const BATCH: Keys = Keys {
    attribute: "`batch`",
    available: &["events", "bytes", "linger"],
    aliases: &[],
    types: &[],
    repeatable: &[],
    first: None,
};

const PARK: Keys = Keys {
    attribute: "`park`",
    available: &["per_key", "keys", "total"],
    aliases: &[],
    types: &[],
    repeatable: &[],
    first: None,
};

const UNREGISTERED: Words = Words { noun: "policy", available: &["ignore", "warn", "error"] };
const ON_CHANGE: Words =
    Words { noun: "policy", available: &["ignore", "warn", "refuse", "rebuild"] };
const ON_FAILURE: Words = Words { noun: "policy", available: &["park", "halt", "skip"] };
const PARK_BY: Words = Words { noun: "key", available: &["stream", "domain", "projector"] };
const ROLLBACK: Words = Words { noun: "way", available: &["clone"] };
const MODE: Words = Words { noun: "mode", available: &["async", "inline", "live"] };
/// Where to begin; `#[handles]` takes the same words.
pub(crate) const FROM: Words = Words { noun: "start", available: &["beginning", "now"] };

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
                let ty = entry.ty(errors).filter(|ty| is_storage(ty, errors));
                self.storage = ty.map_or(Storage::Unknown, |ty| Storage::Type(Box::new(ty)));
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
            "on_failure" => self.on_failure = read_on_failure(entry, errors),
            "park_by" => self.park_by = read_park_by(entry, errors),
            "park" => self.park = read_park(entry, errors),
            "retry" => self.retry = Retry::read(entry, errors),
            "timeout" => self.timeout = read_timeout(entry, errors),
            "batch" => self.batch = read_batch(entry, errors),
            "rollback" => {
                self.rollback = entry.word(&ROLLBACK, errors).map(|_| entry.place());
            }
            "snapshot" => self.snapshot = entry.flag(errors).then(|| entry.key.span()),
            "mode" => self.mode = read_mode(entry, errors),
            "lanes" => check_lanes(entry, refusals, errors),
            "row_bytes" => self.row_bytes = entry.number(errors),
            "probe" => self.probe = entry.boolean("probe = false", errors),
            "from" => self.from_now = entry.word(&FROM, errors).as_deref() == Some("now"),
            "version" => self.version = entry.number(errors),
            "on_change" => self.on_change = read_on_change(entry, errors),
            "register" => self.register = entry.boolean("register = false", errors) != Some(false),
            _ => *library = entry.path(errors), // `crate`, the last of the keys
        }
    }
}

/// Reports a transaction in the place of its storage: the compiler would ask for its lifetime.
fn is_storage(ty: &syn::Type, errors: &mut Errors) -> bool {
    const TRANSACTIONS: &[(&str, &str)] = &[("MemoryTx", "MemoryStorage"), ("SqliteTx", "Sqlite")];
    let syn::Type::Path(path) = ungrouped(ty) else { return true };
    let Some(last) = path.path.segments.last() else { return true };
    let found = TRANSACTIONS.iter().find(|(transaction, _)| last.ident == transaction);
    if let Some((transaction, storage)) = found {
        errors.on(
            ty,
            format!("`{transaction}` is what handlers take, and no storage\nhelp: write `storage = {storage}`"),
        );
    }
    found.is_none()
}

fn read_batch(entry: &Entry, errors: &mut Errors) -> Batch {
    const EXAMPLE: &str = "batch(events = 500)";
    let mut batch = Batch::default();
    let Some(tokens) = entry.list(EXAMPLE, errors) else { return batch };
    if tokens.is_empty() {
        errors.at(entry.key.span(), format!("`batch` sets nothing\nhelp: write `{EXAMPLE}`"));
    }
    for bound in BATCH.read_list(tokens, errors) {
        match bound.name().as_str() {
            "events" => batch.events = bound.number(errors),
            "bytes" => batch.bytes = bound.number(errors),
            _ => batch.linger = duration::read(&bound, errors), // `linger`, the last of the keys
        }
    }
    batch
}

/// Checks an option that changes nothing yet: what works is what happens anyway.
fn check_lanes(entry: &Entry, refusals: &mut Refusals, errors: &mut Errors) {
    if entry.number::<u32>(errors).is_some_and(|lanes| lanes > 1) {
        refusals.value(entry);
    }
}

fn read_on_failure(entry: &Entry, errors: &mut Errors) -> Option<OnFailure> {
    Some(match entry.word(&ON_FAILURE, errors)?.as_str() {
        "halt" => OnFailure::Halt,
        "park" => OnFailure::Park,
        _ => OnFailure::Skip, // the last of the words
    })
}

fn read_park_by(entry: &Entry, errors: &mut Errors) -> Option<(ParkBy, Span)> {
    let key = match entry.word(&PARK_BY, errors)?.as_str() {
        "domain" => ParkBy::Domain,
        "projector" => ParkBy::Projector,
        _ => ParkBy::Stream, // the last of the words
    };
    Some((key, entry.place()))
}

fn read_park(entry: &Entry, errors: &mut Errors) -> Option<Park> {
    const EXAMPLE: &str = "park(per_key = 1_000)";
    let tokens = entry.list(EXAMPLE, errors)?;
    if tokens.is_empty() {
        errors.at(entry.key.span(), format!("`park` sets nothing\nhelp: write `{EXAMPLE}`"));
    }
    let mut park = Park::default();
    for cap in PARK.read_list(tokens, errors) {
        match cap.name().as_str() {
            "per_key" => park.per_key = cap.number(errors),
            "keys" => park.keys = cap.number(errors),
            _ => park.total = cap.number(errors), // the last of the keys
        }
    }
    Some(park)
}

fn read_timeout(entry: &Entry, errors: &mut Errors) -> Option<Duration> {
    let time = duration::read(entry, errors)?;
    if time.is_zero() {
        errors.at(entry.place(), "`timeout` must be above zero");
    }
    Some(time)
}

fn read_mode(entry: &Entry, errors: &mut Errors) -> Mode {
    match entry.word(&MODE, errors).as_deref() {
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
            quote!(mode = "live", on_failure = "halt", retry(max = 1), timeout = "1s"),
            quote!(park_by = "domain", park(keys = 1)),
            quote!(on_failure = "park", park_by = "projector", park(per_key = 1, total = 2)),
            quote!(on_failure = "halt", retry(max = 1)),
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

    /// What is written for a projector with these options, which are right.
    fn written(options: &TokenStream) -> String {
        let item = quote!(
            struct OrderSummary;
        );
        let written = projector::expand(quote!("order-summary", #options), item).to_string();
        assert!(!written.contains("compile_error"), "{options}: {written}");
        written
    }

    #[test]
    fn each_option_is_set_by_a_call_and_none_without() {
        let milliseconds = |time: u64| quote!(::core::time::Duration::from_millis(#time));
        let (five, minute) = (milliseconds(5), milliseconds(60_000));
        let caps = quote!(::projections::ParkCaps);
        let bounds = quote!(::projections::BatchPolicy);
        let retry = quote!(::projections::RetryPolicy);
        for (options, calls) in [
            (quote!(), quote!()),
            (quote!(on_failure = "park"), quote!(.on_failure(::projections::OnFailure::Park))),
            (quote!(on_failure = "halt"), quote!(.on_failure(::projections::OnFailure::Halt))),
            (
                quote!(mode = "live", on_failure = "skip"),
                quote! {
                    .mode(::projections::Mode::Live).on_failure(::projections::OnFailure::Skip)
                },
            ),
            (quote!(park_by = "stream"), quote!(.park_by(::projections::ParkBy::Stream))),
            (quote!(park_by = "domain"), quote!(.park_by(::projections::ParkBy::Domain))),
            (quote!(park_by = "projector"), quote!(.park_by(::projections::ParkBy::Projector))),
            (
                quote!(park(total = 3, per_key = 1, keys = 2)),
                quote!(.park(#caps::new(1u64, 2u64, 3u64))),
            ),
            (
                quote!(park(keys = 1_000)),
                quote!(.park(#caps::new(#caps::DEFAULT.per_key, 1000u64, #caps::DEFAULT.total))),
            ),
            (quote!(retry(none)), quote!(.retry(#retry::NONE))),
            (quote!(retry(max = 5)), quote!(.retry(#retry::DEFAULT.max(5u32)))),
            (quote!(timeout = "1m"), quote!(.timeout(#minute))),
            (quote!(batch(linger = "5ms")), quote!(.batch(#bounds::DEFAULT.linger(#five)))),
            (
                quote!(batch(bytes = 9, linger = "5ms")),
                quote!(.batch(#bounds::new(#bounds::DEFAULT.events, 9u64).linger(#five))),
            ),
        ] {
            let constant = quote! {
                const OPTIONS: ::projections::Options = ::projections::Options::DEFAULT #calls;
            };
            let found = written(&options);
            assert!(found.contains(&constant.to_string()), "{options}: {found}");
        }
    }

    #[test]
    fn what_has_no_runtime_is_refused_as_not_available_yet() {
        has_one(&quote!(lanes = 2, storage = Postgres), "`lanes = 2` is not available yet");
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
            (quote!(storage = sqlite::SqliteTx<'_>), "help: write `storage = Sqlite`"),
        ] {
            has_one(&options, fault);
            let told = faults(&options);
            assert!(!told.contains("is not available yet"), "{options}: {told}");
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
            (quote!(mode = "live", version = 2), "`version = 2` cannot go with `mode"),
            (quote!(version = 2, mode = "live"), "cannot go with `version = 2`"),
            (quote!(mode = "live", on_change = "ignore"), "cannot go with `mode"),
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
    }
}
