//! An application whose projectors are in the library `linked`: what two binaries share that differ
//! in one line.

use std::process::ExitCode;

use projections::{
    BuildError, Expected, NewEvent, Runtime, memory::MemoryEventStore, sqlite::Sqlite,
};

/// Applies two events and prints how far each projector is. The first argument names the file of
/// the read model, the others are the projectors that are expected.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap();
    let runtime = match build(&file, arguments.collect()).await {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let placed = NewEvent::json("OrderPlaced", r#"{"item":"tea","cents":300}"#);
    let sent = NewEvent::json("ParcelSent", r#"{"parcel":1}"#);
    let events = [placed.in_domain("orders"), sent.in_domain("parcels")];
    runtime.append("order-1", Expected::NoStream, events).await.unwrap();
    runtime.catch_up().await.unwrap();
    for status in runtime.status().await.unwrap().projectors {
        println!("{} is {} behind", status.projector, status.behind);
    }
    ExitCode::SUCCESS
}

async fn build(file: &str, expected: Vec<String>) -> Result<Runtime<MemoryEventStore>, BuildError> {
    Runtime::builder(MemoryEventStore::new())
        .storage(Sqlite::open(file).unwrap())
        .expect(expected)
        .build()
        .await
}
