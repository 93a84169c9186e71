//! `events export`: every event, one JSON object a line, as `events import` takes them.

use std::{
    borrow::Cow,
    fs::Permissions,
    io::{self, IsTerminal, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use serde_json::value::RawValue;
use tempfile::NamedTempFile;

use super::line::MAX_BYTES;
use crate::{
    Envelope, EventSource, Filter, GlobalPosition, ReadRequest,
    cli::{command::Export, escape, failure::Failure, output},
};

/// One line of an export.
#[derive(Serialize)]
struct Document<'a> {
    stream: &'a str,
    domain: &'a str,
    #[serde(rename = "type")]
    name: &'a str,
    #[serde(skip_serializing_if = "is_first")]
    version: u32,
    time: String,
    data: &'a RawValue,
    id: String,
    recorded_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
}

/// Writes the events that are there now.
pub(in crate::cli) async fn export<S: EventSource>(
    events: &S,
    options: &Export,
) -> Result<(), Failure> {
    if options.file == Path::new("-") {
        let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout());
        let escaped = io::stdout().is_terminal();
        let mut write = |line: &str| {
            let line = if escaped { escape::json(line) } else { Cow::Borrowed(line) };
            Ok(out.write_all(line.as_bytes())?)
        };
        write_all(events, &mut write).await?;
        return Ok(out.flush()?);
    }
    let mut file = NewFile::create(&options.file)?;
    let count = write_all(events, &mut |line| file.write(line)).await?;
    file.finish()?;
    let name = options.file.display().to_string();
    output::tell(format_args!("exported {count} events to `{}`", escape::terminal(&name)));
    Ok(())
}

/// Writes every event up to the head as it is now; returns how many.
async fn write_all<S: EventSource>(
    events: &S,
    write: &mut impl FnMut(&str) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let head = events.head().await.map_err(|error| Failure::error(&error))?;
    let head = head.map_or(GlobalPosition::BEGINNING, |head| head.position);
    let everything = Filter::all();
    let (mut after, mut count, mut too_long) = (GlobalPosition::BEGINNING, 0, 0);
    while after < head {
        let request = ReadRequest::new(after, &everything);
        let page = events.read(request).await.map_err(|error| Failure::error(&error))?;
        let Some(scanned) = page.scanned() else { break };
        for event in page.events().take_while(|event| event.position() <= head) {
            let line = line(&event)?;
            too_long += u64::from(line.len() > MAX_BYTES + 1);
            write(&line)?;
            count += 1;
        }
        after = scanned.position;
    }
    if too_long > 0 {
        output::tell(format_args!(
            "warning: {too_long} lines are longer than {MAX_BYTES} bytes, and import takes none \
             of that length"
        ));
    }
    Ok(count)
}

/// Writes one event and a line end.
fn line(event: &Envelope) -> Result<String, Failure> {
    let fault = |what: &str| {
        Failure::failed(format!(
            "event {} `{}` at position {}: {what}",
            event.id(),
            event.name(),
            event.position()
        ))
    };
    let data = std::str::from_utf8(event.payload())
        .map_err(|_| fault("the payload is not UTF-8, so it is not JSON and cannot be exported"))?;
    let data = one_line(data);
    let data = serde_json::from_str(&data)
        .map_err(|_| fault("the payload is not JSON and cannot be exported"))?;
    let metadata = event.metadata().map(one_line);
    let metadata = metadata
        .as_deref()
        .map(serde_json::from_str)
        .transpose()
        .map_err(|_| fault("the metadata is not JSON and cannot be exported"))?;
    let document = Document {
        stream: event.stream(),
        domain: event.domain(),
        name: event.name(),
        version: event.version(),
        time: event.time().to_string(),
        data,
        id: event.id().to_string(),
        recorded_at: event.recorded_at().to_string(),
        metadata,
    };
    let mut line = serde_json::to_string(&document).map_err(|error| fault(&error.to_string()))?;
    line.push('\n');
    Ok(line)
}

/// What every line had before events had versions, and most still have.
#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_first(version: &u32) -> bool {
    *version == 1
}

/// Keeps JSON on one line: a line end in it can only stand between its tokens.
fn one_line(json: &str) -> Cow<'_, str> {
    if json.contains(['\n', '\r']) {
        Cow::Owned(json.replace(['\n', '\r'], " "))
    } else {
        Cow::Borrowed(json)
    }
}

/// A file that appears under its name once it is complete, and replaces none.
///
/// Not replacing is also what keeps a mistyped name from harming the event store itself.
struct NewFile<'a> {
    path: &'a Path,
    sink: Sink,
}

enum Sink {
    Gzip(GzEncoder<io::BufWriter<NamedTempFile>>),
    Plain(io::BufWriter<NamedTempFile>),
}

impl<'a> NewFile<'a> {
    fn create(path: &'a Path) -> Result<Self, Failure> {
        let exists = || io::Error::new(io::ErrorKind::AlreadyExists, "it exists already");
        if path.symlink_metadata().is_ok() {
            return Err(cannot(path, &exists()));
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let file = new_file(folder).map_err(|error| cannot(path, &error))?;
        let file = io::BufWriter::with_capacity(1 << 16, file);
        let sink = if path.extension().is_some_and(|extension| extension == "gz") {
            Sink::Gzip(GzEncoder::new(file, Compression::default()))
        } else {
            Sink::Plain(file)
        };
        Ok(Self { path, sink })
    }

    fn write(&mut self, line: &str) -> Result<(), Failure> {
        let written = match &mut self.sink {
            Sink::Gzip(file) => file.write_all(line.as_bytes()),
            Sink::Plain(file) => file.write_all(line.as_bytes()),
        };
        written.map_err(|error| cannot(self.path, &error))
    }

    fn finish(self) -> Result<(), Failure> {
        let persist = || {
            let file = match self.sink {
                Sink::Gzip(file) => file.finish()?,
                Sink::Plain(file) => file,
            };
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist_noclobber(self.path).map_err(|error| error.error)?;
            io::Result::Ok(())
        };
        persist().map_err(|error| cannot(self.path, &error))
    }
}

/// Makes the file with the permissions that any other new file gets.
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".export-");
    if let Some(permissions) = ordinary_permissions() {
        builder.permissions(permissions);
    }
    builder.tempfile_in(folder)
}

#[cfg(unix)]
fn ordinary_permissions() -> Option<Permissions> {
    Some(std::os::unix::fs::PermissionsExt::from_mode(0o666))
}

#[cfg(not(unix))]
fn ordinary_permissions() -> Option<Permissions> {
    None
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::AlreadyExists => "; remove it or name another",
        _ => "",
    };
    Failure::failed(format!("cannot write `{}`: {error}{hint}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_several_lines_becomes_one() {
        assert_eq!(one_line("{\r\n \"a\": 1\n}"), "{   \"a\": 1 }");
        assert!(matches!(one_line("{\"a\":\"\\n\"}"), Cow::Borrowed(_)));
    }
}
