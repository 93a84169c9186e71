//! The faults of one macro call, collected so that all are reported at once.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};

/// Collects faults. It must be asked with [`finish`](Self::finish), else it panics when dropped:
/// a fault that nobody reports would be a mistake that compiles.
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
    finished: bool,
}

impl Errors {
    /// Adds a fault at a span.
    pub(crate) fn at(&mut self, span: Span, message: impl std::fmt::Display) {
        self.found.push(syn::Error::new(span, message));
    }

    /// Adds a fault that covers the tokens of one thing.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.found.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds a fault that the parser found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    /// Takes over the faults of a part.
    pub(crate) fn append(&mut self, mut part: Self) {
        part.finished = true;
        self.found.append(&mut part.found);
    }

    /// Adds a fault that the parser found. The end of the input has no place of its own: what ends
    /// too early is shown at what was read last.
    pub(crate) fn push_after(&mut self, error: syn::Error, last: Span) {
        if error.to_string().starts_with("unexpected end of input") {
            self.at(last, error);
        } else {
            self.push(error);
        }
    }

    /// Tells whether there is any.
    pub(crate) fn any(&self) -> bool {
        !self.found.is_empty()
    }

    /// Counts the faults so far.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// Returns the faults as tokens that report them, in the order of the source.
    pub(crate) fn finish(mut self) -> TokenStream {
        self.sort();
        self.found.iter().map(syn::Error::to_compile_error).collect()
    }

    /// Returns the first fault as a type, and the others. The compiler blames nobody for how such a
    /// type is used. It is an array, because a fault in the place of an expression is known to be one,
    /// and one in the place of a type is `()`.
    pub(crate) fn finish_as_type(mut self) -> (Option<TokenStream>, TokenStream) {
        self.sort();
        let mut found = self.found.drain(..).flatten().map(|error| error.to_compile_error());
        let first = found.next().map(|fault| quote!([::core::primitive::u8; #fault]));
        (first, found.collect())
    }

    fn sort(&mut self) {
        self.finished = true;
        // A stable sort: faults of one place stay in the order in which they were found.
        self.found.sort_by_key(|error| {
            let start = error.span().start();
            (start.line, start.column)
        });
    }
}

/// Expands an attribute: parses, then writes the whole of it, or, where anything is wrong, what keeps
/// one mistake one error, with the faults. An item that cannot be read at all stays as it was.
pub(crate) fn expand<Model>(
    attribute: TokenStream,
    item: TokenStream,
    parse: fn(TokenStream, TokenStream, &mut Errors) -> Option<Model>,
    whole: fn(&Model) -> TokenStream,
    inert: fn(&Model) -> TokenStream,
) -> TokenStream {
    let mut errors = Errors::default();
    let parsed = parse(attribute, item.clone(), &mut errors);
    let write = if errors.any() { inert } else { whole };
    let mut tokens = parsed.map_or(item, |model| write(&model));
    tokens.extend(errors.finish());
    tokens
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "faults were found and not reported");
    }
}
