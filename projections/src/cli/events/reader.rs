//! Lines of a file, in bounded memory whatever the file holds.

use std::io::{BufRead, ErrorKind, Read};

use super::line::MAX_BYTES;

/// Blank lines that a file may end with.
const MAX_BLANK: u64 = 100;

/// What is wrong at a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) reason: String,
}

/// Hands out one line after the other.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), number: 0 }
    }

    /// Returns the next line without its end, and its number, from 1. Blank lines are passed over
    /// at the end of the file, and a fault elsewhere. After a fault there is nothing to read.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &[u8])>, Fault> {
        let mut blank = 0;
        while self.fill()? {
            if !self.buffer.trim_ascii().is_empty() {
                return match blank {
                    0 => Ok(Some((self.number, &self.buffer))),
                    _ => Err(self.fault(self.number - blank, "a blank line; remove it")),
                };
            }
            blank += 1;
            if blank > MAX_BLANK {
                return Err(
                    self.fault(self.number - MAX_BLANK, "nothing but blank lines; remove them")
                );
            }
        }
        Ok(None)
    }

    /// Reads one line into the buffer; tells whether there was one.
    fn fill(&mut self) -> Result<bool, Fault> {
        self.buffer.clear();
        self.number += 1;
        // Room for the longest line and its end; what is longer is seen to be.
        let limit = MAX_BYTES as u64 + 2;
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.buffer);
        if let Err(error) = read {
            return Err(self.fault(self.number, &explain(&error)));
        }
        if self.buffer.is_empty() {
            return Ok(false);
        }
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
            if self.buffer.last() == Some(&b'\r') {
                self.buffer.pop();
            }
        }
        if self.buffer.len() > MAX_BYTES {
            let reason = format!("longer than {MAX_BYTES} bytes; keep what is large elsewhere");
            return Err(self.fault(self.number, &reason));
        }
        Ok(true)
    }

    fn fault(&self, line: u64, reason: &str) -> Fault {
        Fault { line, reason: reason.to_owned() }
    }
}

fn explain(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => {
            "the compressed file is cut off here, or something else follows its end".to_owned()
        }
        ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            format!("the compressed file is damaged here: {error}")
        }
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{BufReader, repeat};

    use super::*;

    fn read(text: &str) -> (Vec<(u64, String)>, Option<Fault>) {
        let mut lines = Lines::new(text.as_bytes());
        let mut read = Vec::new();
        loop {
            match lines.next() {
                Ok(Some((number, line))) => {
                    read.push((number, String::from_utf8(line.to_vec()).unwrap()));
                }
                Ok(None) => return (read, None),
                Err(fault) => return (read, Some(fault)),
            }
        }
    }

    fn two() -> Vec<(u64, String)> {
        vec![(1, "a".to_owned()), (2, "b".to_owned())]
    }

    #[test]
    fn line_ends_do_not_count() {
        for text in ["a\nb", "a\nb\n", "a\r\nb\r\n", "a\nb\n\n  \n\n"] {
            assert_eq!(read(text), (two(), None), "{text:?}");
        }
        assert_eq!(read(""), (vec![], None));
        assert_eq!(read("\n"), (vec![], None));
    }

    #[test]
    fn a_blank_line_in_the_middle_is_a_fault() {
        let (lines, fault) = read("a\nb\n\n\nc\n");
        assert_eq!(lines, two());
        assert_eq!(fault.unwrap().line, 3);
        let (_, fault) = read(&"\n".repeat(200));
        assert!(fault.unwrap().reason.starts_with("nothing but blank lines"));
    }

    #[test]
    fn the_longest_line_is_taken_and_no_longer_one() {
        let longest = "x".repeat(MAX_BYTES);
        assert_eq!(read(&format!("{longest}\r\ny")).0.len(), 2);
        let (lines, fault) = read(&format!("a\n{longest}x\n"));
        assert_eq!(lines.len(), 1);
        assert_eq!(fault.unwrap().line, 2);
    }

    #[test]
    fn an_endless_line_takes_bounded_memory() {
        let mut lines = Lines::new(BufReader::new(repeat(b'x')));
        assert_eq!(lines.next().unwrap_err().line, 1);
        assert!(lines.buffer.capacity() <= 4 * MAX_BYTES);
    }
}
