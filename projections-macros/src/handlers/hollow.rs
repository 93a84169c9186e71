//! A block in whose methods something is half typed. What they do does not matter to the macro, so
//! it reads the block without it; the compiler has reported what is wrong there.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt};
use syn::{Item, ItemImpl};

/// Reads an `impl` block whose methods' bodies cannot be read, and takes them out.
pub(super) fn parse(item: TokenStream) -> Option<(ItemImpl, Vec<Group>)> {
    let mut bodies = Vec::new();
    let hollow = with_bodies(item, &mut |body| {
        let mut empty = Group::new(body.delimiter(), TokenStream::new());
        empty.set_span(body.span());
        bodies.push(body);
        empty
    });
    match syn::parse2(hollow) {
        Ok(Item::Impl(block)) => Some((block, bodies)),
        _ => None,
    }
}

/// Writes a block with the bodies that were taken out. They are the same tokens, so that the
/// compiler sees that it has reported them.
pub(super) fn restore(block: &ItemImpl, bodies: &[Group]) -> TokenStream {
    if bodies.is_empty() {
        return block.to_token_stream();
    }
    let mut bodies = bodies.iter();
    with_bodies(block.to_token_stream(), &mut |body| bodies.next().cloned().unwrap_or(body))
}

/// Changes the bodies of a block's methods.
fn with_bodies(item: TokenStream, change: &mut impl FnMut(Group) -> Group) -> TokenStream {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let Some(TokenTree::Group(content)) = tokens.pop() else {
        return tokens.into_iter().collect(); // no block at all
    };
    let mut changed = TokenStream::new();
    let mut in_method = false;
    let mut in_generics = false; // where braces are a constant: `Page<{ SIZE }>`
    for token in content.stream() {
        let after = in_generics;
        in_generics = matches!(&token, TokenTree::Punct(punct) if "<,=".contains(punct.as_char()));
        match token {
            TokenTree::Group(body)
                if in_method && !after && body.delimiter() == Delimiter::Brace =>
            {
                in_method = false;
                changed.append(change(body));
                continue;
            }
            TokenTree::Ident(ref ident) if ident == "fn" => in_method = true,
            TokenTree::Punct(ref punct) if punct.as_char() == ';' => in_method = false,
            _ => {}
        }
        changed.append(token);
    }
    let mut block = Group::new(content.delimiter(), changed);
    block.set_span(content.span());
    tokens.push(block.into());
    tokens.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn a_half_typed_body_leaves_the_block() {
        let block = quote! {
            impl Orders {
                const LIMIT: u32 = { 1 };
                #[handles(Placed)]
                fn placed(&self, event: Page<{ SIZE }>) -> Page<{ SIZE }> { self. }
                fn paid(&self) { let count = ; if self { } }
            }
        };
        assert!(syn::parse2::<Item>(block.clone()).is_err());
        let Some((hollow, bodies)) = parse(block.clone()) else { panic!("unread") };
        assert_eq!(bodies.len(), 2);
        assert_eq!(restore(&hollow, &bodies).to_string(), block.to_string());
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
