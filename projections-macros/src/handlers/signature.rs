//! One method's signature.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, PatType, ReceiverKind, Signature, Type, ext::IdentExt};

use super::{
    keys::{self, Keys},
    model::{Argument, Method, Parameter},
};
use crate::{
    attr::{shown, shown_type},
    cfg,
    errors::Errors,
    paths::ungrouped,
    policies::Policies,
};

/// What a method is for.
pub(super) enum Role<'a> {
    Handler(&'a Type),
    Fallback,
    /// `#[setup]` or `#[reset]`.
    Hook(&'static str),
}

/// Reads the signatures of one block.
pub(super) struct Reader {
    /// The expected shape is shown once a block.
    shape_shown: bool,
    /// What the block's methods take by `&mut`, which tells whether there is a storage.
    transaction: Option<String>,
    /// The `#[keys(..)]` of the method that is read next.
    pub(super) keys: Vec<Option<Keys>>,
}

impl Reader {
    pub(super) fn new(block: &syn::ItemImpl) -> Self {
        Self { shape_shown: false, transaction: transaction(block), keys: Vec::new() }
    }

    /// Reads a signature. What it returns after a fault is never expanded.
    pub(super) fn read(
        &mut self,
        item: &syn::ImplItemFn,
        role: &Role<'_>,
        errors: &mut Errors,
    ) -> (Method, Option<Argument>) {
        let signature = &item.sig;
        self.qualifiers(signature, role, errors);
        self.output(signature, role, errors);
        let mut types = Vec::new();
        for input in &signature.inputs {
            if let FnArg::Typed(typed) = input {
                self.parameter_type(&typed.ty, signature, role, errors);
                types.push(typed);
            }
        }
        let mut method = Method {
            subject: role.subject(signature),
            name: signature.ident.clone(),
            cfg: cfg::of(&item.attrs),
            asyncness: signature.asyncness,
            mut_self: self.receiver(signature, role, errors),
            parameters: Vec::new(),
            patterns: Vec::new(),
            keys: Vec::new(),
            output: match &signature.output {
                syn::ReturnType::Default => None,
                syn::ReturnType::Type(_, ty) => Some((**ty).clone()),
            },
            policies: Policies::default(),
        };
        let argument = self.argument(&mut types, signature, role, errors);
        method.patterns = types.iter().map(|typed| (*typed.pat).clone()).collect();
        method.parameters = types.into_iter().map(|typed| parameter(&typed.ty)).collect();
        let keys = std::mem::take(&mut self.keys);
        match role {
            Role::Hook(_) => keys::refuse(&keys, &method.subject, errors),
            _ => method.keys = keys::of_parameters(keys, &method.parameters, errors),
        }
        self.parameters(&method, role, errors);
        (method, argument)
    }

    /// Adds a fault; the first of a block shows what was expected.
    fn fault(
        &mut self,
        tokens: impl ToTokens,
        message: String,
        role: &Role<'_>,
        errors: &mut Errors,
    ) {
        let shape = if self.shape_shown { String::new() } else { self.shape(role) };
        self.shape_shown = true;
        errors.on(tokens, message + &shape);
    }

    /// A fault of the parameters as a whole.
    fn fault_of_parameters(
        &mut self,
        signature: &Signature,
        message: String,
        role: &Role<'_>,
        errors: &mut Errors,
    ) {
        let mut parentheses = TokenStream::new();
        signature
            .paren_token
            .surround(&mut parentheses, |tokens| signature.inputs.to_tokens(tokens));
        self.fault(parentheses, message, role, errors);
    }

    fn receiver(
        &mut self,
        signature: &Signature,
        role: &Role<'_>,
        errors: &mut Errors,
    ) -> Option<syn::Receiver> {
        let subject = role.subject(signature);
        let Some(receiver) = signature.receiver() else {
            let or_mut = if self.transaction.is_some() { "" } else { " or `&mut self`" };
            let message = format!("{subject} must take `&self`{or_mut}");
            self.fault_of_parameters(signature, message, role, errors);
            return None;
        };
        match &receiver.kind {
            ReceiverKind::Reference(_, lifetime, mutable) => {
                if let Some(lifetime) = lifetime
                    && !declares(signature, lifetime)
                {
                    let message = format!("{subject} must not name the lifetime `{lifetime}`");
                    self.fault(lifetime, message, role, errors);
                }
                mutable.is_some().then(|| receiver.clone())
            }
            _ => {
                let message = format!("{subject} must take `&self`, not `{}`", shown(receiver));
                self.fault(receiver, message, role, errors);
                None
            }
        }
    }

    fn argument(
        &mut self,
        types: &mut Vec<&PatType>,
        signature: &Signature,
        role: &Role<'_>,
        errors: &mut Errors,
    ) -> Option<Argument> {
        let (event, owned) = match role {
            Role::Handler(event) => (shown_type(event), true),
            Role::Fallback => ("RawEvent<'_>".to_owned(), false),
            Role::Hook(_) => return None,
        };
        let subject = role.subject(signature);
        if types.first().is_none_or(|first| is_something_else(&first.ty, &event)) {
            if self.order(&event, types, role, errors) {
                return None;
            }
            let message = format!("{subject} does not take its event\nhelp: add `event: &{event}`");
            self.fault_of_parameters(signature, message, role, errors);
            return None;
        }
        if self.order(&event, types, role, errors) {
            return None;
        }
        let PatType { pat, ty, .. } = types.remove(0); // there is one, by the first check
        let (pattern, ty) = ((**pat).clone(), &**ty);
        let mut found = Unfit::default();
        syn::visit::Visit::visit_type(&mut found, ty);
        if let Some(lifetime) = found.forever {
            let help = if matches!(ungrouped(ty), Type::Reference(reference) if reference.lifetime.as_ref() == Some(&lifetime))
            {
                "remove it"
            } else {
                "write `'_`"
            };
            let message = format!(
                "{subject} must not take its event for `'static`\nnote: an event borrows from what was read\nhelp: {help}"
            );
            self.fault(lifetime, message, role, errors);
            return None;
        }
        match ungrouped(ty) {
            Type::Reference(reference) if reference.mutability.is_some() => {
                let or_owned = if owned { format!(" or `{event}`") } else { String::new() };
                let message = format!(
                    "{subject} takes its event as `{}`\nhelp: write `&{event}`{or_owned}",
                    shown(ty)
                );
                self.fault(ty, message, role, errors);
                None
            }
            Type::Reference(reference) => {
                Some(Argument { ty: (*reference.elem).clone(), pattern, by_reference: true })
            }
            other if owned => Some(Argument { ty: other.clone(), pattern, by_reference: false }),
            other => {
                let message = format!(
                    "{subject} takes its event as `{}`\nhelp: write `&{event}`",
                    shown(other)
                );
                self.fault(ty, message, role, errors);
                None
            }
        }
    }

    /// Reports an event that is there, but not in front, and takes it off. An alias hides it; then
    /// its type is wrong.
    fn order(
        &mut self,
        event: &str,
        types: &mut Vec<&PatType>,
        role: &Role<'_>,
        errors: &mut Errors,
    ) -> bool {
        let place = types.iter().position(|typed| names(&typed.ty, event));
        let (Some(place @ 1..), Some(first)) = (place, types.first()) else { return false };
        let first = (*first).clone();
        let argument = types.remove(place); // it was found there
        let mut both = first.to_token_stream();
        argument.to_tokens(&mut both);
        let message = format!(
            "the event is a handler's first parameter\nhelp: write `{}` before `{}`",
            shown(argument),
            shown(&first)
        );
        self.fault(both, message, role, errors);
        true
    }

    fn parameters(&mut self, method: &Method, role: &Role<'_>, errors: &mut Errors) {
        let mut first_view: Option<String> = None;
        let mut tables: Vec<String> = Vec::new();
        for parameter in &method.parameters {
            match parameter {
                Parameter::View(ty) if parameter.is_rows() => {
                    let text = shown(ty);
                    if tables.contains(&text) {
                        let message = format!("{} takes `&mut {text}` twice", method.subject);
                        self.fault(ty, message, role, errors);
                    }
                    tables.push(text);
                }
                Parameter::View(ty) if is_unsized(ty) => {
                    let message = format!(
                        "{} cannot take `&mut {}`\nnote: a transaction has a size",
                        method.subject,
                        shown(ty)
                    );
                    self.fault(ty, message, role, errors);
                }
                Parameter::View(ty) => {
                    let text = shown(ty);
                    let Some(first) = &first_view else {
                        first_view = Some(text);
                        continue;
                    };
                    let message = if *first == text {
                        format!("{} takes its transaction twice", method.subject)
                    } else {
                        format!(
                            "{} takes `&mut {text}` beside `&mut {first}`\nnote: it takes one transaction, that of the projector's storage",
                            method.subject
                        )
                    };
                    self.fault(ty, message, role, errors);
                }
                Parameter::Shared(ty) if matches!(role, Role::Hook(_)) => {
                    let message = format!("{} cannot take `&{}`", method.subject, shown(ty));
                    self.fault(ty, message, role, errors);
                }
                Parameter::Value(ty) if matches!(role, Role::Hook(_)) => {
                    let message = format!("{} cannot take `{}`", method.subject, shown(ty));
                    self.fault(ty, message, role, errors);
                }
                Parameter::Shared(_) | Parameter::Value(_) => {}
            }
        }
    }

    fn qualifiers(&mut self, signature: &Signature, role: &Role<'_>, errors: &mut Errors) {
        let subject = role.subject(signature);
        let must_not = |what: &str| format!("{subject} must not be {what}");
        if let Some(token) = signature.constness {
            self.fault(token, must_not("`const`"), role, errors);
        }
        if let syn::Safety::Unsafe(token) = signature.safety {
            self.fault(token, must_not("`unsafe`"), role, errors);
        }
        if let Some(abi) = &signature.abi {
            self.fault(abi, must_not(&format!("`{}`", shown(abi))), role, errors);
        }
        if let Some(variadic) = &signature.variadic {
            self.fault(variadic, must_not("variadic"), role, errors);
        }
        if !signature.generics.params.is_empty() {
            self.fault(&signature.generics, must_not("generic"), role, errors);
        }
        if let Some(clause) = &signature.generics.where_clause {
            self.fault(clause.where_token, must_not("bounded by `where`"), role, errors);
        }
    }

    /// Types that cannot be written again in generated code.
    fn output(&mut self, signature: &Signature, role: &Role<'_>, errors: &mut Errors) {
        let syn::ReturnType::Type(_, ty) = &signature.output else { return };
        let mut found = Unfit::default();
        syn::visit::Visit::visit_type(&mut found, ty);
        if found.impl_trait.is_some() || matches!(ungrouped(ty), Type::Never(_)) {
            let message = format!(
                "{} returns `()` or `Result<T, E>`, not `{}`",
                role.subject(signature),
                shown(ty)
            );
            self.fault(ty, message, role, errors);
        }
    }

    fn parameter_type(
        &mut self,
        ty: &Type,
        signature: &Signature,
        role: &Role<'_>,
        errors: &mut Errors,
    ) {
        let subject = role.subject(signature);
        let mut found = Unfit::default();
        syn::visit::Visit::visit_type(&mut found, ty);
        if let Some(ty) = found.impl_trait {
            let message = format!("{subject} must not take an `impl Trait`");
            self.fault(ty, message, role, errors);
        }
        if let Some(lifetime) = found.lifetime
            && !declares(signature, &lifetime)
        {
            let message =
                format!("{subject} must not name the lifetime `{lifetime}`\nhelp: write `'_`");
            self.fault(lifetime, message, role, errors);
        }
    }

    /// A signature that is right, and like those of the block.
    fn shape(&self, role: &Role<'_>) -> String {
        let (name, event) = match role {
            Role::Handler(event) => ("name", format!(", event: &{}", shown(event))),
            Role::Fallback => ("name", ", event: &RawEvent<'_>".to_owned()),
            Role::Hook(name) => (*name, String::new()),
        };
        match &self.transaction {
            Some(transaction) => format!(
                "\nnote: expected `fn {name}(&self{event}, db: &mut {transaction}) -> Result<(), BoxError>`"
            ),
            None => format!("\nnote: expected `fn {name}(&mut self{event})`"),
        }
    }
}

impl Role<'_> {
    /// The method in messages.
    fn subject(&self, signature: &Signature) -> String {
        let name = signature.ident.unraw();
        match self {
            Self::Handler(_) => format!("handler `{name}`"),
            Self::Fallback => format!("fallback `{name}`"),
            Self::Hook(hook) => format!("`#[{hook}]` method `{name}`"),
        }
    }
}

/// The first `&mut` parameter of the block that is not a method's event.
fn transaction(block: &syn::ItemImpl) -> Option<String> {
    let methods = block.items.iter().filter_map(|item| match item {
        syn::ImplItem::Fn(method) => Some(method),
        _ => None,
    });
    methods.filter(|method| !method.attrs.is_empty()).find_map(|method| {
        method.sig.inputs.iter().find_map(|input| {
            let FnArg::Typed(typed) = input else { return None };
            let Parameter::View(ty) = parameter(&typed.ty) else { return None };
            let name = last_name(&ty)?;
            let is_event = method.attrs.iter().any(|attribute| {
                attribute.meta.to_token_stream().into_iter().any(|token| mentions(token, &name))
            });
            (!is_event).then(|| shown(&ty))
        })
    })
}

fn mentions(token: TokenTree, name: &str) -> bool {
    match token {
        TokenTree::Group(group) => group.stream().into_iter().any(|token| mentions(token, name)),
        other => other.to_string() == name,
    }
}

/// Takes the lifetimes that were refused off a signature, which the compiler would refuse again.
/// Tells whether there were any.
pub(super) fn remove_lifetimes(signature: &mut Signature) -> bool {
    let mut inputs = std::mem::take(&mut signature.inputs);
    let mut elided = Elided { signature, any: false };
    for input in &mut inputs {
        syn::visit_mut::VisitMut::visit_fn_arg_mut(&mut elided, input);
    }
    let any = elided.any;
    signature.inputs = inputs;
    any
}

/// Lets a body change what it takes by value after its event, which is refused: the compiler would
/// ask for a `mut` first. Tells whether there is any.
pub(super) fn make_changeable(signature: &mut Signature) -> bool {
    let mut any = false;
    let typed = signature.inputs.iter_mut().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    for PatType { attrs, pat, ty, .. } in typed.skip(1) {
        if let Parameter::Value(_) = parameter(ty)
            && let syn::Pat::Ident(name) = &mut **pat
            && name.mutability.is_none()
        {
            name.mutability = Some(syn::Token![mut](name.ident.span()));
            attrs.push(syn::parse_quote!(#[allow(unused_mut)]));
            any = true;
        }
    }
    any
}

struct Elided<'a> {
    signature: &'a Signature,
    any: bool,
}

impl syn::visit_mut::VisitMut for Elided<'_> {
    fn visit_lifetime_mut(&mut self, lifetime: &mut syn::Lifetime) {
        if lifetime.ident != "static"
            && lifetime.ident != "_"
            && !declares(self.signature, lifetime)
        {
            self.any = true;
            lifetime.ident = syn::Ident::new("_", lifetime.ident.span());
        }
    }
}

/// Tells whether a method declares a lifetime, which is reported there.
fn declares(signature: &Signature, lifetime: &syn::Lifetime) -> bool {
    signature.generics.lifetimes().any(|known| known.lifetime == *lifetime)
}

/// Tells whether no value of a type can be made to be passed on.
fn is_unsized(ty: &Type) -> bool {
    match ungrouped(ty) {
        Type::Slice(_) | Type::TraitObject(_) => true,
        Type::Path(path) => path.path.is_ident("str"),
        _ => false,
    }
}

/// What a parameter's type must not contain: it is written again in generated code.
#[derive(Default)]
struct Unfit {
    impl_trait: Option<syn::TypeImplTrait>,
    lifetime: Option<syn::Lifetime>,
    /// `'static`, which only an event must not be.
    forever: Option<syn::Lifetime>,
}

impl<'ast> syn::visit::Visit<'ast> for Unfit {
    fn visit_type_impl_trait(&mut self, ty: &'ast syn::TypeImplTrait) {
        self.impl_trait.get_or_insert_with(|| ty.clone());
    }

    fn visit_lifetime(&mut self, lifetime: &'ast syn::Lifetime) {
        if lifetime.ident == "static" {
            self.forever.get_or_insert_with(|| lifetime.clone());
        } else if lifetime.ident != "_" {
            self.lifetime.get_or_insert_with(|| lifetime.clone());
        }
    }
}

fn parameter(ty: &Type) -> Parameter {
    match ungrouped(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => {
            Parameter::View((*reference.elem).clone())
        }
        Type::Reference(reference) => Parameter::Shared((*reference.elem).clone()),
        other => Parameter::Value(other.clone()),
    }
}

/// The last name of a path, behind references.
fn last_name(ty: &Type) -> Option<String> {
    match ungrouped(ty) {
        Type::Reference(reference) => last_name(&reference.elem),
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// Tells whether a type has the event's name, behind references.
fn names(ty: &Type, event: &str) -> bool {
    let Some(name) = last_name(ty) else { return false };
    let event = event.split('<').next().unwrap_or_default();
    event.rsplit("::").next() == Some(name.as_str())
}

/// Tells whether a first parameter plainly is no event: a transaction or the envelope.
fn is_something_else(ty: &Type, event: &str) -> bool {
    let is_other = match ungrouped(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => {
            last_name(ty).is_some_and(|name| name.ends_with("Tx"))
        }
        Type::Reference(_) => last_name(ty).is_some_and(|name| name == "Envelope"),
        _ => false,
    };
    is_other && !names(ty, event)
}
