//! What is imported: a file that can be read twice.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;

use super::reader::Lines;
use crate::cli::failure::Failure;

/// How a gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An open file, or standard input as a temporary file.
#[derive(Debug)]
pub(super) struct Input {
    /// What people call it.
    pub(super) name: String,
    /// Its length as it lies there, compressed or not.
    pub(super) bytes: u64,
    file: File,
}

impl Input {
    /// Opens a file; `-`, a pipe and the like are copied to a temporary file first.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Self::spool("standard input", &mut io::stdin().lock());
        }
        let name = path.display().to_string();
        let cannot = |error| Failure::failed(format!("cannot read `{name}`: {error}"));
        #[cfg(feature = "sqlite")]
        if crate::sqlite::is_in_use(path) {
            // Even a look at its first bytes would drop SQLite's locks on it.
            return Err(Failure::failed(format!(
                "cannot import `{name}`: it is a database that this program has open; name a file of events"
            )));
        }
        let mut file = File::open(path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if metadata.is_dir() {
            return Err(Failure::failed(format!("`{name}` is a folder; name a file in it")));
        }
        if !metadata.is_file() {
            return Self::spool(&name, &mut file);
        }
        Ok(Self { name, bytes: metadata.len(), file })
    }

    fn spool(name: &str, from: &mut impl io::Read) -> Result<Self, Failure> {
        let mut copy = || {
            let mut file = tempfile::tempfile()?;
            let bytes = io::copy(from, &mut file)?;
            io::Result::Ok(Self { name: name.to_owned(), bytes, file })
        };
        copy().map_err(|error| {
            let folder = std::env::temp_dir();
            Failure::failed(format!(
                "cannot copy {name} to the temporary folder `{}`: {error}; TMPDIR names another",
                folder.display()
            ))
        })
    }

    /// Reads it from the beginning, showing how far the reading is.
    pub(super) fn lines(
        &self,
        progress: &ProgressBar,
    ) -> io::Result<Lines<Box<dyn BufRead + Send>>> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        let mut plain = BufReader::with_capacity(1 << 16, progress.wrap_read(file));
        let input: Box<dyn BufRead + Send> = if plain.fill_buf()?.starts_with(&GZIP) {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(plain)))
        } else {
            Box::new(plain)
        };
        Ok(Lines::new(input))
    }
}
