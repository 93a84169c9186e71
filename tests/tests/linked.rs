//! Projectors in a library crate: a linker keeps those of a crate that the binary names, and drops
//! the others without a word. The runtime has the words.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, path::Path, process::Command};

/// Runs a binary with its read model in a folder of its own: exit code, output and errors.
fn run(binary: &str, expected: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output =
        Command::new(binary).arg(folder.path().join("read.db")).args(expected).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const IN: &str = env!("CARGO_BIN_EXE_linked-in");
const OUT: &str = env!("CARGO_BIN_EXE_linked-out");

#[test]
fn projectors_of_a_named_library_run() {
    let (code, out, err) = run(IN, &["parcels", "sales"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(out, "parcels is 0 behind\nsales is 0 behind\n");
}

#[test]
fn an_expected_projector_that_the_linker_dropped_fails_the_build_and_says_what_to_write() {
    let (code, out, err) = run(OUT, &["sales"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert_eq!(
        err,
        "the runtime cannot be built: projector `sales` is expected but not linked in; \
         name its crate in the binary: `use its_crate as _;`\n"
    );
}

#[test]
fn an_application_without_any_projector_fails_the_build_and_says_why() {
    let (code, out, err) = run(OUT, &[]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert_eq!(
        err,
        "the runtime cannot be built: there is no projector to run; one linked from another crate \
         needs `use its_crate as _;` in the binary\n"
    );
}

/// What a user of the library would have to write into a manifest.
#[test]
fn a_users_library_depends_on_projections_and_its_serializer_alone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (package, library) in [("linked", "projections"), ("renamed", "proj")] {
        let manifest = fs::read_to_string(folder.join(package).join("Cargo.toml")).unwrap();
        let (_, dependencies) = manifest.split_once("[dependencies]\n").unwrap();
        let names = dependencies.lines().take_while(|line| !line.is_empty());
        let names: Vec<_> = names.map(|line| line.split([' ', '.']).next().unwrap()).collect();
        assert_eq!(names, [library, "serde"], "{package}");

        let source = fs::read_to_string(folder.join(package).join("src/lib.rs")).unwrap();
        let lints =
            "#![deny(warnings, missing_docs, clippy::pedantic, unsafe_code, rustdoc::all)]\n";
        assert!(source.contains(lints), "{package}");
    }
}

/// The other library, whose manifest calls `projections` by another name.
#[tokio::test]
async fn a_renamed_library_works() {
    use projections::{Expected, Runtime, memory::MemoryEventStore};
    use renamed::{AccountEvent, Deposited, TotalDeposits};

    let runtime = Runtime::builder(MemoryEventStore::new()).build().await.unwrap();
    let events = [300, 40].map(|cents| AccountEvent::Deposited(Deposited { cents }));
    runtime.append("account-1", Expected::NoStream, events).await.unwrap();
    runtime.catch_up().await.unwrap();
    let cents = runtime.read::<TotalDeposits, _>(TotalDeposits::cents).await.unwrap();
    assert_eq!(cents, 340);
}
