//! The type of a projector's session, in the signatures of its implementation.
//!
//! Without `#[projector]` there is none, which the compiler says of each signature. All of them are
//! wholly at the place of the block's type, so it has the same to say of the same place, and says it
//! once. A bound on the implementation would do that too, but what the compiler finds out under a
//! bound on one type it does not know for the next: it would prove for each projector anew which of
//! the types of its events are sized, are copied, and need to be dropped.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::model::Block;

/// As handlers and hooks take it.
pub(super) fn exclusive(block: &Block) -> TokenStream {
    let span = block.item.self_ty.span();
    let private = block.library.private_at(span);
    quote_spanned!(span=> &mut #private::SessionOf<Self>)
}

/// As what only looks at it takes it.
pub(super) fn shared(block: &Block) -> TokenStream {
    let span = block.item.self_ty.span();
    let private = block.library.private_at(span);
    quote_spanned!(span=> &#private::SessionOf<Self>)
}
