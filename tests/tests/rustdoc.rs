//! What `cargo doc` shows of a user's crate: the library `linked`, documented as CI documents it,
//! so that it is built once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// The folder of the crate's pages.
static PAGES: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["doc", "--offline", "--locked", "--workspace", "--no-deps", "--all-features"])
        .arg("--target-dir")
        .arg(target)
        .env("RUSTDOCFLAGS", "-D warnings")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("doc/linked")
});

/// A page, from its title on.
fn page(name: &str) -> String {
    let text = fs::read_to_string(PAGES.join(name)).unwrap();
    let title = text.find("<h1>").unwrap();
    text[title..].to_owned()
}

/// The cells of the table below an implementation, row by row, without the heads.
fn table(page: &str, implementation: &str) -> Vec<Vec<String>> {
    let start = page.find(&format!("id=\"{implementation}\"")).expect("the implementation");
    let body = between(&page[start..], "<tbody>", "</tbody>");
    body.split("<tr>").skip(1).map(cells).collect()
}

fn cells(row: &str) -> Vec<String> {
    row.split("<td>")
        .skip(1)
        .map(|cell| cell.split("</td>").next().unwrap().replace("</code>", "`"))
        .map(|cell| cell.replace("<code>", "`"))
        .collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let from = text.find(start).expect(start) + start.len();
    let length = text[from..].find(end).expect(end);
    &text[from..from + length]
}

/// A link to an item of the crate, as `rustdoc` writes it.
fn link(kind: &str, path: &str, shown: &str) -> String {
    let (modules, name) = path.rsplit_once("::").unwrap();
    let folder = modules.trim_start_matches("linked").trim_start_matches("::");
    let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    format!("<a href=\"{folder}{kind}.{name}.html\" title=\"{kind} {path}\">`{shown}`</a>")
}

#[test]
fn a_projectors_page_has_its_handlers_with_links_to_their_events() {
    let placed = link("struct", "linked::events::OrderPlaced", "OrderPlaced");
    let paid = link("type", "linked::events::Payment", "events::Payment");
    // What `#[cfg]` leaves out has no row.
    let rows = [
        [placed.as_str(), "its own", "`placed`"],
        [&paid, "`orders`", "`paid`, from now on"],
        ["all others", "`parcels`, `orders`", "`other`"],
    ];
    assert_eq!(table(&page("struct.Sales.html"), "impl-Handlers-for-Sales"), rows);
}

#[test]
fn events_that_a_macro_made_are_linked_and_private_ones_are_not() {
    let sent = link("struct", "linked::events::ParcelSent", "ParcelSent");
    let arrived = link("struct", "linked::events::ParcelArrived", "ParcelArrived");
    let rows = [
        [sent.as_str(), "its own", "`sent`"],
        [&arrived, "`parcels`", "`arrived`"],
        ["[`ParcelReturned`]", "its own", "`returned`"],
    ];
    assert_eq!(table(&page("struct.Parcels.html"), "impl-Handlers-for-Parcels"), rows);
}

#[test]
fn projectors_in_odd_places_are_linked_as_far_as_there_are_pages() {
    let sent = "<a href=\"../events/struct.ParcelSent.html\" \
                title=\"struct linked::events::ParcelSent\">`ParcelSent`</a>";
    let made = page("odd/struct.SentParcels.html");
    let row = [sent, "its own", "`count`; not for history; retry: none"];
    assert_eq!(table(&made, "impl-Handlers-for-SentParcels"), [row]);
    let behind = &made[made.find("id=\"impl-Handlers-for-SentParcels\"").unwrap()..];
    let sentence = "<p>Behind a parked event wait those of the same <code>parcel</code>.</p>";
    assert!(between(behind, "</table>", "</details>").contains(sentence), "{behind}");
    // A private alias.
    let storage = table(&made, "impl-Projector-for-SentParcels").swap_remove(1);
    assert_eq!(storage, ["storage", "[`Files`]"]);

    let generic = page("odd/struct.Last.html");
    let rows = table(&generic, "impl-Handlers-for-Last%3CE%3E");
    assert_eq!(rows, [["`E`", "its own", "`last_of`"]]);
}

#[test]
fn a_projectors_page_says_how_it_runs_defaults_and_all() {
    let rows = [
        ["name", "`sales`"],
        ["storage", "`Sqlite`"],
        ["unregistered", "`ignore`"],
        ["mode", "`async`"],
        ["from", "`beginning`"],
        ["batch", "at most 500 events"],
        ["on_failure", "`park`"],
        ["park_by", "`stream`, or by its `#[park_key]`"],
        ["retry", "3 times, after 200ms, each wait 2 times the last, at most 30s, jitter 0.1"],
        ["timeout", "30s an attempt"],
        ["version", "2"],
        ["on_change", "`warn`"],
    ];
    let mut found = table(&page("struct.Sales.html"), "impl-Projector-for-Sales");
    // The library's pages are beside these ones, or on the web where these were built first.
    let storage = std::mem::replace(&mut found[1][1], "`Sqlite`".to_owned());
    let target = "/struct.Sqlite.html\" title=\"struct projections::";
    assert!(storage.contains(target), "{storage}");
    assert_eq!(found, rows);

    let rows = table(&page("struct.Parcels.html"), "impl-Projector-for-Parcels");
    assert!(rows.contains(&["storage", "none: its own fields"].map(str::to_owned).to_vec()));
    let domain = ["domain", "`parcels`, of events that name none"];
    assert!(rows.contains(&domain.map(str::to_owned).to_vec()), "{rows:?}");
}

#[test]
fn the_users_own_words_come_first() {
    let page = page("struct.Sales.html");
    let words = between(&page, "<div class=\"docblock\">", "</div>");
    assert_eq!(
        words,
        "<p>What was sold, and for how much.</p>\n\
         <p>It forgets nothing.</p>\n\
         <p>Projector <code>sales</code>: <a href=\"#impl-Handlers-for-Sales\">what it \
         handles</a> and <a href=\"#impl-Projector-for-Sales\">how it runs</a>.</p>\n"
    );
    let block = page.find("<p>How sales are counted.</p>").expect("the block's own words");
    assert!(block < page.find("id=\"impl-Handlers-for-Sales\"").unwrap());
}

#[test]
fn an_events_page_has_nothing_that_its_user_did_not_write() {
    let page = page("events/struct.OrderPlaced.html");
    let implementation = page.find("id=\"impl-Event-for-").expect("the derived implementation");
    let end = page.find("id=\"synthetic-implementations\"").unwrap();
    for sign in ["<table", "projector", "what it handles", "sales"] {
        assert!(!page[..end].contains(sign), "{sign}");
    }
    // As with any derive, what follows are the trait's own items, and no words of ours before them.
    let heading = between(&page[implementation..], "<h3", "<div class=\"impl-items\">");
    assert!(!heading.contains("docblock"), "{heading}");
}
