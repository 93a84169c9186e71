//! What is asked of the errors of a mutant.

use std::{collections::BTreeSet, ops::Range};

use crate::{
    compile::Diagnostic,
    mutate::{Mutant, attributes, contains},
};

/// More errors than that bury the first.
const ENOUGH: usize = 3;

/// How a mutant can fail its writer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fault {
    /// An error underlines the name of a macro, or all of its attribute, where a part is wrong.
    BlamesMacro,
    /// There is no error.
    Compiles,
    /// The first error is outside the broken item.
    Elsewhere,
    /// An error speaks of what only the library knows, or says nothing.
    Internals,
    /// There are more errors than mistakes.
    TooMany,
}

/// The faults of what the compiler says about a mutant; none is how it should be.
pub(crate) fn faults(mutant: &Mutant, errors: &[Diagnostic]) -> BTreeSet<Fault> {
    let mut found = BTreeSet::new();
    let Some(first) = errors.first() else { return [Fault::Compiles].into() };
    if !is_placed(mutant, first) {
        found.insert(Fault::Elsewhere);
    }
    if errors.iter().any(shows_internals) {
        found.insert(Fault::Internals);
    }
    let attributes = attributes(&mutant.text);
    if errors.iter().any(|error| blames_macro(mutant, error, &attributes)) {
        found.insert(Fault::BlamesMacro);
    }
    if is_too_much(mutant, errors) {
        found.insert(Fault::TooMany);
    }
    found
}

/// Whether the error points into the broken item, or at a use of what is called otherwise now.
fn is_placed(mutant: &Mutant, error: &Diagnostic) -> bool {
    let inside = |at: &Range<usize>| contains(&mutant.place, at) || is_use(mutant, at);
    !error.places.is_empty() && error.places.iter().all(inside)
}

fn is_use(mutant: &Mutant, at: &Range<usize>) -> bool {
    mutant.text[at.clone()] == mutant.before
}

/// The notes below an error may name a trait's path; its own words and those at the place may not.
fn shows_internals(error: &Diagnostic) -> bool {
    let texts = || error.labels.iter().chain([&error.message]);
    texts().any(|text| text.contains("__private")) || error.message.is_empty()
}

/// A fault of the attribute as a whole may stand there, but then the compiler does not say that it
/// is the macro's. What serde's derives say is theirs.
fn blames_macro(mutant: &Mutant, error: &Diagnostic, attributes: &[Range<usize>]) -> bool {
    !mutant.compilers
        && error.rendered.contains("this error originates in")
        && !error.rendered.contains("derive macro `serde::")
        && error.places.iter().any(|at| attributes.contains(at))
}

/// Uses of a name that is gone do not count. A struct or enum that the compiler cannot read is
/// without its derives, so that all its uses are refused; that is not ours.
fn is_too_much(mutant: &Mutant, errors: &[Diagnostic]) -> bool {
    if mutant.compilers && !mutant.item.name.starts_with("impl") {
        return false;
    }
    let is_use = |error: &&Diagnostic| error.places.iter().any(|at| is_use(mutant, at));
    errors.iter().filter(|error| !is_use(error)).count() > ENOUGH
}
