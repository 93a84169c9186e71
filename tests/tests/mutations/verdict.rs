//! What is asked of the errors of a mutant.

use std::ops::Range;

use crate::{
    compile::Diagnostic,
    mutate::{Mutant, attributes, contains},
};

/// More errors than that bury the first.
const ENOUGH: usize = 3;

/// What is poor about the errors of a mutant that does not compile; nothing is how it should be.
pub(crate) fn poor(mutant: &Mutant, errors: &[Diagnostic]) -> Vec<&'static str> {
    let mut found = Vec::new();
    if !errors.first().is_some_and(|first| is_placed(mutant, first)) {
        found.push("the first error is elsewhere");
    }
    if errors.iter().any(shows_internals) {
        found.push("names what the user cannot know");
    }
    let attributes = attributes(&mutant.text);
    if errors.iter().any(|error| blames_macro(mutant, error, &attributes)) {
        found.push("blames the macro");
    }
    let others = errors.iter().filter(|error| !error.places.iter().any(|at| uses(mutant, at)));
    if !mutant.compilers && others.count() > ENOUGH {
        found.push("too many errors");
    }
    found
}

/// Whether the error points into the broken item, or at a use of what is called otherwise now.
fn is_placed(mutant: &Mutant, error: &Diagnostic) -> bool {
    let inside = |at: &Range<usize>| contains(&mutant.place, at) || uses(mutant, at);
    !error.places.is_empty() && error.places.iter().all(inside)
}

fn uses(mutant: &Mutant, at: &Range<usize>) -> bool {
    mutant.text[at.clone()] == mutant.before
}

fn shows_internals(error: &Diagnostic) -> bool {
    let texts = || error.labels.iter().chain([&error.message]);
    texts().any(|text| text.contains("__private")) || error.message.is_empty()
}

/// Whether it underlines an attribute where another place is wrong. A fault of the attribute as a
/// whole may stand there, but then the compiler does not say that it is the macro's.
fn blames_macro(mutant: &Mutant, error: &Diagnostic, attributes: &[Range<usize>]) -> bool {
    !mutant.compilers
        && error.rendered.contains("this error originates in")
        && error.places.iter().any(|at| attributes.contains(at))
}
