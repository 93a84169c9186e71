//! Standard output and standard error, without the panics of `println!`.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

use super::{escape, failure::Failure};

/// Writes to standard output.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes one JSON document and a line end to standard output.
pub(super) fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(document).map_err(|error| Failure::error(&error))?;
    print(&format!("{}\n", escape::json(&text)))
}

/// Tells people something, on standard error. That nobody can hear it is no failure.
pub(super) fn tell(message: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Tells whether colours and cursor movements make sense on standard output.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Tells whether standard output takes colours: on a terminal, unless `NO_COLOR` is set.
pub(super) fn takes_colours() -> bool {
    is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
