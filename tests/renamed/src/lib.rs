//! A projector of a library that its manifest calls `proj`.
#![deny(warnings, missing_docs, clippy::pedantic, unsafe_code, rustdoc::all)]

use proj::{Domain, Event, handlers, projector};
use serde::{Deserialize, Serialize};

/// Money came in.
#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "accounts", crate = proj)]
pub struct Deposited {
    /// How much.
    pub cents: u64,
}

/// Everything that happens to an account.
#[derive(Clone, Debug, Domain)]
#[domain("accounts", crate = proj)]
pub enum AccountEvent {
    /// Money came in.
    Deposited(Deposited),
}

/// All the money there is.
#[projector("total-deposits", crate = proj)]
#[derive(Clone, Debug)]
pub struct TotalDeposits {
    cents: u64,
}

impl TotalDeposits {
    /// How much it is.
    #[must_use]
    pub fn cents(&self) -> u64 {
        self.cents
    }
}

#[handlers(crate = proj)]
impl TotalDeposits {
    #[proj::handles(Deposited)]
    fn deposited(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }
}
