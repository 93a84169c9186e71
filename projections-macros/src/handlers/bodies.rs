//! Reads a block without its methods' bodies: what they do does not matter to the macro, and to read
//! them would cost more than all the rest. They stay the tokens that the user wrote, so that one in
//! which something is half typed, or wrong, is the compiler's affair alone.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;
use syn::{
    Attribute, Block, Expr, FnModifiers, ImplItem, ImplItemFn, Item, ItemImpl, Signature, Stmt,
    Token, Visibility,
    parse::{ParseStream, Parser, discouraged::Speculative},
};

/// Reads an `impl` block, and the bodies of its methods.
pub(super) fn parse(item: TokenStream) -> Option<(ItemImpl, Vec<Group>)> {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let Some(TokenTree::Group(content)) = tokens.pop() else { return None };
    if content.delimiter() != Delimiter::Brace {
        return None;
    }
    let mut empty = Group::new(Delimiter::Brace, TokenStream::new());
    empty.set_span(content.span());
    tokens.push(empty.into());
    let Ok(Item::Impl(mut block)) = syn::parse2(tokens.into_iter().collect()) else { return None };
    let mut bodies = Vec::new();
    let items = |input: ParseStream<'_>| {
        block.attrs.extend(input.call(Attribute::parse_inner)?);
        while !input.is_empty() {
            block.items.push(parse_item(input, &mut bodies)?);
        }
        Ok(())
    };
    items.parse2(content.stream()).ok()?;
    Some((block, bodies))
}

/// Puts the bodies back, once the attributes are read. They are the same tokens, and not others at
/// their place, so that the compiler sees what it has reported.
pub(super) fn restore(block: &mut ItemImpl, bodies: Vec<Group>) {
    let methods = block.items.iter_mut().filter(|item| matches!(item, ImplItem::Fn(_)));
    for (item, body) in methods.zip(bodies) {
        let ImplItem::Fn(ImplItemFn { attrs, vis, sig, .. }) = &*item else { continue };
        // All attributes stand before it: the inner ones are in the body.
        *item = ImplItem::Verbatim(quote!(#(#attrs)* #vis #sig #body));
    }
}

fn parse_item(input: ParseStream<'_>, bodies: &mut Vec<Group>) -> syn::Result<ImplItem> {
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
    let sig: Signature = ahead.parse()?;
    let body: Group = ahead.parse()?;
    let content = content(&body).ok_or_else(|| ahead.error("a method without a body"))?;
    let block = Block {
        brace_token: syn::token::Brace(body.span()),
        stmts: vec![Stmt::Expr(Expr::Verbatim(content), None)],
    };
    bodies.push(body);
    input.advance_to(&ahead);
    Ok(ImplItem::Fn(ImplItemFn { attrs, vis, modifiers, sig, block }))
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
mod tests {
    use quote::ToTokens;

    use super::*;

    #[test]
    fn a_half_typed_body_leaves_the_block() {
        let block = quote! {
            impl Orders {
                #![allow(unused)]
                const LIMIT: u32 = { 1 };
                const _: () = ();
                #[handles(Placed)]
                fn placed(&self, event: Page<{ SIZE }>) -> Page<{ SIZE }> { self. }
                pub(crate) const fn paid(&self) { let count = ; if self { } }
                async unsafe extern "C" fn sent(&self) { #![allow(dead_code)] => }
            }
        };
        assert!(syn::parse2::<Item>(block.clone()).is_err());
        let Some((mut read, bodies)) = parse(block.clone()) else { panic!("unread") };
        assert_eq!((read.items.len(), bodies.len()), (5, 3));
        assert_eq!(read.to_token_stream().to_string(), block.to_string());
        restore(&mut read, bodies);
        assert_eq!(read.to_token_stream().to_string(), block.to_string());
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
