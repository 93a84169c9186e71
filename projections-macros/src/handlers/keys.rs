//! `#[keys(..)]`: which rows a handler asks for, where they are loaded before it runs.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Attribute, FnArg, Ident, Signature, Token, Type, ext::IdentExt, parse::Parser,
    punctuated::Punctuated, spanned::Spanned,
};

use super::{
    model::{Argument, Block, Fallback, Handler, Method, Parameter},
    parse::arguments,
    session,
};
use crate::{
    attr::shown,
    errors::Errors,
    paths::{Library, ends},
};

const NAME: &str = "keys";

/// What `#[keys(..)]` of a parameter says.
pub(crate) struct Keys {
    /// The attribute's name.
    span: Span,
    /// `None` after a fault.
    expression: Option<syn::Expr>,
}

/// Takes the attributes off a method's parameters, which the compiler would refuse there. There is
/// an entry for each parameter but `self`.
pub(super) fn take(
    library: &Library,
    signature: &mut Signature,
    errors: &mut Errors,
) -> Vec<Option<Keys>> {
    let mut all = Vec::new();
    for input in &mut signature.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                if let Some(keys) = off(library, &mut receiver.attrs, errors) {
                    errors.at(keys.span, misplaced("`self`"));
                }
            }
            FnArg::Typed(typed) => all.push(off(library, &mut typed.attrs, errors)),
        }
    }
    all
}

fn off(library: &Library, attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Option<Keys> {
    let mut found = None;
    attributes.retain(|attribute| {
        if !library.is(attribute.path(), NAME) {
            return true;
        }
        let span = ends(attribute.path()).0;
        if found.is_some() {
            errors.at(span, "`#[keys]` is given twice\nhelp: name all keys in one expression");
        } else {
            found = Some(Keys { span, expression: expression(attribute, errors) });
        }
        false
    });
    found
}

fn expression(attribute: &Attribute, errors: &mut Errors) -> Option<syn::Expr> {
    let faults = errors.count();
    let tokens = arguments(&attribute.meta, errors);
    if errors.count() > faults {
        return None;
    }
    let (path, last) = (ends(attribute.path()).0, ends(&tokens).1);
    let parsed = Punctuated::<syn::Expr, Token![,]>::parse_terminated.parse2(tokens);
    let expressions = match parsed {
        Ok(expressions) => expressions,
        Err(error) => {
            errors.push_after(error, last);
            return None;
        }
    };
    let mut expressions = expressions.into_iter();
    match (expressions.next(), expressions.next()) {
        (Some(one), None) => Some(one),
        (None, _) => {
            errors.at(
                path,
                "`#[keys]` names no keys\nhelp: write what to go through: `#[keys([&event.player])]`",
            );
            None
        }
        (Some(first), Some(second)) => {
            let message = format!(
                "`#[keys]` takes one expression\nhelp: write `[{}, {}]`",
                shown(&first),
                shown(&second)
            );
            errors.on(second, message);
            None
        }
    }
}

fn misplaced(place: &str) -> String {
    format!("`#[keys]` goes on a `&mut Rows<..>` parameter of a handler, not on {place}")
}

/// Reports those of a method that handles no event.
pub(super) fn refuse(all: &[Option<Keys>], what: &str, errors: &mut Errors) {
    all.iter().flatten().for_each(|keys| errors.at(keys.span, misplaced(what)));
}

/// Reports `#[keys]` on the method itself, and takes it off.
pub(super) fn refuse_on_method(
    library: &Library,
    attributes: &mut Vec<Attribute>,
    errors: &mut Errors,
) {
    attributes.retain(|attribute| {
        let is_keys = library.is(attribute.path(), NAME);
        if is_keys {
            errors.at(ends(attribute.path()).0, misplaced("the method"));
        }
        !is_keys
    });
}

/// Checks where they stand, and keeps those of the parameters after the event.
pub(super) fn of_parameters(
    mut all: Vec<Option<Keys>>,
    parameters: &[Parameter],
    errors: &mut Errors,
) -> Vec<Option<Keys>> {
    let kept = all.split_off(all.len().min(1));
    refuse(&all, "the event", errors);
    for (keys, parameter) in kept.iter().zip(parameters) {
        let (Some(keys), Parameter::Shared(ty) | Parameter::Value(ty)) = (keys, parameter) else {
            continue;
        };
        let reference = if matches!(parameter, Parameter::Shared(_)) { "&" } else { "" };
        errors.at(keys.span, misplaced(&format!("`{reference}{}`", shown(ty))));
    }
    kept
}

impl Method {
    /// What its parameters' `#[keys(..)]` name: the number and the type of the parameter, and the
    /// expression.
    fn named(&self) -> impl Iterator<Item = (usize, &Type, &syn::Expr)> {
        let parameters = self.parameters.iter().zip(&self.keys).enumerate();
        parameters.filter_map(|(index, (parameter, keys))| match (parameter, keys) {
            (Parameter::View(ty), Some(Keys { expression: Some(expression), .. })) => {
                Some((index, ty, expression))
            }
            _ => None,
        })
    }

    /// The types that may be rows and have no `#[keys]`.
    fn unnamed(&self) -> impl Iterator<Item = (&Parameter, &Type)> {
        let parameters = self.parameters.iter().zip(&self.keys);
        parameters
            .filter(|(_, keys)| keys.is_none())
            .filter_map(|(parameter, _)| Some(parameter).zip(parameter.may_be_rows()))
    }
}

/// What a route says of its handler's keys: nothing, where it takes no rows.
pub(super) fn of_route(block: &Block, method: &Method) -> TokenStream {
    let (named, mut unnamed) = (method.named().next().is_some(), method.unnamed().peekable());
    if !named && unnamed.peek().is_none() {
        return TokenStream::new();
    }
    let private = block.library.private();
    let unnamed = any(unnamed.map(|(parameter, ty)| is_rows(&private, parameter, ty)));
    let others = method.parameters.iter().filter(|given| !matches!(given, Parameter::Shared(_)));
    let is_asked = others.map(|parameter| match parameter.may_be_rows() {
        Some(ty) => is_rows(&private, parameter, ty),
        None => quote!(false),
    });
    // What a handler does outside of its rows would be done once more, and too early.
    let may_be_called = method.asyncness.is_none() && !method.policies.skips_replay;
    let can_be_probed = quote_spanned!(Span::mixed_site()=> #may_be_called #(&& #is_asked)*);
    quote_spanned! {Span::mixed_site()=>
        .keys({
            #[allow(unused_imports)]
            use #private::LookupFallback as _;
            #private::KeySource::new(#named, #unnamed, #can_be_probed)
        })
    }
}

fn any(of: impl Iterator<Item = TokenStream>) -> TokenStream {
    let of: Vec<_> = of.collect();
    if of.is_empty() { quote!(false) } else { quote_spanned!(Span::mixed_site()=> #(#of)||*) }
}

/// Whether a parameter is rows, which only the compiler knows of an alias.
fn is_rows(private: &TokenStream, parameter: &Parameter, ty: &Type) -> TokenStream {
    if parameter.is_rows() {
        return quote!(true);
    }
    quote_spanned!(Span::mixed_site()=> #private::Lookup::<(), #ty>::IS_ROWS)
}

/// Why a method cannot be called only to see what it asks for.
fn obstacle(method: &Method) -> String {
    if method.asyncness.is_some() {
        return ", because it is `async`".to_owned();
    }
    let view = method.parameters.iter().find_map(|parameter| match parameter {
        Parameter::View(ty) if !parameter.is_rows() => Some(ty),
        _ => None,
    });
    match view {
        Some(ty) => format!(", because it takes `&mut {}`", shown(ty)),
        None if method.policies.skips_replay => ", because of `replay = \"skip\"`".to_owned(),
        None => String::new(),
    }
}

/// The arguments of the assertion that a method's rows are named where they must be, and its place:
/// the first type that may be rows and has no `#[keys]`.
pub(super) fn check(method: &Method) -> Option<((Span, Span), TokenStream)> {
    let (_, ty) = method.unnamed().next()?;
    let (subject, shown, why) = (&method.subject, shown(ty), obstacle(method));
    Some((ends(ty), quote!(#subject, #shown, #why)))
}

/// The function that names rows, where a parameter says which.
pub(super) fn function(block: &Block) -> TokenStream {
    let handlers = block.handlers.iter().map(|handler| &handler.method);
    let mut methods = handlers.chain(block.fallback.iter().map(|fallback| &fallback.method));
    if methods.all(|method| method.named().next().is_none()) {
        return TokenStream::new();
    }
    let mut arms = TokenStream::new();
    let (public, private) = (block.library.public(), block.library.private());
    let locals = Locals::new();
    let Locals { envelope, session, event } = &locals;
    for Handler { id, event: declared, method, argument, .. } in &block.handlers {
        let ty = &argument.ty;
        let method_name = Ident::new("decode", ty.span());
        let decode = quote_spanned! {Span::mixed_site()=>
            let #event = __Argument::<#declared>::#method_name::<#ty>(#envelope)?;
        };
        arms.extend(arm(block, *id, (method, argument), &decode, &locals));
    }
    if let Some(Fallback { id, method, argument, .. }) = &block.fallback {
        let ty = &argument.ty;
        let decode = quote_spanned! {Span::mixed_site()=>
            let #event = __step::<(), #ty>().raw(#envelope);
        };
        arms.extend(arm(block, *id, (method, argument), &decode, &locals));
    }
    let session_type = session::shared(block);
    // An expression may say `self`.
    let this = syn::Token![self](Span::call_site());
    quote_spanned! {Span::mixed_site()=>
        #[allow(unused_mut)]
        fn keys(
            &#this,
            route: ::core::primitive::u32,
            #envelope: &#public::Envelope,
            #session: #session_type,
        ) -> ::core::result::Result<(), #public::HandleError> {
            use #private::{
                Argument as __Argument, DecoderFallback as _, NameKeysFallback as _, RawDecoder as _,
                RawDecoderFallback as _, SharedFallback as _, step as __step,
            };
            match route {
                #arms
                _ => {}
            }
            ::core::result::Result::Ok(())
        }
    }
}

/// The names that the function's parts share.
struct Locals {
    envelope: Ident,
    session: Ident,
    event: Ident,
}

impl Locals {
    fn new() -> Self {
        let local = |name| Ident::new(name, Span::mixed_site());
        Self { envelope: local("envelope"), session: local("session"), event: local("event") }
    }
}

fn arm(
    block: &Block,
    id: u32,
    (method, argument): (&Method, &Argument),
    decode: &TokenStream,
    locals: &Locals,
) -> TokenStream {
    let mut names = method.named().peekable();
    if names.peek().is_none() {
        return TokenStream::new();
    }
    let Locals { envelope, session, event } = locals;
    let (cfg, pattern) = (&method.cfg, &argument.pattern);
    let first = if argument.by_reference { quote!(&#event) } else { quote!(#event) };
    let shared = shared(block, method, envelope);
    let names = names.map(|(index, ty, expression)| {
        let keys = format_ident!("keys_{index}", span = Span::mixed_site());
        let at = ends(expression).0;
        quote_spanned! {Span::mixed_site()=>
            let #keys = __step::<Self, #ty>();
        }
        .into_iter()
        .chain(quote_spanned!(at=> #keys.name_keys(#session, #expression);))
        .collect::<TokenStream>()
    });
    quote_spanned! {Span::mixed_site()=>
        #(#cfg)*
        #id => {
            #decode
            let #pattern = #first;
            #shared
            #(#names)*
        }
    }
}

/// The parameters beside the event that an expression may name.
fn shared(block: &Block, method: &Method, envelope: &Ident) -> TokenStream {
    let public = block.library.public();
    let parameters = method.parameters.iter().zip(&method.patterns);
    let statements = parameters.filter_map(|(parameter, pattern)| match parameter {
        Parameter::Shared(ty) => Some(quote_spanned! {Span::mixed_site()=>
            let #pattern = __Argument::<#public::Envelope, #ty>::shared(#envelope);
        }),
        Parameter::View(_) | Parameter::Value(_) => None,
    });
    statements.collect()
}

/// Reports `#[keys]` on what is no rows, as far as the compiler must tell.
pub(super) fn checks_of_place(block: &Block) -> Vec<((Span, Span), TokenStream, &Method)> {
    let handlers = block.handlers.iter().map(|handler| &handler.method);
    let methods = handlers.chain(block.fallback.iter().map(|fallback| &fallback.method));
    let mut all = Vec::new();
    for method in methods {
        for (parameter, keys) in method.parameters.iter().zip(&method.keys) {
            let (Parameter::View(ty), Some(keys)) = (parameter, keys) else { continue };
            if parameter.is_rows() {
                continue;
            }
            let (private, text) = (block.library.private_at(keys.span), shown(ty));
            let is_rows = quote_spanned!(keys.span=> #private::Lookup::<(), #ty>::IS_ROWS);
            all.push(((keys.span, keys.span), quote!(#is_rows, #text), method));
        }
    }
    all
}

/// The method's name, as its block's stray attributes are told.
pub(super) fn helper(signature: &Signature) -> String {
    format!("`{}`, which handles no event", signature.ident.unraw())
}
