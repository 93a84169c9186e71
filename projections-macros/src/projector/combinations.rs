//! Options that cannot go together, whether or not each has a runtime.

use super::refusals::Refusals;
use crate::{
    attr::{Entry, Value, shown},
    errors::Errors,
};

/// Something that an option says.
#[derive(Clone, Copy)]
enum Said {
    /// The option is there.
    Option(&'static str),
    /// The option has this text as its value.
    Text(&'static str, &'static str),
    /// `lanes` has more than one.
    Lanes,
    /// `retry(..)` says anything but `none`.
    Retries,
}

/// What cannot be together, and why.
const CONFLICTS: &[(Said, Said, &str)] = &[
    (LIVE, Said::Option("from"), "a live projector begins with what comes after its start"),
    (LIVE, Said::Text("on_failure", "park"), LIVE_PARKS_NOTHING),
    (LIVE, Said::Option("park"), LIVE_PARKS_NOTHING),
    (LIVE, Said::Option("park_by"), LIVE_PARKS_NOTHING),
    (LIVE, Said::Option("snapshot"), "a live projector keeps nothing over a restart"),
    (LIVE, Said::Option("version"), LIVE_BEGINS_ANEW),
    (LIVE, Said::Option("on_change"), LIVE_BEGINS_ANEW),
    (INLINE, Said::Option("on_failure"), INLINE_FAILS),
    (INLINE, Said::Retries, INLINE_FAILS),
    (INLINE, Said::Option("park"), INLINE_FAILS),
    (INLINE, Said::Option("park_by"), INLINE_FAILS),
    (INLINE, Said::Lanes, "appends that share an inline projector run one after the other"),
    (INLINE, Said::Option("batch"), "an inline projector's transaction is that of the append"),
    (Said::Text("on_failure", "halt"), Said::Option("park"), HALT_PARKS_NOTHING),
    (Said::Text("on_failure", "halt"), Said::Option("park_by"), HALT_PARKS_NOTHING),
    (Said::Text("on_failure", "skip"), Said::Option("park"), SKIP_PARKS_NOTHING),
    (Said::Text("on_failure", "skip"), Said::Option("park_by"), SKIP_PARKS_NOTHING),
    (
        Said::Option("storage"),
        Said::Option("snapshot"),
        "`snapshot` saves state that is in the projector's own fields",
    ),
    (
        Said::Option("storage"),
        Said::Option("rollback"),
        "`rollback` is for state in the projector's own fields: a storage has transactions",
    ),
];

const LIVE: Said = Said::Text("mode", "live");
const INLINE: Said = Said::Text("mode", "inline");
const LIVE_BEGINS_ANEW: &str = "a live projector begins anew in every process: it never goes on from what other code has built";
const LIVE_PARKS_NOTHING: &str = "a live projector parks nothing: it halts or skips";
const INLINE_FAILS: &str =
    "where an inline projector fails, the append fails: nothing is retried or parked";
const HALT_PARKS_NOTHING: &str = "a projector that halts parks nothing";
const SKIP_PARKS_NOTHING: &str = "a projector that skips parks nothing";

/// What cannot be without another option, and why.
const NEEDS: &[(Said, &str, &str)] = &[
    (INLINE, "storage", "an inline projector writes in the transaction of the append"),
    (
        Said::Lanes,
        "storage",
        "without one the state is in the fields, which a `&mut self` handler changes, one event at a time",
    ),
    (
        Said::Option("ignores"),
        "exhaustive",
        "only a projector that is exhaustive says what it ignores",
    ),
];

/// Reports every combination that cannot work, once for each option that is too much.
pub(super) fn check(entries: &[Entry], refusals: &mut Refusals, errors: &mut Errors) {
    let mut blamed: Vec<String> = Vec::new();
    for (one, other, note) in CONFLICTS {
        let (Some(one), Some(other)) = (one.find(entries), other.find(entries)) else { continue };
        // The later one was written with the other in sight.
        let (first, second) = if one < other { (one, other) } else { (other, one) };
        let (Some(first), Some(second)) = (entries.get(first), entries.get(second)) else {
            continue;
        };
        refusals.forget(&first.name());
        let message = format!(
            "`{}` cannot go with `{}`\nnote: {note}\nhelp: remove one of them",
            second.written(),
            first.written()
        );
        blame(second, message, &mut blamed, refusals, errors);
    }
    for (said, needed, note) in NEEDS {
        let there = entries.iter().any(|entry| entry.name() == *needed);
        if let Some(entry) = said.find(entries).and_then(|index| entries.get(index))
            && !there
        {
            let message = format!(
                "`{}` needs `{needed}`\nnote: {note}\nhelp: add `{needed} = ...`",
                entry.written()
            );
            blame(entry, message, &mut blamed, refusals, errors);
        }
    }
}

fn blame(
    entry: &Entry,
    message: String,
    blamed: &mut Vec<String>,
    refusals: &mut Refusals,
    errors: &mut Errors,
) {
    let name = entry.name();
    refusals.forget(&name);
    if blamed.contains(&name) {
        return;
    }
    // A list is worth less than its name: what is in it is not at fault.
    let place =
        if matches!(entry.value, Value::List(..)) { entry.key.span() } else { entry.place() };
    errors.at(place, message);
    blamed.push(name);
}

impl Said {
    /// The place among the options of the one that says it.
    fn find(self, entries: &[Entry]) -> Option<usize> {
        entries.iter().position(|entry| self.is_said_by(entry))
    }

    fn is_said_by(self, entry: &Entry) -> bool {
        let name = entry.name();
        match self {
            Self::Option(option) => name == option,
            Self::Text(option, text) => name == option && value(entry) == format!("\"{text}\""),
            Self::Lanes => name == "lanes" && is_above_one(entry),
            Self::Retries => name == "retry" && value(entry) != "none",
        }
    }
}

/// An option's value as text, which takes printing.
fn value(entry: &Entry) -> String {
    match &entry.value {
        Value::Expression(value) => shown(value),
        Value::List(_, tokens) => shown(tokens),
        Value::None | Value::Missing | Value::Type(_) | Value::Types(..) | Value::Broken => {
            String::new()
        }
    }
}

fn is_above_one(entry: &Entry) -> bool {
    matches!(
        &entry.value,
        Value::Expression(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(number), .. }))
            if number.base10_parse::<u32>().is_ok_and(|number| number > 1)
    )
}
