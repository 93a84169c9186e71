//! What has no runtime yet.

use proc_macro2::Span;

use crate::{
    attr::{Entry, not_yet},
    errors::Errors,
};

/// What has no runtime yet. It is refused last: where two options cannot go together, saying that
/// one of them will come would be wrong.
#[derive(Default)]
pub(super) struct Refusals(Vec<Refusal>);

struct Refusal {
    option: String,
    span: Span,
    message: String,
}

impl Refusals {
    /// Refuses an option's value.
    pub(super) fn value(&mut self, entry: &Entry) {
        let (option, message) = (entry.name(), not_yet(&entry.written()));
        self.0.push(Refusal { option, span: entry.place(), message });
    }

    /// Takes back what was refused of an option.
    pub(super) fn forget(&mut self, option: &str) {
        self.0.retain(|refusal| refusal.option != option);
    }

    /// Reports what is left.
    pub(super) fn report(self, errors: &mut Errors) {
        for Refusal { span, message, .. } in self.0 {
            errors.at(span, message);
        }
    }
}
