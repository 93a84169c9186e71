//! A block in which something is half typed. The compiler has reported what is wrong there, so the
//! macro reads what it can, and says nothing. What methods do does not matter to it at all.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt};
use syn::{
    ImplItem, Item, ItemImpl, Token,
    parse::{ParseStream, Parser, discouraged::Speculative},
};

/// How much of a block was read.
pub(crate) enum Source {
    /// All of it.
    Whole,
    /// All but the bodies of its methods.
    Bodies(Vec<Group>),
    /// Some of its methods, and this is wrong with the others.
    Part(syn::Error),
}

/// Reads what can be read of an `impl` block that as a whole cannot.
pub(super) fn parse(
    item: TokenStream,
    error: syn::Error,
) -> Result<(ItemImpl, Source), syn::Error> {
    if let Some((block, bodies)) = without_bodies(item.clone()) {
        return Ok((block, Source::Bodies(bodies)));
    }
    match in_part(item) {
        Some(block) => Ok((block, Source::Part(error))),
        None => Err(error),
    }
}

/// Reads an `impl` block whose methods' bodies cannot be read, and takes them out.
fn without_bodies(item: TokenStream) -> Option<(ItemImpl, Vec<Group>)> {
    let mut bodies = Vec::new();
    let hollow = with_bodies(item, &mut |body| {
        let mut empty = Group::new(body.delimiter(), TokenStream::new());
        empty.set_span(body.span());
        bodies.push(body);
        empty
    });
    Some((inherent(hollow)?, bodies))
}

/// Reads those items of an `impl` block that can be read, and leaves the others out. The compiler
/// has read them already; left in, they would be refused again.
fn in_part(item: TokenStream) -> Option<ItemImpl> {
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

/// Writes a block with the bodies that were taken out. They are the same tokens, so that the
/// compiler sees that it has reported them.
pub(super) fn restore(block: &ItemImpl, source: &Source) -> TokenStream {
    let Source::Bodies(bodies) = source else { return block.to_token_stream() };
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
        let Some((hollow, source)) = read(&block) else { panic!("unread") };
        assert!(matches!(&source, Source::Bodies(bodies) if bodies.len() == 2));
        let restored = restore(&hollow, &source);
        assert_eq!(restored.to_string(), block.to_string());
    }

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
        let Some((part, source)) = read(&block) else { panic!("unread") };
        let readable = quote! {
            impl<T> Orders<T> {
                fn first(&self) {}
                fn second(&self) {}
                fn third(&self) {}
            }
        };
        assert_eq!(restore(&part, &source).to_string(), readable.to_string());
    }

    #[test]
    fn without_a_type_nothing_is_left() {
        assert!(read(&quote!(impl Orders< { fn (&self) {} })).is_none());
        assert!(read(&quote!(impl Clone for Orders { fn (&self) {} })).is_none());
        assert!(read(&quote!(struct Orders { count u64 })).is_none());
    }

    /// Reads what the whole parser cannot.
    fn read(block: &TokenStream) -> Option<(ItemImpl, Source)> {
        let Err(error) = syn::parse2::<Item>(block.clone()) else { panic!("readable: {block}") };
        parse(block.clone(), error).ok()
    }
}
