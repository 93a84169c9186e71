//! `#[park_key]`: the function that says which events wait behind one that is parked.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{
    Attribute, FnArg, GenericParam, Ident, ImplItemFn, Lifetime, Meta, ReturnType, Signature, Type,
    TypeReference, ext::IdentExt, parse_quote, spanned::Spanned, visit_mut::VisitMut,
};

use super::model::Block;
use crate::{
    attr::shown,
    cfg,
    errors::Errors,
    paths::{Library, ends, ungrouped},
};

/// The function.
pub(crate) struct ParkKey {
    pub(crate) name: Ident,
    pub(crate) cfg: Vec<Attribute>,
    /// The attribute's name.
    pub(crate) span: Span,
    /// What its parameter refers to.
    argument: Type,
    output: Type,
}

/// Reads a function with `#[park_key]`; there is none after a fault.
pub(super) fn read(
    attribute: &Attribute,
    item: &ImplItemFn,
    errors: &mut Errors,
) -> Option<ParkKey> {
    let mut faults = Faults { name: item.sig.ident.unraw(), is_shape_shown: false, errors };
    if !matches!(attribute.meta, Meta::Path(_)) {
        faults.errors.on(&attribute.meta, "`#[park_key]` takes no options");
    }
    let before = faults.errors.count();
    faults.qualifiers(&item.sig);
    let argument = faults.argument(&item.sig);
    let output = faults.output(&item.sig);
    let is_sound = errors.count() == before;
    let (argument, output) = argument.zip(output).filter(|_| is_sound)?;
    Some(ParkKey {
        name: item.sig.ident.clone(),
        cfg: cfg::of(&item.attrs),
        span: attribute.path().span(),
        argument,
        output,
    })
}

/// Says of the text that a faulty function returns where it is from, which the compiler would ask,
/// too; and that it refers to it.
pub(super) fn name_lifetime(signature: &mut Signature) {
    let ReturnType::Type(_, output) = &mut signature.output else { return };
    if is_str(output) {
        **output = parse_quote!(&#output);
    }
    let mut named = Named { lifetime: parse_quote!('key), is_any: false };
    named.visit_type_mut(output);
    if !named.is_any {
        return;
    }
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input {
            named.visit_type_mut(&mut typed.ty);
        }
    }
    signature.generics.params.insert(0, parse_quote!('key));
}

/// The faults of one function; the first shows what was expected.
struct Faults<'a> {
    name: Ident,
    is_shape_shown: bool,
    errors: &'a mut Errors,
}

impl Faults<'_> {
    fn on(&mut self, tokens: impl quote::ToTokens, fault: &str) {
        let name = &self.name;
        let mut message = format!("`#[park_key]` function `{name}` {fault}");
        if !self.is_shape_shown {
            message += &format!("\nnote: expected `fn {name}(at: &Envelope) -> &str`");
        }
        self.is_shape_shown = true;
        self.errors.on(tokens, message);
    }

    fn qualifiers(&mut self, signature: &Signature) {
        if let Some(token) = signature.asyncness {
            self.on(token, "must not be `async`");
        }
        if let syn::Safety::Unsafe(token) = signature.safety {
            self.on(token, "must not be `unsafe`");
        }
        if let Some(abi) = &signature.abi {
            self.on(abi, &format!("must not be `{}`", shown(abi)));
        }
        let is_lifetime = |parameter: &GenericParam| matches!(parameter, GenericParam::Lifetime(_));
        if !signature.generics.params.iter().all(is_lifetime) {
            self.on(&signature.generics, "must not be generic");
        }
        if let Some(clause) = &signature.generics.where_clause {
            self.on(clause.where_token, "must not be bounded by `where`");
        }
    }

    /// What the one parameter refers to.
    fn argument(&mut self, signature: &Signature) -> Option<Type> {
        if let Some(receiver) = signature.receiver() {
            let fault = format!(
                "must not take `{}`: an event's key depends on its envelope and on nothing else",
                shown(receiver)
            );
            self.on(receiver, &fault);
            return None;
        }
        let mut inputs = signature.inputs.iter();
        let (first, second) = (inputs.next(), inputs.next());
        if let Some(second) = second {
            self.on(second, "takes the envelope and nothing else");
            return None;
        }
        let Some(FnArg::Typed(typed)) = first else {
            let mut parentheses = TokenStream::new();
            signature.paren_token.surround(&mut parentheses, |_| {});
            self.on(parentheses, "does not take the envelope");
            return None;
        };
        match ungrouped(&typed.ty) {
            Type::Reference(reference) if reference.mutability.is_none() => {
                Some((*reference.elem).clone())
            }
            other => {
                self.on(other, &format!("must take `&Envelope`, not `{}`", shown(other)));
                None
            }
        }
    }

    fn output(&mut self, signature: &Signature) -> Option<Type> {
        match &signature.output {
            ReturnType::Default => {
                self.on(&signature.ident, "returns no key");
                None
            }
            ReturnType::Type(_, ty) if is_str(ty) => {
                self.on(ty, "must return `&str`, not `str`");
                None
            }
            ReturnType::Type(_, ty) => Some((**ty).clone()),
        }
    }
}

/// Tells whether a type is written as `str`.
fn is_str(ty: &Type) -> bool {
    matches!(ungrouped(ty), Type::Path(path) if path.path.is_ident("str"))
}

/// The constant that holds it. It compiles whatever the types of its signature are: the assertions
/// on these, one of which stands here, have their place.
pub(super) fn constant(block: &Block) -> TokenStream {
    let Some(ParkKey { name, cfg, argument, output, .. }) = &block.park_key else {
        return TokenStream::new();
    };
    let (public, private) = (block.library.public(), block.library.private());
    let argument = elided(argument);
    let envelope = Ident::new("envelope", Span::mixed_site());
    let place = ends(output).0;
    let key = call_at(place, name, &envelope, &argument, &block.library);
    quote_spanned! {Span::mixed_site()=>
        #(#cfg)*
        const PARK_KEY: ::core::option::Option<
            fn(&#public::Envelope) -> &::core::primitive::str,
        > = {
            use #private::SharedFallback as _;
            let key: fn(&#public::Envelope) -> &::core::primitive::str = |#envelope| #key;
            ::core::option::Option::Some(key)
        };
    }
}

/// The call, wholly at the type that the function returns, which is all that can be wrong with it.
fn call_at(
    place: Span,
    name: &Ident,
    envelope: &Ident,
    argument: &Type,
    library: &Library,
) -> TokenStream {
    let (public, private) = (library.public(), library.private_at(place));
    let mut name = name.clone();
    name.set_span(name.span().located_at(place));
    quote_spanned! {place=>
        #private::park_key(Self::#name(
            #private::Argument::<#public::Envelope, #argument>::shared(#envelope)
        ))
    }
}

/// The statement that asserts that the parameter is an envelope.
pub(super) fn check(block: &Block) -> TokenStream {
    let Some(ParkKey { cfg, argument, .. }) = &block.park_key else { return TokenStream::new() };
    let (argument, place) = (elided(argument), ends(argument).0);
    let private = block.library.private_at(place);
    quote_spanned!(place=> #(#cfg)* #private::check_park_key::<#argument>();)
}

/// A type as a body may write it, where the function's own lifetimes are unknown.
fn elided(ty: &Type) -> Type {
    let mut ty = ty.clone();
    Elided.visit_type_mut(&mut ty);
    ty
}

struct Elided;

impl VisitMut for Elided {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        lifetime.ident = Ident::new("_", lifetime.ident.span());
    }
}

/// Names the lifetimes of references that have no name.
struct Named {
    lifetime: Lifetime,
    /// Whether it has named one.
    is_any: bool,
}

impl VisitMut for Named {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        if reference.lifetime.is_none() {
            reference.lifetime = Some(self.lifetime.clone());
            self.is_any = true;
        }
        syn::visit_mut::visit_type_reference_mut(self, reference);
    }
}
