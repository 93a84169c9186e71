//! Fields that are stored as JSON, with `#[column(json)]`.

use std::io;

use serde::{Serialize, de::DeserializeOwned};

use super::{ColumnError, Put, Value};

/// Hands over the value's JSON.
pub(crate) fn put<V: Serialize>(value: &V, put: Put<'_>) -> Result<(), ColumnError> {
    put(Value::Json(&text(value)?));
    Ok(())
}

/// Makes the value from its JSON.
pub(crate) fn read<V: DeserializeOwned>(value: Value<'_>) -> Result<V, ColumnError> {
    match value {
        Value::Json(text) => parse(text),
        other => Err(ColumnError::unexpected(super::Kind::Json, other)),
    }
}

/// Makes the value what it is after its way through JSON.
pub(crate) fn settle<V: Serialize + DeserializeOwned>(value: &mut V) -> Result<(), ColumnError> {
    *value = copy(value)?;
    Ok(())
}

/// Makes another value from the JSON of this one.
pub(crate) fn copy<V: Serialize + DeserializeOwned>(value: &V) -> Result<V, ColumnError> {
    parse(&text(value)?)
}

/// Estimates what a value keeps beside its own size: its JSON, and two words for each of its parts,
/// because numbers are longer in memory and most parts stand in something allocated. It must not be
/// far too low, else rows that are kept exceed their bound.
pub(crate) fn heap_bytes<V: Serialize>(value: &V) -> usize {
    let mut size = Size::default();
    // What cannot be serialised is counted as far as it goes; it is refused when it is settled.
    let _ = serde_json::to_writer(&mut size, value);
    size.bytes + size.parts * 2 * size_of::<usize>()
}

fn text<V: Serialize>(value: &V) -> Result<String, ColumnError> {
    serde_json::to_string(value)
        .map_err(|error| ColumnError::new(format!("it cannot be written as JSON: {error}")))
}

fn parse<V: DeserializeOwned>(text: &str) -> Result<V, ColumnError> {
    serde_json::from_str(text)
        .map_err(|error| ColumnError::new(format!("its JSON is no such value: {error}")))
}

/// Counts what is written.
#[derive(Default)]
struct Size {
    bytes: usize,
    /// What begins a part. In a text they may stand for themselves, which makes the estimate higher.
    parts: usize,
}

impl io::Write for Size {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        self.bytes += written.len();
        self.parts += written.iter().filter(|byte| b"[{,:".contains(byte)).count();
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_value_comes_back_from_its_json() {
        let badges = vec!["early \"bird\"".to_owned(), "shark".to_owned()];
        let mut stored = String::new();
        put(&badges, &mut |value| {
            let Value::Json(text) = value else { panic!("{value:?}") };
            text.clone_into(&mut stored);
        })
        .unwrap();
        assert_eq!(stored, r#"["early \"bird\"","shark"]"#);
        assert_eq!(read::<Vec<String>>(Value::Json(&stored)).unwrap(), badges);
        assert_eq!(copy(&badges).unwrap(), badges);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let map = BTreeMap::from([((1, 2), 3)]);
        let error = put(&map, &mut |value| panic!("{value:?}")).unwrap_err().to_string();
        assert_eq!(error, "it cannot be written as JSON: key must be a string");
        // JSON has no NaN: it would come back as no number at all.
        let mut nan = f64::NAN;
        let error = settle(&mut nan).unwrap_err().to_string();
        assert!(error.starts_with("its JSON is no such value: invalid type: null"), "{error}");
        let error = read::<u8>(Value::Text("1")).unwrap_err().to_string();
        assert_eq!(error, "Json was expected, and Text(\"1\") is there");
    }

    #[test]
    fn a_value_settles_as_what_is_read_back() {
        #[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
        struct Cached {
            kept: u8,
            #[serde(skip)]
            dropped: u8,
        }
        let mut cached = Cached { kept: 1, dropped: 2 };
        settle(&mut cached).unwrap();
        assert_eq!(cached, Cached { kept: 1, dropped: 0 });
    }

    #[test]
    fn what_a_value_keeps_is_not_estimated_too_low() {
        let numbers: Vec<u64> = (0..100).collect();
        assert!(heap_bytes(&numbers) >= 100 * size_of::<u64>());
        let texts = vec!["a".repeat(100); 10];
        assert!(heap_bytes(&texts) >= 10 * (100 + size_of::<String>()) - 100);
        assert!(heap_bytes(&texts) <= 3_000);
        assert!(heap_bytes(&1_u8) < 10);
    }
}
