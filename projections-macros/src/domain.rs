//! `#[derive(Domain)]`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Ident, Token, ext::IdentExt, parse::ParseStream, spanned::Spanned};

use crate::{
    attr::{Keys, shown},
    errors::Errors,
    head, names,
    paths::{Library, Static, ends, ungrouped},
};

const KEYS: Keys = Keys {
    attribute: "`#[domain]`",
    available: &["crate"],
    aliases: &[],
    types: &["crate"],
    repeatable: &[],
    first: None,
};

const NEEDS_NAME: &str = "`#[domain]` needs a name\nhelp: write `#[domain(\"...\")]`";

/// What `#[domain(..)]` says.
struct Model {
    name: syn::LitStr,
    library: Library,
    variants: Vec<Variant>,
}

/// One event of the domain.
struct Variant {
    ident: Ident,
    event: syn::Type,
}

/// Expands `#[derive(Domain)]`.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let (input, unread) = match head::parse(input) {
        Ok(read) => read,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    let (name, library) = read_attribute(&input, &mut errors);
    let variants = match &unread {
        None => read_variants(&input, &mut errors),
        Some(_) => Vec::new(),
    };
    let inert = errors.any();
    let model = Model {
        name: name.unwrap_or_else(|| syn::LitStr::new("", Span::mixed_site())),
        library: Library::new(library),
        variants: if inert { Vec::new() } else { variants },
    };
    let mut tokens = implementation(&input, &model);
    if let Some(error) = unread {
        tokens.extend(head::unread("#[derive(Domain)]", input.ident.span(), &error));
    }
    tokens.extend(errors.finish());
    tokens
}

fn read_attribute(
    input: &DeriveInput,
    errors: &mut Errors,
) -> (Option<syn::LitStr>, Option<syn::Path>) {
    let mut attributes = input.attrs.iter().filter(|attribute| attribute.path().is_ident("domain"));
    let Some(attribute) = attributes.next() else {
        let ident = &input.ident;
        errors.at(
            ident.span(),
            format!(
                "domain `{ident}` has no name\nhelp: write `#[domain(\"{}\")]`",
                names::kebab(&ident.to_string())
            ),
        );
        return (None, None);
    };
    for second in attributes {
        errors.on(second.path(), "`#[domain]` is given twice");
    }
    let syn::Meta::List(list) = &attribute.meta else {
        errors.on(&attribute.meta, NEEDS_NAME);
        return (None, None);
    };
    let mut found = (None, None);
    let parse = |input: ParseStream<'_>| {
        if input.is_empty() {
            errors.on(&attribute.meta, NEEDS_NAME);
            return Ok(());
        }
        let name: syn::LitStr = input.parse()?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        if let Some(fault) = names::domain_fault("a domain's name", &name.value()) {
            errors.at(name.span(), fault);
        }
        let library = KEYS.read(input, errors).first().and_then(|entry| entry.path(errors));
        found = (Some(name), library);
        Ok(())
    };
    if let Err(error) = list.parse_args_with(parse) {
        errors.push(error);
    }
    found
}

fn read_variants(input: &DeriveInput, errors: &mut Errors) -> Vec<Variant> {
    let ident = &input.ident;
    let data = match &input.data {
        syn::Data::Enum(data) => data,
        syn::Data::Struct(data) => {
            errors.at(
                data.struct_token.span,
                format!("`#[derive(Domain)]` goes on an enum, but `{ident}` is a struct\nhelp: derive `Event` for one event"),
            );
            return Vec::new();
        }
        syn::Data::Union(data) => {
            errors.at(
                data.union_token.span,
                format!("`#[derive(Domain)]` goes on an enum, but `{ident}` is a union"),
            );
            return Vec::new();
        }
    };
    for parameter in &input.generics.params {
        if !matches!(parameter, syn::GenericParam::Lifetime(_)) {
            errors.on(
                parameter,
                format!("domain `{ident}` must not be generic over `{}`\nnote: its events are a fixed list", shown(parameter)),
            );
        }
    }
    if data.variants.is_empty() {
        errors.at(ident.span(), format!("domain `{ident}` has no events"));
    }
    data.variants.iter().filter_map(|variant| read_variant(variant, errors)).collect()
}

fn read_variant(variant: &syn::Variant, errors: &mut Errors) -> Option<Variant> {
    let ident = &variant.ident;
    match &variant.fields {
        syn::Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields
            .unnamed
            .first()
            .map(|field| Variant { ident: ident.clone(), event: field.ty.clone() }),
        _ => {
            errors.at(
                ident.span(),
                format!("variant `{ident}` must hold one event\nhelp: write `{ident}({ident})`"),
            );
            None
        }
    }
}

fn implementation(input: &DeriveInput, model: &Model) -> TokenStream {
    let (public, private) = (model.library.public(), model.library.private());
    let (ident, name) = (&input.ident, &model.name);
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let events: Vec<_> = model.variants.iter().map(|variant| &variant.event).collect();
    let types = events.iter().map(|ty| last_name(ty));
    let arms = model.variants.iter().map(|Variant { ident: variant, event: ty }| {
        let event = Ident::new("event", Span::mixed_site());
        // An event that cannot be written is the variant's fault.
        let span = ty.span();
        let private = model.library.private_at(span);
        let encode = quote_spanned!(span=> #private::Appended::<#ty>(#event).encode());
        quote_spanned! {Span::mixed_site()=>
            Self::#variant(#event) => #encode
                .map(|new| #public::NewEvent::in_domain(new, #name)),
        }
    });
    let body = if model.variants.is_empty() {
        quote!(::core::unreachable!())
    } else {
        quote_spanned!(Span::mixed_site()=> match self { #(#arms)* })
    };
    let checks = checks(ident, model);
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #public::Domain for #ident #type_generics #where_clause {
            const NAME: &'static ::core::primitive::str = {
                #[allow(unused_imports)]
                use #private::EventLookupFallback as _;
                #private::domain_name(&[#(#private::EventLookup::<#events>::FACTS),*], #name)
            };
            const EVENTS: &'static [&'static ::core::primitive::str] = &[#(#private::event_facts::<#events>().name),*];
            const TYPES: &'static [&'static ::core::primitive::str] = &[#(#types),*];
        }

        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #public::ToEvent for #ident #type_generics #where_clause {
            fn to_event(
                &self,
            ) -> ::core::result::Result<#public::NewEvent, #public::EncodeError> {
                #[allow(unused_imports)]
                use #private::{Encode as _, EncodeFallback as _};
                #body
            }
        }

        #checks
    }
}

/// The name of a type without its path and its lifetimes.
fn last_name(ty: &syn::Type) -> String {
    match ungrouped(ty) {
        syn::Type::Path(ty) => ty.path.segments.last().map(|last| last.ident.unraw().to_string()),
        _ => None,
    }
    .unwrap_or_else(|| shown(ty))
}

/// Assertions on all events, outside the enum's generics: its lifetimes do not matter there.
fn checks(ident: &Ident, model: &Model) -> TokenStream {
    let (name, ident) = (&model.name, ident.unraw().to_string());
    let private = model.library.private();
    let local = Ident::new("FACTS", Span::mixed_site());
    let events: Vec<_> = model.variants.iter().map(|variant| fixed(&variant.event)).collect();
    let variants = model.variants.iter().enumerate().map(|(number, Variant { event, .. })| {
        let (first, last) = ends(event);
        let private = model.library.private_at(first);
        let shown = shown(event);
        let arguments = quote_spanned!(last=> (#local, #number, #shown, #name));
        quote_spanned!(first=> const _: () = #private::no_variant_fault #arguments;)
    });
    let span = name.span();
    let of_name = model.library.private_at(span);
    let whole = quote_spanned! {span=>
        const _: () = #of_name::no_name_fault(#local, #ident, #name);
    };
    quote_spanned! {Span::mixed_site()=>
        #[allow(deprecated)]
        const _: () = {
            #[allow(unused_imports)]
            use #private::EventLookupFallback as _;
            const #local: &[#private::EventFacts] = &[#(#private::EventLookup::<#events>::FACTS),*];
            #whole
            #(#variants)*
        };
    }
}

/// A type with every lifetime `'static`.
fn fixed(ty: &syn::Type) -> syn::Type {
    let mut ty = ty.clone();
    syn::visit_mut::VisitMut::visit_type_mut(&mut Static, &mut ty);
    ty
}
