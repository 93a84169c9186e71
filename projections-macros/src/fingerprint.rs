//! The hash of an item's tokens, by which a projector knows the code that built its read model.
//!
//! It is blind to what cannot change a read model: white space, comments, docs, lint attributes,
//! trailing commas, and braces round the single expression of a match arm or a closure. Everything
//! else counts. Only kind and text of a token enter, never its span or how a compiler prints it.
//!
//! A change of this walk is a change of `Fingerprint::ALGORITHM`: the golden value below pins it.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Arm, Attribute, Block, Expr, ExprMacro, Meta, Pat, Stmt, StmtMacro, Token, Type,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
};

/// Attributes that only a reader or a lint sees.
const QUIET: &[&str] = &["allow", "deny", "doc", "expect", "forbid", "warn"];

/// What may stand before a parenthesis without making it a list of arguments. As bytes, which the
/// compiler makes a tree of comparisons from: this is asked of each name.
fn is_keyword(name: &str) -> bool {
    matches!(
        name.as_bytes(),
        b"as"
            | b"async"
            | b"await"
            | b"break"
            | b"const"
            | b"continue"
            | b"dyn"
            | b"else"
            | b"for"
            | b"if"
            | b"impl"
            | b"in"
            | b"let"
            | b"loop"
            | b"match"
            | b"move"
            | b"mut"
            | b"ref"
            | b"return"
            | b"static"
            | b"type"
            | b"unsafe"
            | b"use"
            | b"where"
            | b"while"
            | b"yield"
    )
}

/// Hashes an item, and what its marker said as `facts`.
pub(crate) fn of(item: &impl ToTokens, facts: &[impl AsRef<str>]) -> u64 {
    let mut hash = Hash::new();
    for fact in facts {
        hash.write(b'f', fact.as_ref());
    }
    walk(flat(item.to_token_stream()), Place::Code, &mut hash);
    hash.finish()
}

/// Hashes a text; never to 0.
pub(crate) fn of_text(text: &str) -> u64 {
    let mut hash = Hash::new();
    hash.write(b'i', text);
    hash.finish().max(1)
}

/// FNV-1a with 64 bits, whose end is mixed as splitmix64 does: hashes are summed, and the bare sums
/// of similar inputs would be alike.
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Writes a token: its kind, its text, and a byte that no text has.
    fn write(&mut self, kind: u8, text: &str) {
        self.step(kind);
        for byte in text.as_bytes() {
            self.step(*byte);
        }
        self.step(0xff);
    }

    #[inline(always)]
    fn step(&mut self, byte: u8) {
        self.0 = (self.0 ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
    }

    fn finish(self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^ (hash >> 31)
    }
}

/// Where tokens stand: a macro may tell `=> { a }` from `=> a`.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Code,
    Macro,
}

fn walk(tokens: Vec<TokenTree>, place: Place, hash: &mut Hash) {
    let mut tokens = without_quiet(tokens).into_iter().peekable();
    let mut before = Before::default();
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Group(group) if before.is_body && is_braced(group, place, tokens.peek()) => {
                walk(flat(group.stream()), place, hash);
            }
            TokenTree::Group(group) => self::group(group, &before, place, hash),
            TokenTree::Ident(name) => {
                let name = name.to_string();
                hash.write(b'i', &name);
                before.pass_name(&name);
                continue;
            }
            TokenTree::Literal(literal) => hash.write(b'l', &literal.to_string()),
            TokenTree::Punct(punct) => {
                let next = tokens.peek();
                let doubled = punct.spacing() == Spacing::Joint && is(next, punct.as_char());
                if !(punct.as_char() == ',' && before.is_trailing(next)) {
                    hash.write(
                        punctuation(punct.as_char(), doubled),
                        punct.as_char().encode_utf8(&mut [0; 4]),
                    );
                }
            }
        }
        before.pass(&token);
    }
}

/// Spacing is not hashed: `Vec<Vec<T>>` is `Vec<Vec<T> >`. Only two operators mean something else
/// when split: `a && b` is not `a & &b`, and `a || b | c` is not `a | |b| c`. Of all others one of
/// both spellings is no Rust (`= =`, `- >`, `+ =`, `: :`), or both mean the same (`>>`, `<-`, `>=`).
fn punctuation(character: char, doubled: bool) -> u8 {
    if doubled && matches!(character, '&' | '|') { b'd' } else { b'p' }
}

fn is(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

/// The tokens, with those that `macro_rules!` put into invisible groups.
fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    let mut all = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                all.extend(flat(group.stream()));
            }
            token => all.push(token),
        }
    }
    all
}

/// The tokens without `#[..]` and `#![..]` that only a reader or a lint sees.
fn without_quiet(tokens: Vec<TokenTree>) -> Vec<TokenTree> {
    if !tokens.iter().any(|token| is(Some(token), '#')) {
        return tokens;
    }
    let mut kept = Vec::with_capacity(tokens.len());
    let mut rest = &*tokens;
    while let [first, after @ ..] = rest {
        rest = match rest {
            [hash, TokenTree::Group(group), after @ ..] if is(Some(hash), '#') && quiet(group) => {
                after
            }
            [hash, bang, TokenTree::Group(group), after @ ..]
                if is(Some(hash), '#') && is(Some(bang), '!') && quiet(group) =>
            {
                after
            }
            _ => {
                kept.push(first.clone());
                after
            }
        };
    }
    kept
}

fn quiet(group: &Group) -> bool {
    group.delimiter() == Delimiter::Bracket
        && syn::parse2::<Meta>(group.stream()).is_ok_and(|meta| quiet_meta(&meta))
}

fn quiet_meta(meta: &Meta) -> bool {
    if QUIET.iter().any(|name| meta.path().is_ident(name)) {
        return true;
    }
    let Meta::List(list) = meta else { return false };
    if !list.path.is_ident("cfg_attr") {
        return false;
    }
    let parts = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(list.tokens.clone());
    parts.is_ok_and(|parts| parts.len() > 1 && parts.iter().skip(1).all(quiet_meta))
}

fn group(group: &Group, before: &Before, place: Place, hash: &mut Hash) {
    let place = if before.is_macro { Place::Macro } else { place };
    let (open, close) = match group.delimiter() {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    };
    hash.write(b'o', open);
    // Each look at a group's tokens is a call to the compiler.
    let tokens = flat(group.stream());
    let is_lone =
        group.delimiter() == Delimiter::Parenthesis && !before.is_callee && is_lone(group, &tokens);
    match arms(group, &tokens, place) {
        Some((attributes, arms)) => {
            walk(flat(quote!(#(#attributes)*)), place, hash);
            arms.into_iter().for_each(|arm| self::arm(arm, hash));
        }
        None => walk(tokens, place, hash),
    }
    if is_lone {
        hash.write(b't', ",");
    }
    hash.write(b'c', close);
}

/// The attributes and the arms in the braces of a `match`.
fn arms(group: &Group, tokens: &[TokenTree], place: Place) -> Option<(Vec<Attribute>, Vec<Arm>)> {
    let has_arrow = || tokens.windows(2).any(|two| is(two.first(), '=') && is(two.last(), '>'));
    if group.delimiter() != Delimiter::Brace || place == Place::Macro || !has_arrow() {
        return None;
    }
    let parser = |input: ParseStream<'_>| {
        let attributes = input.call(Attribute::parse_inner)?;
        let mut arms = Vec::new();
        while !input.is_empty() {
            arms.push(input.parse::<Arm>()?);
        }
        Ok((attributes, arms))
    };
    parser.parse2(group.stream()).ok()
}

fn arm(mut arm: Arm, hash: &mut Hash) {
    arm.comma = None;
    while let Some(inner) = single(&arm.body) {
        *arm.body = inner;
    }
    walk(flat(arm.into_token_stream()), Place::Code, hash);
    hash.write(b'a', ",");
}

/// The expression that is all there is in a block.
fn single(body: &Expr) -> Option<Expr> {
    let Expr::Block(block) = body else { return None };
    if !block.attrs.is_empty() || block.label.is_some() {
        return None;
    }
    single_of(&block.block.stmts)
}

fn single_of(statements: &[Stmt]) -> Option<Expr> {
    let inner = match statements {
        [Stmt::Expr(inner, None)] => inner.clone(),
        [Stmt::Macro(StmtMacro { attrs, mac, semi_token: None })] => {
            Expr::Macro(ExprMacro { attrs: attrs.clone(), mac: mac.clone() })
        }
        _ => return None,
    };
    (!begins_with_attribute(&inner)).then_some(inner)
}

/// Tells whether a group after a closure's parameters is its whole body, and a single expression.
/// Its tokens are not taken from the parser, which spaces some otherwise.
fn is_braced(group: &Group, place: Place, next: Option<&TokenTree>) -> bool {
    group.delimiter() == Delimiter::Brace
        && place == Place::Code
        && (next.is_none() || is(next, ',') || is(next, ';'))
        && Block::parse_within
            .parse2(group.stream())
            .is_ok_and(|statements| single_of(&statements).is_some())
}

fn begins_with_attribute(expression: &Expr) -> bool {
    is(expression.to_token_stream().into_iter().next().as_ref(), '#')
}

/// Tells whether a group is a tuple of one: `(a,)` is not `(a)`.
fn is_lone(group: &Group, tokens: &[TokenTree]) -> bool {
    if !is(tokens.last(), ',') {
        return false;
    }
    let stream = || group.stream();
    let lengths = [
        Punctuated::<Expr, Token![,]>::parse_terminated.parse2(stream()).map(|list| list.len()),
        Punctuated::<Type, Token![,]>::parse_terminated.parse2(stream()).map(|list| list.len()),
        (|input: ParseStream<'_>| {
            Punctuated::<Pat, Token![,]>::parse_terminated_with(input, Pat::parse_multi)
        })
        .parse2(stream())
        .map(|list| list.len()),
    ];
    let mut known = lengths.into_iter().flatten().peekable();
    match known.peek() {
        Some(_) => known.any(|length| length == 1),
        None => tokens.iter().filter(|token| is(Some(token), ',')).count() == 1,
    }
}

/// What the tokens before the present one say about it.
#[derive(Default)]
struct Before {
    /// A parenthesis here is a list of arguments or parameters.
    is_callee: bool,
    /// A group here is a macro's.
    is_macro: bool,
    /// Between `where` and what ends its clause.
    in_where: bool,
    /// Between the bars of a closure, and right after them.
    in_closure: bool,
    is_body: bool,
    /// Open angle brackets, since `::<` or `fn name<`.
    angles: u32,
    last: Option<char>,
    /// After `fn`, and after `fn name`.
    after_fn: bool,
    after_fn_name: bool,
    /// After `macro !` and, for `macro_rules!`, after its name.
    bang: bool,
    after_name: bool,
    /// After `::`.
    after_path: bool,
}

impl Before {
    /// Tells whether a comma here ends a list: before a closing delimiter, or where a clause ends.
    fn is_trailing(&self, next: Option<&TokenTree>) -> bool {
        match next {
            None => true,
            Some(TokenTree::Punct(punct)) => {
                let character = punct.as_char();
                character == '>'
                    || (self.in_where && character == ';')
                    || (self.in_closure && character == '|')
            }
            Some(TokenTree::Group(group)) => self.in_where && group.delimiter() == Delimiter::Brace,
            Some(_) => false,
        }
    }

    fn pass(&mut self, token: &TokenTree) {
        match token {
            TokenTree::Ident(_) => {} // the caller has its text, and passes that
            TokenTree::Punct(punct) => self.pass_punctuation(punct.as_char()),
            TokenTree::Literal(_) => *self = Self { is_callee: true, ..self.kept() },
            TokenTree::Group(group) => {
                let ends_where = group.delimiter() == Delimiter::Brace;
                // What follows a block is a new statement, and what follows an attribute its item.
                let is_attribute = matches!(self.last, Some('#'));
                let is_callee = !ends_where && !is_attribute;
                *self = Self { is_callee, ..self.kept() };
                self.in_where &= !ends_where;
            }
        }
    }

    fn pass_name(&mut self, name: &str) {
        // Nothing calls a lifetime or a label: `&'a (A,)`, `break 'a (b,)`.
        let is_lifetime = self.last == Some('\'');
        let is_keyword = is_keyword(name);
        *self = Self {
            is_callee: !is_lifetime && !is_keyword,
            is_macro: self.bang,
            after_fn: name == "fn",
            after_fn_name: self.after_fn,
            after_name: !is_keyword,
            in_where: self.in_where || name == "where",
            ..self.kept()
        };
    }

    fn pass_punctuation(&mut self, character: char) {
        let mut next = self.kept();
        let arrow = character == '>' && matches!(self.last, Some('-' | '='));
        match character {
            '<' if self.angles > 0 || self.after_path || self.after_fn_name => next.angles += 1,
            '>' if self.angles > 0 && !arrow => {
                next.angles -= 1;
                next.is_callee = next.angles == 0;
            }
            '|' if self.in_closure => {
                next.in_closure = false;
                next.is_body = true;
            }
            '|' => next.in_closure = !self.is_callee,
            '=' => next.in_closure = false, // it was a bar of a pattern
            ':' => next.after_path = self.last == Some(':'),
            '!' => {
                next.is_callee = true;
                next.is_macro = self.after_name;
                next.bang = self.after_name;
            }
            '?' => next.is_callee = true,
            ';' => next.in_where = false,
            _ => {}
        }
        next.last = Some(character);
        *self = next;
    }

    /// What outlives a token.
    fn kept(&self) -> Self {
        let Self { in_where, in_closure, angles, .. } = *self;
        Self { in_where, in_closure, angles, ..Self::default() }
    }
}

#[cfg(test)]
mod tests;
