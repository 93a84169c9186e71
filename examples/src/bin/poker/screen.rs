//! Text for people: tables, and names that a terminal cannot be fooled with.

use std::{
    borrow::Cow,
    error::Error,
    io::{self, Write},
};

use serde::Serialize;

use crate::BoxError;

/// A text from outside, with the characters that a terminal would obey written out.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let written =
        |c: char| if is_obeyed(c) { c.escape_unicode().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(written).collect())
}

/// A JSON document on one line; what a terminal would obey is escaped as JSON escapes it.
pub(crate) fn json(document: &impl Serialize) -> Result<String, BoxError> {
    let text = serde_json::to_string(document)?;
    if !text.contains(is_obeyed) {
        return Ok(text);
    }
    let written = |c: char| match c {
        // JSON itself holds such characters only inside strings, and all are below U+10000.
        c if is_obeyed(c) => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    Ok(text.chars().map(written).collect())
}

/// Controls, and marks that reorder a line.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes to standard output. Whoever closes it early, as `head` does, has read enough.
pub(crate) fn print(text: &str) -> Result<(), BoxError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Tells an error and its causes on standard error.
pub(crate) fn complain(error: &(dyn Error + 'static)) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    eprintln!("error: {}", plain(&text));
}

/// A table, written line by line: text to the left, numbers to the right.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug)]
pub(crate) enum Cell {
    Left(String),
    Right(String),
}

impl Cell {
    pub(crate) fn text(text: &str) -> Self {
        Self::Left(plain(text).into_owned())
    }

    pub(crate) fn number(number: impl ToString) -> Self {
        Self::Right(number.to_string())
    }

    fn width(&self) -> usize {
        let (Self::Left(text) | Self::Right(text)) = self;
        text.chars().count()
    }
}

impl Table {
    pub(crate) fn new(header: impl IntoIterator<Item = Cell>) -> Self {
        Self { rows: vec![header.into_iter().collect()] }
    }

    pub(crate) fn row(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.rows.push(row.into_iter().collect());
    }

    pub(crate) fn write(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column| {
            self.rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| match cell {
                Cell::Left(text) => format!("{text:<width$}"),
                Cell::Right(text) => format!("{text:>width$}"),
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_no_name() {
        assert_eq!(plain("Zoë Łuk"), "Zoë Łuk");
        assert_eq!(plain("\u{1b}[31m\u{9b}"), "\\u{1b}[31m\\u{9b}");
        let name = "\u{1b}\u{7f}\u{9b}\u{202e}ë\"";
        let document = json(&name).unwrap();
        assert!(!document.contains(is_obeyed), "{document}");
        assert_eq!(serde_json::from_str::<String>(&document).unwrap(), name);
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new([Cell::text("NAME"), Cell::number("N")]);
        table.row([Cell::text("Zoë"), Cell::number(1_000)]);
        assert_eq!(table.write(), "NAME     N\nZoë   1000\n");
    }
}
