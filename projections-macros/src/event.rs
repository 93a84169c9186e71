//! `#[derive(Event)]`.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{DeriveInput, ext::IdentExt, parse::ParseStream, visit_mut::VisitMut};

use crate::{
    attr::{Entry, Keys, shown},
    errors::Errors,
    fingerprint, head, names,
    paths::{Library, Static},
    projector::check_domain,
    upcast::Upcasts,
};

const KEYS: Keys = Keys {
    attribute: "`#[event]`",
    available: &["domain", "name", "aliases", "version", "upcast", "codec", "crate"],
    aliases: &[
        ("alias", "aliases"),
        ("from", "upcast"),
        ("input_domain", "domain"),
        ("rename", "name"),
        ("upcasts", "upcast"),
    ],
    types: &["codec", "crate"],
    repeatable: &["upcast"],
    first: None,
};

/// What `#[event(..)]` says.
#[derive(Default)]
struct Model {
    domain: Domain,
    name: Option<syn::LitStr>,
    aliases: Vec<syn::LitStr>,
    version: Version,
    upcasts: Upcasts,
    codec: Option<syn::Path>,
    library: Option<syn::Path>,
}

/// What `domain` says.
#[derive(Default)]
enum Domain {
    /// Nothing.
    #[default]
    None,
    Written(syn::LitStr),
    /// Nothing that can be read, which is reported already.
    Broken,
}

/// What `version` says.
#[derive(Clone, Copy, Default)]
enum Version {
    /// Nothing, so it is 1.
    #[default]
    First,
    /// This, at this place.
    Written(u32, Span),
    /// Nothing that can be read, which is reported already.
    Broken,
}

/// Expands `#[derive(Event)]`.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    // Its fields do not matter.
    let input = match head::parse(input) {
        Ok((input, _)) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    check_shape(&input, &mut errors);
    let fits = !errors.any();
    let model = read(&input, &mut errors);
    // A faulty attribute leaves an event, so that its handlers are not blamed too.
    let mut tokens = if fits { implementation(&input, &model) } else { TokenStream::new() };
    if !errors.any() {
        tokens.extend(checks(&input, &model));
    }
    tokens.extend(errors.finish());
    tokens
}

fn check_shape(input: &DeriveInput, errors: &mut Errors) {
    let name = &input.ident;
    match &input.data {
        syn::Data::Struct(_) => {}
        syn::Data::Enum(data) => errors.at(
            data.enum_token.span,
            format!("`#[derive(Event)]` goes on a struct, but `{name}` is an enum\nhelp: derive `Domain` for a list of events"),
        ),
        syn::Data::Union(data) => errors.at(
            data.union_token.span,
            format!("`#[derive(Event)]` goes on a struct, but `{name}` is a union"),
        ),
    }
    for parameter in &input.generics.params {
        if !matches!(parameter, syn::GenericParam::Lifetime(_)) {
            errors.on(
                parameter,
                format!("event `{name}` must not be generic over `{}`\nnote: its wire name would stand for many types", shown(parameter)),
            );
        }
    }
}

fn read(input: &DeriveInput, errors: &mut Errors) -> Model {
    let mut model = Model::default();
    let mut seen = false;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("event")) {
        if seen {
            errors.on(attribute.path(), "`#[event]` is given twice");
            continue;
        }
        seen = true;
        match &attribute.meta {
            syn::Meta::List(list) => {
                let faults = errors.count();
                let entries = KEYS.read_list(list.tokens.clone(), errors);
                if errors.count() > faults {
                    model.domain = Domain::Broken; // it may be what could not be read
                }
                for entry in entries {
                    model.set(&entry, errors);
                }
            }
            other => errors
                .on(other, "`#[event]` needs options\nhelp: write `#[event(domain = \"...\")]`"),
        }
    }
    check_names(input, &model, errors);
    let version = match model.version {
        // An option that could not be read may have been the version.
        Version::First if errors.any() => None,
        Version::Broken => None,
        Version::First | Version::Written(..) => Some(model.version()),
    };
    model.upcasts.check(&input.ident, version, errors);
    model
}

impl Model {
    fn set(&mut self, entry: &Entry, errors: &mut Errors) {
        match entry.name().as_str() {
            "domain" => {
                let faults = errors.count();
                let domain = entry.string(errors);
                check_domain("domain", domain.as_ref(), errors);
                self.domain = match domain {
                    Some(domain) if errors.count() == faults => Domain::Written(domain),
                    _ => Domain::Broken,
                };
            }
            "name" => self.name = entry.string(errors),
            "aliases" => self.aliases = aliases(entry, errors),
            "version" => {
                let span = entry.place();
                let number = entry.number(errors);
                self.version =
                    number.map_or(Version::Broken, |number| Version::Written(number, span));
            }
            "upcast" => self.upcasts.read(entry, errors),
            "codec" => self.codec = entry.path(errors),
            _ => self.library = entry.path(errors), // `crate`, the last of the keys
        }
    }

    fn version(&self) -> u32 {
        match self.version {
            Version::Written(number, _) => number,
            Version::First | Version::Broken => 1,
        }
    }
}

fn aliases(entry: &Entry, errors: &mut Errors) -> Vec<syn::LitStr> {
    let Some(tokens) = entry.list("aliases(\"OldName\")", errors) else { return Vec::new() };
    let parse = |input: ParseStream<'_>| {
        syn::punctuated::Punctuated::<syn::LitStr, syn::Token![,]>::parse_terminated(input)
    };
    match syn::parse::Parser::parse2(parse, tokens) {
        Ok(names) if names.is_empty() => {
            errors.at(
                entry.key.span(),
                "`aliases` names nothing\nhelp: write `aliases(\"OldName\")`",
            );
            Vec::new()
        }
        Ok(names) => names.into_iter().collect(),
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    }
}

fn check_names(input: &DeriveInput, model: &Model, errors: &mut Errors) {
    let name =
        model.name.as_ref().map_or_else(|| input.ident.unraw().to_string(), syn::LitStr::value);
    if let Some(literal) = &model.name
        && let Some(fault) = names::event_fault(&name)
    {
        errors.at(literal.span(), fault);
    }
    let mut known = Vec::new();
    for alias in &model.aliases {
        let text = alias.value();
        if let Some(fault) = names::event_fault(&text) {
            errors.at(alias.span(), fault);
        } else if text == name {
            errors.at(alias.span(), format!("`{text}` is the event's name, not an older one"));
        } else if known.contains(&text) {
            errors.at(alias.span(), format!("`{text}` is given twice"));
        }
        known.push(text);
    }
}

fn implementation(input: &DeriveInput, model: &Model) -> TokenStream {
    let library = Library::new(model.library.clone());
    let (public, ident) = (library.public(), &input.ident);
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let name = match &model.name {
        Some(name) => name.clone(),
        None => syn::LitStr::new(&ident.unraw().to_string(), Span::mixed_site()),
    };
    let key = fingerprint::of_text(&name.value());
    let aliases = &model.aliases;
    let some = quote_spanned!(Span::mixed_site()=> ::core::option::Option::Some);
    let domain = match &model.domain {
        Domain::None => quote_spanned!(Span::mixed_site()=> ::core::option::Option::None),
        Domain::Written(domain) => quote_spanned!(Span::mixed_site()=> #some(#domain)),
        Domain::Broken => {
            let private = library.private();
            quote_spanned!(Span::mixed_site()=> #some(#private::UNKNOWN_DOMAIN))
        }
    };
    let codec = match &model.codec {
        Some(codec) => quote_spanned!(Span::mixed_site()=> #codec),
        None => quote_spanned!(Span::mixed_site()=> #public::Json),
    };
    let decoded = decoded(input);
    let upcasts = model.upcasts.items(ident, model.version(), &library);
    let version = match model.version {
        Version::Written(number, _) => {
            quote_spanned!(Span::mixed_site()=> const VERSION: u32 = #number;)
        }
        Version::First | Version::Broken => TokenStream::new(),
    };
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        impl #impl_generics #public::Event for #ident #type_generics #where_clause {
            const NAME: &'static ::core::primitive::str = #name;
            const KEY: ::core::primitive::u64 = #key;
            const ALIASES: &'static [&'static ::core::primitive::str] = &[#(#aliases),*];
            const DOMAIN: ::core::option::Option<&'static ::core::primitive::str> = #domain;
            const TYPE: &'static ::core::primitive::str = ::core::concat!(
                ::core::module_path!(), "::", ::core::stringify!(#ident)
            );
            type Decoded<'__payload> = #decoded;
            type Codec = #codec;
            #version
            #upcasts
        }
    }
}

/// Assertions on the versions and on the codec, outside the event's generics.
fn checks(input: &DeriveInput, model: &Model) -> TokenStream {
    let (library, decoded) = (Library::new(model.library.clone()), decoded(input));
    let version = match model.version {
        Version::Written(number, span) => Some((number, span)),
        Version::First | Version::Broken => None,
    };
    let mut event: syn::Type = syn::parse_quote!(#decoded);
    Static.visit_type_mut(&mut event);
    model.upcasts.checks((&input.ident, &event), version, model.codec.as_ref(), &library)
}

/// The event's type with every lifetime that of the payload.
fn decoded(input: &DeriveInput) -> TokenStream {
    let ident = &input.ident;
    let arguments = input.generics.params.iter().map(|parameter| match parameter {
        syn::GenericParam::Lifetime(_) => quote_spanned!(Span::mixed_site()=> '__payload),
        syn::GenericParam::Type(ty) => {
            let ident = &ty.ident;
            quote_spanned!(Span::mixed_site()=> #ident)
        }
        syn::GenericParam::Const(constant) => {
            let ident = &constant.ident;
            quote_spanned!(Span::mixed_site()=> #ident)
        }
    });
    if input.generics.params.is_empty() {
        return quote_spanned!(ident.span()=> #ident);
    }
    quote_spanned!(ident.span()=> #ident<#(#arguments),*>)
}
