//! Spanned assertions on what the macro cannot see: types, and the values that only types know.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, Type, ext::IdentExt, spanned::Spanned, visit_mut::VisitMut};

use super::{
    keys,
    model::{Argument, Block, Handler, Method, Parameter},
    park_key::{self, ParkKey},
    rows,
};
use crate::{
    attr::shown,
    paths::{ends, ends_of_type, ungrouped},
    policies::{Policies, Retry},
    writer::Writer,
};

/// The statements of a function that is never called: one assertion for each type that methods
/// return, and for what the fallback takes. The types of the events are asserted by a template.
pub(super) fn types(block: &Block) -> TokenStream {
    let mut tokens = TokenStream::new();
    if let Some(fallback) = &block.fallback {
        let (cfg, argument) = (&fallback.method.cfg, raw_argument(&fallback.argument));
        tokens.extend(quote!(#(#cfg)* #argument));
    }
    tokens.extend(park_key::check(block));
    let mut known: Vec<&Method> = Vec::new();
    for method in methods(block) {
        let Some(ty) = &method.output else { continue };
        // Of what is no `Result` each is a mistake of its own.
        let is_known = known.iter().any(|before| {
            before.output == method.output && (before.cfg.is_empty() || before.cfg == method.cfg)
        });
        if !is_known || !is_result(ty) {
            let (cfg, output) = (&method.cfg, output(ty));
            tokens.extend(quote!(#(#cfg)* #output));
            known.push(method);
        }
    }
    tokens
}

fn output(ty: &Type) -> TokenStream {
    let span = ty.span();
    match result(ty) {
        Some((value, error)) => quote_spanned! {span=>
            __Argument::<#ty, (#value, #error)>::STEP.check_result::<#value, #error>();
        },
        None => quote_spanned!(span=> __check_return::<#ty>();),
    }
}

/// Tells whether a type is written as a `Result`, be it of another crate.
fn is_result(ty: &Type) -> bool {
    matches!(ungrouped(ty), Type::Path(path)
        if path.path.segments.last().is_some_and(|segment| segment.ident == "Result"))
}

/// The two types of what is written as a `Result`.
fn result(ty: &Type) -> Option<(&Type, &Type)> {
    let Type::Path(path) = ungrouped(ty) else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Result")?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let mut types = arguments.args.iter().map(|argument| match argument {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    match (types.next(), types.next(), types.next()) {
        (Some(value), Some(error), None) => value.zip(error),
        _ => None,
    }
}

fn raw_argument(argument: &Argument) -> TokenStream {
    let ty = &argument.ty;
    let span = ty.span();
    quote_spanned!(span=> __check_fallback_argument::<#ty>();)
}

/// The constants that assert the values. Each costs the compiler as much as a function does, so
/// there is one for what can be wrong with any route, and one for each kind of parameter, at the
/// first method that has it. A generic projector's are evaluated where it is given to a builder,
/// because nothing is known before.
pub(super) fn values(block: &Block) -> TokenStream {
    let (private, projector) = (block.library.private(), &block.item.self_ty);
    let (facts, routes) = (facts(), routes(block));
    let others = others(block);
    // A generic projector has no place for free constants: these are statements in its own.
    if block.is_generic() {
        return quote_spanned! {Span::mixed_site()=>
            use #private::{
                Lookup as __Lookup, LookupFallback as _, no_domain_fault as __no_domain_fault,
                no_keys_fault as __no_keys_fault, no_route_fault as __no_route_fault,
            };
            let #facts = __Lookup::<#projector>::FACTS;
            if #facts.has_faulty_routes() { #routes }
            #others
        };
    }
    let routes = (!block.handlers.is_empty()).then(|| {
        quote_spanned! {Span::mixed_site()=>
            #private::assertions! { routes #facts (#projector) #routes }
        }
    });
    quote_spanned! {Span::mixed_site()=>
        #routes
        #private::assertions! { #facts (#projector) #others }
    }
}

/// One look at all routes, and each of them only where something is wrong. The first fault is
/// reported at its token, and its message tells of the others.
fn routes(block: &Block) -> TokenStream {
    let mut all = Writer::new();
    for handler in &block.handlers {
        let cfg = &handler.method.cfg;
        if cfg.is_empty() {
            route(&mut all, handler);
            continue;
        }
        all.put_all(cfg);
        all.braces(Span::call_site(), |all| {
            route(all, handler);
            all
        });
    }
    all.finish()
}

/// All that can be wrong with a route.
fn route(all: &mut Writer, handler: &Handler) {
    let (id, event) = (handler.id, &handler.shown_event);
    let assert = |place, check, all: &mut Writer| {
        assertion(all, place, check, |all| all.put(id).sign(",", Span::call_site()).put(event));
    };
    assert(ends_of_type(&handler.event), "__no_route_fault", all);
    if let Some(domain) = &handler.input_domain {
        assert((domain.span(), domain.span()), "__no_domain_fault", all);
    }
    if let Some((at, arguments)) = keys::check(&handler.method) {
        let arguments = quote!(#id, #arguments);
        assertion(all, at, "__no_keys_fault", |all| all.put_stream(arguments));
    }
}

/// All other assertions, each in braces.
fn others(block: &Block) -> TokenStream {
    let mut checks = TokenStream::new();
    if let Some(fallback) = &block.fallback {
        let (cfg, name) = (&fallback.method.cfg, fallback.method.name.unraw().to_string());
        let at = (fallback.span, fallback.span);
        let policy = value(block, at, "no_fallback_fault", &quote!(#name));
        let id = fallback.id;
        let keys = keys::check(&fallback.method)
            .map(|(at, arguments)| value(block, at, "no_keys_fault", &quote!(#id, #arguments)));
        checks.extend(quote!(#(#cfg)* { #policy #keys }));
    }
    if let Some(ParkKey { name, cfg, span, .. }) = &block.park_key {
        let name = name.unraw().to_string();
        let value = value(block, (*span, *span), "no_park_key_fault", &quote!(#name));
        checks.extend(quote!(#(#cfg)* { #value }));
    }
    for method in methods(block) {
        let cfg = &method.cfg;
        let values = of_failures(block, method);
        checks.extend(values.map(|value| quote!(#(#cfg)* { #value })));
    }
    for (at, arguments, method) in keys::checks_of_place(block) {
        let (cfg, value) = (&method.cfg, value(block, at, "no_place_of_keys_fault", &arguments));
        checks.extend(quote!(#(#cfg)* { #value }));
    }
    for common in traits(block) {
        let (cfg, value) = (&common.first.cfg, common.check(block));
        checks.extend(quote!(#(#cfg)* { #value }));
    }
    checks.extend(tables(block));
    checks
}

/// One assertion for each option by which failures of a handler should go: they do not always.
fn of_failures(block: &Block, method: &Method) -> impl Iterator<Item = TokenStream> {
    let Policies { retry, permanent, .. } = &method.policies;
    let retry = match retry {
        Some((Retry::Set(_), span)) => Some(("retry(..)", *span)),
        Some((Retry::None, _)) | None => None,
    };
    let permanent = permanent.as_ref().map(|permanent| ("permanent", permanent.span));
    let subject = &method.subject;
    retry.into_iter().chain(permanent).map(move |(option, span)| {
        value(block, (span, span), "no_retry_fault", &quote!(#option, #subject))
    })
}

/// One assertion for each type of rows after the first: it names the table of none before it.
fn tables(block: &Block) -> TokenStream {
    let all = rows::types(block);
    let mut checks = TokenStream::new();
    for (place, (second, method)) in all.iter().enumerate().skip(1) {
        let earlier = all.iter().take(place).map(|(first, earlier)| {
            let (cfg, pair) = (&earlier.cfg, pair(block, first, second));
            quote!(#(#cfg)* { #pair })
        });
        let cfg = &method.cfg;
        checks.extend(quote!(#(#cfg)* { #(#earlier)* }));
    }
    checks
}

fn pair(block: &Block, first: &Type, second: &Type) -> TokenStream {
    let place = ends(second);
    let (first_shown, second_shown) = (shown(first), shown(second));
    let [first, second] = [first, second].map(|ty| {
        // As in `parameter`.
        let mut ty = ty.clone();
        WithoutSelf(&block.item.self_ty).visit_type_mut(&mut ty);
        ty
    });
    let private = block.library.private();
    let arguments = quote_spanned! {place.0=>
        {
            use #private::RowPairFallback as _;
            #private::RowPair::<#first, #second>::ARE_ONE
        },
        {
            use #private::RowTableFallback as _;
            (#private::RowTable::<#first>::NAME, #private::RowTable::<#second>::NAME)
        },
        (#first_shown, #second_shown)
    };
    value(block, place, "no_table_fault", &arguments)
}

/// What the kind of the storage allows a method to be, or to take.
#[derive(Clone, Copy, PartialEq)]
enum Trait<'a> {
    MutSelf,
    Async,
    Parameter(&'a Parameter),
}

/// Something that methods have in common, which is right for all of them or for none.
struct Common<'a> {
    what: Trait<'a>,
    first: &'a Method,
    others: Vec<&'a Method>,
}

/// What the methods of a block have in common. A method under `#[cfg]` may not be there, so it
/// speaks for none but those under the same.
fn traits(block: &Block) -> Vec<Common<'_>> {
    let mut found: Vec<Common<'_>> = Vec::new();
    let (always, sometimes): (Vec<_>, Vec<_>) =
        methods(block).partition(|method| method.cfg.is_empty());
    for method in always.into_iter().chain(sometimes) {
        let mut add = |what| {
            let known = found.iter_mut().find(|common| {
                common.what == what
                    && (common.first.cfg.is_empty() || common.first.cfg == method.cfg)
            });
            match known {
                Some(common) => common.others.push(method),
                None => found.push(Common { what, first: method, others: Vec::new() }),
            }
        };
        method.mut_self.iter().for_each(|_| add(Trait::MutSelf));
        method.asyncness.iter().for_each(|_| add(Trait::Async));
        method.parameters.iter().for_each(|parameter| add(Trait::Parameter(parameter)));
    }
    found
}

fn methods(block: &Block) -> impl Iterator<Item = &Method> {
    let handlers = block.handlers.iter().map(|handler| &handler.method);
    let fallback = block.fallback.iter().map(|fallback| &fallback.method);
    handlers.chain(fallback).chain(&block.setup).chain(&block.reset)
}

impl Common<'_> {
    fn check(&self, block: &Block) -> TokenStream {
        let subject = self.subject();
        match self.what {
            Trait::Parameter(given) => parameter(block, &subject, given),
            Trait::MutSelf => {
                let projector = shown(&block.item.self_ty);
                let arguments = quote!(#subject, #projector);
                value(block, ends(&self.first.mut_self), "no_mut_self_fault", &arguments)
            }
            Trait::Async => value(block, ends(self.first.asyncness), "no_async_fault", &subject),
        }
    }

    /// The first method as messages call it, and a note that names the others.
    fn subject(&self) -> TokenStream {
        const SHOWN: usize = 8;
        let first = &self.first.subject;
        let mut names: Vec<_> = self
            .others
            .iter()
            .take(SHOWN)
            .map(|method| format!("`{}`", method.name.unraw()))
            .collect();
        let more = self.others.len() - names.len();
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let last = names.pop();
        let others = match last {
            None => String::new(),
            Some(last) if names.is_empty() => format!("\nnote: the same goes for {last}"),
            Some(last) => format!("\nnote: the same goes for {} and {last}", names.join(", ")),
        };
        quote!((#first, #others))
    }
}

fn parameter(block: &Block, subject: &TokenStream, parameter: &Parameter) -> TokenStream {
    let (check, ty) = match parameter {
        Parameter::Shared(ty) => ("no_shared_fault", ty),
        Parameter::View(ty) => ("no_view_fault", ty),
        Parameter::Value(ty) => ("no_value_fault", ty),
    };
    let (first, last) = ends(ty);
    let projector = &block.item.self_ty;
    let shown_type = shown(ty);
    // The assertion stands outside the block, where `Self` is unknown.
    let mut ty = ty.clone();
    WithoutSelf(projector).visit_type_mut(&mut ty);
    let lookup = quote_spanned!(first=> __Lookup::<#projector, #ty>);
    let arguments = if matches!(parameter, Parameter::View(_)) {
        let projector = shown(projector);
        let storage = storage_of(&shown_type);
        let fits = quote_spanned!(first=> #lookup::IS_TRANSACTION);
        quote!(#fits, #subject, #shown_type, (#projector, #storage))
    } else {
        let fits = quote_spanned!(first=> (#lookup::IS_TRANSACTION, #lookup::IS_SHARED));
        quote!(#fits, #subject, #shown_type)
    };
    value(block, (first, last), check, &arguments)
}

/// Puts the block's type where `Self` stands.
struct WithoutSelf<'a>(&'a Type);

impl VisitMut for WithoutSelf<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::Path(path) if path.path.is_ident("Self") => ty.clone_from(self.0),
            other => syn::visit_mut::visit_type_mut(self, other),
        }
    }
}

/// The storage whose transaction a type is, by the names that storages give them.
fn storage_of(transaction: &str) -> String {
    let path = transaction.split('<').next().unwrap_or_default();
    match path.strip_suffix("Tx") {
        Some(storage) if !storage.is_empty() && !storage.ends_with(':') => storage.to_owned(),
        _ => "...".to_owned(),
    }
}

/// One assertion, shown at the tokens between two places.
fn value(block: &Block, at: (Span, Span), check: &str, arguments: &TokenStream) -> TokenStream {
    let mut value = Writer::new();
    value.put_stream(block.library.private_at(at.0)).sign("::", at.0);
    assertion(&mut value, at, check, |value| value.put(arguments));
    value.finish()
}

/// The same, of a function that is imported.
fn assertion(
    writer: &mut Writer,
    (first, last): (Span, Span),
    check: &str,
    arguments: impl FnOnce(&mut Writer) -> &mut Writer,
) {
    writer.name(check, first);
    writer.parentheses(last, |writer| arguments(writer.put(facts()).sign(",", last)));
    writer.sign(";", first);
}

fn facts() -> Ident {
    Ident::new("facts", Span::mixed_site())
}
