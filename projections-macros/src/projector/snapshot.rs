//! How a projector's fields get into a snapshot and out of it.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, Member, ext::IdentExt, spanned::Spanned};

use super::model::{Field, Projector};
use crate::fingerprint;

/// The constant that holds both ways, where the projector says `snapshot`. Resources are no part of
/// it: whoever makes the projector anew gives them.
pub(super) fn code(model: &Projector) -> Option<TokenStream> {
    model.options.snapshot?;
    let private = model.library.private();
    let local = |name| Ident::new(name, Span::mixed_site());
    let (this, fields, errors) = (local("this"), local("fields"), local("SnapshotError"));
    let state: Vec<&Field> = model.fields.iter().filter(|field| !field.resource).collect();
    let saved = state.iter().map(|field| {
        let Field { cfg, member, ty, .. } = field;
        let name = name_of(member);
        // The type is all that can be wrong here, so everything has its place.
        let span = Span::mixed_site().located_at(ty.span());
        let private = model.library.private_at(span);
        quote_spanned!(span=> #(#cfg)* #private::snapshot_field_must_be_serialize::<#ty>(#fields, #name, &#this.#member)?;)
    });
    let restored = state.iter().map(|field| {
        let Field { cfg, member, ty, .. } = field;
        let name = name_of(member);
        let span = Span::mixed_site().located_at(ty.span());
        let private = model.library.private_at(span);
        quote_spanned!(span=> #(#cfg)* { #this.#member = #private::snapshot_field_must_be_deserialize::<#ty>(#fields, #name)?; })
    });
    let shape = shape(&state);
    let result = quote_spanned! {Span::mixed_site()=>
        ::core::result::Result<(), #private::#errors>
    };
    Some(quote_spanned! {Span::mixed_site()=>
        const SNAPSHOT: ::core::option::Option<#private::SnapshotCode<Self>> = {
            ::core::option::Option::Some(#private::SnapshotCode::new(
                #shape,
                |#this: &Self, #fields: &mut #private::Saver<'_>| -> #result {
                    let _ = (#this, &#fields);
                    #(#saved)*
                    ::core::result::Result::Ok(())
                },
                |#this: &mut Self, #fields: &mut #private::Restorer<'_>| -> #result {
                    let _ = (&#this, &#fields);
                    #(#restored)*
                    ::core::result::Result::Ok(())
                },
            ))
        };
    })
}

/// A hash of the fields, so that a snapshot of other fields is not taken for one of these.
fn shape(state: &[&Field]) -> u64 {
    let fields = state.iter().map(|Field { cfg, member, ty, .. }| {
        let cfg = cfg.iter().map(ToTokens::to_token_stream);
        quote!(#(#cfg)* #member: #ty,)
    });
    fingerprint::of(&quote!(#(#fields)*), &[] as &[&str])
}

fn name_of(member: &Member) -> String {
    match member {
        Member::Named(name) => name.unraw().to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}
