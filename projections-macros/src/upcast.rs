//! `upcast(..)` of `#[event(..)]`: what brings events of an older shape to the present one.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Ident, ext::IdentExt, visit_mut::VisitMut};

use crate::{
    attr::{Entry, Keys, Value, shown},
    errors::Errors,
    paths::{Library, Static, ends},
};

const KEYS: Keys = Keys {
    attribute: "`upcast`",
    available: &["from", "with"],
    aliases: &[("by", "with"), ("function", "with"), ("version", "from")],
    types: &["from"],
    repeatable: &[],
    first: None,
};

/// The upcasters of an event.
#[derive(Default)]
pub(crate) struct Upcasts {
    older: Vec<Older>,
    functions: Vec<Function>,
}

/// An older type, which is converted.
struct Older {
    /// As it is written.
    written: syn::Type,
    /// With every lifetime `'static`: what it is decoded as does not depend on its own.
    ty: syn::Type,
}

/// A function over the JSON of one version.
struct Function {
    from: u32,
    from_span: Span,
    path: syn::Path,
}

impl Upcasts {
    /// Reads one `upcast(..)`.
    pub(crate) fn read(&mut self, entry: &Entry, errors: &mut Errors) {
        let Some(tokens) = entry.list("upcast(from = OlderType)", errors) else { return };
        let before = errors.count();
        let entries = KEYS.read_list(tokens, errors);
        // An option that could not be read is not missed as well.
        let is_whole = errors.count() == before;
        let find = |key: &str| entries.iter().find(|entry| entry.name() == key);
        let (from, with) = (find("from"), find("with"));
        match from.map(|from| (from, &from.value)) {
            None if is_whole => errors.at(
                entry.key.span(),
                "`upcast` does not say from what\nhelp: write `upcast(from = OlderType)` or `upcast(from = 1, with = function)`",
            ),
            None => {}
            Some((from, Value::Expression(_))) if with.is_some() || is_whole => {
                self.read_function(from, with, errors);
            }
            Some((_, Value::Expression(_))) => {}
            Some((_, Value::Type(ty))) => self.read_older(ty, with, errors),
            Some((from, _)) => {
                from.ty(errors); // says how it is written
            }
        }
    }

    fn read_function(&mut self, from: &Entry, with: Option<&Entry>, errors: &mut Errors) {
        let span = from.place();
        let Some(version) = from.number::<u32>(errors) else { return };
        let Some(with) = with else {
            errors.at(
                span,
                format!("nothing says what becomes of version {version}\nhelp: write `upcast(from = {version}, with = function)`"),
            );
            return;
        };
        if self.functions.iter().any(|known| known.from == version) {
            errors.at(span, format!("version {version} has an upcaster already"));
            return;
        }
        match with.expression("with = function", errors) {
            Some(syn::Expr::Path(function)) if function.qself.is_none() => {
                let path = function.path.clone();
                self.functions.push(Function { from: version, from_span: span, path });
            }
            Some(other) => errors.on(
                other,
                "`with` takes the path of a function\nhelp: write a `fn(Value) -> Value`, and its path here",
            ),
            None => {}
        }
    }

    fn read_older(&mut self, ty: &syn::Type, with: Option<&Entry>, errors: &mut Errors) {
        let name = shown(ty);
        if let Some(with) = with {
            errors.at(
                with.key.span(),
                format!("`with` goes with a version, and `{name}` is a type\nnote: a type is converted by its `From` or `TryFrom`\nhelp: remove `with`, or write `from = 1`"),
            );
        }
        if self.older.iter().any(|older| shown(&older.written) == name) {
            errors.on(ty, format!("`{name}` is given twice"));
            return;
        }
        let mut own = ty.clone();
        Static.visit_type_mut(&mut own);
        self.older.push(Older { written: ty.clone(), ty: own });
    }

    /// Checks what can be seen without the types. The version is `None` where it is not known.
    pub(crate) fn check(&mut self, event: &Ident, version: Option<u32>, errors: &mut Errors) {
        // An event that is its own older shape would have no end.
        self.older.retain(|older| {
            let is_itself = older.is_called(event);
            if is_itself {
                errors.on(
                    &older.written,
                    format!("`{event}` cannot be an older shape of itself\nhelp: keep the older shape under a name of its own, with `#[event(name = \"{}\")]`", event.unraw()),
                );
            }
            !is_itself
        });
        let Some(version) = version else { return };
        for Function { from, from_span, .. } in &self.functions {
            if *from >= version {
                errors.at(
                    *from_span,
                    format!("`from = {from}` is not below the event's version, which is {version}\nhelp: write `version = {}`", from.saturating_add(1)),
                );
            } else if *from < self.first_function(version) && !self.older.is_empty() {
                // Without an older type the missing version itself is reported.
                errors.at(
                    *from_span,
                    format!("no function goes on from version {next}, to which this one leads\nhelp: add `upcast(from = {next}, with = function)`, or write this one on the type of version {next}", next = from + 1),
                );
            }
        }
    }

    /// The lowest version from which on each has a function; the event's own where none has.
    fn first_function(&self, version: u32) -> u32 {
        let mut first = version;
        while self.functions.iter().any(|function| Some(function.from) == first.checked_sub(1)) {
            first -= 1; // the one below has a function, and so is a version
        }
        first
    }

    /// The items of the event's implementation.
    pub(crate) fn items(&self, event: &Ident, version: u32, library: &Library) -> TokenStream {
        if self.older.is_empty() && self.functions.is_empty() {
            return TokenStream::new();
        }
        let (public, private) = (library.public(), library.private());
        let shapes = self.older.iter().map(|Older { ty, .. }| {
            let public = library.public_at(ends(ty).0);
            quote_spanned!(ends(ty).0=> #public::Upcast::of::<#ty>())
        });
        let stored = Ident::new("stored", Span::mixed_site());
        let older = self.older.iter().enumerate();
        let conversions =
            older.map(|(number, older)| older.conversion(number, event, &stored, library));
        let functions = self.function_arm(&stored, library);
        let first = self.first_function(version);
        quote_spanned! {Span::mixed_site()=>
            const UPCASTS: &'static [#public::Upcast] = &[#(#shapes),*];

            fn decode(
                #stored: #public::Stored<'_>,
            ) -> ::core::result::Result<Self::Decoded<'_>, #public::BoxError> {
                #[allow(unused_imports)]
                use #private::{Convert as _, ConvertFallback as _};
                match #private::way::<Self>(#stored, #first) {
                    #(#conversions)*
                    #functions
                    _ => #private::decode_current::<Self>(#stored),
                }
            }
        }
    }

    fn function_arm(&self, stored: &Ident, library: &Library) -> TokenStream {
        if self.functions.is_empty() {
            return TokenStream::new();
        }
        let private = library.private();
        let value = |span: Span| Ident::new("value", Span::mixed_site().located_at(span));
        let arms = self.functions.iter().map(|Function { from, path, .. }| {
            let (_, span) = ends(path);
            let (private, value) = (library.private_at(span), value(span));
            // Wholly at the path, which is all that can be wrong here.
            let upcaster = Ident::new("upcaster", span);
            let body = quote_spanned! {span=>
                {
                    let #upcaster = #private::upcaster(#path);
                    #upcaster.rewrite(#value)
                }
            };
            quote_spanned!(Span::mixed_site()=> #from => #body,)
        });
        let value = value(Span::mixed_site());
        quote_spanned! {Span::mixed_site()=>
            #private::Way::Functions => #private::run_functions::<Self>(
                #stored,
                |version, #value| match version {
                    #(#arms)*
                    _ => ::core::result::Result::Ok(#value),
                },
            ),
        }
    }

    /// Assertions on what only types know.
    pub(crate) fn checks(
        &self,
        event: (&Ident, &syn::Type),
        version: Option<(u32, Span)>,
        codec: Option<&syn::Path>,
        library: &Library,
    ) -> TokenStream {
        let (name, ty) = event;
        let name = name.unraw().to_string();
        let functions = self.first_function(version.map_or(1, |(number, _)| number));
        let facts = |span: Span| {
            let private = library.private_at(span);
            quote_spanned!(span=> &#private::version_facts::<#ty>(#name, #functions))
        };
        let mut checks = TokenStream::new();
        if let Some((_, span)) = version {
            let (private, facts) = (library.private_at(span), facts(span));
            checks.extend(quote_spanned! {span=>
                const _: () = #private::no_version_fault(#facts);
            });
        }
        for (number, Older { written, .. }) in self.older.iter().enumerate() {
            let ((first, last), shown) = (ends(written), shown(written));
            let (private, facts) = (library.private_at(first), facts(first));
            let arguments = quote_spanned!(last=> (#facts, #number, #shown));
            checks.extend(quote_spanned! {first=>
                const _: () = #private::no_older_fault #arguments;
            });
        }
        if let Some(codec) = codec.filter(|_| !self.functions.is_empty()) {
            let (first, last) = ends(codec);
            let private = library.private_at(first);
            let call = quote_spanned!(last=> ::<#codec>());
            checks.extend(quote_spanned! {first=>
                const _: () = #private::check_json_codec #call;
            });
        }
        checks
    }
}

impl Older {
    /// Tells whether the type is written as this event.
    fn is_called(&self, event: &Ident) -> bool {
        let syn::Type::Path(path) = &self.ty else { return false };
        let mut segments = path.path.segments.iter().map(|segment| &segment.ident);
        match (segments.next(), segments.next()) {
            (Some(name), None) => name == event || name == "Self",
            _ => false,
        }
    }

    fn conversion(
        &self,
        number: usize,
        event: &Ident,
        stored: &Ident,
        library: &Library,
    ) -> TokenStream {
        let private = library.private();
        let (older, event) = (shown(&self.written), event.unraw().to_string());
        let (ty, span) = (&self.ty, self.name_span());
        // A conversion that is missing is the older type's fault.
        let at = library.private_at(span);
        let call = quote_spanned! {span=>
            #at::Argument::<#ty, Self::Decoded<'_>>::STEP.convert(#stored, #older, #event)
        };
        quote_spanned! {Span::mixed_site()=>
            #private::Way::Older(#number) => #call,
        }
    }

    /// The place of the type's name, without the path before it and its lifetimes.
    fn name_span(&self) -> Span {
        match &self.ty {
            syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.span()),
            _ => None,
        }
        .unwrap_or_else(|| ends(&self.ty).0)
    }
}
