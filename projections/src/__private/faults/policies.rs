//! Options that cannot go with what is in the `#[handlers]` block.

use super::Facts;
use crate::{
    __private::message::Message, Mode, OnFailure, UnregisteredPolicy, registry::StorageKind,
};

/// Asserts that a projector with a fallback has no policy for what nobody takes.
///
/// # Panics
/// While compiling, at the caller's place, which is the `#[fallback]`.
#[track_caller]
pub const fn no_fallback_fault(facts: &Facts, method: &'static str) {
    let policy = match facts.options.unregistered {
        UnregisteredPolicy::Ignore => return,
        UnregisteredPolicy::Error => "error",
        UnregisteredPolicy::Warn => "warn",
    };
    Message::new()
        .push("`unregistered = \"")
        .push(policy)
        .push("\"` has no effect beside the fallback ")
        .name(method)
        .push("\nhelp: remove `unregistered`: the fallback takes every event that no handler takes")
        .report();
}

/// Asserts that a projector with a `#[park_key]` parks.
///
/// # Panics
/// While compiling, at the caller's place, which is the `park_key`.
#[track_caller]
pub const fn no_park_key_fault(facts: &Facts, function: &'static str) {
    let (option, why) = match (facts.options.mode, facts.options.on_failure) {
        (Mode::Live, _) => ("mode = \"live\"", "a live projector parks nothing: it halts or skips"),
        (Mode::Inline, _) => ("mode = \"inline\"", INLINE_FAILS),
        (Mode::Async, Some(OnFailure::Halt)) => {
            ("on_failure = \"halt\"", "a projector that halts parks nothing")
        }
        (Mode::Async, Some(OnFailure::Skip)) => {
            ("on_failure = \"skip\"", "a projector that skips parks nothing")
        }
        (Mode::Async, Some(OnFailure::Park) | None) => return,
    };
    Message::new()
        .push("`#[park_key]` function ")
        .name(function)
        .push(" cannot go with ")
        .name(option)
        .push("\nnote: ")
        .push(why)
        .push("\nhelp: remove one of them")
        .report();
}

/// Asserts that a projector which says `park_by` has no `#[park_key]`.
///
/// # Panics
/// While compiling, at the caller's place, which is the value of `park_by`.
#[track_caller]
pub const fn no_park_by_fault(facts: &Facts, key: &'static str) {
    if !facts.has_park_key {
        return;
    }
    Message::new()
        .push("`park_by = \"")
        .push(key)
        .push("\"` cannot go with the `#[park_key]` in the `#[handlers]` of ")
        .name(facts.name)
        .push("\nnote: an event has one key\nhelp: remove one of them")
        .report();
}

/// Asserts that something goes by a handler's policy for failures.
///
/// # Panics
/// While compiling, at the caller's place, which is the option of `#[handles]`.
#[track_caller]
pub const fn no_retry_fault(facts: &Facts, option: &'static str, subject: &'static str) {
    if !matches!(facts.options.mode, Mode::Inline) {
        return;
    }
    Message::new()
        .name(option)
        .push(" of ")
        .push(subject)
        .push(" cannot go with `mode = \"inline\"`\nnote: ")
        .push(INLINE_FAILS)
        .push("\nhelp: remove one of them")
        .report();
}

const INLINE_FAILS: &str =
    "where an inline projector fails, the append fails: nothing is retried or parked";

/// Asserts that a projector that has its read model rebuilt by itself can empty it.
///
/// # Panics
/// While compiling, at the caller's place, which is the `"rebuild"` of `on_change`.
#[track_caller]
pub const fn no_rebuild_fault(facts: &Facts) {
    let is_made_anew = matches!(facts.kind, None | Some(StorageKind::InProcess));
    if is_made_anew || facts.inert || facts.can_reset {
        return;
    }
    Message::new()
        .push("`on_change = \"rebuild\"` needs a `#[reset]` method in projector ")
        .name(facts.name)
        .push("\nnote: a rebuild empties the read model in ")
        .name(facts.storage)
        .push(", and only the projector knows what is in it")
        .report();
}
