//! One line of an import, and the chain of hashes that names its event.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::time;
use crate::{EventId, NewEvent, source::check_name};

/// Longest line, without its end.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// Deepest nesting of arrays and objects, the line's own object being the first: what a codec
/// will decode of `data`.
const MAX_DEPTH: usize = 128;

/// Longest reason: it may quote the line.
const MAX_REASON: usize = 300;

/// The event of one line, borrowed from it.
#[derive(Debug)]
pub(super) struct Line<'a> {
    stream: Cow<'a, str>,
    domain: Cow<'a, str>,
    name: Cow<'a, str>,
    version: u32,
    time: Timestamp,
    data: &'a RawValue,
    id: Option<EventId>,
    metadata: Option<&'a RawValue>,
}

/// The keys of a line, with values that are JSON and nothing more is known of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys<'a> {
    #[serde(borrow)]
    stream: &'a RawValue,
    #[serde(borrow)]
    domain: &'a RawValue,
    #[serde(borrow, rename = "type")]
    name: &'a RawValue,
    #[serde(borrow, default)]
    version: Option<&'a RawValue>,
    #[serde(borrow)]
    time: &'a RawValue,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    recorded_at: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
}

impl<'a> Line<'a> {
    /// Reads and checks a line, all of it. The error is the reason, short, and may quote the line.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        Self::read(bytes).map_err(shorten)
    }

    fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            format!("not UTF-8 at byte {}; save the file as UTF-8", error.valid_up_to() + 1)
        })?;
        if text.starts_with('\u{feff}') {
            return Err("a byte order mark; save the file without it".to_owned());
        }
        check_depth(bytes)?;
        // Else serde would take an array for an object.
        if !text.trim_start().starts_with('{') {
            return Err("not a JSON object; write one event a line, as one object".to_owned());
        }
        let keys: Keys<'a> = serde_json::from_str(text).map_err(|error| explain(&error))?;
        if let Some(recorded_at) = keys.recorded_at {
            timestamp("recorded_at", recorded_at)?;
        }
        let id = keys.id.map(|id| string("id", id)).transpose()?;
        Ok(Self {
            stream: name("stream", keys.stream)?,
            domain: name("domain", keys.domain)?,
            name: name("type", keys.name)?,
            version: keys.version.map_or(Ok(1), version)?,
            time: timestamp("time", keys.time)?,
            data: keys.data,
            id: id.map(|id| id.parse().map_err(|error| format!("`id`: {error}"))).transpose()?,
            metadata: keys.metadata.map(object).transpose()?,
        })
    }

    /// The id of the line's event: its own, else what the chain says.
    pub(super) fn event_id(&self, chain: &Chain) -> EventId {
        self.id.unwrap_or_else(|| chain.id())
    }

    /// The id that the line gives.
    pub(super) fn given_id(&self) -> Option<EventId> {
        self.id
    }

    /// Returns the stream and the event to store.
    pub(super) fn into_event(self, chain: &Chain) -> (String, NewEvent) {
        let event = NewEvent {
            id: self.event_id(chain),
            domain: Some(Cow::Owned(self.domain.into_owned())),
            name: Cow::Owned(self.name.into_owned()),
            version: self.version,
            payload: self.data.get().as_bytes().to_vec(),
            metadata: self.metadata.map(|metadata| metadata.get().to_owned()),
            time: self.time,
        };
        (self.stream.into_owned(), event)
    }
}

/// A hash over all lines so far.
///
/// It names the event of each line by its content and by all that stands before it, so that two
/// equal lines are two events, and the lines of a file that has grown keep their names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Chain([u8; 32]);

impl Chain {
    /// Begins a file.
    pub(super) fn new() -> Self {
        Self(Sha256::digest(b"projections: import, version 1").into())
    }

    /// Adds a line, without its end.
    pub(super) fn push(&mut self, line: &[u8]) {
        self.0 = Sha256::new().chain_update(self.0).chain_update(line).finalize().into();
    }

    fn id(&self) -> EventId {
        let (id, _) = self.0.split_first_chunk::<16>().unwrap_or((&[0; 16], &[])); // 16 of 32 bytes
        EventId::from_bytes(*id)
    }
}

/// Measures nesting outside of strings. Where the line is not JSON, the parser says so later.
fn check_depth(bytes: &[u8]) -> Result<(), String> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(format!("nested more than {MAX_DEPTH} deep; make the event flatter"));
        }
    }
    Ok(())
}

fn explain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let reason = text.strip_suffix(&place).unwrap_or(&text);
    if error.is_data() {
        let keys = "a line has stream, domain, type, time and data, and may have version, \
                    id, recorded_at and metadata";
        let reason = reason.split(", expected one of").next().unwrap_or(reason);
        format!("{}; {keys}", reason.replace(" field ", " key "))
    } else {
        format!("not JSON: {reason} at column {}", error.column())
    }
}

/// Decodes a JSON string, without copying where nothing in it is escaped.
fn string<'a>(key: &str, value: &'a RawValue) -> Result<Cow<'a, str>, String> {
    let plain = value.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match plain {
        None => Err(format!("`{key}` is not a string")),
        Some(text) if !text.contains('\\') => Ok(Cow::Borrowed(text)),
        Some(_) => serde_json::from_str(value.get())
            .map(Cow::Owned)
            .map_err(|error| format!("`{key}`: {}", explain(&error))),
    }
}

fn name<'a>(key: &str, value: &'a RawValue) -> Result<Cow<'a, str>, String> {
    let name = string(key, value)?;
    check_name(key, &name).map_err(|error| error.to_string())?;
    Ok(name)
}

fn version(value: &RawValue) -> Result<u32, String> {
    match value.get().parse() {
        Ok(version) if version > 0 => Ok(version),
        _ => Err(format!(
            "`version` is not a version: `{}`; write a whole number from 1 on",
            value.get()
        )),
    }
}

fn timestamp(key: &str, value: &RawValue) -> Result<Timestamp, String> {
    let text = string(key, value)?;
    time::parse(&text).ok_or_else(|| {
        format!("`{key}` is not a time: `{text}`; write it as RFC 3339: 2026-01-31T12:00:00Z")
    })
}

fn object(value: &RawValue) -> Result<&RawValue, String> {
    if value.get().starts_with('{') {
        Ok(value)
    } else {
        Err("`metadata` is not a JSON object".to_owned())
    }
}

fn shorten(reason: String) -> String {
    match reason.char_indices().nth(MAX_REASON) {
        Some((end, _)) => format!("{} ...", reason.get(..end).unwrap_or_default()),
        None => reason,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn with(key: &str, value: &str) -> String {
        let mut keys = vec![
            ("stream", r#""order-1""#),
            ("domain", r#""orders""#),
            ("type", r#""OrderPlaced""#),
            ("time", r#""2019-07-01T00:00:00.7Z""#),
            ("data", r#"{"a": 1.10}"#),
        ];
        match keys.iter_mut().find(|(k, _)| *k == key) {
            Some(entry) => entry.1 = value,
            None => keys.push((key, value)),
        }
        let keys: Vec<_> = keys
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| format!("\"{key}\":{value}"))
            .collect();
        format!("{{{}}}", keys.join(","))
    }

    fn fault(line: &str) -> String {
        Line::parse(line.as_bytes()).expect_err(line)
    }

    #[test]
    fn a_good_line_keeps_its_data_byte_for_byte() {
        let text = with("metadata", r#"{"user": "x"}"#);
        let mut chain = Chain::new();
        chain.push(text.as_bytes());
        let (stream, event) = Line::parse(text.as_bytes()).unwrap().into_event(&chain);
        assert_eq!(stream, "order-1");
        assert_eq!(event.domain.as_deref(), Some("orders"));
        assert_eq!(event.name, "OrderPlaced");
        assert_eq!(event.payload, br#"{"a": 1.10}"#);
        assert_eq!(event.metadata.as_deref(), Some(r#"{"user": "x"}"#));
        assert_eq!(event.time.to_string(), "2019-07-01T00:00:00.7Z");
        assert_eq!(event.id, chain.id());
    }

    #[test]
    fn escapes_in_names_are_decoded() {
        let text = with("stream", r#""a\u00e9\"b""#);
        assert_eq!(Line::parse(text.as_bytes()).unwrap().stream, "aé\"b");
    }

    #[test]
    fn a_given_id_wins() {
        let text = with("id", r#""550e8400-e29b-41d4-a716-446655440000""#);
        let line = Line::parse(text.as_bytes()).unwrap();
        let id = line.event_id(&Chain::new());
        assert_eq!(id.to_string(), "550e8400-e29b-41d4-a716-446655440000");
    }

    #[test]
    fn each_fault_is_named() {
        for (line, reason) in [
            (with("data", ""), "missing key `data`; a line has stream, domain, type"),
            (with("extra", "1"), "unknown key `extra`; a line has"),
            (with("stream", "5"), "`stream` is not a string"),
            (with("stream", "null"), "`stream` is not a string"),
            (with("type", r#""""#), "the type is empty"),
            (with("domain", r#""a\u0000""#), "the domain holds a NUL character"),
            (with("time", r#""yesterday""#), "`time` is not a time: `yesterday`; write it as"),
            (with("recorded_at", r#""x""#), "`recorded_at` is not a time"),
            (with("version", "0"), "`version` is not a version: `0`; write"),
            (with("version", "1.0"), "`version` is not a version: `1.0`"),
            (with("version", r#""1""#), "`version` is not a version"),
            (with("version", "4294967296"), "`version` is not a version"),
            (with("id", r#""x""#), "`id`: `x` is not an event id"),
            (with("metadata", "[]"), "`metadata` is not a JSON object"),
            (with("data", "{"), "not JSON: "),
            (format!("{} x", with("data", "1")), "not JSON: trailing characters at column"),
            ("[1,2]".to_owned(), "not a JSON object"),
            ("\u{feff}{}".to_owned(), "a byte order mark"),
            (with("id", r#""x","id":"y""#), "duplicate key `id`"),
        ] {
            assert!(fault(&line).starts_with(reason), "{line}: {}", fault(&line));
        }
        assert!(
            Line::parse(b"{\"stream\":\"\xff\"}").unwrap_err().starts_with("not UTF-8 at byte 12")
        );
        let long = with("stream", &format!("\"{}\"", "x".repeat(513)));
        assert!(fault(&long).contains("is 513 bytes long; at most 512"));
    }

    #[test]
    fn nesting_is_bounded_where_a_decoder_bounds_it() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deepest = with("data", &nested(127));
        assert!(Line::parse(deepest.as_bytes()).is_ok());
        assert!(serde_json::from_str::<serde_json::Value>(&nested(127)).is_ok());
        assert!(serde_json::from_str::<serde_json::Value>(&nested(128)).is_err());
        assert!(fault(&with("data", &nested(128))).starts_with("nested more than 128 deep"));
        // Brackets in strings nest nothing.
        let text = with("data", &format!("\"\\\"{}\"", "[".repeat(500)));
        assert!(Line::parse(text.as_bytes()).is_ok());
    }

    #[test]
    fn a_reason_is_short_however_long_the_line() {
        let line = with(&"k".repeat(100_000), "1");
        assert!(fault(&line).len() < 400);
    }

    #[test]
    fn the_chain_covers_all_lines_before() {
        let ids = |lines: &[&str]| -> Vec<EventId> {
            let mut chain = Chain::new();
            lines
                .iter()
                .map(|line| {
                    chain.push(line.as_bytes());
                    chain.id()
                })
                .collect()
        };
        let two = ids(&["same", "same"]);
        assert_ne!(two[0], two[1]);
        assert_eq!(ids(&["same", "same", "more"])[..2], two);
        assert_ne!(ids(&["other", "same"])[1], two[1]);
    }
}
