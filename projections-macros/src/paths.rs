//! The one place that spells how generated code names the library.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};

/// The path of the library: `::projections`, or what `crate = path` says.
#[derive(Clone)]
pub(crate) struct Library(Option<syn::Path>);

impl Library {
    pub(crate) fn new(path: Option<syn::Path>) -> Self {
        Self(path)
    }

    /// The library's public items.
    pub(crate) fn public(&self) -> TokenStream {
        match &self.0 {
            Some(path) => path.to_token_stream(),
            None => quote_spanned!(Span::mixed_site()=> ::projections),
        }
    }

    /// What only generated code names.
    pub(crate) fn private(&self) -> TokenStream {
        let public = self.public();
        quote_spanned!(Span::mixed_site()=> #public::__private)
    }

    /// The same, at the place of the user's token that an assertion is about. A diagnostic whose
    /// tokens come from several places would fall back to the macro's name.
    pub(crate) fn private_at(&self, span: Span) -> TokenStream {
        let path = self.public_at(span);
        quote_spanned!(span=> #path::__private)
    }

    /// The library's public items, at the place of a user's token.
    pub(crate) fn public_at(&self, span: Span) -> TokenStream {
        match &self.0 {
            Some(path) => respanned(path.to_token_stream(), span),
            None => quote_spanned!(span=> ::projections),
        }
    }

    /// Tells whether the attribute is one of the library's, of this name: bare, or behind the
    /// library's path.
    pub(crate) fn is(&self, attribute: &syn::Path, name: &str) -> bool {
        self.own_name(attribute).as_deref() == Some(name)
    }

    /// The last name of an attribute that is bare, or behind the library's path.
    pub(crate) fn own_name(&self, attribute: &syn::Path) -> Option<String> {
        let mut segments: Vec<_> =
            attribute.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let name = segments.pop()?;
        let own = match &self.0 {
            Some(path) => path.segments.iter().map(|segment| segment.ident.to_string()).collect(),
            None => vec!["projections".to_owned()],
        };
        let is_own = segments.is_empty() || segments == own || segments == ["projections"];
        is_own.then_some(name)
    }
}

/// The first and the last place of some tokens. On stable Rust they cannot be joined, but an
/// expression whose first token has the one and whose last has the other is shown as both.
pub(crate) fn ends(tokens: impl ToTokens) -> (Span, Span) {
    let mut tokens = tokens.into_token_stream().into_iter().map(|token| token.span());
    let first = tokens.next().unwrap_or_else(Span::call_site);
    (first, tokens.last().unwrap_or(first))
}

/// The same of a type. Most are a path of plain names, whose ends take no printing.
pub(crate) fn ends_of_type(ty: &syn::Type) -> (Span, Span) {
    let syn::Type::Path(syn::TypePath { qself: None, path, .. }) = ty else { return ends(ty) };
    let (Some(first), Some(last)) = (path.segments.first(), path.segments.last()) else {
        return ends(ty);
    };
    if path.leading_colon.is_some() || !path.segments.iter().all(|each| each.arguments.is_none()) {
        return ends(ty);
    }
    (first.ident.span(), last.ident.span())
}

/// The place of a type, as [`Spanned`] says it: the whole of it, where spans can be joined.
pub(crate) fn span_of_type(ty: &syn::Type) -> Span {
    let (first, last) = ends_of_type(ty);
    first.join(last).unwrap_or(first)
}

/// Moves tokens to a place, and leaves them their meaning.
fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}

/// Takes a type out of the invisible groups that `macro_rules!` puts around it.
pub(crate) fn ungrouped(mut ty: &syn::Type) -> &syn::Type {
    loop {
        match ty {
            syn::Type::Group(group) => ty = &group.elem,
            syn::Type::Paren(paren) => ty = &paren.elem,
            _ => return ty,
        }
    }
}

/// Makes every lifetime of a type `'static`.
pub(crate) struct Static;

impl syn::visit_mut::VisitMut for Static {
    fn visit_lifetime_mut(&mut self, lifetime: &mut syn::Lifetime) {
        lifetime.ident = syn::Ident::new("static", lifetime.ident.span());
    }
}
