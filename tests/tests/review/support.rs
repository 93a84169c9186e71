//! What the tests share.

use std::{future::Future, time::Duration};

pub(crate) use projections_tests::ledger::{append, memory_ledger as ledger, run};

/// Longer than anything takes that does not hang.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Fails where something hangs.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("it hangs")
}
