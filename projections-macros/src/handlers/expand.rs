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

    /// As the templates take them.
    fn list(&self) -> TokenStream {
        let Self { this, envelope, session, event } = self;
        quote!((#this #envelope #session #event))
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
    let body = [
        inert.clone(),
        tables(block),
        soundness(block),
        hooks(block),
        handlers(block),
        rows::tables(block),
        keys::function(block),
    ];
    let documentation = rustdoc::table(block);
    let implementation = implementation(block, &documentation, &quote!(#(#body)*));
    let values = (!block.is_generic()).then(|| checks::values(block));
    quote!(#implementation #values)
}

/// The bound on the user's own type makes one error of what would be one for each use.
fn implementation(block: &Block, documentation: &TokenStream, body: &TokenStream) -> TokenStream {
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
    let mut content = Group::new(Delimiter::Brace, body.clone());
    content.set_span(span);
    let private = block.library.private();
    quote_spanned! {Span::mixed_site()=>
        #private::implementation! {
            #documentation
            #keyword #impl_generics #trait_path for #projector
            where
                #predicates #comma
                #bound
            #content
        }
    }
}

/// What is constant beside the routes.
fn tables(block: &Block) -> TokenStream {
    let private = block.library.private();
    let kind = |hook: &Option<Method>| {
        hook.as_ref().map(|method| {
            let (cfg, is_async) = (&method.cfg, method.asyncness.is_some());
            let kind = Ident::new(if is_async { "Async" } else { "Blocking" }, Span::mixed_site());
            quote!(#(#cfg)* #kind)
        })
    };
    let (setup, reset) = (kind(&block.setup), kind(&block.reset));
    let others = block.others.iter().map(|Hashed { cfg, hash }| quote!(#(#cfg)* #hash));
    let fallback = block.fallback.as_ref().map(|Fallback { id, scope, method, .. }| {
        let (cfg, name) = (&method.cfg, method.name.unraw().to_string());
        let is_async = method.asyncness.is_some();
        let scope = match scope {
            Scope::All => quote_spanned!(Span::mixed_site()=> All),
            Scope::Domains(domains) => {
                quote_spanned!(Span::mixed_site()=> Domains(#(#domains),*))
            }
            Scope::HandlersDomains => quote_spanned!(Span::mixed_site()=> HandlersDomains),
        };
        let keys = keys::of_route(block, method);
        quote!(#(#cfg)* #id #name #is_async #scope [#keys])
    });
    quote_spanned! {Span::mixed_site()=>
        #private::tables! { [#setup] [#reset] [#(#others),*] (#fallback) }
    }
}

/// A generic projector has no place for free constants, so its own constant evaluates them.
fn soundness(block: &Block) -> TokenStream {
    if !block.is_generic() {
        return TokenStream::new();
    }
    let checks = checks::values(block);
    quote_spanned! {Span::mixed_site()=>
        #[allow(unused_imports)]
        const SOUND: () = { #checks };
    }
}
/// The table of the routes, the assertions on types, `handle` and, where there is an `async fn`,
/// `handle_async`.
fn handlers(block: &Block) -> TokenStream {
    let private = block.library.private();
    let locals = Locals::new();
    let entry = |handler| entry(block, handler, &locals);
    let is_async = |handler: &&Handler| handler.method.asyncness.is_some();
    let types = checks::types(block);
    let locals_list = locals.list();
    let all = block.handlers.iter().map(entry);
    let count = block.handlers.iter().filter(is_async).count();
    if block.fallback.is_none() && (count == 0 || count == block.handlers.len()) {
        let kind =
            Ident::new(if count == 0 { "plain" } else { "asynchronous" }, Span::mixed_site());
        return quote_spanned! {Span::mixed_site()=>
            #private::handlers! { #kind #locals_list { #(#all)* } { #types } }
        };
    }
    let function = |asynchronous: bool| {
        let handlers = block.handlers.iter().filter(|handler| is_async(handler) == asynchronous);
        let entries: Vec<_> = handlers.map(entry).collect();
        let fallback = block.fallback.as_ref();
        let fallback = fallback
            .filter(|fallback| fallback.method.asyncness.is_some() == asynchronous)
            .map(|fallback| fallback_entry(block, fallback, &locals));
        if asynchronous && entries.is_empty() && fallback.is_none() {
            return TokenStream::new();
        }
        let head = head_of(asynchronous, "handle");
        quote_spanned! {Span::mixed_site()=>
            #private::handle! { #locals_list (#head) { #(#entries)* } (#fallback) }
        }
    };
    let (plain, asynchronous) = (function(false), function(true));
    let all: Vec<_> = all.collect();
    quote_spanned! {Span::mixed_site()=>
        #private::routes! { { #(#all)* } }
        #private::types! { { #types } }
        #plain
        #asynchronous
    }
}

/// What a function begins with.
fn head_of(asynchronous: bool, name: &str) -> TokenStream {
    let name = if asynchronous { format!("{name}_async") } else { name.to_owned() };
    let name = Ident::new(&name, Span::mixed_site());
    let qualifier = asynchronous.then(|| quote_spanned!(Span::mixed_site()=> async));
    quote_spanned!(Span::mixed_site()=> #qualifier fn #name)
}

/// What the library's templates make everything from that concerns a handler.
fn entry(block: &Block, handler: &Handler, locals: &Locals) -> TokenStream {
    let Handler { id, event, hash, method, argument, .. } = handler;
    let (cfg, name, ty) = (&method.cfg, method.name.unraw().to_string(), &argument.ty);
    let domain = match &handler.input_domain {
        Some(domain) => quote_spanned!(Span::mixed_site()=> Some #domain),
        None => quote_spanned!(Span::mixed_site()=> None),
    };
    let asynchronous =
        method.asyncness.map(|_| quote_spanned!(Span::mixed_site()=> .asynchronous()));
    let from = handler.from_now.then(|| quote_spanned!(Span::mixed_site()=> .from_now()));
    let keys = keys::of_route(block, method);
    let call = call(block, method, Some(argument), locals);
    quote_spanned! {Span::mixed_site()=>
        { (#(#cfg)*) #id #name #hash (#domain) (#asynchronous #from #keys) (#event) (#ty) #call }
    }
}

fn fallback_entry(block: &Block, fallback: &Fallback, locals: &Locals) -> TokenStream {
    let Fallback { id, method, argument, .. } = fallback;
    let (cfg, name, ty) = (&method.cfg, method.name.unraw().to_string(), &argument.ty);
    let call = call(block, method, Some(argument), locals);
    quote_spanned!(Span::mixed_site()=> (#(#cfg)*) #id #name (#ty) #call)
}

/// A method's parameters, by the way in which they are taken, and the call.
fn call(block: &Block, method: &Method, event: Option<&Argument>, locals: &Locals) -> TokenStream {
    let this = &locals.this;
    let first = event.map(|argument| {
        let event = &locals.event;
        if argument.by_reference { quote!(&#event) } else { quote!(#event) }
    });
    let mut arguments: Vec<TokenStream> = first.into_iter().collect();
    let (mut shared, mut views, mut values) =
        (TokenStream::new(), TokenStream::new(), TokenStream::new());
    let mut rows = TokenStream::new();
    for (index, parameter) in method.parameters.iter().enumerate() {
        let local = format_ident!("parameter_{index}", span = Span::mixed_site());
        let (list, ty) = match parameter {
            Parameter::Shared(ty) => (&mut shared, ty),
            // The transaction's view writes the rows that it could see, which nobody may have then.
            Parameter::View(ty) if parameter.is_rows() => (&mut rows, ty),
            Parameter::View(ty) => (&mut views, ty),
            Parameter::Value(ty) => (&mut values, ty),
        };
        list.extend(quote!(#local #ty,));
        let is_view = matches!(parameter, Parameter::View(_));
        arguments.push(if is_view { quote!(&mut #local) } else { quote!(#local) });
    }
    // Wholly at the method's name: rustc then speaks of the method, not of the macro.
    let name = &method.name;
    let span = name.span();
    let mut call = quote_spanned!(span=> Self::#name(#this #(, #arguments)*));
    if method.asyncness.is_some() {
        let private = block.library.private_at(span);
        call = quote_spanned!(span=> #private::handler_future_must_be_send(#call).await);
    }
    let outcome = if method.output.is_some() { "Outcome" } else { "Unit" };
    let outcome = Ident::new(outcome, Span::mixed_site());
    quote!((#shared) (#views #rows) (#values) #outcome #call)
}

/// `hook` and, where there is an `async fn`, `hook_async`.
fn hooks(block: &Block) -> TokenStream {
    let private = block.library.private();
    let locals = Locals::new();
    let locals_list = locals.list();
    let function = |asynchronous: bool| {
        let hooks = [("Setup", &block.setup), ("Reset", &block.reset)];
        let arms: Vec<_> = hooks
            .into_iter()
            .filter_map(|(variant, method)| Some((variant, method.as_ref()?)))
            .filter(|(_, method)| method.asyncness.is_some() == asynchronous)
            .map(|(variant, method)| hook_entry(block, variant, method, &locals))
            .collect();
        if arms.is_empty() {
            return TokenStream::new();
        }
        let head = head_of(asynchronous, "hook");
        quote_spanned! {Span::mixed_site()=>
            #private::hook! { #locals_list (#head) #(#arms)* }
        }
    };
    let (plain, asynchronous) = (function(false), function(true));
    quote!(#plain #asynchronous)
}

fn hook_entry(block: &Block, variant: &str, method: &Method, locals: &Locals) -> TokenStream {
    let variant = Ident::new(variant, Span::mixed_site());
    let call = call(block, method, None, locals);
    let cfg = &method.cfg;
    quote_spanned!(Span::mixed_site()=> { (#(#cfg)*) #variant #call })
}
