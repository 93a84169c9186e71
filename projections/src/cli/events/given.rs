//! Ids that lines give their events themselves, and whether one is given twice.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, Write},
};

use crate::EventId;

/// Ids in memory at a time, about 32 MiB; beyond, sorted runs go to temporary files.
const IN_MEMORY: usize = 1 << 20;

/// An id and its line.
type Given = (EventId, u64);

/// Collects given ids in bounded memory.
#[derive(Debug)]
pub(super) struct GivenIds {
    in_memory: usize,
    latest: Vec<Given>,
    runs: Vec<File>,
}

impl GivenIds {
    pub(super) fn new() -> Self {
        Self { in_memory: IN_MEMORY, latest: Vec::new(), runs: Vec::new() }
    }

    pub(super) fn push(&mut self, id: EventId, line: u64) -> io::Result<()> {
        self.latest.push((id, line));
        if self.latest.len() < self.in_memory {
            return Ok(());
        }
        self.latest.sort_unstable();
        let mut run = BufWriter::new(tempfile::tempfile()?);
        for (id, line) in self.latest.drain(..) {
            run.write_all(&id.to_bytes())?;
            run.write_all(&line.to_be_bytes())?;
        }
        let mut run = run.into_inner().map_err(io::IntoInnerError::into_error)?;
        run.rewind()?;
        self.runs.push(run);
        Ok(())
    }

    /// Finds two lines, the earlier one first, that give the same id.
    pub(super) fn repeated(mut self) -> io::Result<Option<(u64, u64)>> {
        self.latest.sort_unstable();
        let latest = self.latest.into_iter().map(Ok);
        let mut runs: Vec<Box<dyn Iterator<Item = io::Result<Given>>>> = vec![Box::new(latest)];
        for run in self.runs {
            let mut run = BufReader::new(run);
            runs.push(Box::new(std::iter::from_fn(move || next(&mut run).transpose())));
        }
        // The least of each run; the least of these comes next.
        let mut heads = BinaryHeap::new();
        for (number, run) in runs.iter_mut().enumerate() {
            heads.extend(run.next().transpose()?.map(|given| Reverse((given, number))));
        }
        let mut before: Option<Given> = None;
        while let Some(Reverse(((id, line), number))) = heads.pop() {
            if let Some((_, earlier)) = before.filter(|(other, _)| *other == id) {
                return Ok(Some((earlier, line)));
            }
            before = Some((id, line));
            let following = runs.get_mut(number).and_then(Iterator::next).transpose()?;
            heads.extend(following.map(|given| Reverse((given, number))));
        }
        Ok(None)
    }
}

fn next(run: &mut impl Read) -> io::Result<Option<Given>> {
    let (mut id, mut line) = ([0; 16], [0; 8]);
    match run.read_exact(&mut id) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    run.read_exact(&mut line)?;
    Ok(Some((EventId::from_bytes(id), u64::from_be_bytes(line))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn repeated(ids: impl IntoIterator<Item = u128>, in_memory: usize) -> Option<(u64, u64)> {
        let mut given = GivenIds { in_memory, ..GivenIds::new() };
        for (line, id) in (1..).zip(ids) {
            given.push(EventId::from_u128(id), line).unwrap();
        }
        given.repeated().unwrap()
    }

    #[test]
    fn a_repeated_id_is_found_wherever_the_two_are() {
        for in_memory in [1, 2, 3, 10, 100] {
            let scattered = |n: u128| n * 7_919 % 101;
            assert_eq!(repeated((0..101).map(scattered), in_memory), None);
            let again = (0..101).map(scattered).chain([scattered(40)]);
            assert_eq!(repeated(again, in_memory), Some((41, 102)));
            assert_eq!(repeated([5, 5], in_memory), Some((1, 2)));
            assert_eq!(repeated([], in_memory), None);
        }
    }
}
