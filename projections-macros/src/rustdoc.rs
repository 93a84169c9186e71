//! What both attributes write into a projector's documentation: tables on the implementations that
//! they generate, never on the user's own items, so that `missing_docs` and the lints of `rustdoc`
//! go on to judge what the user wrote and nothing else.

use std::borrow::Cow;

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Attribute, Type, ext::IdentExt, visit_mut::VisitMut};

use crate::{attr::shown_type, paths::ungrouped};

/// A table, as attributes of the implementation that carries it.
pub(crate) struct Table {
    written: TokenStream,
    /// The rows that are always there, since the last that may not be.
    rows: Vec<String>,
}

impl Table {
    /// Begins a table. What it links to may be private, or be made by a macro.
    pub(crate) fn new(columns: &[&str]) -> Self {
        let written = quote_spanned! {Span::mixed_site()=>
            #[allow(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links)]
        };
        let mut table = Self { written, rows: Vec::new() };
        table.row(&[], columns);
        table.row(&[], &vec!["---"; columns.len()]);
        table
    }

    /// Adds a row, which is there where the `#[cfg]` attributes say so.
    pub(crate) fn row(&mut self, cfg: &[Attribute], cells: &[impl AsRef<str>]) {
        let cells: Vec<_> = cells.iter().map(|cell| cell_of(cell.as_ref())).collect();
        self.line(cfg, format!("| {} |", cells.join(" | ")));
    }

    /// Adds a sentence behind the last row, which is there where the `#[cfg]` attributes say so.
    pub(crate) fn sentence(&mut self, cfg: &[Attribute], text: &str) {
        self.line(cfg, format!("\n{text}"));
    }

    fn line(&mut self, cfg: &[Attribute], line: String) {
        if cfg.is_empty() {
            self.rows.push(line);
            return;
        }
        self.write_rows();
        let conditions: Vec<_> =
            cfg.iter().filter_map(|attribute| attribute.meta.require_list().ok()).collect();
        let conditions = conditions.iter().map(|list| &list.tokens);
        self.written.extend(quote_spanned! {Span::mixed_site()=>
            #[cfg_attr(all(#(#conditions),*), doc = #line)]
        });
    }

    /// In one attribute: each token costs.
    fn write_rows(&mut self) {
        let rows = std::mem::take(&mut self.rows).join("\n");
        if !rows.is_empty() {
            self.written.extend(quote_spanned!(Span::mixed_site()=> #[doc = #rows]));
        }
    }

    /// The attributes.
    pub(crate) fn finish(mut self) -> TokenStream {
        self.write_rows();
        self.written
    }
}

/// What stands in a cell must not end it.
fn cell_of(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&b'|') { text.replace('|', "\\|").into() } else { text.into() }
}

/// A type, linked where it has a name: as the user wrote it, without its lifetimes. Where the name
/// is not found, or is private, `rustdoc` shows it in brackets.
pub(crate) fn linked(ty: &Type) -> String {
    let mut ty = ungrouped(ty).clone();
    Plain.visit_type_mut(&mut ty);
    let text = code(&shown_type(&ty));
    if matches!(&ty, Type::Path(path) if path.qself.is_none()) { format!("[{text}]") } else { text }
}

/// A text as code, whatever is in it.
pub(crate) fn code(text: &str) -> String {
    if !text.as_bytes().contains(&b'`') {
        return format!("`{text}`");
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if longest == 0 { "" } else { " " };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Takes out of a type what no link needs: lifetimes, and the `r#` of raw names.
struct Plain;

impl VisitMut for Plain {
    fn visit_path_segment_mut(&mut self, segment: &mut syn::PathSegment) {
        segment.ident = syn::Ident::new(&segment.ident.unraw().to_string(), segment.ident.span());
        if let syn::PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
            let kept = std::mem::take(&mut arguments.args).into_iter();
            arguments.args =
                kept.filter(|kept| !matches!(kept, syn::GenericArgument::Lifetime(_))).collect();
            if arguments.args.is_empty() {
                segment.arguments = syn::PathArguments::None;
            }
        }
        syn::visit_mut::visit_path_segment_mut(self, segment);
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn a_link_is_the_path_that_the_user_wrote() {
        for (ty, text) in [
            (parse_quote!(Paid), "[`Paid`]"),
            (parse_quote!(::shop::events::Paid<'_>), "[`::shop::events::Paid`]"),
            (parse_quote!(events::r#type<'a>), "[`events::type`]"),
            (parse_quote!(Versioned<'a, Paid<'a>>), "[`Versioned<Paid>`]"),
            (parse_quote!((Paid)), "[`Paid`]"),
            (parse_quote!(<Shop as Sells>::Event), "`<Shop as Sells>::Event`"),
        ] {
            assert_eq!(linked(&ty), text);
        }
    }

    #[test]
    fn code_does_not_end_early() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code("``"), "``` `` ```");
    }

    #[test]
    fn a_cell_does_not_end_early() {
        let mut table = Table::new(&["a"]);
        table.row(&[parse_quote!(#[cfg(unix)]), parse_quote!(#[cfg(test)])], &["`a|b`"]);
        let written = table.finish().to_string();
        assert!(
            written.ends_with("# [cfg_attr (all (unix , test) , doc = \"| `a\\\\|b` |\")]"),
            "{written}"
        );
    }
}
