//! The text of a fault that is found while compiling.

/// A text in a fixed buffer, because a `const fn` cannot format. What does not fit is cut.
pub(super) struct Message {
    bytes: [u8; Message::CAPACITY],
    len: usize,
}

impl Message {
    const CAPACITY: usize = 1024;

    pub(super) const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], len: 0 }
    }

    /// Appends a text.
    pub(super) const fn push(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut next = 0;
        while next < text.len() && self.len < Self::CAPACITY {
            // both indices are below their lengths, by the condition above
            self.bytes[self.len] = text[next];
            self.len += 1;
            next += 1;
        }
        self
    }

    /// Appends a name in backticks.
    pub(super) const fn name(self, name: &str) -> Self {
        self.push("`").push(name).push("`")
    }

    /// Appends a number.
    pub(super) const fn number(self, number: u32) -> Self {
        let earlier = if number < 10 { self } else { self.number(number / 10) };
        let (digits, _) = "0123456789".split_at((number % 10) as usize + 1);
        let (_, digit) = digits.split_at((number % 10) as usize);
        earlier.push(digit)
    }

    /// Stops the compiler with the text, at the caller's place.
    #[track_caller]
    pub(super) const fn report(&self) -> ! {
        let (text, _) = self.bytes.split_at(self.len);
        match core::str::from_utf8(text) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("this fault's text is too long to be shown"),
        }
    }
}
