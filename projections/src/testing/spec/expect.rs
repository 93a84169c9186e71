//! What a specification expects of the read model, the letters and the end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Spec, Subject, world::Process};
use crate::{Letter, engine::message};

/// Looks at what one process has come to; says what is not as expected.
pub(super) type Look<P> = Box<dyn Fn(&Process<'_, P>) -> Result<(), String> + Send + Sync>;

/// An event that is to be parked.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) stream: String,
    pub(super) error: String,
}

impl<P: Subject> Spec<P> {
    /// Compares what a process has come to with what is expected.
    pub(super) fn compare(&self, process: &Process<'_, P>) -> Result<(), String> {
        self.compare_end(process.halted())?;
        self.compare_letters(&process.letters()?)?;
        self.looks.iter().try_for_each(|look| look(process))
    }

    fn compare_end(&self, halted: Option<&str>) -> Result<(), String> {
        match (&self.halts, halted) {
            (None, None) => Ok(()),
            (Some(part), Some(why)) if why.contains(part) => Ok(()),
            (Some(part), Some(why)) => {
                Err(format!("it was to halt with {part:?}, and has halted with: {why}"))
            }
            (Some(part), None) => Err(format!("it was to halt with {part:?}, and has not halted")),
            (None, Some(why)) => Err(why.to_owned()),
        }
    }

    fn compare_letters(&self, letters: &[Letter]) -> Result<(), String> {
        let mut expected: Vec<&Parked> = self.parked.iter().collect();
        for letter in letters {
            let Some(failure) = &letter.failure else { continue };
            let is_it =
                |one: &&Parked| one.stream == letter.stream && failure.error.contains(&one.error);
            match expected.iter().position(is_it) {
                Some(index) => _ = expected.remove(index),
                None => {
                    return Err(format!(
                        "`{}` of stream `{}`, event {}, is parked: {}",
                        letter.name, letter.stream, letter.position, failure.error
                    ));
                }
            }
        }
        match expected.first() {
            None => Ok(()),
            Some(Parked { stream, error }) => {
                Err(format!("no event of stream `{stream}` is parked with {error:?}"))
            }
        }
    }
}

/// Runs the user's assertions, of which a failing one panics.
pub(super) fn asserted(assertions: impl FnOnce()) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(assertions)).map_err(|panic| message(&*panic))
}
