//! What the macros write, for the few shapes that show all of it.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{domain, event, handlers, projector, read_model};

fn shown(tokens: TokenStream) -> String {
    let file = syn2::parse2(tokens).unwrap_or_else(|error| panic!("not Rust: {error}"));
    prettyplease::unparse(&file)
}

#[test]
fn borrowed_event() {
    insta::assert_snapshot!(shown(event::expand(quote! {
        #[event(domain = "orders", name = "order.placed", aliases("Placed"), codec = my::Codec)]
        struct OrderPlaced<'a> {
            item: &'a str,
        }
    })));
}

#[test]
fn event_with_upcasters() {
    insta::assert_snapshot!(shown(event::expand(quote! {
        #[event(
            version = 4,
            upcast(from = old::OrderPlacedV2<'_>),
            upcast(from = 3, with = Self::count_cents)
        )]
        struct OrderPlaced<'a> {
            item: &'a str,
        }
    })));
}

#[test]
fn domain_of_two_events() {
    insta::assert_snapshot!(shown(domain::expand(quote! {
        #[domain("orders")]
        enum Orders<'a> {
            Placed(OrderPlaced<'a>),
            Shipped(OrderShipped),
        }
    })));
}

#[test]
fn row_with_every_option() {
    insta::assert_snapshot!(shown(read_model::expand(quote! {
        #[read_model(table = "players", unique(league, number))]
        pub struct PlayerStats {
            #[key]
            pub league: i64,
            #[key]
            player: String,
            #[index]
            #[column(default)]
            pub(crate) number: i64,
            #[column(name = "badge_list", json, default = Badges::new())]
            r#type: Badges,
        }
    })));
}

#[test]
fn row_without_a_key() {
    insta::assert_snapshot!(shown(read_model::expand(quote! {
        struct PlayerStats {
            hands: i64,
        }
    })));
}

#[test]
fn projector_with_every_option() {
    insta::assert_snapshot!(shown(projector::expand(
        quote!(
            "order-summary", storage = Sqlite<Reporting>, domain = "orders",
            unregistered = "error", batch(events = 10, bytes = 4_096, linger = "5ms"),
            from = "now", version = 2, exhaustive = Orders, ignores(OrderSeen, shop::OrderLost),
            on_change = "rebuild", on_failure = "park", park_by = "domain",
            park(per_key = 10, total = 100), mode = "async", lanes = 1,
            retry(max = 5, initial = "100ms", factor = 1.5, cap = "10s", jitter = 0.2),
            timeout = "1m"
        ),
        quote! {
            pub struct OrderSummary {
                #[resource]
                client: Client,
                seen: u64,
            }
        },
    )));
}

#[test]
fn projector_in_process_with_a_snapshot() {
    insta::assert_snapshot!(shown(projector::expand(
        quote!("order-count", snapshot, rollback = "clone"),
        quote! {
            struct OrderCount {
                #[resource]
                client: Client,
                #[cfg(feature = "sums")]
                cents: HashMap<u64, u64>,
                seen: u64,
            }
        },
    )));
}

#[test]
fn plain_handlers_have_no_future() {
    let written = shown(handlers::expand(
        TokenStream::new(),
        quote! {
            impl OrderSummary {
                #[setup]
                fn create(&self, db: &mut SqliteTx<'_>) -> Result<()> {}

                #[handles(OrderPlaced, input_domain = "orders")]
                fn on_placed(&self, event: &OrderPlaced<'_>, at: &Envelope, db: &mut SqliteTx<'_>) {}

                #[cfg(feature = "audit")]
                #[fallback(all)]
                fn other(&self, event: &RawEvent<'_>) {}
            }
        },
    ));
    assert!(!written.contains("async"), "{written}");
    insta::assert_snapshot!(written);
}

#[test]
fn async_and_generic_handlers() {
    insta::assert_snapshot!(shown(handlers::expand(
        TokenStream::new(),
        quote! {
            impl<T: Sum> Totals<T> {
                #[handles(
                    OrderPlaced, from = "now", replay = "skip", retry(none),
                    permanent = Self::is_permanent
                )]
                async fn on_placed(&mut self, event: OrderPlaced) -> Result<(), Fault> {}

                #[park_key]
                fn customer<'a>(at: &'a Envelope) -> &'a str {}
            }
        },
    )));
}

#[test]
fn a_renamed_library_is_named_nowhere() {
    let written = [
        event::expand(quote! {
            #[event(crate = crate::rm)]
            struct OrderPlaced;
        }),
        domain::expand(quote! {
            #[domain("orders", crate = crate::rm)]
            enum Orders { Placed(OrderPlaced) }
        }),
        read_model::expand(quote! {
            #[read_model(crate = crate::rm, index(b))]
            struct Orders { #[key] a: u8, #[column(default)] b: u8, #[column(json)] c: u8 }
        }),
        projector::expand(
            quote!("orders", crate = crate::rm),
            quote!(
                struct Orders {
                    #[resource]
                    a: u8,
                }
            ),
        ),
        handlers::expand(
            quote!(crate = crate::rm),
            quote! {
                impl Orders {
                    #[handles(OrderPlaced)]
                    async fn placed(&mut self, event: &OrderPlaced, at: &Envelope, tx: &mut Tx) {}
                    #[fallback] fn other(&self, event: &RawEvent<'_>) {}
                    #[reset] fn reset(&self) {}
                }
            },
        ),
    ];
    for tokens in written {
        let written = shown(tokens);
        assert!(written.contains("crate::rm"), "{written}");
        assert!(!written.contains("::projections"), "{written}");
    }
}
