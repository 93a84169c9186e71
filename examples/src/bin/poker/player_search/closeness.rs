//! How close a name comes to what was typed.

/// The closer, the less.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Closeness {
    kind: Kind,
    /// Edits between what was typed and the whole name.
    edits: usize,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Same,
    SameButForCase,
    /// The name begins with the typed words, and goes on with others.
    FirstWords,
    /// One edit from a name of five letters or more, which begins with it all the same.
    OneLetterShort,
    /// One edit from a name of five letters or more.
    OneEdit,
    Beginning,
    /// Another word of the name begins so.
    Word,
    /// The name, or its beginning, or a word in it, with a few typing errors.
    Alike,
}

impl Closeness {
    /// Compares letter by letter, ignoring case; `None` for a name that is too far away.
    pub(super) fn of(typed: &str, name: &str, begins_a_word: bool) -> Option<Self> {
        if typed == name {
            return Some(Self { kind: Kind::Same, edits: 0 });
        }
        let (typed, letters) = (fold(typed), fold(name));
        let distances = distances_to_beginnings(&typed, &letters);
        let edits = distances.last().copied().unwrap_or(typed.len());
        let begins = !typed.is_empty() && letters.starts_with(&typed);
        let word_ends = letters.get(typed.len()).is_some_and(|next| !next.is_alphanumeric());
        let kind = match () {
            () if typed == letters => Kind::SameButForCase,
            () if begins && word_ends => Kind::FirstWords,
            () if letters.len() >= 5 && edits == 1 && begins => Kind::OneLetterShort,
            () if letters.len() >= 5 && edits == 1 => Kind::OneEdit,
            () if begins => Kind::Beginning,
            () if begins_a_word => Kind::Word,
            () if errors_in_any_word(&typed, &letters) <= forgiven(&typed) => Kind::Alike,
            () => return None,
        };
        Some(Self { kind, edits })
    }
}

/// How many typing errors are forgiven.
fn forgiven(typed: &[char]) -> usize {
    match typed.len() {
        0..3 => 0,
        3..5 => 1,
        5..9 => 2,
        _ => 3,
    }
}

/// The least distance between what was typed and how the name, or a word in it, begins.
fn errors_in_any_word(typed: &[char], name: &[char]) -> usize {
    let is_start = |at: usize| at == 0 || name.get(at - 1).is_some_and(|c| !c.is_alphanumeric());
    let starts = (0..name.len()).filter(|at| is_start(*at));
    let least = |at: usize| {
        let rest = name.get(at..).unwrap_or_default();
        distances_to_beginnings(typed, rest).into_iter().min()
    };
    starts.filter_map(least).min().unwrap_or(typed.len())
}

/// Letters without case.
pub(super) fn fold(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// The edit distance of `typed` to each beginning of `name`, from the empty one to all of it.
///
/// An edit leaves out, adds or replaces a letter, or swaps two neighbours (Damerau-Levenshtein, in
/// the form that edits no letter twice).
fn distances_to_beginnings(typed: &[char], name: &[char]) -> Vec<usize> {
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=name.len()).collect();
    for (row, letter) in typed.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in name.iter().enumerate() {
            // Every row has one entry more than the name has letters.
            let mut least = (last[column] + usize::from(letter != other))
                .min(last[column + 1] + 1)
                .min(next[column] + 1);
            let swapped =
                row > 0 && column > 0 && *letter == name[column - 1] && typed[row - 1] == *other;
            if swapped {
                least = least.min(before_last[column - 1] + 1);
            }
            next.push(least);
        }
        before_last = std::mem::replace(&mut last, next);
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: &str, b: &str) -> usize {
        let (a, b) = (fold(a), fold(b));
        distances_to_beginnings(&a, &b).last().copied().unwrap_or(a.len())
    }

    #[test]
    fn an_edit_is_one_letter_or_one_swap() {
        for (a, b, edits) in [
            ("Eddie", "eddie", 0),
            ("Edide", "Eddie", 1),
            ("Edie", "Eddie", 1),
            ("Eddiee", "Eddie", 1),
            ("Exdie", "Eddie", 1),
            ("", "Eddie", 5),
            ("Bill", "Budd", 3),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }
}
