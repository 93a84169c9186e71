//! Spanned assertions on what the macro cannot see: types, and the values that only types know.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{ext::IdentExt, spanned::Spanned};

use super::model::{Argument, Block, Handler, Method, Parameter};
use crate::attr::shown;

/// The body of a function that is never called: one assertion for each type that a method names.
pub(super) fn types(block: &Block) -> TokenStream {
    let mut tokens = TokenStream::new();
    for handler in &block.handlers {
        let argument = argument(block, handler);
        tokens.extend(method(block, &handler.method, argument));
    }
    if let Some(fallback) = &block.fallback {
        let argument = raw_argument(block, &fallback.argument);
        tokens.extend(method(block, &fallback.method, argument));
    }
    for hook in block.setup.iter().chain(&block.reset) {
        tokens.extend(method(block, hook, TokenStream::new()));
    }
    tokens
}

fn method(block: &Block, method: &Method, argument: TokenStream) -> TokenStream {
    let cfg = &method.cfg;
    let parameters = method.parameters.iter().map(|parameter| self::parameter(block, parameter));
    let output = method.output.iter().map(|ty| {
        let span = ty.span();
        let private = block.library.private_at(span);
        quote_spanned!(span=> #private::check_return::<#ty>();)
    });
    quote_spanned! {Span::mixed_site()=>
        #(#cfg)*
        {
            #argument
            #(#parameters)*
            #(#output)*
        }
    }
}

fn argument(block: &Block, handler: &Handler) -> TokenStream {
    let (event, ty) = (&handler.event, &handler.argument.ty);
    let span = ty.span();
    let private = block.library.private_at(span);
    quote_spanned!(span=> #private::Argument::<#event, ()>::STEP.check::<#ty>();)
}

fn raw_argument(block: &Block, argument: &Argument) -> TokenStream {
    let ty = &argument.ty;
    let span = ty.span();
    let private = block.library.private_at(span);
    quote_spanned!(span=> #private::check_fallback_argument::<#ty>();)
}

fn parameter(block: &Block, parameter: &Parameter) -> TokenStream {
    let (Parameter::Shared(ty) | Parameter::View(ty) | Parameter::Value(ty)) = parameter;
    let span = ty.span();
    let private = block.library.private_at(span);
    match parameter {
        Parameter::Shared(_) => quote_spanned!(span=> #private::check_shared::<#ty>();),
        Parameter::View(_) => quote_spanned!(span=> #private::check_view::<Self::Storage, #ty>();),
        Parameter::Value(_) => quote_spanned!(span=> #private::check_parameter::<#ty>();),
    }
}

/// One assertion for each value. A generic projector's are evaluated where it is given to a
/// builder, because nothing is known before.
pub(super) fn values(block: &Block) -> Vec<TokenStream> {
    let mut checks = Vec::new();
    for handler in &block.handlers {
        checks.extend(route(block, handler));
        checks.extend(kinds(block, &handler.method));
    }
    if let Some(fallback) = &block.fallback {
        let projector = &block.item.self_ty;
        let name = fallback.method.name.unraw().to_string();
        let private = block.library.private_at(fallback.span);
        let call = quote_spanned! {fallback.span=>
            #private::no_fallback_fault::<#projector>(#name)
        };
        checks.push(guarded(&fallback.method, fallback.span, &call));
        checks.extend(kinds(block, &fallback.method));
    }
    for hook in block.setup.iter().chain(&block.reset) {
        checks.extend(kinds(block, hook));
    }
    checks
}

fn route(block: &Block, handler: &Handler) -> Vec<TokenStream> {
    let (projector, id) = (&block.item.self_ty, handler.id);
    let event = shown(&handler.event);
    let span = handler.event.span();
    let private = block.library.private_at(span);
    let call = quote_spanned!(span=> #private::no_route_fault::<#projector>(#id, #event));
    let mut checks = vec![guarded(&handler.method, span, &call)];
    if let Some(domain) = &handler.input_domain {
        let span = domain.span();
        let private = block.library.private_at(span);
        let call = quote_spanned!(span=> #private::no_domain_fault::<#projector>(#id, #event));
        checks.push(guarded(&handler.method, span, &call));
    }
    checks
}

/// What the kind of the storage allows a method to be.
fn kinds(block: &Block, method: &Method) -> Vec<TokenStream> {
    let projector = &block.item.self_ty;
    let name = method.name.unraw().to_string();
    let mut checks = Vec::new();
    if let Some(receiver) = &method.mut_self {
        let span = receiver.span();
        let private = block.library.private_at(span);
        let shown = shown(projector);
        let call = quote_spanned!(span=> #private::no_mut_self_fault::<#projector>(#name, #shown));
        checks.push(guarded(method, span, &call));
    }
    if let Some(asyncness) = method.asyncness {
        let span = asyncness.span;
        let private = block.library.private_at(span);
        let call = quote_spanned!(span=> #private::no_async_fault::<#projector>(#name));
        checks.push(guarded(method, span, &call));
    }
    checks
}

fn guarded(method: &Method, span: Span, call: &TokenStream) -> TokenStream {
    let cfg = &method.cfg;
    let item = quote_spanned!(span=> const _: () = #call;);
    quote!(#(#cfg)* #item)
}
