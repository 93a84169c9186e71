//! Owners and balances, kept in the projector's own fields: `cargo run -p examples --bin accounts`.

use std::collections::BTreeMap;

use projections::{Event, Expected, Runtime, handlers, memory::MemoryEventStore, projector};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event(domain = "accounts")]
struct AccountOpened {
    account: String,
    owner: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event(domain = "accounts")]
struct Deposited {
    account: String,
    amount: Decimal,
}

#[derive(Event, Serialize, Deserialize)]
#[event(domain = "accounts")]
struct Withdrawn {
    account: String,
    amount: Decimal,
}

/// Who owns which account, and what is in it.
#[projector("balances", unregistered = "error")]
struct Balances {
    owners: BTreeMap<String, String>,
    balances: BTreeMap<String, Decimal>,
}

#[handlers]
impl Balances {
    #[handles(AccountOpened)]
    fn opened(&mut self, event: AccountOpened) {
        self.owners.insert(event.account, event.owner);
    }

    #[handles(Deposited)]
    fn deposited(&mut self, event: Deposited) {
        *self.balances.entry(event.account).or_default() += event.amount;
    }

    #[handles(Withdrawn)]
    fn withdrawn(&mut self, event: Withdrawn) {
        *self.balances.entry(event.account).or_default() -= event.amount;
    }
}

#[tokio::main]
async fn main() -> Result<(), projections::Error> {
    let runtime = Runtime::builder(MemoryEventStore::new()).build().await?;
    for (account, owner) in [("A-1", "Ada"), ("A-2", "Grace")] {
        let opened = AccountOpened { account: account.into(), owner: owner.into() };
        runtime.append(account, Expected::NoStream, [opened]).await?;
        let deposited = Deposited { account: account.into(), amount: Decimal::new(10_000, 2) };
        runtime.append(account, Expected::Any, [deposited]).await?;
    }
    let withdrawn = Withdrawn { account: "A-1".into(), amount: Decimal::new(1_999, 2) };
    runtime.append("A-1", Expected::Any, [withdrawn]).await?;

    runtime.catch_up().await?;
    let state = runtime.read::<Balances, _>(|state| (state.owners.clone(), state.balances.clone()));
    let (owners, balances) = state.await?;
    for (account, owner) in owners {
        println!("{account}  {owner:8} {:>8}", balances[&account]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use projections::testing::Spec;

    use super::*;

    #[test]
    fn balances_add_up_whatever_happens_in_between() {
        let opened = AccountOpened { account: "A-1".into(), owner: "Ada".into() };
        let amount = |cents| Decimal::new(cents, 2);
        Spec::<Balances>::of()
            .given("A-1", [opened])
            .given("A-1", [Deposited { account: "A-1".into(), amount: amount(10_000) }])
            .given("A-2", [Deposited { account: "A-2".into(), amount: amount(500) }])
            .given("A-1", [Withdrawn { account: "A-1".into(), amount: amount(1_999) }])
            .then_state(move |state| {
                assert_eq!(state.owners["A-1"], "Ada");
                assert_eq!(state.balances["A-1"], amount(8_001));
                assert_eq!(state.balances["A-2"], amount(500));
            })
            .check();
    }
}
