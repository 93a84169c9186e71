//! From the model to tokens.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{
    checks, constant,
    model::{Field, Projector, Storage},
    rustdoc, snapshot,
};
use crate::head;

/// The struct, its options, how it is made, and its registration.
pub(crate) fn projector(model: &Projector) -> TokenStream {
    if let Some((_, error)) = &model.unread {
        let place = model.item.ident.span();
        let (inert, unread) = (inert(model), head::unread("#[projector]", place, error));
        return quote!(#inert #unread);
    }
    let item = documented(model);
    let private = model.library.private();
    let facts = quote_spanned!(Span::mixed_site()=> #private::Lookup::<Self>::FACTS);
    let late = checks::values(model, &facts).filter(|_| is_generic(model));
    let table = rustdoc::table(model);
    let projector = implementation(model, model.options.domain.as_ref(), late, &table);
    let markers = markers(model);
    if !model.options.register {
        let check = check(model);
        return quote!(#item #markers #projector #check);
    }
    let construct = construct(model);
    let registration = registration(model);
    quote!(#item #markers #projector #construct #registration)
}

/// The struct and an implementation that lets its handlers be checked.
pub(crate) fn inert(model: &Projector) -> TokenStream {
    let item = match &model.unread {
        Some((tokens, _)) => tokens.clone(),
        None => model.item.to_token_stream(),
    };
    // The domain may be what could not be read; a handler without one is not to blame for that.
    let unknown = syn::LitStr::new("unknown", Span::mixed_site());
    let domain = model.options.domain.as_ref().unwrap_or(&unknown);
    let projector = implementation(model, Some(domain), None, &TokenStream::new());
    let markers = markers(model);
    quote!(#item #markers #projector)
}

/// What an `impl` block without `#[handlers]` is told its mistake by.
fn markers(model: &Projector) -> TokenStream {
    let private = model.library.private();
    quote_spanned! {Span::mixed_site()=>
        #[allow(unused_imports, clippy::wildcard_imports)]
        use #private::markers::*;
    }
}

/// The struct, with a word on where its page says what the projector does.
fn documented(model: &Projector) -> syn::DeriveInput {
    let mut item = model.item.clone();
    item.attrs.extend(rustdoc::pointer(model));
    item
}

fn implementation(
    model: &Projector,
    domain: Option<&syn::LitStr>,
    late_checks: Option<TokenStream>,
    documentation: &TokenStream,
) -> TokenStream {
    let (public, private) = (model.library.public(), model.library.private());
    let (ident, name) = (&model.item.ident, &model.name);
    let (impl_generics, type_generics, where_clause) = model.item.generics.split_for_impl();
    let options = constant::options(model, domain);
    let storage = match &model.options.storage {
        Storage::InProcess => quote_spanned!(Span::mixed_site()=> #public::InProcess),
        Storage::Type(ty) => quote_spanned!(Span::mixed_site()=> #ty),
        Storage::Unknown => quote_spanned!(Span::mixed_site()=> #private::Inert),
    };
    let check_options = late_checks.map(|checks| {
        quote_spanned! {Span::mixed_site()=>
            fn check_options()
            where
                Self: #public::Handlers,
            {
                const { #checks }
            }
        }
    });
    let in_process = matches!(model.options.storage, Storage::InProcess);
    let stateless = (in_process && model.fields.iter().all(|field| field.resource))
        .then(|| quote_spanned!(Span::mixed_site()=> const IS_STATELESS: bool = true;));
    let copy = copy(model);
    let snapshot = snapshot::code(model);
    quote_spanned! {Span::mixed_site()=>
        #documentation
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #public::Projector for #ident #type_generics #where_clause {
            const NAME: &'static ::core::primitive::str = #name;
            const OPTIONS: #public::Options = #options;
            type Storage = #storage;
            #stateless
            #copy
            #snapshot
            #check_options
        }
    }
}

/// What `rollback = "clone"` copies with: the word is to blame where there is nothing.
fn copy(model: &Projector) -> Option<TokenStream> {
    let place = model.options.rollback?;
    let private = model.library.private_at(place);
    let ident = &model.item.ident;
    let (_, generics, _) = model.item.generics.split_for_impl();
    let function = quote_spanned!(place=> #private::projector_must_be_clone::<#ident #generics>);
    Some(quote_spanned! {Span::mixed_site()=>
        const COPY: ::core::option::Option<fn(&Self) -> Self> =
            ::core::option::Option::Some(#function);
    })
}

fn construct(model: &Projector) -> TokenStream {
    let (public, private) = (model.library.public(), model.library.private());
    let ident = &model.item.ident;
    let resources = syn::Ident::new("resources", Span::mixed_site());
    let fields = model.fields.iter().map(|Field { cfg, member, ty, resource }| {
        // The field's type is all that can be wrong here, so everything has its place.
        let span = Span::mixed_site().located_at(ty.span());
        if *resource {
            quote_spanned!(span=> #(#cfg)* #member: #private::resource::<#ty>(#resources)?,)
        } else {
            quote_spanned! {span=>
                #(#cfg)* #member: <#ty as ::core::default::Default>::default(),
            }
        }
    });
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        #[allow(deprecated)]
        impl #private::Construct for #ident {
            fn construct(
                #resources: &#public::Resources,
            ) -> ::core::result::Result<Self, #public::MissingResource> {
                let _ = #resources;
                ::core::result::Result::Ok(Self { #(#fields)* })
            }
        }
    }
}

/// Everything here has the place of the struct's name, which is what is wrong when the struct has
/// no handlers or cannot move between threads.
fn registration(model: &Projector) -> TokenStream {
    let private = model.library.private();
    let ident = &model.item.ident;
    let span = Span::mixed_site().located_at(ident.span());
    let linked = quote_spanned!(span=> #private::Linked::of::<#ident>());
    let Some(checks) = checks::values(model, &quote_spanned!(Span::mixed_site()=> &FACTS)) else {
        return quote_spanned! {Span::mixed_site()=>
            #private::inventory::submit! {
                #[allow(deprecated)]
                let linked = #linked;
                linked
            }
        };
    };
    // The checks look at the value, not at the type, which therefore is blamed once.
    quote_spanned! {Span::mixed_site()=>
        #[allow(deprecated)]
        const _: () = {
            const LINKED: #private::Linked = #linked;
            const FACTS: #private::Facts = LINKED.facts();
            #private::inventory::submit! { LINKED }
            #checks
        };
    }
}

/// What the registration would have checked.
fn check(model: &Projector) -> TokenStream {
    if is_generic(model) {
        return TokenStream::new();
    }
    let private = model.library.private();
    let ident = &model.item.ident;
    let span = Span::mixed_site().located_at(ident.span());
    let checked = quote_spanned!(span=> #private::check_projector::<#ident>());
    let checks = checks::values(model, &quote_spanned!(Span::mixed_site()=> &FACTS));
    quote_spanned! {Span::mixed_site()=>
        #[allow(deprecated)]
        const _: () = {
            const FACTS: #private::Facts = #checked;
            #checks
        };
    }
}

fn is_generic(model: &Projector) -> bool {
    !model.item.generics.params.is_empty()
}
