//! What was read by a person and is let through, each with its reason.

use crate::{
    mutate::{
        Kind::{self, Delete, Double, Drop, Replace, Swap},
        Mutant,
    },
    verdict::Fault::{self, BlamesMacro, Compiles, Elsewhere, TooMany},
};

/// A fault that mutants may have.
pub(crate) struct Reviewed {
    pub(crate) fault: Fault,
    pub(crate) reason: &'static str,
    pub(crate) covers: fn(&Mutant) -> bool,
}

/// How it should be.
pub(crate) const FINE: &[Reviewed] = &[
    Reviewed {
        fault: Compiles,
        reason: "options, derives and further parameters come in any order",
        covers: |mutant| mutant.kind == Swap,
    },
    Reviewed {
        fault: Compiles,
        reason: "an attribute's arguments may stand in any brackets",
        covers: |mutant| mutant.is(Replace, &["("]) && mutant.line.starts_with("#["),
    },
    Reviewed {
        fault: Compiles,
        reason: "who sees an item is its writer's choice",
        covers: |mutant| mutant.is(Delete, &["pub"]),
    },
    Reviewed {
        fault: Compiles,
        reason: "the comma behind the last one may be left out",
        covers: |mutant| mutant.is(Delete, &[","]) && !mutant.line.contains(['#', '=']),
    },
    Reviewed {
        fault: Compiles,
        reason: "it means the same",
        covers: |mutant| mutant.is(Double, &[";"]) || mutant.line == "Ok({})",
    },
    Reviewed {
        fault: Compiles,
        reason: "the compiler finds the lifetime by itself",
        covers: |mutant| mutant.is(Delete, &["'_"]) || mutant.line == "exhaustive = Hand<>,",
    },
    Reviewed {
        fault: Compiles,
        reason: "a handler may take its event by value",
        covers: |mutant| mutant.is(Delete, &["&"]) && mutant.line.contains("event: "),
    },
    Reviewed {
        fault: Compiles,
        reason: "it may be left out",
        covers: |mutant| {
            const OPTIONS: &[&str] = &[
                "Debug",
                "\"OrderMade\"",
                "\"Placed\"",
                "\"stock\"",
                "aliases(",
                "all",
                "batch(",
                "bytes =",
                "codec =",
                "domain =",
                "events =",
                "from =",
                "initial =",
                "max =",
                "mode =",
                "name =",
                "on_change =",
                "on_failure =",
                "permanent =",
                "replay =",
                "retry(",
                "unregistered =",
                "version =",
            ];
            let before = mutant.before.trim_start_matches([',', ' ', '\n']);
            matches!(mutant.kind, Delete | Drop)
                && OPTIONS.iter().any(|option| before.starts_with(option))
        },
    },
    Reviewed {
        fault: Compiles,
        reason: "without it, it is a method, a field or an event like any other",
        covers: |mutant| {
            const ATTRIBUTES: &[&str] = &[
                "derive(Debug)",
                "event",
                "fallback",
                "handles",
                "park_key",
                "reset",
                "resource",
                "setup",
            ];
            let starts = |name: &str| mutant.before.starts_with(&format!("#[{name}"));
            mutant.kind == Drop && ATTRIBUTES.iter().any(|name| starts(name))
        },
    },
    Reviewed {
        fault: Compiles,
        reason: "an event outside of `Domain` enums may be one that is only read",
        covers: |mutant| {
            mutant.is(Drop, &["serde::Serialize, "])
                && ["Registered", "Closed"].iter().any(|end| mutant.item.name.ends_with(end))
        },
    },
    Reviewed {
        fault: Compiles,
        reason: "a name of the writer's own",
        covers: |mutant| {
            const NAMES: &[&str] = &[
                "Awarded",
                "Ended",
                "Hand",
                "Orders",
                "Placed",
                "Shipped",
                "Started",
                "_event",
                "begin",
                "create_tables",
                "empty_tables",
                "greeting",
                "hand_started",
                "other",
                "placed",
                "player",
                "player_registered",
                "pot_awarded",
                "seen",
                "shipped",
                "table",
                "total",
            ];
            mutant.is(Replace, NAMES) && !mutant.after.starts_with('"')
        },
    },
    Reviewed {
        fault: Compiles,
        reason: "a text of the writer's own",
        covers: |mutant| {
            const TEXTS: &[&str] = &[
                "\"HandBegan\"",
                "\"HandEnded\"",
                "\"HandStarted\"",
                "\"OrderMade\"",
                "\"Placed\"",
                "\"Shipped\"",
                "\"hand-history\"",
                "\"order-journal\"",
                "\"orders\"",
                "\"player\"",
                "\"stock\"",
                "\"totals\"",
            ];
            mutant.is(Replace, TEXTS) && mutant.after.len() > 2 && !mutant.after.contains(' ')
        },
    },
    Reviewed {
        fault: Compiles,
        reason: "an older shape may have belonged to another domain",
        covers: |mutant| {
            mutant.item.name == "struct HandClosed" && mutant.is(Replace, &["\"hand\""])
        },
    },
    Reviewed {
        fault: Compiles,
        reason: "a row may be declared without it",
        covers: |mutant| {
            const WORDS: &[&str] = &[
                "#[column(",
                "#[index]",
                "#[read_model(",
                "#[unique]",
                "default = ",
                "index(",
                "league",
                "net",
                "table = ",
                "team",
                "unique(",
            ];
            let before = mutant.before.trim_start_matches([',', ' ']);
            mutant.file == "rows"
                && matches!(mutant.kind, Delete | Drop)
                && WORDS.iter().any(|word| before.starts_with(word))
        },
    },
    Reviewed {
        fault: Compiles,
        reason: "a row's names and defaults are its writer's own; a lint says what is too large",
        covers: |mutant| {
            const WORDS: &[&str] =
                &["\"email_address\"", "\"net_chips\"", "\"players\"", "10", "email", "streak"];
            mutant.file == "rows" && mutant.is(Replace, WORDS) && mutant.after != "\"\""
        },
    },
    Reviewed {
        fault: Elsewhere,
        reason: "a row with another key disagrees with those who ask for it",
        covers: |mutant| mutant.is(Drop, &["#[key]"]),
    },
    Reviewed {
        fault: Compiles,
        reason: "what a body says to its database is its writer's own",
        covers: |mutant| mutant.line.starts_with("db.execute"),
    },
    Reviewed {
        fault: Elsewhere,
        reason: "an exhaustive projector says where it asks for it that a handler is missing",
        covers: |mutant| mutant.kind == Drop && mutant.before.starts_with("#[handles("),
    },
    Reviewed {
        fault: Compiles,
        reason: "another `#[cfg]` is another condition",
        covers: |mutant| {
            mutant.compilers && (mutant.line.is_empty() || mutant.line.starts_with("#[cfg"))
        },
    },
    Reviewed {
        fault: Compiles,
        reason: "a generic projector's domains are known where it is used",
        covers: |mutant| {
            mutant.item.name == "impl Totals" && mutant.before.contains("input_domain")
        },
    },
    Reviewed {
        fault: Compiles,
        reason: "a generic projector's bounds are asked for where it is used",
        covers: |mutant| mutant.item.name == "impl Totals" && mutant.is(Delete, &["'static"]),
    },
    Reviewed {
        fault: Elsewhere,
        reason: "two places disagree, and either may be wrong: the second says so",
        covers: |mutant| {
            mutant.is(Replace, &["\"hand\"", "\"orders\""])
                || mutant.kind == Drop
                    && ["#[event(", "domain = ", "storage = "]
                        .iter()
                        .any(|start| mutant.before.starts_with(start))
        },
    },
    Reviewed {
        fault: Elsewhere,
        reason: "what an item has no longer is missed where it is used",
        covers: |mutant| {
            mutant.is(Delete, &["pub"])
                || mutant.is(Drop, &["Event, ", "serde::Serialize, "])
                || mutant.kind == Drop && mutant.before.starts_with("#[derive(")
        },
    },
    Reviewed {
        fault: Elsewhere,
        reason: "without `#[projector]` only `#[handlers]` knows that it is missing",
        covers: |mutant| mutant.kind == Drop && mutant.before.starts_with("#[projector("),
    },
    Reviewed {
        fault: TooMany,
        reason: "without `#[handlers]` the compiler knows no attribute in the block",
        covers: |mutant| mutant.is(Drop, &["#[handlers]"]) || mutant.is(Replace, &["handlers"]),
    },
    Reviewed {
        fault: TooMany,
        reason: "`impl impl Type` is a trait object's grammar, and refused three times",
        covers: |mutant| mutant.is(Double, &["impl"]),
    },
];

/// How it should not be, for now. Whoever mends a case takes its line off.
pub(crate) const POOR: &[Reviewed] = &[
    Reviewed {
        fault: BlamesMacro,
        reason: "`Domain` adds to the compiler's own error about an event's lifetime",
        covers: |mutant| mutant.line == "pub struct PotAwarded<'static> {",
    },
    Reviewed {
        fault: TooMany,
        reason: "the compiler alone says several things of what is not its grammar",
        covers: |mutant| !mutant.parses && mutant.item.name.starts_with("impl"),
    },
];

impl Mutant {
    fn is(&self, kind: Kind, before: &[&str]) -> bool {
        self.kind == kind && before.contains(&&*self.before)
    }
}
