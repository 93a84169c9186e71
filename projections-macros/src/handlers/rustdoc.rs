//! The table of what a projector handles, for its documentation.

use std::fmt::Write;

use syn::ext::IdentExt;

use super::model::{Block, Scope};
use crate::attr::shown;

/// Writes the table. An event's own domain is not known to the macro, so it is not named.
pub(super) fn table(block: &Block) -> String {
    let mut text = String::from("\n| event | domain | handler |\n|---|---|---|\n");
    for handler in &block.handlers {
        let domain = match &handler.input_domain {
            Some(domain) => format!("`{}`", domain.value()),
            None => "its own".to_owned(),
        };
        let from = if handler.from_now { ", from now on" } else { "" };
        let (event, method) = (shown(&handler.event), handler.method.name.unraw());
        // writing to a `String` cannot fail
        let _ = writeln!(text, "| `{event}` | {domain} | `{method}`{from} |");
    }
    if let Some(fallback) = &block.fallback {
        let domains = match &fallback.scope {
            Scope::All => "all".to_owned(),
            Scope::Domains(names) => {
                let names: Vec<_> =
                    names.iter().map(|name| format!("`{}`", name.value())).collect();
                names.join(", ")
            }
            Scope::HandlersDomains => "those above".to_owned(),
        };
        let method = fallback.method.name.unraw();
        let _ = writeln!(text, "| all others | {domains} | `{method}` |"); // as above
    }
    text
}
