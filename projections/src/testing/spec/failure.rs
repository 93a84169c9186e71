//! [`SpecFailure`]: what a projector does otherwise than its specification says, and on which way.

use std::fmt;

use super::Way;

/// A projector is not as specified: what differs, and in which ways of delivering the events.
#[derive(Debug)]
#[non_exhaustive]
pub struct SpecFailure {
    /// The projector.
    pub projector: String,
    /// The ways that gave something else, each once, with what differs. Where the events do so when
    /// nothing goes wrong, that is the only one: the others were not walked.
    pub ways: Vec<(Way, String)>,
}

impl fmt::Display for SpecFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projector `{}` is not as specified", self.projector)?;
        if !self.ways.iter().any(|(way, _)| *way == Way::OneBatch) {
            write!(f, ", though it is in one batch of all events")?;
        }
        for (way, difference) in &self.ways {
            write!(f, "\n\n{way}: {difference}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SpecFailure {}
