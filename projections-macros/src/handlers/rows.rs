//! The tables of the rows that a block's methods take.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Type;

use super::model::{Block, Method, Parameter};
use crate::paths::ungrouped;

impl Parameter {
    /// Whether it is written as `&mut Rows<..>`.
    pub(super) fn is_rows(&self) -> bool {
        matches!(self, Self::View(ty) if last_name(ty).is_some_and(|name| name == "Rows"))
    }

    /// Whether it may be rows: an alias can have any name but that of a transaction.
    pub(super) fn may_be_rows(&self) -> Option<&Type> {
        let Self::View(ty) = self else { return None };
        last_name(ty).is_none_or(|name| !name.to_string().ends_with("Tx")).then_some(ty)
    }
}

fn last_name(ty: &Type) -> Option<&syn::Ident> {
    let Type::Path(path) = ungrouped(ty) else { return None };
    path.path.segments.last().map(|segment| &segment.ident)
}

/// The types that may be rows, each where it is first written.
pub(super) fn types(block: &Block) -> Vec<(&Type, &Method)> {
    let mut seen = Vec::new();
    let mut types = Vec::new();
    for (method, parameter) in parameters(block) {
        let Some(ty) = parameter.may_be_rows() else { continue };
        let text = (ty.to_token_stream().to_string(), method.cfg.len());
        if !seen.contains(&text) {
            seen.push(text);
            types.push((ty, method));
        }
    }
    types
}

/// The function that lists the tables, each where it is first named, and whether there is nothing
/// else in the read model.
pub(super) fn tables(block: &Block) -> TokenStream {
    let types = types(block);
    if types.is_empty() {
        return TokenStream::new();
    }
    let statements = types.iter().map(|(ty, method)| {
        let cfg = &method.cfg;
        quote_spanned! {Span::mixed_site()=>
            #(#cfg)*
            __step::<(), #ty>().declare(&mut tables);
        }
    });
    let private = block.library.private();
    let views = parameters(block).filter(|(_, given)| matches!(given, Parameter::View(_)));
    let rows_only = views.clone().all(|(_, parameter)| parameter.is_rows());
    let rows_only =
        rows_only.then(|| quote_spanned!(Span::mixed_site()=> const ROWS_ONLY: bool = true;));
    quote_spanned! {Span::mixed_site()=>
        #rows_only
        fn tables() -> #private::Vec<#private::DeclaredTable> {
            use #private::{DeclareFallback as _, step as __step};
            let mut tables = #private::Vec::new();
            #(#statements)*
            tables
        }
    }
}

fn parameters(block: &Block) -> impl Iterator<Item = (&Method, &Parameter)> + Clone {
    let handlers = block.handlers.iter().map(|handler| &handler.method);
    let fallback = block.fallback.iter().map(|fallback| &fallback.method);
    let hooks = block.setup.iter().chain(&block.reset);
    let methods = handlers.chain(fallback).chain(hooks);
    methods.flat_map(|method| method.parameters.iter().map(move |given| (method, given)))
}
