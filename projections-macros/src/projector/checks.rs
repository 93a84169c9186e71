//! Assertions on what the options say of types: which events there are, and whether there is a
//! `#[reset]`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;

use super::{
    model::{OnChange, Projector},
    rustdoc,
};
use crate::{attr::shown, paths::ends};

/// The statements that assert it of the facts, each at the user's tokens; none where there is
/// nothing to assert.
pub(super) fn values(model: &Projector, facts: &TokenStream) -> Option<TokenStream> {
    let mut checks = TokenStream::new();
    for (index, domain) in model.options.exhaustive.iter().enumerate() {
        let arguments = quote!(#facts, #index);
        checks.extend(value(model, ends(domain), "no_coverage_fault", &arguments));
    }
    for (index, event) in model.options.ignores.iter().enumerate() {
        let shown = shown(event);
        let arguments = quote!(#facts, #index, #shown);
        checks.extend(value(model, ends(event), "no_ignores_fault", &arguments));
    }
    if let Some((key, span)) = model.options.park_by {
        let key = rustdoc::park_by(key);
        let arguments = quote!(#facts, #key);
        checks.extend(value(model, (span, span), "no_park_by_fault", &arguments));
    }
    if let Some((OnChange::Rebuild, span)) = model.options.on_change {
        checks.extend(value(model, (span, span), "no_rebuild_fault", facts));
    }
    (!checks.is_empty()).then_some(checks)
}

/// One assertion, shown at the tokens between two places.
fn value(
    model: &Projector,
    (first, last): (Span, Span),
    check: &str,
    arguments: &TokenStream,
) -> TokenStream {
    let private = model.library.private_at(first);
    let check = Ident::new(check, first);
    let arguments = quote_spanned!(last=> (#arguments));
    let call = quote_spanned!(first=> #private::#check #arguments);
    // A generic projector has no place for free constants: these are statements in its own.
    if model.item.generics.params.is_empty() {
        // It ends, however many events there are.
        quote_spanned!(first=> #[allow(long_running_const_eval)] const _: () = #call;)
    } else {
        quote_spanned!(first=> let () = #call;)
    }
}
