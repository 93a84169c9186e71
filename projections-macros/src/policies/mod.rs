//! Policies that `#[projector]` and `#[handles]` share.

pub(crate) mod duration;
mod retry;

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

pub(crate) use self::retry::{Retry, Settings};
use crate::{
    attr::{Entry, Words},
    errors::Errors,
    paths::Library,
};

/// Options of a handler that are policies.
pub(crate) const OF_A_HANDLER: &[&str] = &["permanent", "replay", "retry"];

const REPLAY: Words = Words { noun: "policy", available: &["skip"] };

/// What a handler says of its failures, and of history.
#[derive(Default)]
pub(crate) struct Policies {
    /// The policy, and the place of its key.
    pub(crate) retry: Option<(Retry, Span)>,
    pub(crate) permanent: Option<Permanent>,
    /// `replay = "skip"`.
    pub(crate) skips_replay: bool,
}

/// `permanent = path`: a function that knows the errors which trying again does not help against.
pub(crate) struct Permanent {
    /// The key's place.
    pub(crate) span: Span,
    pub(crate) path: syn::Path,
}

impl Policies {
    /// Reads a policy of a handler.
    pub(crate) fn set(&mut self, entry: &Entry, errors: &mut Errors) {
        let span = entry.key.span();
        match entry.name().as_str() {
            "retry" => self.retry = Retry::read(entry, errors).map(|retry| (retry, span)),
            "replay" => self.skips_replay = entry.word(&REPLAY, errors).is_some(),
            // `permanent`, the last of the keys
            _ => self.permanent = entry.path(errors).map(|path| Permanent { span, path }),
        }
    }

    /// What they add to a route.
    pub(crate) fn of_route(&self, library: &Library) -> TokenStream {
        if self.retry.is_none() && !self.skips_replay {
            return TokenStream::new();
        }
        let public = library.public();
        let retry = self.retry.as_ref().map(|(retry, _)| {
            let retry = retry.tokens(&public);
            quote_spanned!(Span::mixed_site()=> .retry(#retry))
        });
        let replay =
            self.skips_replay.then(|| quote_spanned!(Span::mixed_site()=> .skips_replay()));
        quote_spanned!(Span::mixed_site()=> #retry #replay)
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;
    use crate::attr::Keys;

    const KEYS: Keys = Keys {
        attribute: "`#[test]`",
        available: &["retry", "replay", "permanent"],
        aliases: &[],
        types: &["permanent"],
        repeatable: &[],
        first: None,
    };

    /// What the options are understood as, and their faults.
    fn read(options: TokenStream) -> (Policies, String) {
        let mut errors = Errors::default();
        let mut policies = Policies::default();
        for entry in KEYS.read_list(options, &mut errors) {
            policies.set(&entry, &mut errors);
        }
        (policies, errors.finish().to_string())
    }

    #[test]
    fn what_is_written_is_set_and_nothing_else() {
        let time = |milliseconds: u64| quote!(::core::time::Duration::from_millis(#milliseconds));
        let (fifth, half_minute) = (time(200), time(30_000));
        let second = time(1_000);
        for (options, route) in [
            (quote!(), quote!()),
            (quote!(retry(none)), quote!(.retry(p::RetryPolicy::NONE))),
            (quote!(retry(max = 3)), quote!(.retry(p::RetryPolicy::DEFAULT.max(3u32)))),
            (
                quote!(retry(initial = "30s")),
                quote!(.retry(p::RetryPolicy::DEFAULT.initial(#half_minute))),
            ),
            (quote!(retry(cap = "200ms")), quote!(.retry(p::RetryPolicy::DEFAULT.cap(#fifth)))),
            (quote!(retry(factor = 1)), quote!(.retry(p::RetryPolicy::DEFAULT.factor(1f64)))),
            (quote!(retry(jitter = 0)), quote!(.retry(p::RetryPolicy::DEFAULT.jitter(0f64)))),
            (
                quote!(retry(jitter = 1.0, initial = "1s", cap = "1s")),
                quote!(.retry(p::RetryPolicy::DEFAULT.initial(#second).cap(#second).jitter(1f64))),
            ),
            (quote!(replay = "skip"), quote!(.skips_replay())),
            (
                quote!(replay = "skip", retry(none)),
                quote!(.retry(p::RetryPolicy::NONE).skips_replay()),
            ),
            (quote!(permanent = faults::is_permanent), quote!()),
        ] {
            let (policies, faults) = read(options.clone());
            assert_eq!(faults, "", "{options}");
            assert_eq!(
                policies.of_route(&Library::new(Some(syn::parse_quote!(p)))).to_string(),
                route.to_string(),
                "{options}"
            );
            let judge = policies.permanent.map(|permanent| permanent.path);
            let is_judged = options.to_string().starts_with("permanent");
            assert_eq!(judge, is_judged.then(|| syn::parse_quote!(faults::is_permanent)));
        }
    }

    #[test]
    fn wrong_policies_are_told_what_is_wrong() {
        for (options, fault) in [
            (quote!(retry), "`retry` has no value"),
            (quote!(retry = 3), "found `retry = 3`"),
            (quote!(retry()), "sets nothing"),
            (quote!(retry(non)), "did you mean `none`?"),
            (quote!(retry(none = 1)), "expected `none`, found `none = 1`"),
            (quote!(retry(none, max = 3)), "`none` cannot go with `max`"),
            (quote!(retry(max = 3, none)), "`none` cannot go with `max`"),
            (quote!(retry(max = 0)), "help: write `retry(none)`"),
            (quote!(retry(max = "3")), "expected a whole number"),
            (quote!(retry(initial = "2 sekonds")), "is not a duration"),
            (quote!(retry(initial = 200)), "expected a duration, found `200`"),
            (quote!(retry(initial = "31s")), "the default"),
            (quote!(retry(cap = "199ms")), "the default"),
            (quote!(retry(initial = "2s", cap = "1s")), "is below `initial = "),
            (quote!(retry(factor = 0.99)), "`factor = 0.99` is below 1"),
            (quote!(retry(factor = -2)), "`factor = -2` is below 1"),
            (quote!(retry(factor = "2")), "expected a number"),
            (quote!(retry(jitter = 1.01)), "is not between 0 and 1"),
            (quote!(retry(jitter = -0.1)), "`jitter = -0.1` is not between 0 and 1"),
            (quote!(replay = "skpi"), "did you mean `skip`?"),
            (quote!(permanent = "path"), "help: remove the quotes"),
            (quote!(permanent), "`permanent` has no value"),
        ] {
            let (policies, found) = read(options.clone());
            assert!(found.contains(fault), "{options}: {found}");
            assert!(!found.contains("not available yet"), "{options}: {found}");
            assert_eq!(found.matches("compile_error").count(), 1, "{options}: {found}");
            assert_eq!(
                policies.of_route(&Library::new(Some(syn::parse_quote!(p)))).to_string(),
                "",
                "{options}"
            );
        }
    }

    #[test]
    fn a_retry_is_shown_with_its_defaults() {
        for (options, text) in [
            (quote!(retry(none)), "none"),
            (quote!(retry(max = 1)), "once, after 200ms, jitter 0.1"),
            (
                quote!(retry(initial = "2s")),
                "3 times, after 2s, each wait 2 times the last, at most 30s, jitter 0.1",
            ),
            (
                quote!(retry(max = 5, initial = "1s", factor = 1.5, cap = "90s", jitter = 0)),
                "5 times, after 1s, each wait 1.5 times the last, at most 90s, jitter 0",
            ),
        ] {
            let (policies, _) = read(options);
            assert_eq!(policies.retry.map(|(retry, _)| retry.text()).as_deref(), Some(text));
        }
    }
}
