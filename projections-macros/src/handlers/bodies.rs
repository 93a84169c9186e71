//! Reads a block without its methods' bodies: what they do does not matter to the macro, and to read
//! them would cost more than all the rest. They stay the tokens that the user wrote, so that one in
//! which something is half typed, or wrong, is the compiler's affair alone.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::{
    Attribute, Block, Expr, FnArg, FnModifiers, Generics, ImplItem, ImplItemFn, Item, ItemImpl,
    Pat, PatIdent, PatType, Safety, Signature, Stmt, Token, Visibility,
    parse::{ParseStream, Parser, discouraged::Speculative},
    punctuated::Punctuated,
};

use crate::writer::Writer;

/// A method's tokens behind its attributes, as they stand in the source.
pub(super) struct Written {
    /// What stands before the body; nothing where that is not known.
    head: Vec<TokenTree>,
    body: Group,
}

/// Reads an `impl` block, and what was written as its methods.
pub(super) fn parse(item: TokenStream) -> Option<(ItemImpl, Vec<Written>)> {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let Some(TokenTree::Group(content)) = tokens.pop() else { return None };
    if content.delimiter() != Delimiter::Brace {
        return None;
    }
    let mut empty = Group::new(Delimiter::Brace, TokenStream::new());
    empty.set_span(content.span());
    tokens.push(empty.into());
    let Ok(Item::Impl(mut block)) = syn::parse2(tokens.into_iter().collect()) else { return None };
    let (outline, written) = outline(content.stream());
    let (mut written, mut methods) = (written.into_iter(), Vec::new());
    let items = |input: ParseStream<'_>| {
        block.attrs.extend(input.call(Attribute::parse_inner)?);
        while !input.is_empty() {
            block.items.push(parse_item(input, &mut written, &mut methods)?);
        }
        Ok(())
    };
    items.parse2(outline).ok()?;
    written.next().is_none().then_some((block, methods))
}

/// Empties the methods' bodies, so that the parser does not so much as look at their tokens.
fn outline(content: TokenStream) -> (TokenStream, Vec<Written>) {
    let (mut outline, mut written, mut head) = (Vec::new(), Vec::new(), Vec::new());
    let (mut is_after_fn, mut is_method, mut is_attribute) = (false, false, false);
    let mut tokens = content.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_fn = matches!(&token, TokenTree::Ident(name) if name == "fn");
        is_method |= is_after_fn && matches!(token, TokenTree::Ident(_));
        is_after_fn = is_fn;
        match token {
            TokenTree::Group(body) if is_method && is_body(&body, tokens.peek()) => {
                let mut empty = Group::new(Delimiter::Brace, TokenStream::new());
                empty.set_span(body.span());
                outline.push(empty.into());
                written.push(Written { head: std::mem::take(&mut head), body });
                is_method = false;
            }
            token => {
                let sign = match &token {
                    TokenTree::Punct(sign) => Some(sign.as_char()),
                    _ => None,
                };
                is_attribute |= sign == Some('#');
                if !is_attribute {
                    head.push(token.clone());
                }
                // `#`, perhaps `!`, and what is in the brackets.
                is_attribute &= sign.is_some();
                let is_brace = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
                if sign == Some(';') || (is_brace && !is_method) {
                    (is_method, head) = (false, Vec::new());
                }
                outline.push(token);
            }
        }
    }
    (outline.into_iter().collect(), written)
}

/// Tells whether braces behind a method's name are its body, and not the value of a parameter, as in
/// `Page<{ SIZE }>`.
fn is_body(group: &Group, next: Option<&TokenTree>) -> bool {
    let is_value =
        matches!(next, Some(TokenTree::Punct(sign)) if matches!(sign.as_char(), '>' | ','));
    group.delimiter() == Delimiter::Brace && !is_value
}
/// Puts the methods back, once the attributes are read: where nothing was changed in them, the same
/// tokens, and not others at their place, so that the compiler sees what it has reported. The bodies
/// are the same in any case.
pub(super) fn restore(block: &mut ItemImpl, methods: Vec<Written>, changed: &[bool]) {
    let items = block.items.iter_mut().filter(|item| matches!(item, ImplItem::Fn(_)));
    for ((item, Written { head, body }), is_changed) in items.zip(methods).zip(changed) {
        let ImplItem::Fn(ImplItemFn { attrs, vis, sig, .. }) = &*item else { continue };
        // All attributes stand before it: the inner ones are in the body.
        let mut method = Writer::new();
        method.put_all(attrs);
        if *is_changed || head.is_empty() {
            method.put(vis).put(sig);
        } else {
            method.put_all(&head);
        }
        method.put(body);
        *item = ImplItem::Verbatim(method.finish());
    }
}

fn parse_item(
    input: ParseStream<'_>,
    written: &mut impl Iterator<Item = Written>,
    methods: &mut Vec<Written>,
) -> syn::Result<ImplItem> {
    let ahead = input.fork();
    let attrs = ahead.call(Attribute::parse_outer)?;
    let vis: Visibility = ahead.parse()?;
    let modifiers = FnModifiers::default();
    let is_method = ahead.peek(Token![fn])
        || ahead.peek(Token![async])
        || ahead.peek(Token![unsafe])
        || ahead.peek(Token![extern])
        || (ahead.peek(Token![const]) && !ahead.peek2(syn::Ident) && !ahead.peek2(Token![_]));
    if !is_method {
        let item = input.parse()?;
        return match item {
            ImplItem::Fn(_) => Err(input.error("a method of an unknown form")),
            item => Ok(item),
        };
    }
    let sig = parse_signature(&ahead)?;
    let body: Group = ahead.parse()?;
    let method = match body.delimiter() {
        Delimiter::Brace => written.next(),
        _ => Some(Written { head: Vec::new(), body }),
    };
    let method = method.ok_or_else(|| ahead.error("a method that was not seen"))?;
    let content = content(&method.body).ok_or_else(|| ahead.error("a method without a body"))?;
    let block = Block {
        brace_token: syn::token::Brace(method.body.span()),
        stmts: vec![Stmt::Expr(Expr::Verbatim(content), None)],
    };
    methods.push(method);
    input.advance_to(&ahead);
    Ok(ImplItem::Fn(ImplItemFn { attrs, vis, modifiers, sig, block }))
}

/// Reads a signature. Most have `&self` and names with types and nothing else, which takes fewer
/// questions than the parser asks, for which any pattern may come.
fn parse_signature(input: ParseStream<'_>) -> syn::Result<Signature> {
    let ahead = input.fork();
    match parse_plain_signature(&ahead) {
        Ok(signature) => {
            input.advance_to(&ahead);
            Ok(signature)
        }
        Err(_) => input.parse(),
    }
}

fn parse_plain_signature(input: ParseStream<'_>) -> syn::Result<Signature> {
    let asyncness = input.parse()?;
    let fn_token = input.parse()?;
    let ident = input.parse()?;
    let content;
    let paren_token = syn::parenthesized!(content in input);
    let mut inputs = Punctuated::new();
    while !content.is_empty() {
        inputs.push_value(parse_plain_parameter(&content)?);
        if !content.is_empty() {
            inputs.push_punct(content.parse()?);
        }
    }
    let output = input.parse()?;
    if input.peek(Token![where]) {
        return Err(input.error("not plain"));
    }
    Ok(Signature {
        constness: None,
        asyncness,
        safety: Safety::Default,
        abi: None,
        fn_token,
        ident,
        generics: Generics::default(),
        paren_token,
        inputs,
        variadic: None,
        output,
    })
}

fn parse_plain_parameter(input: ParseStream<'_>) -> syn::Result<FnArg> {
    if input.peek(Token![&]) {
        return input.parse().map(FnArg::Receiver);
    }
    let name = PatIdent {
        attrs: Vec::new(),
        by_ref: None,
        mutability: None,
        ident: input.parse()?,
        subpat: None,
    };
    Ok(FnArg::Typed(PatType {
        attrs: Vec::new(),
        pat: Box::new(Pat::Ident(name)),
        colon_token: input.parse()?,
        ty: input.parse()?,
    }))
}

/// What is in a body's braces, which `macro_rules!` may have put into an invisible group.
fn content(body: &Group) -> Option<TokenStream> {
    match body.delimiter() {
        Delimiter::Brace => Some(body.stream()),
        Delimiter::None => match body.stream().into_iter().next()? {
            TokenTree::Group(inner) => content(&inner),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // test code
mod tests {
    use quote::{ToTokens, quote};
    use syn::parse::Parse;

    use super::*;

    #[test]
    fn a_half_typed_body_leaves_the_block() {
        let block = quote! {
            impl Orders {
                #![allow(unused)]
                const LIMIT: u32 = { 1 };
                const _: () = ();
                helpers! { fn helper() {} }
                #[handles(Placed)]
                fn placed(&self, event: Page<{ SIZE }>) -> Page<{ SIZE }> { self. }
                pub(crate) const fn paid(&self) { let count = ; if self { } }
                async unsafe extern "C" fn sent(&self) { #![allow(dead_code)] => }
            }
        };
        assert!(syn::parse2::<Item>(block.clone()).is_err());
        for changed in [true, false] {
            let Some((mut read, methods)) = parse(block.clone()) else { panic!("unread") };
            assert_eq!((read.items.len(), methods.len()), (6, 3));
            assert_eq!(read.to_token_stream().to_string(), block.to_string());
            assert!(methods.iter().all(|method| !method.head.is_empty()));
            restore(&mut read, methods, &[changed; 3]);
            assert_eq!(read.to_token_stream().to_string(), block.to_string());
        }
    }

    #[test]
    fn a_plain_signature_is_read_as_any_other() {
        let by = |parser: fn(ParseStream<'_>) -> syn::Result<Signature>, text: &str| {
            Parser::parse_str(parser, text)
        };
        for text in [
            "fn a(&self)",
            "async fn a(&mut self, event: &Placed<'_>, at: &Envelope,) -> Result<()>",
            "fn a(&'a self, r#type: events::Placed, db: &mut SqliteTx<'_>)",
            "fn a(&self, rows: &mut Rows<Page<{ SIZE }>>, count: impl Fn(u8) -> u8) -> [u8; 2]",
        ] {
            assert_eq!(
                by(parse_plain_signature, text).unwrap(),
                by(Signature::parse, text).unwrap()
            );
        }
        for text in [
            "const fn a(&self)",
            "unsafe extern \"C\" fn a(&self)",
            "fn a<T>(&self)",
            "fn a(&self) where Self: Sized",
            "fn a(self: Box<Self>)",
            "fn a(&self, mut event: Placed)",
            "fn a(&self, Placed { item }: &Placed)",
            "fn a(&self, #[keys([1])] event: Placed)",
            "fn a(&self, ...)",
        ] {
            assert!(by(parse_plain_signature, text).is_err(), "{text}");
            assert_eq!(by(parse_signature, text).unwrap(), by(Signature::parse, text).unwrap());
        }
    }

    #[test]
    fn a_half_typed_signature_does_not() {
        assert!(parse(quote!(impl Orders { fn (&self) {} })).is_none());
        assert!(
            parse(quote!(
                struct Orders;
            ))
            .is_none()
        );
    }
}
