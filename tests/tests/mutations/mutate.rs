//! Every way to break a source file in one place, in the order of its text.

use std::{collections::HashSet, ops::Range};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::{Token, punctuated::Punctuated, spanned::Spanned, visit::Visit};

/// A file that differs from a correct one in one place.
#[derive(Debug)]
pub(crate) struct Mutant {
    /// The correct file's name, without its extension.
    pub(crate) file: &'static str,
    /// The item that is broken.
    pub(crate) item: Item,
    /// What was done.
    pub(crate) kind: Kind,
    /// The tokens that were changed, as they were and as they are.
    pub(crate) before: String,
    pub(crate) after: String,
    /// The broken line, as its reader sees it: the name of the mutant.
    pub(crate) line: String,
    pub(crate) text: String,
    /// The broken item's place in the broken file.
    pub(crate) place: Range<usize>,
    /// Whether the compiler reads it before a macro does: a file that does not parse, or an
    /// attribute of its own.
    pub(crate) compilers: bool,
    /// Whether it is Rust's grammar at all.
    pub(crate) parses: bool,
}

/// A struct, an enum or an `impl` block.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) name: String,
    range: Range<usize>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A token is gone; of brackets, both.
    Delete,
    /// A token stands twice.
    Double,
    /// An argument, an attribute or a return type is gone.
    Drop,
    /// An argument or an attribute stands twice.
    Repeat,
    /// A token is another one of its kind.
    Replace,
    /// Two neighbouring arguments changed places.
    Swap,
}

/// What is mutated, and how.
struct Change {
    kind: Kind,
    /// Disjoint places with their new texts, in order.
    edits: Vec<(Range<usize>, String)>,
}

impl Change {
    fn one(kind: Kind, range: Range<usize>, text: impl Into<String>) -> Self {
        Self { kind, edits: vec![(range, text.into())] }
    }

    fn span(&self) -> Range<usize> {
        self.edits[0].0.start..self.edits[self.edits.len() - 1].0.end
    }

    fn apply(&self, source: &str) -> String {
        let mut text = source.to_owned();
        for (range, new) in self.edits.iter().rev() {
            text.replace_range(range.clone(), new);
        }
        text
    }
}

/// The mutants of a file, each text once.
pub(crate) fn mutants(file: &'static str, source: &str) -> Vec<Mutant> {
    let parsed = syn::parse_file(source).unwrap();
    let mut parts = Parts::default();
    parts.visit_file(&parsed);
    let tokens: TokenStream = source.parse().unwrap();
    let mut changes = Changes { source, bodies: &parts.bodies, tokens_of_bodies: 0, found: vec![] };
    changes.stream(tokens);
    changes.parts(&parts);
    let mut changes = changes.found;
    changes.sort_by_key(|change| change.span().start);
    let mut seen = HashSet::from([source.to_owned()]);
    changes
        .into_iter()
        .filter_map(|change| mutant(file, source, &parts, &change))
        .filter(|mutant| seen.insert(mutant.text.clone()))
        .collect()
}

fn mutant(file: &'static str, source: &str, parts: &Parts, change: &Change) -> Option<Mutant> {
    let span = change.span();
    let item = parts.items.iter().find(|item| contains(&item.range, &span))?;
    let text = change.apply(source);
    let parses = syn::parse_file(&text).is_ok();
    let growth = text.len() as isize - source.len() as isize;
    let end = |end: usize| end.checked_add_signed(growth).unwrap();
    let line = lines(&text, span.start..end(span.end));
    Some(Mutant {
        file,
        item: item.clone(),
        kind: change.kind,
        before: source[change.edits[0].0.clone()].to_owned(),
        after: change.edits[0].1.clone(),
        line,
        compilers: !parses || parts.compilers.iter().any(|attribute| contains(attribute, &span)),
        parses,
        place: item.range.start..end(item.range.end),
        text,
    })
}

/// The places of a file's attributes, of their names and of what is derived; none where the file
/// does not parse.
pub(crate) fn attributes(text: &str) -> Vec<Range<usize>> {
    let mut places = Attributes::default();
    if let Ok(file) = syn::parse_file(text) {
        places.visit_file(&file);
    }
    places.0
}

#[derive(Default)]
struct Attributes(Vec<Range<usize>>);

impl Visit<'_> for Attributes {
    fn visit_attribute(&mut self, attribute: &syn::Attribute) {
        self.0.push(attribute.span().byte_range());
        self.0.push(attribute.path().span().byte_range());
        if attribute.path().is_ident("derive") {
            let derived =
                attribute.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated);
            self.0.extend(derived.iter().flatten().map(|path| path.span().byte_range()));
        }
    }
}

pub(crate) fn contains(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// The whole lines around a place, as one.
fn lines(text: &str, place: Range<usize>) -> String {
    let start = text[..place.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[place.end..].find('\n').map_or(text.len(), |at| place.end + at);
    text[start..end].split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The parts of a file that tokens do not tell.
#[derive(Default)]
struct Parts {
    items: Vec<Item>,
    attributes: Vec<Range<usize>>,
    /// Attributes that the compiler reads itself.
    compilers: Vec<Range<usize>>,
    bodies: Vec<Range<usize>>,
    outputs: Vec<Range<usize>>,
}

impl Parts {
    fn item(&mut self, name: String, range: Range<usize>) {
        self.items.push(Item { name, range });
    }
}

impl Visit<'_> for Parts {
    fn visit_item_struct(&mut self, item: &syn::ItemStruct) {
        self.item(format!("struct {}", item.ident), item.span().byte_range());
        syn::visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &syn::ItemEnum) {
        self.item(format!("enum {}", item.ident), item.span().byte_range());
        syn::visit::visit_item_enum(self, item);
    }

    fn visit_item_impl(&mut self, item: &syn::ItemImpl) {
        let syn::Type::Path(path) = &*item.self_ty else { panic!("an impl of no path") };
        let name = &path.path.segments[0].ident;
        self.item(format!("impl {name}"), item.span().byte_range());
        syn::visit::visit_item_impl(self, item);
    }

    fn visit_attribute(&mut self, attribute: &syn::Attribute) {
        let range = attribute.span().byte_range();
        if ["cfg", "derive"].iter().any(|own| attribute.path().is_ident(own)) {
            self.compilers.push(range.clone());
        }
        if !attribute.path().is_ident("doc") {
            self.attributes.push(range);
        }
    }

    fn visit_block(&mut self, block: &syn::Block) {
        self.bodies.push(block.span().byte_range());
    }

    fn visit_return_type(&mut self, output: &syn::ReturnType) {
        if let syn::ReturnType::Type(..) = output {
            self.outputs.push(output.span().byte_range());
        }
    }
}

/// Collects the changes of a file.
struct Changes<'a> {
    source: &'a str,
    bodies: &'a [Range<usize>],
    tokens_of_bodies: usize,
    found: Vec<Change>,
}

impl Changes<'_> {
    fn stream(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            let mut range = token.span().byte_range();
            if self.source[range.clone()].starts_with("//") {
                continue; // a comment's text is not a token of its writer
            }
            if let TokenTree::Punct(punct) = &token
                && punct.spacing() == Spacing::Joint
                && let Some(next) = tokens.peek()
                && is_one(&self.source[range.start..next.span().byte_range().end])
            {
                range.end = next.span().byte_range().end;
                tokens.next();
            }
            match token {
                TokenTree::Group(group) => self.group(&group),
                _ => self.leaf(range),
            }
        }
    }

    /// Whether a place is left alone: what is in a body is the compiler's business, so that a
    /// sample of it is enough.
    fn skips(&mut self, range: &Range<usize>) -> bool {
        const SAMPLE: usize = 7;
        let in_body = self.bodies.iter().any(|body| contains(body, range));
        if in_body {
            self.tokens_of_bodies += 1;
        }
        in_body && !self.tokens_of_bodies.is_multiple_of(SAMPLE)
    }

    fn leaf(&mut self, range: Range<usize>) {
        if self.skips(&range) {
            return;
        }
        let text = &self.source[range.clone()];
        self.found.push(Change::one(Kind::Delete, range.clone(), ""));
        self.found.push(Change::one(Kind::Double, range.clone(), format!("{text} {text}")));
        for other in replacements(text) {
            self.found.push(Change::one(Kind::Replace, range.clone(), other));
        }
    }

    fn group(&mut self, group: &proc_macro2::Group) {
        let open = group.span_open().byte_range();
        let close = group.span_close().byte_range();
        if !self.skips(&open) {
            let pair = |kind, new: [&str; 2]| Change {
                kind,
                edits: vec![(open.clone(), new[0].into()), (close.clone(), new[1].into())],
            };
            self.found.push(pair(Kind::Delete, ["", ""]));
            let others: [[&str; 2]; 2] = match group.delimiter() {
                Delimiter::Parenthesis => [["[", "]"], ["{", "}"]],
                Delimiter::Bracket => [["(", ")"], ["{", "}"]],
                _ => [["(", ")"], ["[", "]"]],
            };
            self.found.extend(others.map(|other| pair(Kind::Replace, other)));
            if group.delimiter() == Delimiter::Parenthesis
                && !self.bodies.iter().any(|body| contains(body, &open))
            {
                self.arguments(group.stream());
            }
        }
        self.stream(group.stream());
    }

    /// What can be done to the arguments between two parentheses.
    fn arguments(&mut self, tokens: TokenStream) {
        let mut arguments: Vec<Range<usize>> = Vec::new();
        let mut open = false;
        for token in tokens {
            let range = token.span().byte_range();
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ',' => open = false,
                _ if open => arguments.last_mut().unwrap().end = range.end,
                _ => {
                    arguments.push(range);
                    open = true;
                }
            }
        }
        for (number, argument) in arguments.iter().enumerate() {
            let text = &self.source[argument.clone()];
            let whole = match (arguments.get(number + 1), number.checked_sub(1)) {
                (Some(next), _) => argument.start..next.start,
                (None, Some(before)) => arguments[before].end..argument.end,
                (None, None) => argument.clone(),
            };
            self.found.push(Change::one(Kind::Drop, whole, ""));
            let twice = format!("{text}, {text}");
            self.found.push(Change::one(Kind::Repeat, argument.clone(), twice));
        }
        for pair in arguments.windows(2) {
            let text = |range: &Range<usize>| self.source[range.clone()].to_owned();
            let edits = vec![(pair[0].clone(), text(&pair[1])), (pair[1].clone(), text(&pair[0]))];
            self.found.push(Change { kind: Kind::Swap, edits });
        }
    }

    fn parts(&mut self, parts: &Parts) {
        for attribute in &parts.attributes {
            let text = &self.source[attribute.clone()];
            self.found.push(Change::one(Kind::Drop, attribute.clone(), ""));
            let twice = format!("{text} {text}");
            self.found.push(Change::one(Kind::Repeat, attribute.clone(), twice));
        }
        for output in &parts.outputs {
            self.found.push(Change::one(Kind::Drop, output.clone(), ""));
        }
    }
}

/// Whether a text that begins with a joint punctuation mark is one token.
fn is_one(text: &str) -> bool {
    matches!(text, "::" | "->" | "=>" | "..") || text.starts_with('\'')
}

/// Other tokens of a token's kind.
fn replacements(text: &str) -> Vec<String> {
    if let Some(inside) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        let other_case = match inside {
            lower if lower == inside.to_lowercase() => inside.to_uppercase(),
            _ => inside.to_lowercase(),
        };
        return [misspelt(inside), other_case, String::new(), " ".into(), format!("{inside} ")]
            .map(|text| format!("\"{text}\""))
            .into();
    }
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return ["0", "-1", "1.5", "99999999999999999999", "\"1\""].map(Into::into).into();
    }
    if text.starts_with(|first: char| first.is_alphabetic() || first == '_') {
        return vec![misspelt(text), format!("\"{text}\"")];
    }
    if text.starts_with('\'') {
        return vec!["'b".into(), "'static".into()];
    }
    match text {
        "=" => vec![":".into(), "==".into()],
        "," => vec![";".into()],
        ":" => vec!["=".into()],
        "::" => vec![".".into(), ":".into()],
        "->" => vec!["=>".into(), ":".into()],
        "&" => vec!["*".into()],
        "#" => vec!["#!".into()],
        _ => Vec::new(),
    }
}

/// The word with two neighbouring letters swapped.
fn misspelt(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    // The first letter is the one that people get right.
    let place = (1..letters.len().saturating_sub(1)).find(|&at| letters[at] != letters[at + 1]);
    match place {
        Some(at) => letters.swap(at, at + 1),
        None => letters.push('x'),
    }
    letters.into_iter().collect()
}
