//! Balances and owners, kept in the projector's own fields: `cargo run -p examples --bin accounts`.

use std::collections::BTreeMap;

use projections::{
    Domain, Event, Expected, Runtime, handlers, memory::MemoryEventStore, projector,
};
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

/// All that can happen to an account, so that one append can take several kinds of events.
#[derive(Domain, Serialize)]
#[domain("accounts")]
enum AccountEvent {
    AccountOpened(AccountOpened),
    Deposited(Deposited),
    Withdrawn(Withdrawn),
}

/// Who owns which account, and what is in it.
#[projector("balances", unregistered = "error")]
struct Balances {
    owners: BTreeMap<String, String>,
    amounts: BTreeMap<String, Decimal>,
}

#[handlers]
impl Balances {
    #[handles(AccountOpened)]
    fn opened(&mut self, event: AccountOpened) {
        self.amounts.insert(event.account.clone(), Decimal::ZERO);
        self.owners.insert(event.account, event.owner);
    }

    #[handles(Deposited)]
    fn deposited(&mut self, event: &Deposited) {
        *self.amounts.entry(event.account.clone()).or_default() += event.amount;
    }

    #[handles(Withdrawn)]
    fn withdrawn(&mut self, event: &Withdrawn) {
        *self.amounts.entry(event.account.clone()).or_default() -= event.amount;
    }
}

#[tokio::main]
async fn main() -> Result<(), projections::Error> {
    let runtime = Runtime::builder(MemoryEventStore::new()).build().await?;
    for (account, owner, deposit, withdrawal) in [
        ("A-1", "Ada", Decimal::new(100_00, 2), Decimal::new(19_99, 2)),
        ("A-2", "Grace", Decimal::new(250_50, 2), Decimal::new(50_00, 2)),
    ] {
        let account = account.to_owned();
        let events = [
            AccountEvent::AccountOpened(AccountOpened {
                account: account.clone(),
                owner: owner.into(),
            }),
            AccountEvent::Deposited(Deposited { account: account.clone(), amount: deposit }),
            AccountEvent::Withdrawn(Withdrawn { account: account.clone(), amount: withdrawal }),
        ];
        runtime.append(account, Expected::NoStream, events).await?;
    }
    runtime.catch_up().await?;
    let lines = runtime.read::<Balances, _>(|balances| {
        let line = |(account, owner): (&String, &String)| {
            format!("{account}  {owner:8} {:>8}", balances.amounts[account])
        };
        balances.owners.iter().map(line).collect::<Vec<_>>()
    });
    println!("{}", lines.await?.join("\n"));
    Ok(())
}
