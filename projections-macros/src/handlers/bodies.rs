//! Reads a block without its methods' bodies: what they do does not matter to the macro, and to read
//! them would cost more than all the rest. They stay the tokens that the user wrote, so that one in
//! which something is half typed, or wrong, is the compiler's affair alone.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::{
    Attribute, Block, Expr, FnModifiers, ImplItem, ImplItemFn, Item, ItemImpl, Signature, Stmt,
    Token, Visibility,
    parse::{ParseStream, Parser, discouraged::Speculative},
};

/// Reads an `impl` block.
pub(super) fn parse(item: TokenStream) -> Option<ItemImpl> {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let Some(TokenTree::Group(content)) = tokens.pop() else { return None };
    if content.delimiter() != Delimiter::Brace {
        return None;
    }
    let mut empty = Group::new(Delimiter::Brace, TokenStream::new());
    empty.set_span(content.span());
    tokens.push(empty.into());
    let Ok(Item::Impl(mut block)) = syn::parse2(tokens.into_iter().collect()) else { return None };
    let items = |input: ParseStream<'_>| {
        block.attrs.extend(input.call(Attribute::parse_inner)?);
        while !input.is_empty() {
            block.items.push(parse_item(input)?);
        }
        Ok(())
    };
    items.parse2(content.stream()).ok()?;
    Some(block)
}

fn parse_item(input: ParseStream<'_>) -> syn::Result<ImplItem> {
    let ahead = input.fork();
    let attrs = ahead.call(Attribute::parse_outer)?;
    let vis: Visibility = ahead.parse()?;
    let is_method = ahead.peek(Token![fn])
        || ahead.peek(Token![async])
        || ahead.peek(Token![unsafe])
        || ahead.peek(Token![extern])
        || (ahead.peek(Token![const]) && !ahead.peek2(syn::Ident) && !ahead.peek2(Token![_]));
    if !is_method {
        return input.parse();
    }
    let sig: Signature = ahead.parse()?;
    let content;
    let brace_token = syn::braced!(content in ahead);
    let stmts = vec![Stmt::Expr(Expr::Verbatim(content.parse()?), None)];
    let block = Block { brace_token, stmts };
    input.advance_to(&ahead);
    Ok(ImplItem::Fn(ImplItemFn { attrs, vis, modifiers: FnModifiers::default(), sig, block }))
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens, quote};

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
        let Some(read) = parse(block.clone()) else { panic!("unread") };
        assert_eq!(read.items.len(), 5);
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
