//! Durations as options write them: `"250ms"`.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use crate::{
    attr::{Entry, shown},
    errors::Errors,
};

/// The units, the longest first.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads the value as a duration.
pub(crate) fn read(entry: &Entry, errors: &mut Errors) -> Option<Duration> {
    const EXAMPLES: &str = "help: for example `\"250ms\"`, `\"2s\"`, `\"1m\"`";
    let value = entry.expression(&format!("{} = \"2s\"", entry.name()), errors)?;
    let literal = match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(literal), .. })
            if literal.suffix().is_empty() =>
        {
            literal
        }
        other => {
            errors.on(other, format!("expected a duration, found `{}`\n{EXAMPLES}", shown(other)));
            return None;
        }
    };
    let duration = parse(&literal.value());
    if duration.is_none() {
        let text = literal.value();
        errors.at(literal.span(), format!("`\"{text}\"` is not a duration\n{EXAMPLES}"));
    }
    duration
}

/// The expression that makes it.
pub(crate) fn tokens(duration: Duration) -> TokenStream {
    let milliseconds = milliseconds(duration);
    quote_spanned! {Span::mixed_site()=>
        ::core::time::Duration::from_millis(#milliseconds)
    }
}

/// It, as an option would write it.
pub(crate) fn text(duration: Duration) -> String {
    let milliseconds = milliseconds(duration);
    let fits = |(_, unit): &&(&str, u64)| milliseconds > 0 && milliseconds.is_multiple_of(*unit);
    let (name, unit) = UNITS.iter().find(fits).unwrap_or(&("s", 1_000));
    format!("{}{name}", milliseconds / unit)
}

/// Parses a whole number and its unit, together no longer than a `u64` of milliseconds.
fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits); // digits are one byte each
    let (_, milliseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number: u64 = number.parse().ok()?;
    number.checked_mul(*milliseconds).map(Duration::from_millis)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX) // never more, by `parse`
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (written, milliseconds) in
            [("0ms", 0), ("250ms", 250), ("2s", 2_000), ("1m", 60_000), ("1h", 3_600_000)]
        {
            assert_eq!(parse(written), Some(Duration::from_millis(milliseconds)), "{written}");
        }
    }

    #[test]
    fn anything_else_is_not_a_duration() {
        for text in [
            "",
            "s",
            "2",
            "2 s",
            " 2s",
            "2s ",
            "-2s",
            "+2s",
            "1.5s",
            "2S",
            "2sekonds",
            "1d",
            "2µs",
            "1m30s",
            "99999999999999999999ms",
            "18446744073709551615s",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn it_is_shown_in_its_longest_unit() {
        for (written, expected) in
            [("0ms", "0s"), ("250ms", "250ms"), ("1500ms", "1500ms"), ("90s", "90s"), ("60m", "1h")]
        {
            assert_eq!(parse(written).map(text).as_deref(), Some(expected));
        }
    }
}
