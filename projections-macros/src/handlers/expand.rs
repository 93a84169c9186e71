//! From the model to tokens.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, ext::IdentExt, spanned::Spanned};

use super::{
    checks,
    hashed::Hashed,
    keys,
    model::{Argument, Block, Fallback, Handler, Method, Parameter, Scope},
    park_key, rows, rustdoc, session,
};
use crate::{head, paths::span_of_type, policies::Permanent, writer::Writer};

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
    fn list(&self, block: &Block) -> TokenStream {
        let Self { this, envelope, session, event } = self;
        let session_type = session::exclusive(block);
        quote!((#this #envelope #session #event (#session_type)))
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
        park_key::constant(block),
    ];
    let documentation = rustdoc::table(block);
    let implementation = implementation(block, &documentation, &quote!(#(#body)*));
    let values = (!block.is_generic()).then(|| checks::values(block));
    quote!(#implementation #values)
}

fn implementation(block: &Block, documentation: &TokenStream, body: &TokenStream) -> TokenStream {
    let public = block.library.public();
    let projector = &block.item.self_ty;
    let (impl_generics, _, where_clause) = block.item.generics.split_for_impl();
    let bounds = if block.is_generic() {
        let predicates = where_clause.map(|clause| &clause.predicates);
        let comma = predicates.filter(|list| !list.empty_or_trailing()).map(|_| quote!(,));
        // That it is a projector would hide which storage it has.
        quote_spanned! {Span::mixed_site()=>
            where
                #predicates #comma
                #projector: ::core::marker::Send + ::core::marker::Sync + 'static
        }
    } else {
        quote!(#where_clause)
    };
    let span = Span::mixed_site().located_at(projector.span());
    let trait_path = quote_spanned!(span=> #public::Handlers);
    // Where there are two, rustc shows what is between the first and the last token.
    let keyword = syn::Token![impl](span);
    let mut content = Group::new(Delimiter::Brace, body.clone());
    content.set_span(span);
    let private = block.library.private();
    quote_spanned! {Span::mixed_site()=>
        #private::implementation! {
            #documentation
            #keyword #impl_generics #trait_path for #projector #bounds #content
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
        let policies = method.policies.of_route(&block.library);
        quote!(#(#cfg)* #id #name #is_async #scope [#keys #policies])
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
    let locals_list = locals.list(block);
    let all = block.handlers.iter().map(entry);
    let count = block.handlers.iter().filter(is_async).count();
    if block.fallback.is_none() && (count == 0 || count == block.handlers.len()) {
        // Each function's first token is written here, for the same reason as its session's type.
        let plain = head_of(false, "handle");
        let asynchronous = (count > 0).then(|| {
            let head = head_of(true, "handle");
            quote!((#head))
        });
        return quote_spanned! {Span::mixed_site()=>
            #private::handlers! { #locals_list (#plain) #asynchronous { #(#all)* } { #types } }
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
    let (name, ty) = (method.name.unraw().to_string(), &argument.ty);
    let site = Span::mixed_site();
    let mut entry = Writer::new();
    entry.braces(site, |entry| {
        entry.parentheses(site, |entry| entry.put_all(&method.cfg));
        entry.put(id).put(name).put(hash);
        entry.parentheses(site, |entry| match &handler.input_domain {
            Some(domain) => entry.name("Some", site).put(domain),
            None => entry.name("None", site),
        });
        entry.parentheses(site, |entry| {
            if method.asyncness.is_some() {
                entry.put_stream(quote_spanned!(site=> .asynchronous()));
            }
            if handler.from_now {
                entry.put_stream(quote_spanned!(site=> .from_now()));
            }
            entry.put_stream(keys::of_route(block, method));
            entry.put_stream(method.policies.of_route(&block.library))
        });
        entry.parentheses(site, |entry| entry.put(event));
        // In one place with the type, which then is all that rustc shows.
        entry.name("decode", span_of_type(ty));
        entry.parentheses(site, |entry| entry.put(ty));
        write_call(entry, block, method, Some(argument), locals)
    });
    entry.finish()
}

fn fallback_entry(block: &Block, fallback: &Fallback, locals: &Locals) -> TokenStream {
    let Fallback { id, method, argument, .. } = fallback;
    let (cfg, name, ty) = (&method.cfg, method.name.unraw().to_string(), &argument.ty);
    let call = call(block, method, Some(argument), locals);
    quote_spanned!(Span::mixed_site()=> (#(#cfg)*) #id #name (#ty) #call)
}

fn call(block: &Block, method: &Method, event: Option<&Argument>, locals: &Locals) -> TokenStream {
    let mut writer = Writer::new();
    write_call(&mut writer, block, method, event, locals);
    writer.finish()
}

/// A method's parameters, by the way in which they are taken, and the call.
fn write_call<'a>(
    writer: &'a mut Writer,
    block: &Block,
    method: &Method,
    event: Option<&Argument>,
    locals: &Locals,
) -> &'a mut Writer {
    let number = |(index, parameter)| {
        (format_ident!("parameter_{index}", span = Span::mixed_site()), parameter)
    };
    let parameters: Vec<(Ident, &Parameter)> =
        method.parameters.iter().enumerate().map(number).collect();
    let span = Span::call_site();
    let is_shared = |given: &Parameter| matches!(given, Parameter::Shared(_));
    let is_transaction =
        |given: &Parameter| matches!(given, Parameter::View(_)) && !given.is_rows();
    let is_value = |given: &Parameter| matches!(given, Parameter::Value(_));
    writer.parentheses(span, |writer| list(writer, &parameters, is_shared));
    writer.parentheses(span, |writer| {
        // The transaction's view writes the rows that it could see, which nobody may have then.
        list(list(writer, &parameters, is_transaction), &parameters, Parameter::is_rows)
    });
    writer.parentheses(span, |writer| list(writer, &parameters, is_value));
    let outcome = if method.output.is_some() { "Outcome" } else { "Unit" };
    writer.name(outcome, Span::mixed_site());
    if method.asyncness.is_none() && method.policies.permanent.is_none() {
        return bare_call(writer, method, event, &parameters, locals);
    }
    let mut bare = Writer::new();
    bare_call(&mut bare, method, event, &parameters, locals);
    let mut call = bare.finish();
    if method.asyncness.is_some() {
        let span = method.name.span();
        let private = block.library.private_at(span);
        call = quote_spanned!(span=> #private::handler_future_must_be_send(#call).await);
    }
    if let Some(Permanent { path, .. }) = &method.policies.permanent {
        call = judged(block, &call, path);
    }
    writer.put_stream(call)
}

/// Those of a method's parameters that are taken in one way, as the templates read them.
fn list<'a>(
    writer: &'a mut Writer,
    parameters: &[(Ident, &Parameter)],
    is_listed: fn(&Parameter) -> bool,
) -> &'a mut Writer {
    for (local, parameter) in parameters.iter().filter(|(_, given)| is_listed(given)) {
        let (Parameter::Shared(ty) | Parameter::View(ty) | Parameter::Value(ty)) = parameter;
        writer.put(local).put(ty).sign(",", Span::call_site());
    }
    writer
}

/// The call as such, wholly at the method's name: rustc then speaks of the method, not of the macro.
fn bare_call<'a>(
    writer: &'a mut Writer,
    method: &Method,
    event: Option<&Argument>,
    parameters: &[(Ident, &Parameter)],
    locals: &Locals,
) -> &'a mut Writer {
    let (name, site) = (&method.name, Span::call_site());
    let span = name.span();
    writer.name("Self", span).sign("::", span).put(name).parentheses(span, |writer| {
        writer.put(&locals.this);
        if let Some(argument) = event {
            writer.sign(",", span);
            if argument.by_reference {
                writer.sign("&", site);
            }
            writer.put(&locals.event);
        }
        for (local, parameter) in parameters {
            writer.sign(",", span);
            if matches!(parameter, Parameter::View(_)) {
                writer.sign("&", site).name("mut", site);
            }
            writer.put(local);
        }
        writer
    })
}

/// The call of a handler whose errors a function judges. The function is all that can be wrong here,
/// so the last step is wholly at its path.
fn judged(block: &Block, call: &TokenStream, path: &syn::Path) -> TokenStream {
    let private = block.library.private();
    let name = path.segments.last();
    let place = name.map_or_else(|| path.span(), |segment| segment.ident.span());
    let judged = Ident::new("judged", place);
    let by = quote_spanned!(place=> .by(#path));
    let last = quote_spanned!(place=> #judged.permanent());
    quote_spanned! {Span::mixed_site()=>
        {
            use #private::JudgedFallback as _;
            let #judged = #private::Judged(#call) #by;
            #last
        }
    }
}

/// `hook` and, where there is an `async fn`, `hook_async`.
fn hooks(block: &Block) -> TokenStream {
    let private = block.library.private();
    let locals = Locals::new();
    let locals_list = locals.list(block);
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
