//! A block in which something other than a body is half typed. The compiler has reported what is
//! wrong there, so the macro reads what it can, and says nothing.

use proc_macro2::{Group, TokenStream, TokenTree};
use syn::{
    ImplItem, Item, ItemImpl, Token,
    parse::{ParseStream, Parser, discouraged::Speculative},
};

/// Reads those items of an `impl` block that can be read, and leaves the others out. The compiler
/// has read them already; left in, they would be refused again.
pub(super) fn parse(item: TokenStream) -> Option<ItemImpl> {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let Some(TokenTree::Group(content)) = tokens.pop() else { return None };
    let mut empty = Group::new(content.delimiter(), TokenStream::new());
    empty.set_span(content.span());
    tokens.push(empty.into());
    let mut block = inherent(tokens.into_iter().collect())?;
    block.items = items.parse2(content.stream()).ok()?;
    Some(block)
}

fn items(input: ParseStream<'_>) -> syn::Result<Vec<ImplItem>> {
    let mut items = Vec::new();
    while !input.is_empty() {
        let ahead = input.fork();
        if let Ok(item) = ahead.parse() {
            input.advance_to(&ahead);
            items.push(item);
        } else {
            skip_item(input)?;
        }
    }
    Ok(items)
}

/// Skips to behind what ends an item.
fn skip_item(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() {
        let is_end = input.peek(Token![;]) || input.peek(syn::token::Brace);
        input.parse::<TokenTree>()?;
        if is_end {
            break;
        }
    }
    Ok(())
}

fn inherent(item: TokenStream) -> Option<ItemImpl> {
    match syn::parse2(item) {
        Ok(Item::Impl(block)) if block.trait_.is_none() => Some(block),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens, quote};

    use super::*;

    #[test]
    fn a_half_typed_signature_leaves_the_other_methods() {
        let block = quote! {
            impl<T> Orders<T> {
                fn first(&self) {}
                #[handles(Placed)]
                fn (&self) -> ; {}
                fn second(&self) {}
                #![setup]
                fn set_up(&self db) {}
                fn third(&self) {}
                const
            }
        };
        let Some(part) = parse(block) else { panic!("unread") };
        let readable = quote! {
            impl<T> Orders<T> {
                fn first(&self) {}
                fn second(&self) {}
                fn third(&self) {}
            }
        };
        assert_eq!(part.to_token_stream().to_string(), readable.to_string());
    }

    #[test]
    fn without_a_type_nothing_is_left() {
        assert!(parse(quote!(impl Orders< { fn (&self) {} })).is_none());
        assert!(parse(quote!(impl Clone for Orders { fn (&self) {} })).is_none());
        assert!(
            parse(quote!(
                struct Orders { count u64 }
            ))
            .is_none()
        );
    }
}
