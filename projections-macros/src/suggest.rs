//! "Did you mean": the nearest of the words that would have been right.

/// Returns the nearest word, unless it is more than two edits away; or the one that is half typed.
pub(crate) fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let words: Vec<_> = words.into_iter().collect();
    let word = &word.to_lowercase(); // as all of them are
    near(word, &words).or_else(|| begun(word, &words))
}

/// The one word that begins like this.
fn begun<'a>(word: &str, words: &[&'a str]) -> Option<&'a str> {
    let mut begun = words.iter().filter(|known| word.len() >= 2 && known.starts_with(word));
    let only = begun.next()?;
    begun.next().is_none().then_some(*only)
}

fn near<'a>(word: &str, words: &[&'a str]) -> Option<&'a str> {
    words
        .iter()
        .map(|known| (distance(word, known), *known))
        // A word of three letters is two edits from almost any other.
        .filter(|(distance, known)| *distance <= 2 && *distance < known.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Tells whether a word is one edit away from another.
pub(crate) fn is_next_to(word: &str, known: &str) -> bool {
    distance(word, known) == 1
}

/// Returns the `help:` line of a suggestion, or nothing.
pub(crate) fn help<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, words).map(|word| format!("\nhelp: did you mean `{word}`?")).unwrap_or_default()
}

/// Joins words as "`a`, `b` and `c`".
pub(crate) fn and_list(words: &[&str]) -> String {
    joined(words, "and")
}

/// Joins words as "`a`, `b` or `c`".
pub(crate) fn list(words: &[&str]) -> String {
    joined(words, "or")
}

fn joined(words: &[&str], last_word: &str) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [head @ .., last] => format!("{} {last_word} {last}", head.join(", ")),
    }
}

/// Counts insertions, deletions, changes and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i; // every row has b.len() + 1 cells
    }
    // there are a.len() + 1 rows
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            // i and j run from 1 to the lengths, and the table is one larger each way
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best =
                (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()] // the last cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_word() {
        let words = ["unregistered", "version", "storage"];
        assert_eq!(nearest("unregisterd", words), Some("unregistered"));
        assert_eq!(nearest("verison", words), Some("version"));
        assert_eq!(nearest("storage", words), Some("storage"));
        assert_eq!(nearest("STORAGE", words), Some("storage"));
    }

    #[test]
    fn half_a_word_finds_the_whole() {
        let words = ["input_domain", "unregistered", "version", "verbose"];
        assert_eq!(nearest("inp", words), Some("input_domain"));
        assert_eq!(nearest("ver", words), None); // two of them
        assert_eq!(nearest("i", words), None);
    }

    #[test]
    fn a_different_word_finds_none() {
        assert_eq!(nearest("quux", ["unregistered", "version"]), None);
        assert_eq!(nearest("xy", ["ab"]), None);
    }

    #[test]
    fn a_swap_is_one_edit() {
        assert_eq!(distance("erorr", "error"), 1);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn words_are_listed_as_english() {
        assert_eq!(list(&["ignore", "warn", "error"]), "`ignore`, `warn` or `error`");
        assert_eq!(list(&["async"]), "`async`");
    }
}
