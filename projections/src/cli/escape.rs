//! Text from data, made safe for what shows it.

use std::{borrow::Cow, fmt::Write as _};

/// Makes a text safe for a terminal and keeps it on one line: characters that would move the
/// cursor, change colours or reorder the line are written as `\u{1b}`.
pub(super) fn terminal(text: &str) -> Cow<'_, str> {
    replace(text, |c, out| {
        if !is_hidden(c) {
            return false;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ => {
                // Writing to a `String` does not fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
        true
    })
}

/// Makes a text safe between the quotes of a DOT label, also where the picture ends in HTML.
pub(super) fn dot(text: &str) -> String {
    let shown = terminal(text);
    let escaped = replace(&shown, |c, out| {
        out.push_str(match c {
            '"' => "&quot;",
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '\\' => "\\\\",
            _ => return false,
        });
        true
    });
    escaped.into_owned()
}

/// Makes a text safe between the quotes of a Mermaid label, also where the picture ends in HTML.
pub(super) fn mermaid(text: &str) -> String {
    let shown = terminal(text);
    let escaped = replace(&shown, |c, out| {
        // Mermaid has entities of its own, `#35;` for a character of that number.
        let special = matches!(
            c,
            '"' | '#' | '&' | '<' | '>' | '`' | ';' | '\\' | '[' | ']' | '{' | '}' | '(' | ')'
        );
        if special {
            // Writing to a `String` does not fail.
            let _ = write!(out, "#{};", u32::from(c));
        }
        special
    });
    escaped.into_owned()
}

/// Writes JSON so that a terminal may see it: JSON itself leaves DEL, the C1 controls and marks
/// that reorder text as they are. The document stays the same.
pub(super) fn json(document: &str) -> Cow<'_, str> {
    replace(document, |c, out| {
        // Between tokens these three are white space, and inside strings JSON has none.
        let hidden = is_hidden(c) && !matches!(c, '\n' | '\r' | '\t');
        if hidden {
            // Writing to a `String` does not fail. All of them are below U+10000.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        hidden
    })
}

/// Tells whether a terminal would act on the character instead of showing it.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Copies a text only where a character is replaced.
fn replace(text: &str, mut write: impl FnMut(char, &mut String) -> bool) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    for (at, c) in text.char_indices() {
        let before = out.len();
        out.push_str(text.get(copied..at).unwrap_or_default());
        if write(c, &mut out) {
            copied = at + c.len_utf8();
        } else {
            out.truncate(before);
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)] // test code
    use super::*;

    #[test]
    fn a_terminal_sees_no_control_character() {
        assert_eq!(terminal("\u{1b}]0;x\u{7}"), "\\u{1b}]0;x\\u{7}");
        assert_eq!(terminal("a\nb\tc\r\u{9b}d"), "a\\nb\\tc\\r\\u{9b}d");
        assert_eq!(terminal("abc\u{202e}gpj.exe"), "abc\\u{202e}gpj.exe");
        assert!(matches!(terminal("Zoë 寿司"), Cow::Borrowed("Zoë 寿司")));
    }

    #[test]
    fn a_label_does_not_end_early() {
        assert_eq!(dot("\"]; drop"), "&quot;]; drop");
        assert_eq!(dot("a\\\"<script>"), "a\\\\&quot;&lt;script&gt;");
        assert_eq!(dot("\u{1b}"), "\\\\u{1b}");
        assert_eq!(mermaid("\"]; drop"), "#34;#93;#59; drop");
        assert_eq!(mermaid("<script>"), "#60;script#62;");
    }

    #[test]
    fn json_stays_the_same_document() {
        let text = "a\u{7f}\u{9b}\u{202e}\u{1b}\"\\é";
        let document = serde_json::to_string(text).expect("a string");
        let escaped = json(&document);
        assert!(!escaped.chars().any(is_hidden), "{escaped}");
        assert_eq!(serde_json::from_str::<String>(&escaped).expect("JSON"), text);
    }
}
