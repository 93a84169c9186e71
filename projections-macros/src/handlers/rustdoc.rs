//! The table of what a projector handles.

use proc_macro2::TokenStream;
use syn::{Type, ext::IdentExt};

use super::{
    model::{Block, Fallback, Handler, Scope},
    park_key::ParkKey,
};
use crate::{
    attr::shown,
    paths::ungrouped,
    policies::Policies,
    rustdoc::{Table, code, linked},
};

/// Writes the table. An event's own domain is not known to the macro, so it is not named.
pub(super) fn table(block: &Block) -> TokenStream {
    let mut table = Table::new(&["event", "domain", "handler"]);
    for Handler { event, input_domain, from_now, method, .. } in &block.handlers {
        let domain =
            input_domain.as_ref().map_or("its own".to_owned(), |domain| code(&domain.value()));
        let from = if *from_now { ", from now on" } else { "" };
        let handler = code(&method.name.unraw().to_string()) + from + &policies(&method.policies);
        table.row(&method.cfg, &[shown_event(block, event), domain, handler]);
    }
    if let Some(Fallback { scope, method, .. }) = &block.fallback {
        let handler = code(&method.name.unraw().to_string()) + &policies(&method.policies);
        table.row(&method.cfg, &["all others".to_owned(), domains(scope), handler]);
    }
    if let Some(ParkKey { name, cfg, .. }) = &block.park_key {
        let name = code(&name.unraw().to_string());
        table.sentence(cfg, &format!("Behind a parked event wait those of the same {name}."));
    }
    table.finish()
}

/// What a handler says of its failures, and of history.
fn policies(Policies { retry, permanent, skips_replay }: &Policies) -> String {
    let replay = skips_replay.then(|| "not for history".to_owned());
    let retry = retry.as_ref().map(|(retry, _)| format!("retry: {}", retry.text()));
    let permanent =
        permanent.as_ref().map(|judge| format!("permanent: {}", code(&shown(&judge.path))));
    replay.into_iter().chain(retry).chain(permanent).map(|policy| format!("; {policy}")).collect()
}

/// A type parameter has no page, and may have the name of something that has one.
fn shown_event(block: &Block, event: &Type) -> String {
    let mut parameters = block.item.generics.type_params();
    match ungrouped(event) {
        Type::Path(path) if parameters.any(|parameter| path.path.is_ident(&parameter.ident)) => {
            code(&shown(path))
        }
        event => linked(event),
    }
}

fn domains(scope: &Scope) -> String {
    match scope {
        Scope::All => "all".to_owned(),
        Scope::Domains(names) => {
            names.iter().map(|name| code(&name.value())).collect::<Vec<_>>().join(", ")
        }
        Scope::HandlersDomains => "those above".to_owned(),
    }
}
