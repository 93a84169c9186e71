//! What the fingerprint of a whole block sees, with the blocks of the examples.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // test code

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

use super::{hashed::Hashed, model::Handler, parse};
use crate::errors::Errors;

/// What a block's fingerprint is made of, in one order; the event stands for its wire name. `None`
/// where the block is refused.
fn parts(block: &TokenStream) -> Option<Vec<String>> {
    let mut errors = Errors::default();
    let parsed = parse::parse(TokenStream::new(), block.clone(), &mut errors);
    if !errors.finish().is_empty() {
        return None;
    }
    let parsed = parsed?;
    let handlers = parsed.handlers.iter().map(|handler| {
        let Handler { event, input_domain, from_now, hash, method, .. } = handler;
        let cfg = &method.cfg;
        let skips = method.policies.skips_replay;
        format!("{} {from_now} {skips} {hash}", quote!(#event #input_domain #(#cfg)*))
    });
    let others = parsed.others.iter().map(|Hashed { cfg, hash }| {
        let cfg = quote!(#(#cfg)*);
        format!("{cfg} {hash}")
    });
    let mut parts: Vec<String> = handlers.chain(others).collect();
    parts.sort();
    Some(parts)
}

fn parts_of(block: &str) -> Vec<String> {
    parts(&block.parse().unwrap()).unwrap_or_else(|| panic!("refused: {block}"))
}

/// The blocks of a file, without their `#[handlers]`.
fn blocks(file: &str) -> Vec<TokenStream> {
    let items = syn::parse_file(file).unwrap().items.into_iter();
    let blocks = items.filter_map(|item| match item {
        syn::Item::Impl(mut item) => {
            let before = item.attrs.len();
            item.attrs.retain(|attribute| !attribute.path().is_ident("handlers"));
            (item.attrs.len() < before).then(|| item.into_token_stream())
        }
        _ => None,
    });
    blocks.collect()
}

/// The files of the examples that have blocks.
fn examples() -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            if text.contains("\n#[handlers]\n") {
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 5, "{found:?}");
    found
}

/// Asserts that a file, written anew by something, has the fingerprints that it had.
fn assert_same(path: &Path, before: &str, after: &str, by: &str) {
    let (old, new) = (blocks(before), blocks(after));
    assert!(!old.is_empty());
    assert_eq!(old.len(), new.len());
    for (old, new) in old.iter().zip(&new) {
        let (old, new) = (parts(old).unwrap(), parts(new).unwrap());
        assert_eq!(old, new, "{} by {by}:\n{after}", path.display());
    }
}

#[test]
fn a_file_that_is_formatted_otherwise_keeps_its_fingerprints() {
    for (path, text) in examples() {
        let joined: TokenStream = text.parse().unwrap();
        assert_same(&path, &text, &joined.to_string(), "joining it to one line");
        let pretty = prettyplease::unparse(&syn2::parse_file(&text).unwrap());
        assert_same(&path, &text, &pretty, "prettyplease");
    }
}

/// Without `rustfmt` there is nothing to see, and it says so.
#[test]
fn rustfmt_changes_no_fingerprint() {
    for configuration in [
        "max_width=60,use_small_heuristics=Off",
        "max_width=200,use_small_heuristics=Max,fn_params_layout=Compressed",
        "match_block_trailing_comma=true,match_arm_blocks=false,trailing_comma=Never,unstable_features=true",
        "hard_tabs=true",
    ] {
        let mut rewritten = 0;
        for (path, text) in examples() {
            let Some(formatted) = rustfmt(&text, configuration) else { return };
            rewritten += usize::from(formatted != text);
            assert_same(&path, &text, &formatted, configuration);
        }
        assert!(rewritten > 3, "{configuration}");
    }
}

fn rustfmt(text: &str, configuration: &str) -> Option<String> {
    let mut command = Command::new("rustfmt");
    command.args(["--edition=2024", "--config", configuration]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        eprintln!("there is no rustfmt here: nothing was checked");
        return None;
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn each_token_of_a_block_changes_its_fingerprint() {
    let mut counted = 0;
    for (path, text) in examples() {
        if !["customer_activity.rs", "accounts.rs"].iter().any(|name| path.ends_with(name)) {
            continue;
        }
        for block in blocks(&text) {
            let before = parts(&block).unwrap();
            for (change, mutant) in mutants_of_a_block(&block) {
                // What is refused has no fingerprint.
                let Some(after) = parts(&mutant) else { continue };
                assert_ne!(before, after, "{change}:\n{mutant}");
                counted += 1;
            }
        }
    }
    assert!(counted > 800, "only {counted} changes were looked at");
}

/// The block with each token between its braces changed, and with each left out.
fn mutants_of_a_block(block: &TokenStream) -> Vec<(String, TokenStream)> {
    let mut tokens: Vec<TokenTree> = block.clone().into_iter().collect();
    let Some(TokenTree::Group(body)) = tokens.pop() else { panic!("not a block: {block}") };
    let mutants = mutants(&body.stream()).into_iter().map(|(change, body)| {
        let mut mutant: TokenStream = tokens.iter().cloned().collect();
        mutant.extend([TokenTree::Group(Group::new(Delimiter::Brace, body))]);
        (change, mutant)
    });
    mutants.collect()
}

fn mutants(stream: &TokenStream) -> Vec<(String, TokenStream)> {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    let mut mutants = Vec::new();
    let with = |place: usize, new: Vec<TokenTree>| {
        let mut mutant = tokens.clone();
        mutant.splice(place..=place, new);
        mutant.into_iter().collect::<TokenStream>()
    };
    for (place, token) in tokens.iter().enumerate() {
        let next = tokens.get(place + 1);
        if is_quiet(Some(token), next) || place > 0 && is_quiet(tokens.get(place - 1), Some(token))
        {
            continue;
        }
        // `#[handles(..)]` may have any brackets.
        let is_marker = place > 0 && tokens[place - 1].to_string() == "handles";
        for changed in changes(token).into_iter().filter(|_| !is_marker) {
            mutants.push((format!("`{token}` to `{changed}`"), with(place, vec![changed])));
        }
        let ends_list = next.is_none_or(|next| [">", "|"].contains(&&*next.to_string()));
        if !(token.to_string() == "," && ends_list) {
            mutants.push((format!("without `{token}`"), with(place, Vec::new())));
        }
        if let TokenTree::Group(group) = token {
            for (change, inner) in self::mutants(&group.stream()) {
                let group = TokenTree::Group(Group::new(group.delimiter(), inner));
                mutants.push((change, with(place, vec![group])));
            }
        }
    }
    mutants
}

/// Tells whether these are the tokens of docs.
fn is_quiet(hash: Option<&TokenTree>, group: Option<&TokenTree>) -> bool {
    hash.is_some_and(|hash| hash.to_string() == "#")
        && group.is_some_and(|group| group.to_string().replace(' ', "").starts_with("[doc="))
}

/// The token as others of its kind.
fn changes(token: &TokenTree) -> Vec<TokenTree> {
    match token {
        TokenTree::Ident(name) => {
            let name = format!("{}_", name.to_string().trim_start_matches("r#"));
            vec![Ident::new(&name, Span::call_site()).into()]
        }
        TokenTree::Literal(literal) if literal.to_string().ends_with('"') => {
            let text = literal.to_string();
            vec![Literal::string(&format!("{}x", text.trim_matches('"'))).into()]
        }
        TokenTree::Literal(_) => vec![Literal::u64_unsuffixed(987_654).into()],
        TokenTree::Punct(punct) => {
            let others = "+=.&;".chars().filter(|other| *other != punct.as_char());
            others.map(|other| Punct::new(other, Spacing::Alone).into()).collect()
        }
        TokenTree::Group(group) => [Delimiter::Parenthesis, Delimiter::Brace, Delimiter::Bracket]
            .into_iter()
            .filter(|delimiter| *delimiter != group.delimiter())
            .map(|delimiter| Group::new(delimiter, group.stream()).into())
            .collect(),
    }
}

const TWO: &str = "#[handles(A)] fn a(&self, event: &A) { x(event) }
                   #[handles(B)] fn b(&self, event: &B) { y(event) }";

fn block_of(items: &str) -> String {
    format!("impl P {{ {items} }}")
}

#[test]
fn what_is_tuning_or_no_part_of_a_method_does_not_count() {
    let two = parts_of(&block_of(TWO));
    let turned = "#[handles(B)] fn b(&self, event: &B) { y(event) }
                  #[handles(A)] fn a(&self, event: &A) { x(event) }";
    assert_eq!(parts_of(&block_of(turned)), two, "the order of methods");
    for (from, to) in [
        ("#[handles(A)]", "#[handles(A, retry(none))]"),
        ("#[handles(A)]", "#[handles(A, retry(max = 7, cap = \"9s\"),)]"),
        ("#[handles(A)]", "#[projections::handles(A)]"),
        ("#[handles(A)]", "/// Docs.\n #[allow(unused)] #[handles(A)] #[expect(clippy::all)]"),
    ] {
        assert_eq!(parts_of(&block_of(&TWO.replace(from, to))), two, "{to}");
    }
    assert_eq!(parts_of(&format!("impl<T: Sum> P<T> where T: A {{ {TWO} }}")), two, "the header");
    for (a, b) in [
        (
            "#[fallback] fn f(&self, event: &RawEvent<'_>) {}",
            "#[fallback(retry(none))] fn f(&self, event: &RawEvent<'_>) {}",
        ),
        (
            "#[handles(C)] fn f(&self, event: &C) -> Result<(), E> {}",
            "#[handles(C, permanent = is_permanent)] fn f(&self, event: &C) -> Result<(), E> {}",
        ),
        (
            "fn f(at: &Envelope) -> &str { at.stream() }",
            "#[park_key] fn f(at: &Envelope) -> &str { at.stream() }",
        ),
        (
            "#[fallback(domain = [\"a\", \"b\"])] fn f(&self, event: &RawEvent<'_>) {}",
            "#[fallback(domain = [\"b\", \"a\"])] fn f(&self, event: &RawEvent<'_>) {}",
        ),
    ] {
        let [a, b] = [a, b].map(|item| parts_of(&block_of(&format!("{TWO} {item}"))));
        assert_eq!(a, b);
    }
}

#[test]
fn what_a_marker_says_and_every_item_counts() {
    let two = parts_of(&block_of(TWO));
    for (from, to) in [
        ("#[handles(A)]", "#[handles(C)]"),
        ("#[handles(A)]", "#[handles(A, input_domain = \"d\")]"),
        ("#[handles(A)]", "#[handles(A, from = \"now\")]"),
        ("#[handles(A)]", "#[handles(A, replay = \"skip\")]"),
        ("#[handles(A)]", "#[cfg(test)] #[handles(A)]"),
        ("#[handles(A)]", ""),
    ] {
        assert_ne!(parts_of(&block_of(&TWO.replace(from, to))), two, "{to}");
    }
    let mut seen = vec![two];
    for more in [
        "fn c() {}",
        "fn c() { 1 }",
        "#[setup] fn c(&self) {}",
        "#[reset] fn c(&self) {}",
        "const C: u8 = 1;",
        "const C: u8 = 2;",
        "type C = A;",
        "type C = B;",
        "c! { A => { 1 } }",
        "c! { A => 1 }",
        "#[fallback] fn c(&self, event: &RawEvent<'_>) {}",
        "#[fallback(all)] fn c(&self, event: &RawEvent<'_>) {}",
        "#[fallback(all, replay = \"skip\")] fn c(&self, event: &RawEvent<'_>) {}",
        "#[park_key] fn c(at: &Envelope) -> &str { at.stream() }",
        "#[park_key] fn c(at: &Envelope) -> &str { at.domain() }",
        "#[fallback(domain = \"a\")] fn c(&self, event: &RawEvent<'_>) {}",
        "#[fallback(domain = \"b\")] fn c(&self, event: &RawEvent<'_>) {}",
    ] {
        let parts = parts_of(&block_of(&format!("{TWO} {more}")));
        assert!(!seen.contains(&parts), "{more}");
        seen.push(parts);
    }
}

/// The `#[cfg]` goes with the hash into generated code, so that the compiler leaves it out.
#[test]
fn an_item_that_is_compiled_out_does_not_count() {
    for item in ["fn c() {}", "const C: u8 = 1;", "type C = A;", "c!();", "#[reset] fn c(&self) {}"]
    {
        let block = block_of(&format!("{TWO} #[cfg(feature = \"c\")] {item}"));
        let written = super::expand(TokenStream::new(), block.parse().unwrap()).to_string();
        let tables = written.split("tables ! {").nth(1).unwrap();
        let hash = tables.split_once("u64").unwrap().0;
        let before = hash.trim_end_matches(|c: char| c.is_ascii_digit());
        assert!(before.ends_with("[# [cfg (feature = \"c\")] "), "{item}: {hash}");
    }
}
