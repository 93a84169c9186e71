//! Spanned assertions on what the macro cannot see: types, and the values that only types know.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, ext::IdentExt, spanned::Spanned};

use super::model::{Argument, Block, Handler, Method, Parameter};
use crate::{attr::shown, paths::ends};

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
        let name = fallback.method.name.unraw().to_string();
        let at = (fallback.span, fallback.span);
        checks.push(value(block, &fallback.method, at, "no_fallback_fault", &quote!(#name)));
        checks.extend(kinds(block, &fallback.method));
    }
    for hook in block.setup.iter().chain(&block.reset) {
        checks.extend(kinds(block, hook));
    }
    checks
}

fn route(block: &Block, handler: &Handler) -> Vec<TokenStream> {
    let (method, id) = (&handler.method, handler.id);
    let event = shown(&handler.event);
    let arguments = quote!(#id, #event);
    let mut checks = vec![value(block, method, ends(&handler.event), "no_route_fault", &arguments)];
    if let Some(domain) = &handler.input_domain {
        checks.push(value(block, method, ends(domain), "no_domain_fault", &arguments));
    }
    checks
}

/// What the kind of the storage allows a method to be.
fn kinds(block: &Block, method: &Method) -> Vec<TokenStream> {
    let name = method.name.unraw().to_string();
    let mut checks = Vec::new();
    if let Some(receiver) = &method.mut_self {
        let projector = shown(&block.item.self_ty);
        let arguments = quote!(#name, #projector);
        checks.push(value(block, method, ends(receiver), "no_mut_self_fault", &arguments));
    }
    if let Some(asyncness) = &method.asyncness {
        let at = ends(asyncness);
        checks.push(value(block, method, at, "no_async_fault", &quote!(#name)));
    }
    checks
}

/// One assertion, shown at the tokens between two places.
fn value(
    block: &Block,
    method: &Method,
    (first, last): (Span, Span),
    check: &str,
    arguments: &TokenStream,
) -> TokenStream {
    let (cfg, projector) = (&method.cfg, &block.item.self_ty);
    let private = block.library.private_at(first);
    let check = Ident::new(check, first);
    let facts = quote_spanned!(first=> #private::facts::<#projector>());
    let arguments = quote_spanned!(last=> (#facts, #arguments));
    let call = quote_spanned!(first=> #private::#check #arguments);
    // A generic projector has no place for free constants: these are statements in its own.
    let item = if block.is_generic() {
        quote_spanned!(first=> let () = #call;)
    } else {
        quote_spanned!(first=> const _: () = #call;)
    };
    quote!(#(#cfg)* #item)
}
