//! Options of an attribute: `key`, `key = value` and `key(..)`, separated by commas.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Ident, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser, discouraged::Speculative},
    punctuated::Punctuated,
};

use crate::{errors::Errors, paths::ends, suggest};

/// What an attribute knows.
pub(crate) struct Keys {
    /// The attribute in messages: `` `#[projector]` ``.
    pub(crate) attribute: &'static str,
    pub(crate) available: &'static [&'static str],
    /// Words that people write for an option, whose spelling is far from it.
    pub(crate) aliases: &'static [(&'static str, &'static str)],
    /// Options whose value is a type or a path, or several in brackets.
    pub(crate) types: &'static [&'static str],
    /// Options that may be given several times.
    pub(crate) repeatable: &'static [&'static str],
    /// What stands before the options, and how often.
    pub(crate) first: Option<&'static str>,
}

/// One option.
pub(crate) struct Entry {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// An option's value, as far as any option's value can be read.
pub(crate) enum Value {
    /// `key`
    None,
    /// `key =`
    Missing,
    /// `key = expression`
    Expression(syn::Expr),
    /// `key = type`
    Type(syn::Type),
    /// `key = [type, type]`
    Types(Span, TokenStream),
    /// `key(tokens)`
    List(Span, TokenStream),
    /// What could not be read, and is reported already.
    Broken,
}

impl Keys {
    /// Reads options up to the end. What is wrong with one does not hide the others.
    pub(crate) fn read(&self, input: ParseStream<'_>, errors: &mut Errors) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        while !input.is_empty() {
            if let Some(entry) = self.entry(input, errors)
                && self.accepts(&entry.key, &entries, errors)
            {
                entries.push(entry);
            }
            skip_comma(input, errors);
        }
        entries
    }

    /// Reads options from the inside of `key(..)`.
    pub(crate) fn read_list(&self, tokens: TokenStream, errors: &mut Errors) -> Vec<Entry> {
        let mut entries = Vec::new();
        let parser = |input: ParseStream<'_>| {
            entries = self.read(input, errors);
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            errors.push(error);
        }
        entries
    }

    /// Tells whether what stands before the options stands between or behind them.
    pub(crate) fn has_misplaced(&self, input: ParseStream<'_>) -> bool {
        let ahead = input.fork();
        while !ahead.is_empty() {
            if self.misplaced(&ahead).is_some() {
                return true;
            }
            skip_to_comma(&ahead);
            let _ = ahead.parse::<Token![,]>(); // the end is as good
        }
        false
    }

    /// Reads a text or a type that stands alone.
    fn misplaced(&self, input: ParseStream<'_>) -> Option<TokenStream> {
        self.first?;
        if input.peek(Ident::peek_any) && input.peek2(Token![=]) {
            return None; // an option, as most are
        }
        let ahead = input.fork();
        let tokens = if ahead.peek(syn::LitStr) {
            ahead.parse::<syn::LitStr>().ok()?.into_token_stream()
        } else {
            let path: syn::Path = ahead.parse().ok()?;
            let name = path.segments.last()?.ident.to_string();
            name.starts_with(char::is_uppercase).then(|| path.into_token_stream())?
        };
        let is_alone = ahead.is_empty() || ahead.peek(Token![,]);
        is_alone.then(|| input.advance_to(&ahead)).map(|()| tokens)
    }

    fn entry(&self, input: ParseStream<'_>, errors: &mut Errors) -> Option<Entry> {
        if let Some(tokens) = self.misplaced(input)
            && let Some(first) = self.first
        {
            let found = shown(&tokens);
            errors.on(tokens, format!("expected an option, found `{found}`\nnote: {first}"));
            return None;
        }
        let Ok(key) = Ident::parse_any(input) else {
            let (span, found) = next(input);
            let help = match input.fork().parse::<syn::LitStr>() {
                Ok(text) if self.knows(&text.value()) => "\nhelp: remove the quotes",
                _ => "",
            };
            errors.at(span, format!("expected the name of an option, found `{found}`{help}"));
            skip_to_comma(input);
            return None;
        };
        let is_list = input.peek(syn::LitStr); // of texts, whose brackets are missing
        let mut value = self.value(&key, input).unwrap_or_else(|error| {
            if error.to_string().starts_with("unexpected end of input") {
                // The end has no place of its own.
                errors.at(key.span(), format!("the value of `{}` ends too early", key.unraw()));
            } else {
                errors.push(error);
            }
            skip_to_comma(input);
            while is_list && input.peek(Token![,]) && input.peek2(syn::LitStr) {
                let _ = input.parse::<Token![,]>(); // it is there
                skip_to_comma(input);
            }
            Value::Broken
        });
        if !self.is_behind_option(input) {
            let (span, found) = next(input);
            errors.at(span, format!("expected `,`, found `{found}`"));
            skip_to_comma(input);
            value = Value::Broken; // it is not all of it
        }
        Some(Entry { key, value })
    }

    fn value(&self, key: &Ident, input: ParseStream<'_>) -> syn::Result<Value> {
        if input.peek(syn::token::Paren) {
            let tokens;
            let parens = syn::parenthesized!(tokens in input);
            return Ok(Value::List(parens.span.join(), tokens.parse()?));
        }
        if !input.peek(Token![=]) {
            return match self.is_behind_option(input) {
                true if !input.fork().parse::<Ident>().is_ok_and(|next| next == *key) => {
                    Ok(Value::None)
                }
                _ => Err(not_a_value(key, input)),
            };
        }
        input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Value::Missing);
        }
        // A fork, because what is left over in brackets would be reported once more.
        let ahead = input.fork();
        let value = self.value_behind_sign(key, &ahead)?;
        input.advance_to(&ahead);
        Ok(value)
    }

    fn value_behind_sign(&self, key: &Ident, input: ParseStream<'_>) -> syn::Result<Value> {
        if input.peek(Token![=]) {
            return Err(input.error("expected a value, found `=`"));
        }
        let is_type = self.types.contains(&key.unraw().to_string().as_str());
        if !is_type || input.peek(syn::LitInt) {
            return input.parse().map(Value::Expression);
        }
        if input.peek(syn::token::Bracket) {
            let types;
            let brackets = syn::bracketed!(types in input);
            return Ok(Value::Types(brackets.span.join(), types.parse()?));
        }
        read_type(input).map(Value::Type)
    }

    /// Tells whether an option may be over: here is the end, the comma or what was typed for it, or
    /// another option, before which the comma is missing.
    fn is_behind_option(&self, input: ParseStream<'_>) -> bool {
        if input.is_empty() || input.peek(Token![,]) || input.peek(Token![;]) {
            return true;
        }
        let ahead = input.fork();
        let Ok(key) = Ident::parse_any(&ahead) else { return false };
        self.knows(&key.unraw().to_string())
            && (ahead.peek(Token![=]) || ahead.peek(syn::token::Paren))
    }

    fn knows(&self, word: &str) -> bool {
        self.available.contains(&word)
    }

    fn accepts(&self, key: &Ident, before: &[Entry], errors: &mut Errors) -> bool {
        let word = key.unraw().to_string();
        if !self.knows(&word) {
            errors.at(key.span(), self.unknown(&word));
            return false;
        }
        let may_repeat = self.repeatable.contains(&word.as_str());
        if !may_repeat && before.iter().any(|entry| entry.name() == word) {
            errors.at(key.span(), format!("`{word}` is given twice"));
            return false;
        }
        true
    }

    fn unknown(&self, word: &str) -> String {
        let attribute = self.attribute;
        let alias = self.aliases.iter().find(|(written, _)| *written == word);
        let help = match alias {
            Some((_, meant)) => format!("\nhelp: did you mean `{meant}`?"),
            None => suggest::help(word, self.available.iter().copied()),
        };
        let known = suggest::and_list(self.available);
        format!("unknown {attribute} option `{word}`{help}\nnote: options are {known}")
    }
}

/// The text that refuses what has no runtime yet.
pub(crate) fn not_yet(what: &str) -> String {
    format!("`{what}` is not available yet")
}

/// A closed list of words that an option takes.
pub(crate) struct Words {
    /// What the words are: `policy`, `mode`.
    pub(crate) noun: &'static str,
    pub(crate) available: &'static [&'static str],
}

impl Entry {
    /// The option's name.
    pub(crate) fn name(&self) -> String {
        self.key.unraw().to_string()
    }

    /// Reads the value as a string literal.
    pub(crate) fn string(&self, errors: &mut Errors) -> Option<syn::LitStr> {
        let example = format!("{} = \"...\"", self.name());
        match self.expression(&example, errors)? {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. })
                if text.suffix().is_empty() =>
            {
                Some(text.clone())
            }
            other => {
                errors.on(other, format!("expected a string literal, found `{}`", shown(other)));
                None
            }
        }
    }

    /// Reads the value as one of some words.
    pub(crate) fn word(&self, words: &Words, errors: &mut Errors) -> Option<String> {
        let literal = self.string(errors)?;
        let word = literal.value();
        if words.available.contains(&&*word) {
            return Some(word);
        }
        let (noun, name) = (words.noun, self.name());
        let help = suggest::help(&word, words.available.iter().copied());
        let expected = suggest::list(words.available);
        errors.at(
            literal.span(),
            format!("unknown {noun} `{word}` for `{name}`{help}\nnote: expected {expected}"),
        );
        None
    }

    /// Reads the value as a whole number of at least one.
    pub(crate) fn number<N>(&self, errors: &mut Errors) -> Option<N>
    where
        N: std::str::FromStr + PartialEq + Default,
        N::Err: std::fmt::Display,
    {
        let name = self.name();
        let value = self.expression(&format!("{name} = 1"), errors)?;
        // A unit, as in `500ms`, would be dropped without a word.
        let number = match value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(number), .. })
                if number.suffix().is_empty() =>
            {
                number
            }
            other => {
                errors.on(other, format!("expected a whole number, found `{}`", shown(other)));
                return None;
            }
        };
        match number.base10_parse::<N>() {
            Ok(zero) if zero == N::default() => {
                errors.at(number.span(), format!("`{name}` must be at least 1"));
                None
            }
            Ok(number) => Some(number),
            Err(error) => {
                errors.at(number.span(), format!("`{name}` is out of range: {error}"));
                None
            }
        }
    }

    /// Reads the value as a number that may have a fraction.
    pub(crate) fn decimal(&self, errors: &mut Errors) -> Option<f64> {
        let value = self.expression(&format!("{} = 1.0", self.name()), errors)?;
        // Else `nan` and `inf`, which are names here, would be numbers.
        let begins = |c: char| c.is_ascii_digit() || c == '-';
        let text = Some(shown(value)).filter(|text| text.starts_with(begins));
        let number = text.and_then(|text| text.replace('_', "").parse().ok());
        if number.is_none() {
            errors.on(value, format!("expected a number, found `{}`", shown(value)));
        }
        number
    }

    /// Reads the value as `true` or `false`; the example says which one anybody would write.
    pub(crate) fn boolean(&self, example: &str, errors: &mut Errors) -> Option<bool> {
        match self.expression(example, errors)? {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Bool(value), .. }) => Some(value.value),
            other => {
                errors.on(other, format!("expected `true` or `false`, found `{}`", shown(other)));
                None
            }
        }
    }

    /// Checks that there is no value.
    pub(crate) fn flag(&self, errors: &mut Errors) -> bool {
        let is_flag = matches!(self.value, Value::None);
        if !is_flag {
            let name = self.name();
            self.wrong_shape(&name, errors);
        }
        is_flag
    }

    /// Reads the value as one or several types: `key = A`, `key = [A, B]` or `key(A, B)`.
    pub(crate) fn types(&self, example: &str, errors: &mut Errors) -> Vec<syn::Type> {
        let tokens = match &self.value {
            Value::Type(ty) => return vec![ty.clone()],
            Value::List(_, tokens) | Value::Types(_, tokens) => tokens.clone(),
            Value::None | Value::Missing | Value::Expression(_) | Value::Broken => {
                self.no_type(example, errors);
                return Vec::new();
            }
        };
        let parser = Punctuated::<_, Token![,]>::parse_terminated_with;
        let types: Vec<_> = match (|input: ParseStream<'_>| parser(input, read_type)).parse2(tokens)
        {
            Ok(types) => types.into_iter().collect(),
            Err(error) => {
                errors.push(error);
                return Vec::new();
            }
        };
        if types.is_empty() {
            let name = self.name();
            errors.at(self.key.span(), format!("`{name}` names nothing\nhelp: write `{example}`"));
        }
        types
    }

    /// Reads the value as a type.
    pub(crate) fn ty(&self, errors: &mut Errors) -> Option<syn::Type> {
        if let Value::Type(ty) = &self.value {
            return Some(ty.clone());
        }
        self.no_type(&format!("{} = ...", self.name()), errors);
        None
    }

    /// Reads the value as a path.
    pub(crate) fn path(&self, errors: &mut Errors) -> Option<syn::Path> {
        match self.ty(errors)? {
            syn::Type::Path(path) if path.qself.is_none() => Some(path.path),
            other => {
                errors.on(&other, format!("expected a path, found `{}`", shown(&other)));
                None
            }
        }
    }

    /// Reads the inside of `key(..)`.
    pub(crate) fn list(&self, example: &str, errors: &mut Errors) -> Option<TokenStream> {
        if let Value::List(_, tokens) = &self.value {
            return Some(tokens.clone());
        }
        self.wrong_shape(example, errors);
        None
    }

    /// Reads the value as an expression.
    pub(crate) fn expression(&self, example: &str, errors: &mut Errors) -> Option<&syn::Expr> {
        if let Value::Expression(value) = &self.value {
            return Some(ungrouped_expression(value));
        }
        self.wrong_shape(example, errors);
        None
    }

    fn wrong_shape(&self, example: &str, errors: &mut Errors) {
        if matches!(self.value, Value::Broken) {
            return;
        }
        let message = match self.value {
            Value::None | Value::Missing => {
                format!("`{}` has no value\nhelp: write `{example}`", self.name())
            }
            _ => format!("expected `{example}`, found `{}`", self.written()),
        };
        errors.at(self.place(), message);
    }

    /// Reports what is there in the place of a type. `from` of an upcaster may be a number, so a
    /// number is read for any option that takes a type.
    fn no_type(&self, example: &str, errors: &mut Errors) {
        match &self.value {
            Value::Expression(found) => {
                errors.on(found, format!("expected a type or a path, found `{}`", shown(found)));
            }
            _ => self.wrong_shape(example, errors),
        }
    }

    /// The place of the value, or of the key where there is none.
    pub(crate) fn place(&self) -> Span {
        match &self.value {
            Value::List(span, _) | Value::Types(span, _) => *span,
            Value::Expression(value) => ends(value).0,
            Value::Type(ty) => ends(ty).0,
            Value::None | Value::Missing | Value::Broken => self.key.span(),
        }
    }

    /// Shows the option as it was written, and the inside of parentheses as dots.
    pub(crate) fn written(&self) -> String {
        let name = self.name();
        match &self.value {
            Value::List(..) => format!("{name}(..)"),
            Value::Types(..) => format!("{name} = [..]"),
            Value::Expression(value) => format!("{name} = {}", shown(value)),
            Value::Type(ty) => format!("{name} = {}", shown(ty)),
            Value::Missing => format!("{name} ="),
            Value::None | Value::Broken => name,
        }
    }
}

fn read_type(input: ParseStream<'_>) -> syn::Result<syn::Type> {
    let Ok(literal) = input.fork().parse::<syn::LitStr>() else {
        // The parser would list every token that a type may begin with.
        return input.parse().map_err(|error: syn::Error| {
            let is_end = error.to_string().starts_with("unexpected end of input");
            if is_end { error } else { syn::Error::new(error.span(), "expected a type or a path") }
        });
    };
    Err(syn::Error::new(
        literal.span(),
        format!(
            "expected a type or a path, found the string \"{}\"\nhelp: remove the quotes",
            literal.value()
        ),
    ))
}

/// Takes an expression out of the invisible groups that `macro_rules!` puts around it.
pub(crate) fn ungrouped_expression(mut expression: &syn::Expr) -> &syn::Expr {
    while let syn::Expr::Group(group) = expression {
        expression = &group.expr;
    }
    expression
}

/// A type in messages.
pub(crate) fn shown_type(ty: &syn::Type) -> String {
    // Most are a path of plain names, whose text takes no printing.
    if let syn::Type::Path(syn::TypePath { qself: None, path, .. }) = ty
        && path.segments.iter().all(|segment| segment.arguments.is_none())
    {
        let names: Vec<_> = path.segments.iter().map(|each| each.ident.to_string()).collect();
        let colons = if path.leading_colon.is_some() { "::" } else { "" };
        return format!("{colons}{}", names.join("::"));
    }
    shown(ty)
}

/// Shows tokens on one line, as a person would write them.
pub(crate) fn shown(tokens: impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (sign, spaced, tight) in [
        (b':', " :: ", "::"),
        (b':', ":: ", "::"),
        (b'<', " < ", "<"),
        (b'>', " >", ">"),
        (b'&', "& ", "&"),
        (b'-', "- ", "-"),
        (b',', " ,", ","),
        (b'<', "< ", "<"),
        (b'(', " (", "("),
        (b':', " : ", ": "),
        (b'*', "* mut ", "*mut "),
        (b'*', "* const ", "*const "),
    ] {
        // Most texts have few of the signs, and to look for one byte costs little.
        if text.as_bytes().contains(&sign) {
            text = text.replace(spaced, tight);
        }
    }
    text
}

/// Skips the comma behind an option. A semicolon, or none, is one mistake, and the next option
/// another matter.
fn skip_comma(input: ParseStream<'_>, errors: &mut Errors) {
    if input.is_empty() || input.parse::<Token![,]>().is_ok() {
        return;
    }
    let (span, found) = next(input);
    errors.at(span, format!("expected `,`, found `{found}`"));
    let _ = input.parse::<Token![;]>(); // else there is an option already
}

/// What stands behind the name of an option, and can be no value.
fn not_a_value(key: &Ident, input: ParseStream<'_>) -> syn::Error {
    let (span, found) = next(input);
    let name = key.unraw();
    let message = if found.len() == 4 && found.contains("..") {
        format!("expected `{name}(..)`, found `{name}{found}`")
    } else {
        format!("expected `=` behind `{name}`, found `{found}`")
    };
    syn::Error::new(span, message)
}

/// The next token, as a person sees it, and its place.
pub(crate) fn next(input: ParseStream<'_>) -> (Span, String) {
    let Ok(token) = input.fork().parse::<TokenTree>() else {
        return (input.span(), String::new()); // the end
    };
    let text = match &token {
        TokenTree::Group(group) => match group.delimiter() {
            Delimiter::Parenthesis => "(..)".to_owned(),
            Delimiter::Brace => "{..}".to_owned(),
            Delimiter::Bracket => "[..]".to_owned(),
            Delimiter::None => shown(group),
        },
        other => other.to_string(),
    };
    (token.span(), text)
}

pub(crate) fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>(); // cannot fail before the end
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    const KEYS: Keys = Keys {
        attribute: "`#[test]`",
        available: &["version", "storage", "input_domain", "snapshot"],
        aliases: &[("domain", "input_domain")],
        types: &["storage"],
        repeatable: &[],
        first: None,
    };

    fn read(tokens: TokenStream) -> (Vec<String>, String) {
        let mut errors = Errors::default();
        let entries = KEYS.read_list(tokens, &mut errors);
        (entries.iter().map(Entry::name).collect(), errors.finish().to_string())
    }

    #[test]
    fn options_are_read_in_order() {
        let (names, errors) = read(quote!(version = 2, storage = Sqlite<Reporting>));
        assert_eq!(names, ["version", "storage"]);
        assert_eq!(errors, "");
    }

    #[test]
    fn a_fault_does_not_hide_the_next_option() {
        let (names, errors) = read(quote!(version = , verison = 1, snapshot, storage = S));
        assert_eq!(names, ["version", "snapshot", "storage"]);
        assert!(errors.contains("did you mean `version`?"), "{errors}");
    }

    #[test]
    fn a_repeated_option_is_refused() {
        let (names, errors) = read(quote!(version = 1, version = 2));
        assert_eq!(names, ["version"]);
        assert!(errors.contains("`version` is given twice"), "{errors}");
        let (names, errors) = read(quote!(version = 1, r#version = 2));
        assert_eq!(names, ["version"]);
        assert!(errors.contains("`version` is given twice"), "{errors}");
    }

    #[test]
    fn an_alias_beats_the_nearest_word() {
        let (_, errors) = read(quote!(domain = "x"));
        assert!(errors.contains("did you mean `input_domain`?"), "{errors}");
    }
}
