//! Writes tokens one after the other.
//!
//! `quote!` makes a stream of each of its parts, and to put one stream into another is a call to the
//! compiler. Here only a group is one, which counts where something is written for each handler.

use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, Span, TokenStream};
use quote::{ToTokens, TokenStreamExt};

/// What was written so far.
pub(crate) struct Writer(TokenStream);

impl Writer {
    pub(crate) fn new() -> Self {
        Self(TokenStream::new())
    }

    /// Writes something as it is.
    pub(crate) fn put(&mut self, part: impl ToTokens) -> &mut Self {
        part.to_tokens(&mut self.0);
        self
    }

    /// Writes several things as they are.
    pub(crate) fn put_all(&mut self, parts: &[impl ToTokens]) -> &mut Self {
        for part in parts {
            self.put(part);
        }
        self
    }

    /// Writes a stream, which mostly is empty.
    pub(crate) fn put_stream(&mut self, part: TokenStream) -> &mut Self {
        if !part.is_empty() {
            self.0.extend(part);
        }
        self
    }

    /// Writes a name.
    pub(crate) fn name(&mut self, name: &str, span: Span) -> &mut Self {
        self.0.append(Ident::new(name, span));
        self
    }

    /// Writes punctuation, several characters of which are one token.
    pub(crate) fn sign(&mut self, sign: &str, span: Span) -> &mut Self {
        let mut characters = sign.chars().peekable();
        while let Some(character) = characters.next() {
            let spacing = if characters.peek().is_some() { Spacing::Joint } else { Spacing::Alone };
            let mut punct = Punct::new(character, spacing);
            punct.set_span(span);
            self.0.append(punct);
        }
        self
    }

    /// Writes something in parentheses.
    pub(crate) fn parentheses(
        &mut self,
        span: Span,
        write: impl FnOnce(&mut Self) -> &mut Self,
    ) -> &mut Self {
        self.group(Delimiter::Parenthesis, span, write)
    }

    /// Writes something in braces.
    pub(crate) fn braces(
        &mut self,
        span: Span,
        write: impl FnOnce(&mut Self) -> &mut Self,
    ) -> &mut Self {
        self.group(Delimiter::Brace, span, write)
    }

    /// What was written.
    pub(crate) fn finish(self) -> TokenStream {
        self.0
    }

    fn group(
        &mut self,
        delimiter: Delimiter,
        span: Span,
        write: impl FnOnce(&mut Self) -> &mut Self,
    ) -> &mut Self {
        let mut content = Self::new();
        write(&mut content);
        let mut group = Group::new(delimiter, content.0);
        group.set_span(span);
        self.0.append(group);
        self
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn what_is_written_is_what_quote_would_make() {
        let mut writer = Writer::new();
        let span = Span::mixed_site();
        writer.braces(span, |writer| {
            writer.name("Self", span).sign("::", span).name("on", span);
            writer.parentheses(span, |writer| {
                writer.sign("&", span).put(quote!(event)).put_stream(TokenStream::new())
            });
            writer.put_stream(quote!(; 1u32))
        });
        assert_eq!(
            writer.finish().to_string(),
            quote!({
                Self::on(&event);
                1u32
            })
            .to_string()
        );
    }
}
