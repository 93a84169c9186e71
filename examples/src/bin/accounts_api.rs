//! Accounts behind HTTP, where a client reads what it has just written:
//! `cargo run -p examples --bin accounts-api -- --data DIR`.
//!
//! | request | answer |
//! |---|---|
//! | `POST /accounts/{id}/deposits` with `{"amount":"12.50"}` | 202 and `{"token":".."}`: stored, soon to be read |
//! | the same with `?wait=true` | 200 and `{"token":"..","balance":".."}`: stored, and to be read from now on |
//! | `GET /accounts/{id}` | 200 and what the read model says now; 404 where it knows no such account |
//! | `GET /accounts/{id}?after=TOKEN` | the same, with the deposit of the token in it |
//!
//! A wait lasts 2 seconds at most (`--patience-ms`). A deposit that is stored and not to be read by
//! then is 202 with its token and a `problem`: it must not be sent again. A `GET` that has waited in
//! vain is 503 with `Retry-After`; a token that is none, or of another event store, is 400. Every
//! error is `{"error":".."}`.
//!
//! `--no-projectors` serves and leaves projecting to another process:
//! `accounts-api --data DIR projection run`.

use std::{convert::Infallible, error::Error, path::PathBuf, process::ExitCode, time::Duration};

use axum::{
    Json, Router,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use clap::Parser;
use projections::{
    AppendError, Builder, Event, Expected, ReadModel, Receipt, Rows, Runtime, SyncError, SyncMode,
    Token, WaitError, cli, handlers, projector,
    read::{QueryError, Reader},
    sqlite::{Sqlite, SqliteEventStore},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Event, Serialize, Deserialize)]
#[event(domain = "accounts")]
struct Deposited {
    account: String,
    amount: Decimal,
}

/// An account, as clients see it.
#[derive(ReadModel, Default, Serialize)]
#[read_model(table = "accounts")]
struct Account {
    #[key]
    account: String,
    deposits: u64,
    balance: Decimal,
}

#[projector("accounts", storage = Sqlite)]
struct Accounts;

#[handlers]
impl Accounts {
    /// What it returns reaches the client that waits for it.
    #[handles(Deposited)]
    fn deposited(
        &self,
        event: &Deposited,
        accounts: &mut Rows<Account>,
    ) -> Result<Decimal, Infallible> {
        let account = accounts.entry(&event.account);
        account.deposits += 1;
        account.balance += event.amount;
        Ok(account.balance)
    }
}

/// Accounts behind HTTP.
#[derive(Parser)]
struct Arguments {
    /// Keeps events and read models in this folder.
    #[arg(long, value_name = "DIR", global = true, default_value = "accounts-data")]
    data: PathBuf,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// How long a request waits for the read model, in milliseconds.
    #[arg(long, default_value_t = 2_000)]
    patience_ms: u64,
    /// Leaves projecting to another process.
    #[arg(long)]
    no_projectors: bool,
    #[command(subcommand)]
    command: Option<cli::Command>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(command) = arguments.command {
        let data = arguments.data;
        return cli::execute(command, || builder(&data)).await;
    }
    match serve(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn builder(data: &std::path::Path) -> Result<Builder<SqliteEventStore>, projections::Error> {
    let events = SqliteEventStore::open(data.join("events.db"))?;
    Ok(Runtime::builder(events).storage(Sqlite::open(data.join("read.db"))?))
}

/// What every request needs.
#[derive(Clone)]
struct Api {
    runtime: Runtime<SqliteEventStore>,
    accounts: Reader<Account>,
    patience: Duration,
}

/// Serves until SIGTERM or Ctrl-C, then lets requests and batches under way come to their end.
async fn serve(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(&arguments.data)?;
    let runtime = builder(&arguments.data)?.build().await?;
    let api = Api {
        accounts: runtime.rows::<Account>()?,
        patience: Duration::from_millis(arguments.patience_ms),
        runtime: runtime.clone(),
    };
    let routes = Router::new()
        .route("/accounts/{id}", get(account))
        .route("/accounts/{id}/deposits", post(deposit))
        .with_state(api);
    let projects = !arguments.no_projectors;
    examples::serve(&arguments.listen, routes, projects.then_some(&runtime)).await
}

#[derive(Deserialize)]
struct Deposit {
    amount: Decimal,
}

#[derive(Deserialize)]
struct DepositQuery {
    #[serde(default)]
    wait: bool,
}

async fn deposit(
    State(api): State<Api>,
    Path(account): Path<String>,
    query: Result<Query<DepositQuery>, QueryRejection>,
    body: Result<Json<Deposit>, JsonRejection>,
) -> Result<Response, Failure> {
    let (Query(DepositQuery { wait }), Json(Deposit { amount })) = (query?, body?);
    if amount <= Decimal::ZERO {
        return Err(Failure::new(StatusCode::BAD_REQUEST, "an amount must be more than 0"));
    }
    let mode = if wait { SyncMode::Simple } else { SyncMode::Async };
    let stream = format!("account-{account}");
    let append = api.runtime.append(stream, Expected::Any, [Deposited { account, amount }]);
    match append.sync(mode).timeout(api.patience).await {
        Ok(receipt) if wait => Ok((StatusCode::OK, Json(told(&receipt, &[]))).into_response()),
        Ok(receipt) => Ok((StatusCode::ACCEPTED, Json(told(&receipt, &[]))).into_response()),
        // It is stored: a client that took this for a failure would deposit twice.
        Err(SyncError::Unapplied { receipt, reasons }) => {
            Ok((StatusCode::ACCEPTED, Json(told(&receipt, &reasons))).into_response())
        }
        Err(SyncError::Append(error)) => Err(error.into()),
        Err(error) => Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error)),
    }
}

/// What a client is told of a deposit that is stored.
fn told(receipt: &Receipt, problems: &[WaitError]) -> Value {
    let mut answer = json!({ "token": receipt.token() });
    // There is one where the projector runs in this process.
    if let [balance] = receipt.results("accounts") {
        answer["balance"] = balance.clone();
    }
    if let [problem, ..] = problems {
        answer["problem"] = problem.to_string().into();
    }
    answer
}

#[derive(Deserialize)]
struct AccountQuery {
    after: Option<Token>,
}

async fn account(
    State(api): State<Api>,
    Path(id): Path<String>,
    query: Result<Query<AccountQuery>, QueryRejection>,
) -> Result<Json<Account>, Failure> {
    let Query(AccountQuery { after }) = query?;
    let accounts = match after {
        Some(token) => api.accounts.at(token).within(api.patience),
        None => api.accounts,
    };
    let unknown = || Failure::new(StatusCode::NOT_FOUND, format!("there is no account `{id}`"));
    accounts.get(&*id).await?.map(Json).ok_or_else(unknown)
}

/// An error as clients get it.
struct Failure {
    status: StatusCode,
    error: String,
}

impl Failure {
    fn new(status: StatusCode, error: impl ToString) -> Self {
        Self { status, error: error.to_string() }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.error }));
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => {
                (self.status, [(header::RETRY_AFTER, "1")], body).into_response()
            }
            status => (status, body).into_response(),
        }
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        let status = match &error {
            AppendError::Invalid { .. } => StatusCode::BAD_REQUEST,
            // Whether the deposit is stored is not known where the error says `unknown`.
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error)
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let status = match &error {
            QueryError::Wait(WaitError::ForeignToken { .. }) => StatusCode::BAD_REQUEST,
            QueryError::Wait(WaitError::TimedOut { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            QueryError::Value { .. } => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error)
    }
}

#[cfg(test)]
mod tests {
    use projections::testing::Spec;

    use super::*;

    #[test]
    fn deposits_add_up_whatever_happens_in_between() {
        let deposited = |account: &str, euros: i64| Deposited {
            account: account.into(),
            amount: Decimal::from(euros),
        };
        let account = |account: &str, deposits, euros: i64| Account {
            account: account.into(),
            deposits,
            balance: Decimal::from(euros),
        };
        Spec::<Accounts>::of()
            .given("account-ada", [deposited("ada", 5), deposited("ada", 7)])
            .given("account-bob", [deposited("bob", 1)])
            .given("account-ada", [deposited("ada", -2)])
            .then_rows([account("ada", 3, 10), account("bob", 1, 1)])
            .check();
    }
}
