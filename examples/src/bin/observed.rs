//! Projections as Prometheus and OpenTelemetry see them:
//! `cargo run -p examples --bin observed -- --data DIR`.
//!
//! | request | answer |
//! |---|---|
//! | `POST /deposits` with `{"account":"ada","cents":1250}` | 202: stored |
//! | `GET /health` | 200 while every projector is well, else 503, with the reasons |
//! | `GET /metrics` | the figures, as Prometheus reads them |
//!
//! A deposit of nothing is a poison event: it is parked, `/health` says so, and
//! `observed --data DIR projection dead-letters list` shows it.
//!
//! Each batch is a span with its stages within. They are written to standard output, by the exporter of
//! OpenTelemetry that needs no collector; one that sends them somewhere takes its place in `spans`.

use std::{error::Error, path::PathBuf, process::ExitCode};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use clap::Parser;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use projections::{
    Builder, Event, Expected, Permanent, ReadModel, Rows, Runtime, cli, handlers, projector,
    sqlite::{Sqlite, SqliteEventStore},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

#[derive(Event, Serialize, Deserialize)]
#[event(domain = "accounts")]
struct Deposited {
    account: String,
    cents: u64,
}

#[derive(ReadModel, Default)]
#[read_model(table = "balances")]
struct Balance {
    #[key]
    account: String,
    cents: u64,
}

#[projector("balances", storage = Sqlite)]
struct Balances;

#[handlers]
impl Balances {
    #[handles(Deposited)]
    fn deposited(&self, event: &Deposited, balances: &mut Rows<Balance>) -> Result<(), Permanent> {
        if event.cents == 0 {
            return Err(Permanent::new("a deposit of nothing"));
        }
        balances.entry(&event.account).cents += event.cents;
        Ok(())
    }
}

/// Projections as Prometheus and OpenTelemetry see them.
#[derive(Parser)]
struct Arguments {
    /// Keeps events and read models in this folder.
    #[arg(long, value_name = "DIR", global = true, default_value = "observed-data")]
    data: PathBuf,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    #[command(subcommand)]
    command: Option<cli::Command>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(command) = arguments.command {
        return cli::execute(command, || builder(&arguments.data)).await;
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

/// Logs to standard error, and spans to OpenTelemetry: batches are INFO, their stages DEBUG.
fn spans() -> SdkTracerProvider {
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("observed").build())
        .with_simple_exporter(opentelemetry_stdout::SpanExporter::default())
        .build();
    let stages = Targets::new().with_target("projections", LevelFilter::DEBUG);
    let exported = tracing_opentelemetry::layer().with_tracer(provider.tracer("observed"));
    let logged = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(exported.with_filter(stages))
        .with(logged.with_filter(LevelFilter::INFO))
        .init();
    provider
}

/// The figures. A recorder must be there before the runtime runs: its projectors ask for it once.
fn figures() -> Result<PrometheusHandle, BuildError> {
    let sizes = [1.0, 10.0, 100.0, 1_000.0];
    let seconds = [0.000_1, 0.001, 0.01, 0.1, 1.0, 10.0];
    let named = |name: &str| metrics_exporter_prometheus::Matcher::Full(name.to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(named("projections.batch.size"), &sizes)?
        .set_buckets_for_metric(named("projections.stage.duration"), &seconds)?
        .install_recorder()
}

/// What every request needs.
#[derive(Clone)]
struct Api {
    runtime: Runtime<SqliteEventStore>,
    figures: PrometheusHandle,
}

/// Serves until SIGTERM or Ctrl-C.
async fn serve(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(&arguments.data)?;
    let (provider, figures) = (spans(), figures()?);
    let runtime = builder(&arguments.data)?.build().await?;
    let api = Api { runtime: runtime.clone(), figures };
    let routes = Router::new()
        .route("/deposits", post(deposit))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .with_state(api);
    let served = examples::serve(&arguments.listen, routes, Some(&runtime)).await;
    // The last spans are written out.
    provider.shutdown()?;
    served
}

async fn deposit(State(api): State<Api>, Json(event): Json<Deposited>) -> Response {
    let stream = format!("account-{}", event.account);
    match api.runtime.append(stream, Expected::Any, [event]).await {
        Ok(receipt) => {
            (StatusCode::ACCEPTED, Json(json!({ "token": receipt.token() }))).into_response()
        }
        Err(error) => failed(&error),
    }
}

async fn health(State(api): State<Api>) -> Response {
    match api.runtime.health().await {
        Ok(health) if health.healthy => Json(health).into_response(),
        Ok(health) => (StatusCode::SERVICE_UNAVAILABLE, Json(health)).into_response(),
        Err(error) => failed(&error),
    }
}

async fn metrics(State(api): State<Api>) -> Response {
    // They are at most five seconds old; whoever asks for the status brings them up to date. Where
    // it cannot be read, what is known is shown.
    let _ = api.runtime.status().await;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], api.figures.render()).into_response()
}

fn failed(error: &dyn Error) -> Response {
    let body = Json(json!({ "error": error.to_string() }));
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}
