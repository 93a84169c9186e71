//! [`Failure`]: why a command exits with something else than 0.

use std::{error::Error as StdError, io, process::ExitCode};

use super::{escape, output};
use crate::{BuildError, Error, RunError, error::chain};

/// Why a command does not do what was asked for. Texts are fit for a terminal.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is not so, or cannot be done, for these reasons, one a line.
    Failed(Vec<String>),
    /// Whoever read standard output has read enough.
    OutputClosed,
    /// It was asked for wrongly.
    Usage(String),
}

impl Failure {
    /// Takes a text that may hold data.
    pub(super) fn failed(reason: impl AsRef<str>) -> Self {
        Self::Failed(vec![escape::terminal(reason.as_ref()).into_owned()])
    }

    /// Takes an error and its causes.
    pub(super) fn error(error: &(dyn StdError + 'static)) -> Self {
        if let Some(error) = error.downcast_ref::<BuildError>() {
            return Self::from(error);
        }
        if let Some(error) = error.downcast_ref::<RunError>() {
            return Self::from(error);
        }
        match error.downcast_ref::<Error>() {
            Some(Error::Build(error)) => return Self::from(error),
            Some(Error::Run(error)) => return Self::from(error),
            _ => {}
        }
        Self::failed(chain(error))
    }

    pub(super) fn usage(reason: impl AsRef<str>) -> Self {
        Self::Usage(escape::terminal(reason.as_ref()).into_owned())
    }

    /// Tells people, and returns the exit code.
    pub(super) fn report(self) -> ExitCode {
        match self {
            Self::Failed(reasons) => {
                reasons.iter().for_each(|reason| output::tell(format_args!("error: {reason}")));
                ExitCode::FAILURE
            }
            Self::OutputClosed => ExitCode::SUCCESS,
            Self::Usage(reason) => {
                output::tell(format_args!("error: {reason}"));
                ExitCode::from(2)
            }
        }
    }
}

impl From<&BuildError> for Failure {
    fn from(error: &BuildError) -> Self {
        let line = |fault: &dyn StdError| escape::terminal(&chain(fault)).into_owned();
        Self::Failed(error.faults().iter().map(|fault| line(fault)).collect())
    }
}

impl From<&RunError> for Failure {
    fn from(error: &RunError) -> Self {
        let line = |halted: &dyn StdError| escape::terminal(&halted.to_string()).into_owned();
        Self::Failed(error.halted().iter().map(|halted| line(halted)).collect())
    }
}

/// Writing to standard output failed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::failed(format!("cannot write to standard output: {error}")),
        }
    }
}
