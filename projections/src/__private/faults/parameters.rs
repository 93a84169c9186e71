//! What a method takes.

use super::Facts;
use crate::{__private::message::Message, registry::StorageKind};

/// A method as messages call it, and what they say of the other methods with the same fault.
pub(crate) type Subject = (&'static str, &'static str);

/// Asserts that a handler on `&mut self` has no storage beside it.
///
/// # Panics
/// While compiling, at the caller's place, which is the `&mut self`.
#[track_caller]
pub const fn no_mut_self_fault(facts: &Facts, subject: Subject, projector: &'static str) {
    if !matches!(facts.kind, None | Some(StorageKind::InProcess)) {
        mut_self_fault(facts, subject, projector);
    }
}

#[track_caller]
const fn mut_self_fault(facts: &Facts, subject: Subject, projector: &'static str) -> ! {
    Message::new()
        .push(subject.0)
        .push(" takes `&mut self`, but ")
        .name(projector)
        .push(" writes to ")
        .name(facts.storage)
        .push("\nnote: a rolled-back transaction cannot roll back fields")
        .push("\nhelp: take `&self`, or drop `storage` to keep the read model in the projector")
        .push(subject.1)
        .report();
}

/// Asserts that an `async fn` handler has no blocking storage.
///
/// # Panics
/// While compiling, at the caller's place, which is the `async`.
#[track_caller]
pub const fn no_async_fault(facts: &Facts, subject: Subject) {
    if !matches!(facts.kind, Some(StorageKind::Blocking)) {
        return;
    }
    Message::new()
        .push(subject.0)
        .push(" must not be async: ")
        .name(facts.storage)
        .push(" runs its transactions on a blocking thread\nhelp: remove `async`")
        .push(subject.1)
        .report();
}

/// Asserts that what a method takes by `&mut` is the transaction of the projector's storage.
///
/// # Panics
/// While compiling, at the caller's place, which is the type behind the `&mut`.
#[track_caller]
pub const fn no_view_fault(
    facts: &Facts,
    is_transaction: bool,
    subject: Subject,
    ty: &'static str,
    (projector, storage): (&'static str, &'static str),
) {
    if !is_transaction && let Some(kind) = facts.kind {
        foreign_view(facts, kind, subject, ty, (projector, storage));
    }
}

#[track_caller]
const fn foreign_view(
    facts: &Facts,
    kind: StorageKind,
    subject: Subject,
    ty: &'static str,
    (projector, storage): (&'static str, &'static str),
) -> ! {
    let message = Message::new().push(subject.0).push(" takes `&mut ").push(ty).push("`, but ");
    let message = message.name(projector);
    let message = if matches!(kind, StorageKind::InProcess) {
        message
            .push(" names no storage\nhelp: add `storage = ")
            .push(storage)
            .push("` to its `#[projector(\"...\")]`, or keep the read model in its fields")
    } else if facts.transaction.is_empty() {
        let message = message.push(" writes to ").name(facts.storage);
        message.push("\nhelp: take the transaction of ").name(facts.storage)
    } else {
        let message = message.push(" writes to ").name(facts.storage);
        message.push("\nhelp: take `&mut ").push(facts.transaction).push("`")
    };
    message.push(subject.1).report();
}

/// Asserts that what a method takes by `&` belongs to what surrounds the event.
///
/// # Panics
/// While compiling, at the caller's place, which is the type behind the `&`.
#[track_caller]
pub const fn no_shared_fault(
    facts: &Facts,
    (is_transaction, is_shared): (bool, bool),
    subject: Subject,
    ty: &'static str,
) {
    if !is_shared && facts.kind.is_some() {
        foreign_shared(facts, is_transaction, subject, ty);
    }
}

#[track_caller]
const fn foreign_shared(
    facts: &Facts,
    is_transaction: bool,
    subject: Subject,
    ty: &'static str,
) -> ! {
    let message = Message::new().push(subject.0);
    if is_transaction {
        take_by(message.push(" takes its transaction as `&").push(ty), "&mut ", ty, subject);
    }
    cannot_take(message.push(" cannot take `&").push(ty), facts, subject);
}

/// Asserts that a method takes nothing by value after its event: this is only called where it does.
///
/// # Panics
/// While compiling, at the caller's place, which is the type.
#[track_caller]
pub const fn no_value_fault(
    facts: &Facts,
    (is_transaction, is_shared): (bool, bool),
    subject: Subject,
    ty: &'static str,
) {
    if facts.kind.is_none() {
        return;
    }
    let message = Message::new().push(subject.0);
    if is_transaction {
        take_by(message.push(" takes its transaction as `").push(ty), "&mut ", ty, subject);
    }
    if is_shared {
        take_by(message.push(" takes the envelope as `").push(ty), "&", ty, subject);
    }
    cannot_take(message.push(" cannot take `").push(ty), facts, subject);
}

#[track_caller]
const fn take_by(message: Message, reference: &str, ty: &str, subject: Subject) -> ! {
    message.push("`\nhelp: take `").push(reference).push(ty).push("`").push(subject.1).report();
}

#[track_caller]
const fn cannot_take(message: Message, facts: &Facts, subject: Subject) -> ! {
    let message = message.push("`\nnote: after its event it takes `&Envelope`");
    let message = if matches!(facts.kind, Some(StorageKind::InProcess)) {
        message.push(", and nothing else where the projector has no storage")
    } else if facts.transaction.is_empty() {
        message.push(" and `&mut` the transaction of ").name(facts.storage)
    } else {
        message.push(" and `&mut ").push(facts.transaction).push("`")
    };
    message.push(subject.1).report();
}
