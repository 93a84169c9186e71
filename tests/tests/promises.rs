//! Every behaviour that `docs/promises.md` lists names tests, and every test that it names exists.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A named test and where it should be.
#[derive(Debug)]
struct Named {
    name: String,
    file: PathBuf,
}

/// The links of a cell: `` [`name`](../path) ``.
fn named(cell: &str) -> Vec<Named> {
    let links = cell.split("[`").skip(1).map(|link| {
        let (name, rest) = link.split_once("`](../").expect("a link is [`name`](../path)");
        let (file, _) = rest.split_once(')').expect("a link ends");
        Named { name: name.to_owned(), file: file.into() }
    });
    links.collect()
}

/// The rows of the tables: a behaviour, and what proves it.
fn rows(page: &str) -> Vec<(String, Vec<Named>)> {
    let lines = page.lines().filter(|line| line.starts_with("| "));
    let lines = lines.filter(|line| !line.starts_with("| behaviour |"));
    let cells = lines.map(|line| {
        let cells = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |"));
        let (behaviour, proof) = cells.and_then(|cells| cells.split_once(" | ")).expect(line);
        (behaviour.to_owned(), named(proof))
    });
    cells.collect()
}

/// Why this is not the name of a test in this file.
fn fault(root: &Path, Named { name, file }: &Named) -> Option<String> {
    let Ok(text) = fs::read_to_string(root.join(file)) else {
        return Some(format!("{name}: there is no file {}", file.display()));
    };
    let parts: Vec<&str> = name.split("::").collect();
    let function = parts[parts.len() - 1];
    if file.starts_with("tests/ui") {
        let fails = file.starts_with("tests/ui/fail");
        let explained = root.join(file).with_extension("stderr").exists();
        let is_named = file.file_stem().is_some_and(|stem| stem == function);
        return (fails != explained || !is_named).then(|| format!("{name} is not that case"));
    }
    // The module is the file's, so that the name can be given to `cargo test`.
    let words: BTreeSet<_> = file.iter().map(|part| part.to_string_lossy()).collect();
    let is_part = |part: &&str| words.contains(*part) || words.contains(&*format!("{part}.rs"));
    if !parts[..parts.len() - 1].iter().all(is_part) {
        return Some(format!("{name} is not a module of {}", file.display()));
    }
    (!is_test(root, file, &text, function))
        .then(|| format!("there is no test `fn {function}` in {}", file.display()))
}

/// Whether the file has a function of this name that something runs.
fn is_test(root: &Path, file: &Path, text: &str, function: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let calls = [format!("fn {function}("), format!("fn {function}<")];
    let Some(at) = lines.iter().position(|line| calls.iter().any(|call| line.contains(call)))
    else {
        return false;
    };
    // Listed with others of its kind, or marked where it stands.
    let listed = |text: &str| {
        text.lines().any(|line| line.trim() == format!("{function},"))
            || text.contains(&format!("on_both_stores!({function})"))
    };
    if file.starts_with("projections/src/testing/conformance") {
        let list = root.join(file).with_file_name("mod.rs");
        return listed(&fs::read_to_string(list).unwrap());
    }
    let marks = lines[..at].iter().rev().take_while(|line| line.trim().starts_with("#["));
    let mut marked = false;
    for mark in marks {
        if mark.contains("ignore") {
            return false;
        }
        marked |= mark.contains("#[test]") || mark.contains("#[tokio::test");
    }
    marked || listed(text)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn every_promise_names_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/promises.md")).unwrap();
    let rows = rows(&page);
    assert!(rows.len() > 50, "{} rows are not the whole page", rows.len());
    let unproven = rows.iter().filter(|(_, proof)| proof.is_empty());
    let mut faults: Vec<_> =
        unproven.map(|(behaviour, _)| format!("no test proves: {behaviour}")).collect();
    faults
        .extend(rows.iter().flat_map(|(_, proof)| proof).filter_map(|named| fault(root(), named)));
    assert!(faults.is_empty(), "docs/promises.md:\n{}", faults.join("\n"));
}

/// The check itself: what it must find.
#[test]
fn a_row_without_a_test_and_a_test_that_is_not_there_are_found() {
    let page = "| behaviour | proven by |\n|---|---|\n| nobody shows it | by hand |\n";
    assert!(rows(page)[0].1.is_empty());
    let here = "tests/tests/promises.rs";
    for (name, file) in [
        ("promises::every_promise_is_kept", here),
        ("promises::is_test", here),
        ("pledges::every_promise_names_tests_that_exist", here),
        ("promises::every_promise_names_tests_that_exist", "tests/tests/pledges.rs"),
        ("scale::child::play", "tests/tests/scale/child.rs"),
        ("ui::handles::duplicate", "tests/ui/fail/handles/unknown_option.rs"),
    ] {
        let named = Named { name: name.to_owned(), file: file.into() };
        assert!(fault(root(), &named).is_some(), "{named:?}");
    }
    let itself =
        "| it | [`promises::every_promise_names_tests_that_exist`](../tests/tests/promises.rs) |";
    assert_eq!(fault(root(), &rows(itself)[0].1[0]), None);
}
