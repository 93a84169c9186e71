//! [`Table`]: aligned columns for people.

/// What a cell means, for those who see colours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tone {
    Bad,
    Good,
    Plain,
    Waiting,
}

impl Tone {
    fn colour(self) -> Option<&'static str> {
        match self {
            Self::Bad => Some("\u{1b}[31m"),
            Self::Good => Some("\u{1b}[32m"),
            Self::Plain => None,
            Self::Waiting => Some("\u{1b}[33m"),
        }
    }
}

/// One text of a table, already fit for a terminal.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
    to_the_right: bool,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain, to_the_right: false }
    }

    pub(super) fn number(number: impl ToString) -> Self {
        Self { to_the_right: true, ..Self::text(number.to_string()) }
    }

    pub(super) fn toned(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// Rows under a header.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Begins with the header: as many columns as it has cells.
    pub(super) fn new(header: impl IntoIterator<Item = Cell>) -> Self {
        Self { rows: vec![header.into_iter().collect()] }
    }

    pub(super) fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.rows.push(row.into_iter().collect());
    }

    /// Writes the lines, with two spaces between columns and none at the end.
    pub(super) fn render(&self, colours: bool) -> String {
        let widths = self.widths();
        self.rows.iter().map(|row| line(row, &widths, colours)).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        widths
    }
}

fn line(row: &[Cell], widths: &[usize], colours: bool) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let padding = " ".repeat(width.saturating_sub(cell.width()));
        let text = match cell.tone.colour() {
            Some(colour) if colours => format!("{colour}{}\u{1b}[0m", cell.text),
            _ => cell.text.clone(),
        };
        let (before, after) =
            if cell.to_the_right { (padding.as_str(), "") } else { ("", padding.as_str()) };
        line.extend([before, &text, after, "  "]);
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([Cell::text("NAME"), Cell::number("BEHIND"), Cell::text("")]);
        table.push([Cell::text("Zoë"), Cell::number(7), Cell::text("x").toned(Tone::Bad)]);
        table.push([Cell::text("longer"), Cell::number(1_234_567), Cell::text("")]);
        table
    }

    #[test]
    fn columns_are_aligned() {
        assert_eq!(table().render(false), "NAME     BEHIND\nZoë           7  x\nlonger  1234567\n");
    }

    #[test]
    fn colours_change_no_width() {
        let colourful = table().render(true);
        assert_eq!(
            colourful.replace("\u{1b}[31m", "").replace("\u{1b}[0m", ""),
            table().render(false)
        );
        assert!(colourful.contains("\u{1b}[31mx\u{1b}[0m"));
    }
}
