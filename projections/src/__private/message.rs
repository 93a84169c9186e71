//! The text of a fault that is found while compiling.

/// A text in a fixed buffer, because a `const fn` cannot format. What does not fit ends in dots.
pub(super) struct Message {
    bytes: [u8; Message::CAPACITY],
    len: usize,
    is_cut: bool,
}

impl Message {
    const CAPACITY: usize = 1024;
    const DOTS: &'static str = "...";

    pub(super) const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], len: 0, is_cut: false }
    }

    /// How many bytes still fit.
    pub(super) const fn room(&self) -> usize {
        Self::CAPACITY - Self::DOTS.len() - self.len
    }

    /// Appends a text.
    pub(super) const fn push(self, text: &str) -> Self {
        if self.is_cut {
            return self;
        }
        let bytes = text.as_bytes();
        if bytes.len() <= self.room() {
            return self.append(bytes);
        }
        let mut fits = self.room();
        // A character of several bytes is left out whole.
        while !text.is_char_boundary(fits) {
            fits -= 1;
        }
        let mut cut = self.append(bytes.split_at(fits).0).append(Self::DOTS.as_bytes());
        cut.is_cut = true;
        cut
    }

    /// Appends a name in backticks.
    pub(super) const fn name(self, name: &str) -> Self {
        self.push("`").push(name).push("`")
    }

    /// Appends a number.
    pub(super) const fn push_number(self, number: u64) -> Self {
        const DIGITS: &str = "0123456789";
        let rest = if number >= 10 { self.push_number(number / 10) } else { self };
        let (_, from) = DIGITS.split_at((number % 10) as usize);
        rest.push(from.split_at(1).0)
    }

    /// Stops the compiler with the text, at the caller's place.
    #[track_caller]
    pub(super) const fn report(&self) -> ! {
        match self.text() {
            Some(text) => panic!("{}", text),
            // `push` appends whole characters only.
            None => panic!("this fault's text cannot be shown"),
        }
    }

    const fn text(&self) -> Option<&str> {
        let (text, _) = self.bytes.split_at(self.len);
        match core::str::from_utf8(text) {
            Ok(text) => Some(text),
            Err(_) => None,
        }
    }

    const fn append(mut self, bytes: &[u8]) -> Self {
        let mut next = 0;
        while next < bytes.len() {
            self.bytes[self.len] = bytes[next]; // the callers have made sure of the room
            self.len += 1;
            next += 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn a_text_that_does_not_fit_ends_in_dots() {
        for character in ["a", "é", "€", "🂡"] {
            let message = Message::new().name(&character.repeat(1_025)).push("more");
            let text = message.text().unwrap_or("not text");
            assert!(text.starts_with('`') && text.ends_with("..."), "{text}");
            assert!(text.len() > Message::CAPACITY - 8, "{}", text.len());
        }
    }

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 7, 10, 1_024, 908_070] {
            let message = Message::new().push_number(number);
            assert_eq!(message.text(), Some(&*number.to_string()));
        }
    }
}
