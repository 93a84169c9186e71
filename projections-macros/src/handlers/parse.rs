//! From tokens to the model, with every fault.

use proc_macro2::{Span, TokenStream};
use syn::{
    Attribute, FnArg, Ident, ImplItem, ImplItemFn, Item, Meta, Token, Type,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    parse_quote,
    spanned::Spanned,
};

use super::{
    bodies::{self, Written},
    hashed::{self, Hashed, NO_FACTS},
    keys,
    model::{Block, Fallback, Handler, Method, Scope},
    park_key::{self, ParkKey},
    part,
    signature::{self, Reader, Role},
    whole,
};
use crate::{
    attr::{Entry, Keys, Value, not_yet, shown, shown_type, skip_to_comma, ungrouped_expression},
    errors::Errors,
    fingerprint,
    paths::{Library, ends, ungrouped},
    policies::{self, Permanent, Policies},
    projector::{FROM, check_domain},
};

/// The attributes that a block reads.
pub(crate) const MARKERS: &[&str] = &["handles", "fallback", "setup", "reset", "park_key", "flush"];

const BLOCK: Keys = Keys {
    attribute: "`#[handlers]`",
    available: &["crate"],
    aliases: &[],
    types: &["crate"],
    repeatable: &[],
    first: None,
};

const HANDLES: Keys = Keys {
    attribute: "`#[handles]`",
    available: &["input_domain", "from", "replay", "retry", "permanent"],
    aliases: &[("domain", "input_domain")],
    types: &["permanent"],
    repeatable: &[],
    first: Some("`#[handles]` has one event, before its options"),
};

const FALLBACK: Keys = Keys {
    attribute: "`#[fallback]`",
    available: &["domain", "all", "replay", "retry", "permanent"],
    aliases: &[("input_domain", "domain"), ("domains", "domain")],
    types: &["permanent"],
    repeatable: &[],
    first: None,
};

/// Reads the attribute and the block. Without an inherent `impl` there is no model.
pub(super) fn parse(
    attribute: TokenStream,
    item: TokenStream,
    errors: &mut Errors,
) -> Option<Block> {
    let (mut item, methods, unread) = read_impl(item, errors)?;
    let library = read_attribute(attribute, errors);
    let reader = Reader::new(&item);
    let found = Found::default();
    let mut collector = Collector { library: &library, errors, reader, found };
    for item in &mut item.items {
        collector.item(item);
    }
    let mut found = collector.found;
    check_repeated(&mut item, &library, errors);
    allow_required(&mut item, &found.marked);
    // What could not be read may be what is missing.
    if unread.is_none() {
        whole::check(&item, &mut found, errors);
    }
    bodies::restore(&mut item, methods, &found.changed);
    let Found { mut handlers, fallback, setup, reset, park_key, others, .. } = found;
    handlers.retain(|handler| handler.sound);
    Some(Block { library, item, unread, handlers, fallback, setup, reset, park_key, others })
}

/// Keeps clippy from asking a method to change what its signature must have: `&self`, of a
/// projector that is `Copy` as well. Once for the block where nothing else is in it and nothing is
/// said of it, which costs the compiler less.
fn allow_required(block: &mut syn::ItemImpl, marked: &[bool]) {
    let required: Attribute =
        parse_quote!(#[allow(clippy::trivially_copy_pass_by_ref, clippy::unused_self)]);
    let are_methods = block.items.iter().all(|item| matches!(item, ImplItem::Fn(_)));
    if are_methods && block.attrs.is_empty() && marked.iter().all(|is_marked| *is_marked) {
        block.attrs.push(required);
        return;
    }
    let methods = block.items.iter_mut().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(method),
        _ => None,
    });
    for (method, _) in methods.zip(marked).filter(|(_, is_marked)| **is_marked) {
        // First, so that what the user says of these lints comes after it and wins.
        method.attrs.insert(0, required.clone());
    }
}

/// A block, what was written as its methods, and what is wrong with what could not be read.
type Read = (syn::ItemImpl, Vec<Written>, Option<syn::Error>);

fn read_impl(item: TokenStream, errors: &mut Errors) -> Option<Read> {
    if let Some((item, methods)) = bodies::parse(item.clone())
        && item.trait_.is_none()
    {
        return Some((item, methods, None));
    }
    let (span, message): (Span, String) = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(item)) => match &item.trait_ {
            None => return Some((item, Vec::new(), None)),
            Some((path, _)) => {
                errors.on(
                    path,
                    format!(
                        "`#[handlers]` goes on `impl {}`, not on an implementation of `{}`",
                        shown(&item.self_ty),
                        shown(path)
                    ),
                );
                return None;
            }
        },
        Ok(Item::Struct(item)) => (
            item.struct_token.span,
            "`#[handlers]` goes on an `impl` block\nhelp: use `#[projector(\"...\")]` on the struct"
                .into(),
        ),
        Ok(Item::Fn(item)) => (
            item.sig.fn_token.span,
            "`#[handlers]` goes on an `impl` block\nhelp: write `#[handles(..)]` on a method".into(),
        ),
        Ok(other) => (ends(&other).0, "`#[handlers]` goes on an `impl` block".into()),
        Err(error) => {
            let Some(part) = part::parse(item) else {
                errors.push(error);
                return None;
            };
            return Some((part, Vec::new(), Some(error)));
        }
    };
    errors.at(span, message);
    None
}

/// Reports each further `#[handlers]`, and takes it off: it would find nothing.
fn check_repeated(item: &mut syn::ItemImpl, library: &Library, errors: &mut Errors) {
    item.attrs.retain(|attribute| {
        let is_repeated = library.is(attribute.path(), "handlers");
        if is_repeated {
            errors.on(attribute.path(), "`#[handlers]` is given twice");
        }
        !is_repeated
    });
}

fn read_attribute(attribute: TokenStream, errors: &mut Errors) -> Library {
    let entries = BLOCK.read_list(attribute, errors);
    Library::new(entries.first().and_then(|entry| entry.path(errors)))
}

/// What was found in a block so far.
#[derive(Default)]
pub(super) struct Found {
    pub(super) handlers: Vec<Handler>,
    pub(super) fallback: Option<Fallback>,
    setup: Option<Method>,
    reset: Option<Method>,
    park_key: Option<ParkKey>,
    /// Methods with a hook or `#[park_key]`, faulty ones as well.
    single: Vec<(&'static str, Ident)>,
    others: Vec<Hashed>,
    /// Of each method, whether it was changed behind its attributes.
    changed: Vec<bool>,
    /// Of each method, whether it has one of our attributes.
    marked: Vec<bool>,
    /// Methods with a fallback, faulty ones as well.
    pub(super) fallbacks: usize,
    /// The number of the next route.
    next: u32,
}

struct Collector<'a> {
    library: &'a Library,
    errors: &'a mut Errors,
    reader: Reader,
    found: Found,
}

impl Collector<'_> {
    fn item(&mut self, item: &mut ImplItem) {
        match item {
            ImplItem::Fn(method) => {
                let changed = self.method(method);
                self.found.changed.push(changed);
            }
            ImplItem::Const(item) => {
                let span = item.const_token.span;
                self.misplaced(&mut item.attrs, span, "a constant");
            }
            ImplItem::Type(item) => {
                let span = item.type_token.span;
                self.misplaced(&mut item.attrs, span, "a type");
            }
            ImplItem::Macro(item) => {
                let span = item.mac.path.span();
                self.misplaced(&mut item.attrs, span, "a macro call");
            }
            // An attribute of ours in there is left to it, and as a macro always errors.
            _ => {}
        }
        let attributes = match &*item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => return, // a method does it itself
        };
        let hashed = Hashed::of(attributes, &*item, NO_FACTS);
        self.found.others.push(hashed);
    }

    /// Takes our attributes off.
    fn take(&self, attributes: &mut Vec<Attribute>) -> Vec<(&'static str, Attribute)> {
        let mut taken = Vec::new();
        attributes.retain(|attribute| {
            let marker = MARKERS.iter().find(|marker| self.library.is(attribute.path(), marker));
            if let Some(marker) = marker {
                taken.push((*marker, attribute.clone()));
            }
            marker.is_none()
        });
        taken
    }

    fn misplaced(&mut self, attributes: &mut Vec<Attribute>, span: Span, what: &str) {
        for (marker, _) in self.take(attributes) {
            let place = place_of(marker);
            self.errors.at(span, format!("`#[{marker}]` goes on {place}, not on {what}"));
        }
    }

    /// Tells whether the method was changed behind its attributes.
    fn method(&mut self, item: &mut ImplItemFn) -> bool {
        let faults = self.errors.count();
        whole::check_look_alikes(self.library, &mut item.attrs, self.errors);
        keys::refuse_on_method(self.library, &mut item.attrs, self.errors);
        self.reader.keys = keys::take(self.library, &mut item.sig, self.errors);
        let has_keys = self.reader.keys.iter().any(Option::is_some);
        let taken = self.take(&mut item.attrs);
        self.found.marked.push(!taken.is_empty());
        let mut taken = taken.into_iter();
        let Some((marker, attribute)) = taken.next() else {
            keys::refuse(&self.reader.keys, &keys::helper(&item.sig), self.errors);
            self.found.others.push(Hashed::of(&item.attrs, item, NO_FACTS));
            return has_keys || self.errors.count() > faults;
        };
        let subject = self.marked(marker, &attribute, item);
        for (second, attribute) in taken {
            let name = item.sig.ident.unraw();
            let message = match (&subject, second) {
                (Some(event), "handles") => format!(
                    "`{name}` already handles `{event}`\nhelp: write one method per event and share a private function"
                ),
                _ => format!(
                    "`{name}` already is a `#[{marker}]` method\nhelp: write a method for each"
                ),
            };
            self.errors.at(attribute.path().span(), message);
        }
        // Reported already, and the compiler would report it again.
        item.sig.variadic = None;
        let is_elided = signature::remove_lifetimes(&mut item.sig);
        let is_made_changeable = signature::make_changeable(&mut item.sig);
        has_keys || is_elided || is_made_changeable || self.errors.count() > faults
    }

    /// Reads a method with one of our attributes; tells its event, where it names one.
    fn marked(
        &mut self,
        marker: &'static str,
        attribute: &Attribute,
        item: &mut ImplItemFn,
    ) -> Option<String> {
        match marker {
            "handles" => return self.handler(attribute, item),
            "fallback" => self.fallback(attribute, item),
            "park_key" => self.park_key(attribute, item),
            "flush" => self.errors.at(attribute.path().span(), not_yet("#[flush]")),
            hook => self.hook(hook, attribute, item),
        }
        None
    }

    fn handler(&mut self, attribute: &Attribute, item: &ImplItemFn) -> Option<String> {
        let faults = self.errors.count();
        let mut event = None;
        let mut entries = Vec::new();
        let tokens = arguments(&attribute.meta, self.errors);
        let written = tokens.clone();
        let parser = |input: ParseStream<'_>| {
            event = read_event(input, item, self.errors)?;
            entries = HANDLES.read(input, self.errors);
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            self.errors.push_after(error, ends(written).1);
        }
        let mut input_domain = None;
        let mut from_now = false;
        let mut policies = Policies::default();
        for entry in &entries {
            match entry.name().as_str() {
                "input_domain" => {
                    input_domain = entry.string(self.errors);
                    check_domain("input_domain", input_domain.as_ref(), self.errors);
                }
                "from" => from_now = entry.word(&FROM, self.errors).as_deref() == Some("now"),
                _ => policies.set(entry, self.errors), // the other keys
            }
        }
        let event = event?;
        let (mut method, argument) = self.reader.read(item, &Role::Handler(&event), self.errors);
        self.set_policies(&mut method, policies);
        let text = shown_type(&event);
        let id = self.number();
        if let Some(argument) = argument {
            self.found.handlers.push(Handler {
                id,
                event,
                shown_event: text.clone(),
                input_domain,
                from_now,
                hash: fingerprint::of(item, &["handles"]),
                method,
                argument,
                sound: self.errors.count() == faults,
            });
        }
        Some(text)
    }

    fn fallback(&mut self, attribute: &Attribute, item: &ImplItemFn) {
        let faults = self.errors.count();
        let tokens = match &attribute.meta {
            Meta::Path(_) => TokenStream::new(),
            meta => arguments(meta, self.errors),
        };
        let entries = FALLBACK.read_list(tokens, self.errors);
        let is_policy = |entry: &&Entry| policies::OF_A_HANDLER.contains(&&*entry.name());
        let mut policies = Policies::default();
        for policy in entries.iter().filter(is_policy) {
            policies.set(policy, self.errors);
        }
        let scopes: Vec<_> = entries.iter().filter(|entry| !is_policy(entry)).collect();
        let scope = self.scope(&scopes);
        self.found.others.push(Hashed::of(&item.attrs, item, &hashed::facts(&scope, &policies)));
        self.found.fallbacks += 1;
        if self.found.fallbacks > 1 {
            self.errors.at(
                attribute.path().span(),
                "a projector has one `#[fallback]`, and this is the second",
            );
        }
        let (mut method, argument) = self.reader.read(item, &Role::Fallback, self.errors);
        self.set_policies(&mut method, policies);
        let (id, span) = (self.number(), attribute.path().span());
        if let Some(argument) = argument
            && self.errors.count() == faults
        {
            self.found.fallback = Some(Fallback { id, scope, span, method, argument });
        }
    }

    /// Gives a handler its policies, and refuses what has nothing to work on.
    fn set_policies(&mut self, method: &mut Method, policies: Policies) {
        if let Some(Permanent { span, .. }) = policies.permanent
            && method.output.as_ref().is_none_or(is_unit)
        {
            let subject = &method.subject;
            self.errors.at(
                span,
                format!("`permanent` judges errors, and {subject} returns none\nhelp: return `Result<(), E>`, or remove `permanent`"),
            );
        }
        method.policies = policies;
    }

    fn scope(&mut self, entries: &[&Entry]) -> Scope {
        if let [_, second, ..] = entries {
            self.errors
                .at(second.key.span(), "`#[fallback]` takes one option: `domain = ..` or `all`");
        }
        let Some(entry) = entries.first() else { return Scope::HandlersDomains };
        if entry.name() == "all" {
            if !matches!(entry.value, Value::None) {
                self.errors
                    .at(entry.key.span(), "`all` takes no value\nhelp: write `#[fallback(all)]`");
            }
            return Scope::All;
        }
        Scope::Domains(self.domains(entry))
    }

    /// Reads `domain = "a"` or `domain = ["a", "b"]`.
    fn domains(&mut self, entry: &Entry) -> Vec<syn::LitStr> {
        let elements: Vec<&syn::Expr> = match entry.expression("domain = \"...\"", self.errors) {
            None => return Vec::new(),
            Some(syn::Expr::Array(array)) => array.elems.iter().collect(),
            Some(other) => vec![other],
        };
        if elements.is_empty() {
            self.errors
                .at(entry.key.span(), "`domain` names nothing\nhelp: write `domain = \"...\"`");
        }
        let mut domains: Vec<syn::LitStr> = Vec::new();
        for element in elements {
            let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(domain), .. }) =
                ungrouped_expression(element)
            else {
                self.errors
                    .on(element, format!("expected a string literal, found `{}`", shown(element)));
                continue;
            };
            check_domain("domain", Some(domain), self.errors);
            if domains.contains(domain) {
                self.errors.at(domain.span(), format!("`{}` is given twice", domain.value()));
            }
            domains.push(domain.clone());
        }
        domains
    }

    fn hook(&mut self, hook: &'static str, attribute: &Attribute, item: &ImplItemFn) {
        let faults = self.errors.count();
        if !matches!(attribute.meta, Meta::Path(_)) {
            self.errors.on(&attribute.meta, format!("`#[{hook}]` takes no options"));
        }
        let (method, _) = self.reader.read(item, &Role::Hook(hook), self.errors);
        self.found.others.push(Hashed::of(&item.attrs, item, &[hook]));
        self.check_second(hook, attribute, &method.name);
        if self.errors.count() == faults {
            let place = if hook == "setup" { &mut self.found.setup } else { &mut self.found.reset };
            *place = Some(method);
        }
    }

    fn park_key(&mut self, attribute: &Attribute, item: &mut ImplItemFn) {
        let faults = self.errors.count();
        let park_key = park_key::read(attribute, item, self.errors);
        keys::refuse(&self.reader.keys, &keys::helper(&item.sig), self.errors);
        // Like any other function: handlers may call it, too.
        self.found.others.push(Hashed::of(&item.attrs, item, NO_FACTS));
        self.check_second("park_key", attribute, &item.sig.ident);
        if self.errors.count() == faults {
            self.found.park_key = park_key;
        } else {
            park_key::name_lifetime(&mut item.sig);
        }
    }

    /// Reports a second method with an attribute that one method has.
    fn check_second(&mut self, marker: &'static str, attribute: &Attribute, name: &Ident) {
        let mut known = self.found.single.iter();
        if let Some((_, first)) = known.find(|(known, _)| *known == marker) {
            let message =
                format!("`{}` is a second `#[{marker}]` beside `{}`", name.unraw(), first.unraw());
            self.errors.at(attribute.path().span(), message);
        }
        self.found.single.push((marker, name.clone()));
    }

    fn number(&mut self) -> u32 {
        let number = self.found.next;
        self.found.next += 1;
        number
    }
}

/// What one of our attributes goes on.
pub(crate) fn place_of(marker: &str) -> &'static str {
    if marker == "park_key" { "a function" } else { "a method" }
}

/// Tells whether a type is written as `()`.
fn is_unit(ty: &Type) -> bool {
    matches!(ungrouped(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// The tokens in an attribute's parentheses.
pub(super) fn arguments(meta: &Meta, errors: &mut Errors) -> TokenStream {
    match meta {
        Meta::Path(_) => TokenStream::new(),
        Meta::List(list) => list.tokens.clone(),
        Meta::NameValue(pair) => {
            let path = shown(&pair.path);
            errors.at(
                pair.eq_token.span,
                format!("expected `#[{path}(..)]`, found `#[{path} = ..]`"),
            );
            TokenStream::new()
        }
    }
}

fn read_event(
    input: ParseStream<'_>,
    item: &ImplItemFn,
    errors: &mut Errors,
) -> syn::Result<Option<Type>> {
    let name = &item.sig.ident;
    if input.is_empty() || (input.peek(syn::Ident::peek_any) && input.peek2(Token![=])) {
        if HANDLES.has_misplaced(input) {
            return Ok(None); // reported where it is
        }
        let event = first_type(item).unwrap_or_else(|| "Event".to_owned());
        // Without parentheses there is nothing else to point at.
        errors.at(
            name.span(),
            format!(
                "`#[handles]` on `{}` does not name an event\nhelp: write `#[handles({event}, input_domain = \"...\")]`",
                name.unraw()
            ),
        );
        return Ok(None);
    }
    if input.peek(syn::Lit) {
        let literal: syn::Lit = input.parse()?;
        let found = match &literal {
            syn::Lit::Str(text) => {
                format!("the string \"{}\"\nhelp: remove the quotes", text.value())
            }
            other => format!("`{}`", shown(other)),
        };
        errors.at(literal.span(), format!("expected an event type, found {found}"));
        skip_to_comma(input); // what follows belongs to it
        skip_comma(input)?;
        return Ok(None);
    }
    let event: Type = input.parse()?;
    skip_comma(input)?;
    match ungrouped(&event) {
        Type::Path(_) => Ok(Some(event)),
        other => {
            errors.on(other, format!("expected an event type, found `{}`", shown(other)));
            Ok(None)
        }
    }
}

fn skip_comma(input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() { Ok(()) } else { input.parse::<Token![,]>().map(drop) }
}

/// The event that a method's first parameter suggests.
fn first_type(item: &ImplItemFn) -> Option<String> {
    item.sig.inputs.iter().find_map(|input| match input {
        FnArg::Typed(typed) => Some(match ungrouped(&typed.ty) {
            Type::Reference(reference) => shown(&reference.elem),
            other => shown(other),
        }),
        FnArg::Receiver(_) => None,
    })
}
