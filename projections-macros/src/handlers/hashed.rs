//! What the fingerprint sees of a block beside its handlers.

use quote::ToTokens;
use syn::{Attribute, LitStr};

use super::model::Scope;
use crate::{cfg, fingerprint, policies::Policies};

/// The facts of an item without a marker.
pub(super) const NO_FACTS: &[&str] = &[];

/// The hash of an item that is no handler.
pub(crate) struct Hashed {
    /// Where the item is compiled out it does not count.
    pub(crate) cfg: Vec<Attribute>,
    pub(crate) hash: u64,
}

impl Hashed {
    pub(super) fn of(
        attributes: &[Attribute],
        item: &impl ToTokens,
        facts: &[impl AsRef<str>],
    ) -> Self {
        Self { cfg: cfg::of(attributes), hash: fingerprint::of(item, facts) }
    }
}

/// What a `#[fallback]` says that can change a read model, in one order of its domains.
pub(super) fn facts(scope: &Scope, policies: &Policies) -> Vec<String> {
    let (word, mut domains) = match scope {
        Scope::All => ("all", Vec::new()),
        Scope::Domains(domains) => ("domains", domains.iter().map(LitStr::value).collect()),
        Scope::HandlersDomains => ("handlers' domains", Vec::new()),
    };
    domains.sort();
    let replay = policies.skips_replay.then_some("replay = skip");
    let words = ["fallback", word].into_iter().chain(replay);
    words.map(str::to_owned).chain(domains).collect()
}
