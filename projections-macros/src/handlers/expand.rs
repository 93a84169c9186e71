//! From the model to tokens.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, ext::IdentExt, spanned::Spanned};

use super::{
    checks,
    hashed::Hashed,
    keys,
    model::{Argument, Block, Fallback, Handler, Method, Parameter, Scope},
    rows, rustdoc,
};
use crate::head;

/// The names that a generated function's parts share. Each is one token, used everywhere.
struct Locals {
    this: Ident,
    envelope: Ident,
    session: Ident,
    event: Ident,
}

impl Locals {
    fn new() -> Self {
        let local = |name| Ident::new(name, Span::mixed_site());
        Self {
            this: local("this"),
            envelope: local("envelope"),
            session: local("session"),
            event: local("event"),
        }
    }
}

/// The block and its routing.
pub(crate) fn block(block: &Block) -> TokenStream {
    if let Some(error) = &block.unread {
        let place = block.item.self_ty.span();
        let (part, unread) = (inert(block), head::unread("#[handlers]", place, error));
        return quote!(#part #unread);
    }
    let item = &block.item;
    let written = routing(block, &TokenStream::new());
    quote!(#item #written)
}

/// The block, and the routing of the methods that are sound, so that the faults in their types are
/// reported beside those of the others. Nothing here may judge the block as a whole.
pub(crate) fn inert(block: &Block) -> TokenStream {
    let item = &block.item;
    let written = routing(block, &quote_spanned!(Span::mixed_site()=> const INERT: bool = true;));
    quote!(#item #written)
}

fn routing(block: &Block, inert: &TokenStream) -> TokenStream {
    let routes = block.handlers.iter().map(|handler| route(block, handler));
    let body = [
        inert.clone(),
        fallback_const(block),
        hook_const(block, "SETUP", block.setup.as_ref()),
        hook_const(block, "RESET", block.reset.as_ref()),
        fingerprint(block),
        soundness(block),
        hooks(block),
        handle(block),
        check_types(block),
        rows::tables(block),
        keys::function(block),
    ];
    let documentation = rustdoc::table(block);
    let implementation =
        implementation(block, &documentation, &quote!(#(#routes)*), &quote!(#(#body)*));
    let values = (!block.is_generic()).then(|| checks::values(block));
    quote!(#implementation #values)
}

/// The bound on the user's own type makes one error of what would be one for each use.
fn implementation(
    block: &Block,
    documentation: &TokenStream,
    routes: &TokenStream,
    body: &TokenStream,
) -> TokenStream {
    let public = block.library.public();
    let projector = &block.item.self_ty;
    let (impl_generics, _, where_clause) = block.item.generics.split_for_impl();
    let predicates = where_clause.map(|clause| &clause.predicates);
    let comma = predicates.filter(|list| !list.empty_or_trailing()).map(|_| quote!(,));
    let span = Span::mixed_site().located_at(projector.span());
    let trait_path = quote_spanned!(span=> #public::Handlers);
    // Said of a generic projector, it would hide which storage the projector has.
    let bound = if block.is_generic() {
        quote_spanned! {Span::mixed_site()=>
            #projector: ::core::marker::Send + ::core::marker::Sync + 'static
        }
    } else {
        // In one context with the type, so that rustc shows the type and not the macro.
        let public = block.library.public_at(projector.span());
        quote_spanned!(projector.span()=> #projector: #public::Projector)
    };
    // Where there are two, rustc shows what is between the first and the last token.
    let keyword = syn::Token![impl](span);
    let mut content = Group::new(
        Delimiter::Brace,
        quote_spanned! {Span::mixed_site()=>
            const ROUTES: &'static [#public::Route] = &[#routes];
            #body
        },
    );
    content.set_span(span);
    quote_spanned! {Span::mixed_site()=>
        #documentation
        #[automatically_derived]
        #[allow(
            clippy::all,
            clippy::nursery,
            clippy::pedantic,
            deprecated,
            elided_lifetimes_in_paths,
            trivial_bounds,
            unused_imports,
            unused_qualifications,
            unused_variables
        )]
        #keyword #impl_generics #trait_path for #projector
        where
            #predicates #comma
            #bound
        #content
    }
}

fn route(block: &Block, handler: &Handler) -> TokenStream {
    let public = block.library.public();
    let Handler { id, event, hash, method, .. } = handler;
    let cfg = &method.cfg;
    let name = method.name.unraw().to_string();
    let domain = match &handler.input_domain {
        Some(domain) => quote_spanned!(Span::mixed_site()=> ::core::option::Option::Some(#domain)),
        None => quote_spanned!(Span::mixed_site()=> ::core::option::Option::None),
    };
    let asynchronous =
        method.asyncness.map(|_| quote_spanned!(Span::mixed_site()=> .asynchronous()));
    let from = handler.from_now.then(|| quote_spanned!(Span::mixed_site()=> .from_now()));
    let keys = keys::of_route(block, method);
    quote_spanned! {Span::mixed_site()=>
        #(#cfg)*
        #public::Route::of::<#event>(
            #id,
            #name,
            #hash,
            #domain,
            &<Self as #public::Projector>::OPTIONS,
        ) #asynchronous #from #keys,
    }
}

fn fallback_const(block: &Block) -> TokenStream {
    let public = block.library.public();
    let none = quote_spanned!(Span::mixed_site()=> ::core::option::Option::None);
    let value = match &block.fallback {
        None => none,
        Some(Fallback { id, scope, method, .. }) => {
            let name = method.name.unraw().to_string();
            let is_async = method.asyncness.is_some();
            let scope = match scope {
                Scope::All => quote_spanned!(Span::mixed_site()=> All),
                Scope::Domains(domains) => {
                    quote_spanned!(Span::mixed_site()=> Domains(&[#(#domains),*]))
                }
                Scope::HandlersDomains => quote_spanned!(Span::mixed_site()=> HandlersDomains),
            };
            let keys = keys::of_route(block, method);
            let some = quote_spanned! {Span::mixed_site()=>
                ::core::option::Option::Some(
                    #public::Fallback::new(#id, #name, #is_async, #public::FallbackScope::#scope)
                        #keys
                )
            };
            conditional(method, &some, &none)
        }
    };
    quote_spanned! {Span::mixed_site()=>
        const FALLBACK: ::core::option::Option<#public::Fallback> = #value;
    }
}

fn hook_const(block: &Block, name: &str, hook: Option<&Method>) -> TokenStream {
    let public = block.library.public();
    let name = Ident::new(name, Span::mixed_site());
    let none = quote_spanned!(Span::mixed_site()=> #public::Hook::None);
    let value = match hook {
        None => none,
        Some(method) => {
            let kind = Ident::new(
                if method.asyncness.is_some() { "Async" } else { "Blocking" },
                Span::mixed_site(),
            );
            let some = quote_spanned!(Span::mixed_site()=> #public::Hook::#kind);
            conditional(method, &some, &none)
        }
    };
    quote_spanned!(Span::mixed_site()=> const #name: #public::Hook = #value;)
}

fn fingerprint(block: &Block) -> TokenStream {
    let public = block.library.public();
    let others = block.others.iter().map(|Hashed { cfg, hash }| quote!(#(#cfg)* #hash));
    quote_spanned! {Span::mixed_site()=>
        const FINGERPRINT: #public::Fingerprint =
            #public::Fingerprint::of(<Self as #public::Handlers>::ROUTES, &[#(#others),*]);
    }
}

/// A value that depends on a method's `#[cfg]`: the first element that is there.
fn conditional(method: &Method, present: &TokenStream, absent: &TokenStream) -> TokenStream {
    if method.cfg.is_empty() {
        return present.clone();
    }
    let cfg = &method.cfg;
    quote_spanned!(Span::mixed_site()=> [#(#cfg)* #present, #absent][0])
}

/// A generic projector has no place for free constants, so its own constant evaluates them.
fn soundness(block: &Block) -> TokenStream {
    if !block.is_generic() {
        return TokenStream::new();
    }
    let (import, checks) = (checks::lookup(block), checks::values(block));
    quote_spanned! {Span::mixed_site()=>
        const SOUND: () = { #import #checks };
    }
}

fn check_types(block: &Block) -> TokenStream {
    let private = block.library.private();
    let checks = checks::types(block);
    quote_spanned! {Span::mixed_site()=>
        fn check_types() {
            use #private::{
                Argument as __Argument, ArgumentCheck as _, ArgumentCheckFallback as _,
                ResultFallback as _,
            };
            #checks
        }
    }
}

/// `handle` and, where there is an `async fn`, `handle_async`.
fn handle(block: &Block) -> TokenStream {
    let (public, private) = (block.library.public(), block.library.private());
    let locals = Locals::new();
    let Locals { this, envelope, session, .. } = &locals;
    let imports = imports(&private);
    let function = |asynchronous: bool| {
        let arms = arms(block, asynchronous, &locals);
        if asynchronous && arms.is_empty() {
            return TokenStream::new();
        }
        let (qualifier, name) = if asynchronous {
            (Some(quote_spanned!(Span::mixed_site()=> async)), "handle_async")
        } else {
            (None, "handle")
        };
        let name = Ident::new(name, Span::mixed_site());
        quote_spanned! {Span::mixed_site()=>
            #[inline]
            #qualifier fn #name(
                &mut self,
                route: ::core::primitive::u32,
                #envelope: &#public::Envelope,
                #session: &mut #private::SessionOf<Self>,
            ) -> ::core::result::Result<(), #public::HandleError> {
                #imports
                let #this = self;
                match route {
                    #(#arms)*
                    _ => #private::no_route(route),
                }
            }
        }
    };
    let (plain, asynchronous) = (function(false), function(true));
    quote!(#plain #asynchronous)
}

fn imports(private: &TokenStream) -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        use #private::{
            Argument as __Argument, Decoder as _, DecoderFallback as _, Outcome as __Outcome,
            OutcomeFallback as _, RawDecoder as _, RawDecoderFallback as _, Shared as _,
            SharedFallback as _, View as _, ViewFallback as _,
        };
    }
}

fn arms(block: &Block, asynchronous: bool, locals: &Locals) -> Vec<TokenStream> {
    let Locals { envelope, event, .. } = locals;
    let mut arms = Vec::new();
    for Handler { id, event: declared, method, argument, .. } in &block.handlers {
        if method.asyncness.is_some() == asynchronous {
            let ty = &argument.ty;
            let decode = quote_spanned! {Span::mixed_site()=>
                let #event = __Argument::<#declared, #ty>::STEP.decode(#envelope)?;
            };
            arms.push(arm(block, *id, method, argument, &decode, locals));
        }
    }
    if let Some(Fallback { id, method, argument, .. }) = &block.fallback
        && method.asyncness.is_some() == asynchronous
    {
        let ty = &argument.ty;
        let decode = quote_spanned! {Span::mixed_site()=>
            let #event = __Argument::<(), #ty>::STEP.raw(#envelope);
        };
        arms.push(arm(block, *id, method, argument, &decode, locals));
    }
    arms
}

fn arm(
    block: &Block,
    id: u32,
    method: &Method,
    argument: &Argument,
    decode: &TokenStream,
    locals: &Locals,
) -> TokenStream {
    let event = &locals.event;
    let first = if argument.by_reference { quote!(&#event) } else { quote!(#event) };
    let (setup, call) = call(block, method, Some(first), locals);
    let (cfg, name) = (&method.cfg, method.name.unraw().to_string());
    quote_spanned! {Span::mixed_site()=>
        #(#cfg)*
        #id => {
            #decode
            #setup
            __Outcome(#call).of_handler(#name)
        }
    }
}

/// The statements that make a method's parameters, and the call.
fn call(
    block: &Block,
    method: &Method,
    first: Option<TokenStream>,
    locals: &Locals,
) -> (TokenStream, TokenStream) {
    let (public, private) = (block.library.public(), block.library.private());
    let Locals { this, envelope, session, .. } = locals;
    let (mut setup, mut rows) = (TokenStream::new(), TokenStream::new());
    let mut arguments: Vec<TokenStream> = first.into_iter().collect();
    for (index, parameter) in method.parameters.iter().enumerate() {
        let local = format_ident!("parameter_{index}", span = Span::mixed_site());
        let (statement, argument) = match parameter {
            Parameter::Shared(ty) => (
                quote_spanned! {Span::mixed_site()=>
                    let #local = __Argument::<#public::Envelope, #ty>::STEP
                        .shared(#envelope);
                },
                quote!(#local),
            ),
            Parameter::View(ty) => (
                quote_spanned! {Span::mixed_site()=>
                    let mut #local = __Argument::<Self::Storage, #ty>::STEP.view(#session);
                },
                quote!(&mut #local),
            ),
            Parameter::Value(ty) => (
                quote_spanned! {Span::mixed_site()=>
                    let #local = #private::refused::<#ty>();
                },
                quote!(#local),
            ),
        };
        // The transaction's view writes the rows that it could see, which nobody may have then.
        if parameter.is_rows() { &mut rows } else { &mut setup }.extend(statement);
        arguments.push(argument);
    }
    setup.extend(rows);
    // Wholly at the method's name: rustc then speaks of the method, not of the macro.
    let name = &method.name;
    let span = name.span();
    let mut call = quote_spanned!(span=> Self::#name(#this #(, #arguments)*));
    if method.asyncness.is_some() {
        let private = block.library.private_at(span);
        call = quote_spanned!(span=> #private::handler_future_must_be_send(#call).await);
    }
    (setup, call)
}

/// `hook` and, where there is an `async fn`, `hook_async`.
fn hooks(block: &Block) -> TokenStream {
    let (public, private) = (block.library.public(), block.library.private());
    let locals = Locals::new();
    let Locals { this, session, .. } = &locals;
    let imports = imports(&private);
    let function = |asynchronous: bool| {
        let hooks = [("Setup", &block.setup), ("Reset", &block.reset)];
        let arms: Vec<_> = hooks
            .into_iter()
            .filter_map(|(variant, method)| Some((variant, method.as_ref()?)))
            .filter(|(_, method)| method.asyncness.is_some() == asynchronous)
            .map(|(variant, method)| hook_arm(block, variant, method, &locals))
            .collect();
        if arms.is_empty() {
            return TokenStream::new();
        }
        let (qualifier, name) = if asynchronous {
            (Some(quote_spanned!(Span::mixed_site()=> async)), "hook_async")
        } else {
            (None, "hook")
        };
        let name = Ident::new(name, Span::mixed_site());
        quote_spanned! {Span::mixed_site()=>
            #qualifier fn #name(
                &mut self,
                hook: #private::HookCall,
                #session: &mut #private::SessionOf<Self>,
            ) -> ::core::result::Result<(), #public::BoxError> {
                #imports
                let #this = self;
                match hook {
                    #(#arms)*
                    #[allow(unreachable_patterns)]
                    _ => ::core::result::Result::Ok(()),
                }
            }
        }
    };
    let (plain, asynchronous) = (function(false), function(true));
    quote!(#plain #asynchronous)
}

fn hook_arm(block: &Block, variant: &str, method: &Method, locals: &Locals) -> TokenStream {
    let private = block.library.private();
    let variant = Ident::new(variant, Span::mixed_site());
    let (setup, call) = call(block, method, None, locals);
    let cfg = &method.cfg;
    quote_spanned! {Span::mixed_site()=>
        #(#cfg)*
        #private::HookCall::#variant => {
            #setup
            __Outcome(#call).of_hook()
        }
    }
}
