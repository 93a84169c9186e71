//! Texts and bytes.

use std::{borrow::Cow, sync::Arc};

use crate::rows::{Column, ColumnError, Kind, Put, Value};

/// Types that hold a `str`: how each is made of one, and what it keeps beside its own size.
macro_rules! texts {
    ($($text:ty = $make:expr, $heap_bytes:expr;)+) => {$(
        impl Column for $text {
            const KIND: Kind = Kind::Text;

            #[inline]
            fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
                check_text(self)?;
                put(Value::Text(self));
                Ok(())
            }

            #[inline]
            fn read(value: Value<'_>) -> Result<Self, ColumnError> {
                read_text(value).map($make)
            }

            #[inline]
            fn settle(&mut self) -> Result<(), ColumnError> {
                check_text(self)
            }

            #[inline]
            fn heap_bytes(&self) -> usize {
                $heap_bytes(self)
            }

            #[inline]
            fn duplicate(&self) -> Self {
                self.clone()
            }
        }
    )+};
}

texts! {
    String = str::to_owned, String::capacity;
    Box<str> = Box::from, |text: &Self| text.len();
    Arc<str> = Arc::from, |text: &Self| text.len() + COUNTS;
    Cow<'static, str> = |text: &str| Cow::Owned(text.to_owned()), |text: &Self| match text {
        Cow::Borrowed(_) => 0,
        Cow::Owned(text) => text.capacity(),
    };
}

/// What an `Arc` counts its owners in. A shared text counts once for each of them, so that what
/// bounds memory errs to the safe side.
const COUNTS: usize = 2 * size_of::<usize>();

impl Column for char {
    const KIND: Kind = Kind::Text;

    #[inline]
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        let mut bytes = [0; 4];
        let text = self.encode_utf8(&mut bytes);
        check_text(text)?;
        put(Value::Text(text));
        Ok(())
    }

    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        let text = read_text(value)?;
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(character),
            _ => Err(ColumnError::new(format!(
                "one character was expected, and {} are there",
                text.chars().count()
            ))),
        }
    }

    #[inline]
    fn settle(&mut self) -> Result<(), ColumnError> {
        check_text(self.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn duplicate(&self) -> Self {
        *self
    }
}

impl Column for Vec<u8> {
    const KIND: Kind = Kind::Bytes;

    #[inline]
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        put(Value::Bytes(self));
        Ok(())
    }

    #[inline]
    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        read_bytes(value).map(<[u8]>::to_vec)
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        self.capacity()
    }

    #[inline]
    fn duplicate(&self) -> Self {
        self.clone()
    }
}

impl Column for Box<[u8]> {
    const KIND: Kind = Kind::Bytes;

    #[inline]
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        put(Value::Bytes(self));
        Ok(())
    }

    #[inline]
    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        read_bytes(value).map(Box::from)
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        self.len()
    }

    #[inline]
    fn duplicate(&self) -> Self {
        self.clone()
    }
}

/// Refuses U+0000, which PostgreSQL has in no text: a row must be the same on every storage.
#[inline]
fn check_text(text: &str) -> Result<(), ColumnError> {
    if text.as_bytes().contains(&0) { Err(unstorable(text)) } else { Ok(()) }
}

#[cold]
fn unstorable(text: &str) -> ColumnError {
    let at = text.bytes().take_while(|byte| *byte != 0).count();
    ColumnError::new(format!(
        "a text cannot hold the character U+0000, which is at byte {at}: use bytes, `Vec<u8>`"
    ))
}

#[inline]
fn read_text(value: Value<'_>) -> Result<&str, ColumnError> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(ColumnError::unexpected(Kind::Text, other)),
    }
}

#[inline]
fn read_bytes(value: Value<'_>) -> Result<&[u8], ColumnError> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        other => Err(ColumnError::unexpected(Kind::Bytes, other)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::laws::{Case, holds, refuses_to_read, refuses_to_store};
    use super::*;

    fn without_nul(text: String) -> String {
        text.replace('\0', "")
    }

    proptest! {
        #[test]
        fn texts_are_kept(text in any::<String>().prop_map(without_nul), letter: char) {
            holds(text.clone())?;
            holds(Box::<str>::from(&*text))?;
            holds(Arc::<str>::from(&*text))?;
            holds(Cow::<'static, str>::Owned(text))?;
            if letter != '\0' {
                holds(letter)?;
            }
        }

        #[test]
        fn bytes_are_kept(bytes: Vec<u8>) {
            holds(bytes.clone())?;
            holds(bytes.into_boxed_slice())?;
        }

        #[test]
        fn a_text_is_refused_where_it_has_the_character_u0000(before: String, after: String) {
            let text = format!("{before}\0{after}");
            let at = text.find('\0').unwrap();
            let error = text.clone().settle().unwrap_err().to_string();
            prop_assert!(error.contains(&format!("which is at byte {at}:")), "{}", error);
        }
    }

    #[test]
    fn empty_texts_and_bytes_are_kept() -> Case {
        holds(String::new())?;
        holds(Cow::Borrowed(""))?;
        holds(Vec::<u8>::new())?;
        holds(char::MAX)
    }

    #[test]
    fn the_character_u0000_is_refused_in_every_text() {
        let why = "a text cannot hold the character U+0000, which is at byte 2: use bytes, \
                   `Vec<u8>`";
        refuses_to_store(String::from("ab\0"), why);
        refuses_to_store(Box::<str>::from("ab\0c\0"), why);
        refuses_to_store(Arc::<str>::from("é\0"), why);
        refuses_to_store(Cow::Borrowed("ab\0"), why);
        refuses_to_store('\0', &why.replace('2', "0"));
    }

    #[test]
    fn what_is_no_text_and_no_bytes_is_refused() {
        let bytes = "Text was expected, and Bytes([1]) is there";
        refuses_to_read::<String>(Value::Bytes(&[1]), bytes);
        refuses_to_read::<Box<str>>(Value::Bytes(&[1]), bytes);
        refuses_to_read::<Arc<str>>(Value::Bytes(&[1]), bytes);
        refuses_to_read::<Cow<'static, str>>(Value::Bytes(&[1]), bytes);
        refuses_to_read::<char>(Value::Bytes(&[1]), bytes);
        let text = "Bytes was expected, and Text(\"a\") is there";
        refuses_to_read::<Vec<u8>>(Value::Text("a"), text);
        refuses_to_read::<Box<[u8]>>(Value::Text("a"), text);
        let several = "one character was expected, and 2 are there";
        refuses_to_read::<char>(Value::Text("éa"), several);
        refuses_to_read::<char>(Value::Text(""), &several.replace('2', "0"));
    }

    #[test]
    fn what_is_kept_elsewhere_is_counted() {
        assert_eq!(Column::heap_bytes(&String::with_capacity(90)), 90);
        assert_eq!(Column::heap_bytes(&Vec::<u8>::with_capacity(90)), 90);
        assert_eq!(Column::heap_bytes(&Box::<str>::from("four")), 4);
        assert_eq!(Column::heap_bytes(&Box::<[u8]>::from([1, 2, 3])), 3);
        assert_eq!(Column::heap_bytes(&Arc::<str>::from("four")), 4 + COUNTS);
        assert_eq!(Column::heap_bytes(&Cow::Borrowed("four")), 0);
        let owned: Cow<'static, str> = Cow::Owned(String::with_capacity(90));
        assert_eq!(Column::heap_bytes(&owned), 90);
        assert_eq!(Column::heap_bytes(&'a'), 0);
    }
}
