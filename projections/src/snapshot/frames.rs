//! Bytes with their lengths before them, and the values of rows.

use std::fmt;

use crate::rows::{OwnedValue, Value};

/// What is written, one after the other.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// Writes what a function appends, with its length.
    pub(super) fn frame<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let at = self.0.len();
        self.number(0);
        let begin = self.0.len();
        write(&mut self.0)?;
        let length = (self.0.len() - begin) as u64;
        if let Some(place) = self.0.get_mut(at..begin) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        Ok(())
    }

    pub(super) fn value(&mut self, value: Value<'_>) {
        let (tag, number): (u8, u64) = match value {
            Value::Null => (0, 0),
            Value::Bool(value) => (1, value.into()),
            Value::Integer(value) => (2, value.cast_unsigned()),
            Value::Real(value) => (3, value.to_bits()),
            Value::Text(text) => return self.tagged(4, text.as_bytes()),
            Value::Bytes(bytes) => return self.tagged(5, bytes),
            Value::Decimal(text) => return self.tagged(6, text.as_bytes()),
            Value::Timestamp(value) => (7, value.cast_unsigned()),
            Value::Date(value) => (8, i64::from(value).cast_unsigned()),
            Value::Time(value) => (9, value.cast_unsigned()),
            Value::Uuid(bytes) => return self.tagged(10, &bytes),
            Value::Json(text) => return self.tagged(11, text.as_bytes()),
        };
        self.0.push(tag);
        self.number(number);
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.0.push(tag);
        self.bytes(bytes);
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn overwrite(&mut self, at: usize, number: u64) {
        if let Some(place) = self.0.get_mut(at..at + 8) {
            place.copy_from_slice(&number.to_le_bytes());
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// What was written, one after the other.
pub(super) struct Reader<'a>(&'a [u8]);

/// What is there is not what was written.
#[derive(Debug)]
pub(super) struct Garbled;

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it ends too early, or is garbled")
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Garbled> {
        let length = usize::try_from(self.number()?).map_err(|_| Garbled)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Garbled)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Garbled> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Garbled)
    }

    pub(super) fn number(&mut self) -> Result<u64, Garbled> {
        let (number, rest) = self.0.split_first_chunk().ok_or(Garbled)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*number))
    }

    pub(super) fn value(&mut self) -> Result<OwnedValue, Garbled> {
        let (tag, rest) = self.0.split_first().ok_or(Garbled)?;
        self.0 = rest;
        let text = |reader: &mut Self| reader.text().map(str::to_owned);
        Ok(match *tag {
            4 => OwnedValue::Text(text(self)?),
            5 => OwnedValue::Bytes(self.bytes()?.to_vec()),
            6 => OwnedValue::Decimal(text(self)?),
            10 => OwnedValue::Uuid(self.bytes()?.try_into().map_err(|_| Garbled)?),
            11 => OwnedValue::Json(text(self)?),
            tag => {
                let number = self.number()?;
                let signed = number.cast_signed();
                match tag {
                    0 => OwnedValue::Null,
                    1 => OwnedValue::Bool(number == 1),
                    2 => OwnedValue::Integer(signed),
                    3 => OwnedValue::Real(f64::from_bits(number)),
                    7 => OwnedValue::Timestamp(signed),
                    8 => OwnedValue::Date(i32::try_from(signed).map_err(|_| Garbled)?),
                    9 => OwnedValue::Time(signed),
                    _ => return Err(Garbled),
                }
            }
        })
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_value_comes_back() {
        let values = [
            OwnedValue::Null,
            OwnedValue::Bool(true),
            OwnedValue::Integer(i64::MIN),
            OwnedValue::Real(f64::NEG_INFINITY),
            OwnedValue::Text("ä".to_owned()),
            OwnedValue::Bytes(vec![0, 255]),
            OwnedValue::Decimal("-12.5".to_owned()),
            OwnedValue::Timestamp(-1),
            OwnedValue::Date(-700_000),
            OwnedValue::Time(86_399_999_999),
            OwnedValue::Uuid([7; 16]),
            OwnedValue::Json("{}".to_owned()),
        ];
        let mut writer = Writer::default();
        values.iter().for_each(|value| writer.value(value.as_value()));
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes);
        for value in &values {
            assert_eq!(reader.value().unwrap(), *value);
        }
        assert!(reader.rest().is_empty());
    }

    #[test]
    fn what_is_cut_off_is_garbled_and_no_panic() {
        let mut writer = Writer::default();
        writer.bytes(b"field");
        writer.value(Value::Text("text"));
        let bytes = writer.into_bytes();
        for end in 0..bytes.len() {
            let mut reader = Reader::new(&bytes[..end]);
            assert!(reader.bytes().and_then(|_| reader.value()).is_err(), "{end}");
        }
        // A length that no memory has.
        assert!(Reader::new(&[255; 12]).bytes().is_err());
    }
}
