//! What the macros write while an attribute is being typed: every beginning of it.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;

use crate::{domain, event, handlers, projector, read_model};

/// Every beginning of some tokens, those that end inside a group as well, and the whole.
fn beginnings(tokens: TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut all = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let before: TokenStream = tokens.iter().take(index).cloned().collect();
        if let TokenTree::Group(group) = token {
            for inside in beginnings(group.stream()) {
                let group = Group::new(group.delimiter(), inside);
                all.push(quote!(#before #group));
            }
        }
        all.push(before);
    }
    all.push(tokens.into_iter().collect());
    all
}

/// The texts of the errors that an expansion reports.
fn errors(tokens: TokenStream) -> Vec<String> {
    let mut texts = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let TokenTree::Group(group) = &token else {
            if token.to_string() == "compile_error" {
                tokens.next(); // the `!`
                texts.extend(tokens.next().map(|text| text.to_string()));
            }
            continue;
        };
        texts.extend(errors(group.stream()));
    }
    texts
}

fn assert_is_rust(tokens: &TokenStream) {
    if let Err(error) = syn::parse2::<syn::File>(tokens.clone()) {
        panic!("{error}: {tokens}");
    }
}

/// Asserts that all of these is written, and at most one error but for the expected one.
fn assert_written(tokens: &TokenStream, expected_error: &str, items: &[TokenStream], of: &str) {
    assert_is_rust(tokens);
    let text = tokens.to_string();
    for item in items {
        assert!(text.contains(&item.to_string()), "`{item}` of `{of}` is missing in {text}");
    }
    let mut errors = errors(tokens.clone());
    let count = errors.len();
    errors.retain(|error| !error.contains(expected_error));
    assert_eq!(errors.len(), count - 1, "`{of}` hides `{expected_error}`: {errors:?}");
    assert!(errors.len() <= 1, "`{of}` has more than one fault: {errors:?}");
}

#[test]
fn projector_is_written_at_every_key() {
    let attribute =
        quote!("x", storage = Sqlite, unregistered = "error", batch(events = 5), crate = a::b);
    let of_failures =
        quote!("x", on_failure = "park", park_by = "domain", park(keys = 5), timeout = "5s");
    for beginning in beginnings(attribute).into_iter().chain(beginnings(of_failures)) {
        let item = quote! {
            /// Documented.
            #[derive(Debug)]
            pub struct Orders { #[resource(clock)] pub clock: Clock, count: u64, }
        };
        let written = projector::expand(beginning.clone(), item);
        let items = [
            quote!(
                #[derive(Debug)]
                pub struct Orders {
                    pub clock: Clock,
                    count: u64,
                }
            ),
            quote!(Projector for Orders),
        ];
        assert_written(&written, "takes no options", &items, &beginning.to_string());
    }
}

#[test]
fn a_block_is_written_at_every_key() {
    for attribute in [
        quote!(handles(events::Placed, input_domain = "orders", from = "now")),
        quote!(handles(Placed, replay = "skip", retry(max = 3, cap = "9s"), permanent = a::b)),
        quote!(fallback(domain = ["orders", "stock"])),
        quote!(projections::handles(Placed)),
    ] {
        for beginning in beginnings(attribute).into_iter().filter(|tokens| !tokens.is_empty()) {
            let item = quote! {
                impl Orders {
                    const LIMIT: u32 = 1;
                    #[handles(Shipped, form = "now")]
                    fn on_shipped(&mut self, event: &Shipped) {}
                    #[#beginning]
                    #[inline]
                    fn on_other(&mut self, event: &Placed, at: &Envelope) -> u32 { self.count }
                    #[handles(Paid)]
                    fn on_paid(&mut self, event: &Paid) {}
                }
            };
            // An attribute is a path at least; what is none, the compiler reports.
            if syn::parse2::<syn::Item>(item.clone()).is_err() {
                continue;
            }
            let written = handlers::expand(TokenStream::new(), item);
            let items = [
                quote!(
                    fn on_shipped(&mut self, event: &Shipped) {}
                ),
                quote!(
                    #[inline]
                    fn on_other(&mut self, event: &Placed, at: &Envelope) -> u32 {
                        self.count
                    }
                ),
                quote!(
                    fn on_paid(&mut self, event: &Paid) {}
                ),
                // The sound handler is checked all the same.
                quote!((Paid) decode (Paid)),
            ];
            assert_written(&written, "option `form`", &items, &beginning.to_string());
        }
    }
}

#[test]
fn an_event_is_written_at_every_key() {
    let attribute = quote!(event(
        domain = "orders",
        name = "placed",
        aliases("a", "b"),
        codec = my::Codec,
        crate = a::b
    ));
    for beginning in attributes(attribute) {
        let written = event::expand(quote!(#beginning struct Placed<T> { count: u64 }));
        let found = errors(written).iter().any(|error| error.contains("must not be generic"));
        assert!(found, "`{beginning}` hides the other fault");
        let written = event::expand(quote!(#beginning struct Placed { count: u64 }));
        assert_is_rust(&written);
        assert!(written.to_string().contains("Event for Placed"), "{beginning}");
        assert!(errors(written).len() <= 1, "{beginning}");
    }
}

#[test]
fn a_domain_is_written_at_every_key() {
    for beginning in attributes(quote!(domain("orders", crate = a::b))) {
        let written = domain::expand(
            quote!(#beginning enum Orders { Placed(Placed), Shipped { count: u64 } }),
        );
        let of = beginning.to_string();
        assert_written(&written, "must hold one event", &[quote!(Domain for Orders)], &of);
    }
}

#[test]
fn a_row_is_written_at_every_key() {
    let on_struct = quote!(read_model(
        table = "players",
        index(team, joined),
        unique(league, number),
        crate = a::b
    ));
    for beginning in attributes(on_struct) {
        let row = quote! {
            #beginning
            struct Player {
                #[key] player: String,
                #[column(nmae = "t")] team: u8,
                joined: u8,
                league: u8,
                number: u8,
            }
        };
        assert_row(&read_model::expand(row), &["TEAM", "NUMBER"], &beginning.to_string());
    }
    for on_field in [
        quote!(column(name = "team_name", json, default = Team::of("a"))),
        quote!(column(default)),
        quote!(key(player)),
        quote!(index = 5),
        quote!(unique(player, team)),
    ] {
        for beginning in beginnings(on_field).into_iter().filter(|tokens| !tokens.is_empty()) {
            let row = quote! {
                #[read_model(table = "players", index(joined, player))]
                struct Player {
                    #[key] player: String,
                    #[#beginning] team: u8,
                    #[column(nmae = "t")] joined: u8,
                }
            };
            // An attribute is a path at least; what is none, the compiler reports.
            if syn::parse2::<syn::Item>(row.clone()).is_err() {
                continue;
            }
            assert_row(&read_model::expand(row), &["PLAYER", "TEAM"], &beginning.to_string());
        }
    }
}

fn assert_row(written: &TokenStream, constants: &[&str], of: &str) {
    let mut items = vec![quote!(ReadModel for Player), quote!(Values for Player)];
    let constants = constants.iter().map(|constant| quote::format_ident!("{constant}"));
    items.extend(constants.map(|constant| quote!(const #constant)));
    assert_written(written, "option `nmae`", &items, of);
}

/// Attributes whose inside is every beginning of this one's.
fn attributes(attribute: TokenStream) -> Vec<TokenStream> {
    let whole = |tokens: &TokenStream| {
        let last = tokens.clone().into_iter().last();
        matches!(last, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
    };
    let inside = beginnings(attribute).into_iter().filter(whole);
    inside.map(|tokens| quote!(#[#tokens])).collect()
}
