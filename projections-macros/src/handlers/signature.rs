//! One method's signature.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{FnArg, ReceiverKind, Signature, Type, ext::IdentExt};

use super::model::{Argument, Method, Parameter};
use crate::{attr::shown, errors::Errors, paths::ungrouped};

/// What a method is for.
pub(super) enum Role<'a> {
    Handler(&'a Type),
    Fallback,
    /// `#[setup]` or `#[reset]`.
    Hook(&'static str),
}

/// Reads the signatures of one block.
#[derive(Default)]
pub(super) struct Reader {
    /// The expected shape is shown once a block.
    shape_shown: bool,
}

impl Reader {
    /// Reads a signature. What it returns after a fault is never expanded.
    pub(super) fn read(
        &mut self,
        item: &syn::ImplItemFn,
        role: &Role<'_>,
        errors: &mut Errors,
    ) -> (Method, Option<Argument>) {
        let signature = &item.sig;
        self.qualifiers(signature, role, errors);
        let mut types = Vec::new();
        for input in &signature.inputs {
            if let FnArg::Typed(typed) = input {
                self.parameter_type(&typed.ty, signature, role, errors);
                types.push(&*typed.ty);
            }
        }
        let mut method = Method {
            name: signature.ident.clone(),
            cfg: item.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect(),
            asyncness: signature.asyncness,
            mut_self: self.receiver(signature, role, errors),
            parameters: Vec::new(),
            output: match &signature.output {
                syn::ReturnType::Default => None,
                syn::ReturnType::Type(_, ty) => Some((**ty).clone()),
            },
        };
        let argument = self.argument(&mut types, signature, role, errors);
        method.parameters = types.into_iter().map(parameter).collect();
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
        let shape = if self.shape_shown { String::new() } else { role.shape() };
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
        let noun = role.noun();
        let name = signature.ident.unraw();
        let Some(receiver) = signature.receiver() else {
            let message = format!("{noun} `{name}` must take `&self`");
            self.fault_of_parameters(signature, message, role, errors);
            return None;
        };
        match &receiver.kind {
            ReceiverKind::Reference(_, lifetime, mutable) => {
                if let Some(lifetime) = lifetime {
                    let message =
                        format!("{noun} `{name}` must not name the lifetime `{lifetime}`");
                    self.fault(lifetime, message, role, errors);
                }
                mutable.is_some().then(|| receiver.clone())
            }
            _ => {
                let message =
                    format!("{noun} `{name}` must take `&self`, not `{}`", shown(receiver));
                self.fault(receiver, message, role, errors);
                None
            }
        }
    }

    fn argument(
        &mut self,
        types: &mut Vec<&Type>,
        signature: &Signature,
        role: &Role<'_>,
        errors: &mut Errors,
    ) -> Option<Argument> {
        let (event, owned) = match role {
            Role::Handler(event) => (shown(event), true),
            Role::Fallback => ("RawEvent<'_>".to_owned(), false),
            Role::Hook(_) => return None,
        };
        let noun = role.noun();
        let name = signature.ident.unraw();
        if types.is_empty() {
            let message =
                format!("{noun} `{name}` does not take its event\nhelp: add `event: &{event}`");
            self.fault_of_parameters(signature, message, role, errors);
            return None;
        }
        if let Role::Handler(event) = role {
            self.order(event, types, role, errors);
        }
        let ty = types.remove(0); // there is one, by the check above
        match ungrouped(ty) {
            Type::Reference(reference) if reference.mutability.is_some() => {
                let or_owned = if owned { format!(" or `{event}`") } else { String::new() };
                let message = format!(
                    "{noun} `{name}` takes its event as `{}`\nhelp: write `&{event}`{or_owned}",
                    shown(ty)
                );
                self.fault(ty, message, role, errors);
                None
            }
            Type::Reference(reference) => {
                Some(Argument { ty: (*reference.elem).clone(), by_reference: true })
            }
            other if owned => Some(Argument { ty: other.clone(), by_reference: false }),
            other => {
                let message = format!(
                    "{noun} `{name}` takes its event as `{}`\nhelp: write `&{event}`",
                    shown(other)
                );
                self.fault(ty, message, role, errors);
                None
            }
        }
    }

    /// Sees an event that is there, but not in front. An alias hides it; then its type is wrong.
    fn order(&mut self, event: &Type, types: &[&Type], role: &Role<'_>, errors: &mut Errors) {
        let is_event = |ty: &Type| last_name(ty).is_some_and(|name| last_name(event) == Some(name));
        let [first, rest @ ..] = types else { return };
        if is_event(first) {
            return;
        }
        if let Some(later) = rest.iter().find(|ty| is_event(ty)) {
            let message = "the event is a handler's first parameter";
            self.fault(first, message.to_owned(), role, errors);
            errors.on(later, message);
        }
    }

    fn parameters(&mut self, method: &Method, role: &Role<'_>, errors: &mut Errors) {
        let noun = role.noun();
        let name = method.name.unraw();
        let mut views = 0;
        for parameter in &method.parameters {
            match parameter {
                Parameter::View(ty) => {
                    views += 1;
                    if views == 2 {
                        let message = format!("{noun} `{name}` takes its transaction twice");
                        self.fault(ty, message, role, errors);
                    }
                }
                Parameter::Shared(ty) | Parameter::Value(ty) if matches!(role, Role::Hook(_)) => {
                    let message =
                        format!("`{}` cannot be a parameter of `#[{}]`", shown(ty), role.noun());
                    self.fault(ty, message, role, errors);
                }
                Parameter::Shared(_) | Parameter::Value(_) => {}
            }
        }
    }

    fn qualifiers(&mut self, signature: &Signature, role: &Role<'_>, errors: &mut Errors) {
        let noun = role.noun();
        let name = signature.ident.unraw();
        let must_not = |what: &str| format!("{noun} `{name}` must not be {what}");
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

    fn parameter_type(
        &mut self,
        ty: &Type,
        signature: &Signature,
        role: &Role<'_>,
        errors: &mut Errors,
    ) {
        let noun = role.noun();
        let name = signature.ident.unraw();
        let generics = &signature.generics;
        let mut found = Unfit::default();
        syn::visit::Visit::visit_type(&mut found, ty);
        if let Some(ty) = found.impl_trait {
            let message = format!("{noun} `{name}` must not take an `impl Trait`");
            self.fault(ty, message, role, errors);
        }
        // A lifetime of the handler's own is reported where it is declared.
        if let Some(lifetime) = found.lifetime
            && !generics.lifetimes().any(|known| known.lifetime == lifetime)
        {
            let message = format!(
                "{noun} `{name}` must not name the lifetime `{lifetime}`\nhelp: write `'_`"
            );
            self.fault(lifetime, message, role, errors);
        }
    }
}

impl Role<'_> {
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Handler(_) => "handler",
            Self::Fallback => "fallback",
            Self::Hook(name) => name,
        }
    }

    fn shape(&self) -> String {
        let shape = match self {
            Self::Handler(event) => format!(
                "fn name(&self, event: &{}, db: &mut SqliteTx<'_>) -> Result<(), E>",
                shown(event)
            ),
            Self::Fallback => {
                "fn name(&self, event: &RawEvent<'_>, db: &mut SqliteTx<'_>) -> Result<(), E>"
                    .into()
            }
            Self::Hook(name) => format!("fn {name}(&self, db: &mut SqliteTx<'_>) -> Result<(), E>"),
        };
        format!("\nnote: expected `{shape}`")
    }
}

/// What a parameter's type must not contain: it is written again in generated code.
#[derive(Default)]
struct Unfit {
    impl_trait: Option<syn::TypeImplTrait>,
    lifetime: Option<syn::Lifetime>,
}

impl<'ast> syn::visit::Visit<'ast> for Unfit {
    fn visit_type_impl_trait(&mut self, ty: &'ast syn::TypeImplTrait) {
        self.impl_trait.get_or_insert_with(|| ty.clone());
    }

    fn visit_lifetime(&mut self, lifetime: &'ast syn::Lifetime) {
        if lifetime.ident != "_" && lifetime.ident != "static" {
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
