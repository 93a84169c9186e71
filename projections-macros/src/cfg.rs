//! `#[cfg]` attributes, which what is generated for a method has as well.

use syn::{
    Attribute, Expr, ExprLit, Lit, Meta, MetaList, MetaNameValue, Token, punctuated::Punctuated,
};

/// The `#[cfg]` attributes of an item, without those that are none: the compiler refuses them where
/// they stand, and would refuse them at each copy.
pub(crate) fn of(attributes: &[Attribute]) -> Vec<Attribute> {
    let is_cfg = |attribute: &&Attribute| attribute.path().is_ident("cfg");
    attributes.iter().filter(is_cfg).filter(|one| is_whole(one)).cloned().collect()
}

fn is_whole(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    predicates(list).is_some_and(|list| list.len() == 1 && list.iter().all(is_predicate))
}

fn predicates(list: &MetaList) -> Option<Punctuated<Meta, Token![,]>> {
    list.parse_args_with(Punctuated::parse_terminated).ok()
}

fn is_predicate(meta: &Meta) -> bool {
    match meta {
        Meta::Path(path) => path.get_ident().is_some(),
        Meta::NameValue(MetaNameValue { path, value, .. }) => {
            let is_text = matches!(value, Expr::Lit(ExprLit { lit: Lit::Str(_), .. }));
            path.get_ident().is_some() && is_text
        }
        Meta::List(list) => predicates(list).is_some_and(|inner| {
            let is_all = inner.iter().all(is_predicate);
            match list.path.get_ident() {
                Some(name) if name == "not" => is_all && inner.len() == 1,
                Some(name) => is_all && (name == "all" || name == "any" || name == "target"),
                None => false,
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn what_the_compiler_refuses_is_left_to_it() {
        let whole: [Attribute; 4] = [
            parse_quote!(#[cfg(test)]),
            parse_quote!(#[cfg(feature = "audit")]),
            parse_quote!(#[cfg(all(unix, not(any(feature = "a", test))))]),
            parse_quote!(#[cfg(any())]),
        ];
        assert_eq!(of(&whole).len(), 4);
        let broken: [Attribute; 8] = [
            parse_quote!(#[cfg]),
            parse_quote!(#[cfg()]),
            parse_quote!(#[cfg(a, b)]),
            parse_quote!(#[cfg = "a"]),
            parse_quote!(#[cfg(feature = audit)]),
            parse_quote!(#[cfg(not(a, b))]),
            parse_quote!(#[cfg(none(a))]),
            parse_quote!(#[cfg(a::b)]),
        ];
        assert!(of(&broken).is_empty());
    }
}
