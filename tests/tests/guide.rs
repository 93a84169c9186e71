//! Every code block of README.md and docs/ is what it says it is.
//!
//! A page is read from top to bottom, as its reader does. `rust` blocks without a `main` are kept;
//! one with a `main` makes a program of them all. It is run, or the `cargo run` lines of the `sh`
//! block behind it are; one with `#[cfg(test)]` is run by `cargo test`. `rust,compile_fail` must not
//! compile. A `text` block behind any of these is what it prints. `DOCS=overwrite` writes the `text`
//! blocks anew: read the diff like prose. The `toml` blocks are the manifest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const PAGES: [&str; 12] = [
    "README.md",
    "docs/guide.md",
    "docs/concepts.md",
    "docs/guarantees.md",
    "docs/mistakes.md",
    "docs/command-line.md",
    "docs/rows.md",
    "docs/modes.md",
    "docs/inline.md",
    "docs/waiting.md",
    "docs/testing.md",
    "docs/operating.md",
];

/// A fenced block: its info string, its text, and the lines between its fences.
#[derive(Clone)]
struct Block {
    info: String,
    text: String,
    lines: std::ops::Range<usize>,
}

/// What a page asks for, in its order.
enum Step {
    /// Run this program with these arguments.
    Run { program: String, arguments: String },
    /// Run the example `orders` with these arguments.
    Orders(String),
    /// The compiler's words on this program.
    Refused(String),
    /// The step before prints this.
    Prints(Block),
}

#[derive(Default)]
struct Docs {
    good: BTreeMap<String, String>,
    bad: BTreeMap<String, String>,
    tests: BTreeMap<String, String>,
    steps: BTreeMap<&'static str, Vec<Step>>,
}

#[test]
fn every_block_of_the_docs_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut docs = Docs::default();
    for page in PAGES {
        let text = fs::read_to_string(root.join(page)).unwrap();
        docs.read(page, &blocks(&text));
    }
    let package = docs.write_package(root);
    build(&package, docs.good.keys());
    docs.tests.keys().for_each(|name| test(&package, name));
    let refusals = refusals(&package, docs.bad.keys());
    for name in docs.bad.keys() {
        assert!(refusals.contains_key(name), "{name} compiles:\n{}", docs.bad[name]);
    }
    let faults: Vec<_> = docs
        .steps
        .iter()
        .flat_map(|(page, steps)| check_page(root, page, steps, &refusals))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

impl Docs {
    fn read(&mut self, page: &'static str, blocks: &[Block]) {
        let stem = Path::new(page).file_stem().unwrap().to_str().unwrap().to_lowercase();
        let (mut kept, mut program) = (String::new(), String::new());
        let mut steps = Vec::new();
        for (number, block) in blocks.iter().enumerate() {
            let name = format!("docs_{}_{number}", stem.replace('-', "_"));
            let driven = blocks.get(number + 1).is_some_and(|next| runs_program(next, &name));
            match &*block.info {
                "rust" if block.text.contains("fn main()") => {
                    self.good.insert(name.clone(), format!("{kept}\n{}", block.text));
                    program = name;
                    if !driven {
                        steps
                            .push(Step::Run { program: program.clone(), arguments: String::new() });
                    }
                }
                "rust" if block.text.contains("#[cfg(test)]") => {
                    self.tests.insert(name, format!("{kept}\n{}\nfn main() {{}}\n", block.text));
                }
                "rust" => kept.push_str(&block.text),
                "rust,compile_fail" => {
                    let main = if block.text.contains("fn main") { "" } else { "\nfn main() {}\n" };
                    self.bad.insert(name.clone(), format!("{}{main}", block.text));
                    steps.push(Step::Refused(name));
                }
                "sh" => steps.extend(block.text.lines().filter_map(|line| command(line, &program))),
                "text" => steps.push(Step::Prints(block.clone())),
                "toml" | "json" | "mermaid" => {}
                other => panic!("{page}: a block is marked `{other}`"),
            }
        }
        self.steps.insert(page, steps);
    }

    /// Writes one package with a binary a program, under the manifest that the pages show.
    fn write_package(&self, root: &Path) -> PathBuf {
        let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs");
        let programs = package.join("src/bin");
        let _ = fs::remove_dir_all(&programs);
        fs::create_dir_all(&programs).unwrap();
        let pages = PAGES.map(|page| fs::read_to_string(root.join(page)).unwrap());
        let all = pages.iter().flat_map(|page| blocks(page));
        let manifest = all.filter(|block| block.info == "toml").map(|block| block.text);
        let manifest = manifest.collect::<Vec<_>>().join("\n");
        let place = format!("{{ path = {:?}, ", root.join("projections"));
        assert!(manifest.contains("projections = { version = \"0.1\", "), "{manifest}");
        let manifest = manifest
            .replace("projections = { version = \"0.1\", ", &format!("projections = {place}"));
        fs::write(package.join("Cargo.toml"), manifest + "\n[workspace]\n").unwrap();
        fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
        for (name, text) in self.good.iter().chain(&self.bad).chain(&self.tests) {
            fs::write(programs.join(name).with_extension("rs"), text).unwrap();
        }
        package
    }
}

/// Splits a page into its fenced blocks.
fn blocks(page: &str) -> Vec<Block> {
    let lines: Vec<_> = page.lines().collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if let Some(info) = lines[at].strip_prefix("```") {
            let length = lines[at + 1..].iter().position(|line| *line == "```").unwrap();
            let lines_of = at + 1..at + 1 + length;
            let text = lines[lines_of.clone()].iter().map(|line| format!("{line}\n")).collect();
            blocks.push(Block { info: info.to_owned(), text, lines: lines_of });
            at += length + 1;
        }
        at += 1;
    }
    blocks
}

/// What a line of a shell block asks for, where that can be run here and ends by itself.
fn command(line: &str, program: &str) -> Option<Step> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let endless = line.contains("--watch") || line.ends_with("projection run");
    if endless || line.contains("-p examples") {
        return None;
    }
    if let Some(arguments) = line.strip_prefix("orders ") {
        return Some(Step::Orders(arguments.to_owned()));
    }
    let arguments = line.strip_prefix("cargo run")?.trim().trim_start_matches("-- ").to_owned();
    Some(Step::Run { program: program.to_owned(), arguments })
}

/// Whether a block is shell commands that run the program before it.
fn runs_program(block: &Block, program: &str) -> bool {
    let runs = |line| matches!(command(line, program), Some(Step::Run { .. }));
    block.info == "sh" && block.text.lines().any(runs)
}

fn cargo(package: &Path, command: &str) -> Command {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(package).arg(command).args(["--offline", "--target-dir"]).arg(target);
    cargo
}

fn build<'a>(package: &Path, programs: impl Iterator<Item = &'a String>) {
    let mut cargo = cargo(package, "build");
    let output = cargo.args(programs.flat_map(|name| ["--bin", name])).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("warning:"), "{said}");
}

/// Runs the tests of a program, of which there must be some.
fn test(package: &Path, program: &str) {
    let output = cargo(package, "test").args(["--bin", program]).output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && !out.contains(" 0 passed"), "{program}: {out}{err}");
}

/// What the compiler says of each program that it refuses, with the file called `src/main.rs`.
fn refusals<'a>(
    package: &Path,
    programs: impl Iterator<Item = &'a String>,
) -> BTreeMap<String, String> {
    let mut cargo = cargo(package, "check");
    cargo.args(["--keep-going", "--message-format=json"]);
    let output = cargo.args(programs.flat_map(|name| ["--bin", name])).output().unwrap();
    let mut refusals: BTreeMap<String, String> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        let text = message["message"]["rendered"].as_str().unwrap_or_default();
        let summary =
            text.starts_with("error: aborting") || text.starts_with("For more information");
        if message["message"]["level"] != "error" || summary {
            continue;
        }
        let name = message["target"]["name"].as_str().unwrap();
        let text = text.replace(&format!("src/bin/{name}.rs"), "src/main.rs");
        // Where the library asks for it is a path of this machine, and no help.
        let own = text.split("note: required by a bound").next().unwrap_or_default().trim_end();
        let own = without_library(own);
        refusals.entry(name.to_owned()).or_default().push_str(&format!("{own}\n\n"));
    }
    refusals
}

/// Drops the lines of the library that the compiler shows beside those of the program.
fn without_library(text: &str) -> String {
    let mut elsewhere = false;
    let own = text.lines().filter(|line| {
        elsewhere = match line.trim_start() {
            line if line.starts_with("::: /") => true,
            line if line.starts_with("help:") || line.starts_with("-->") => false,
            _ => elsewhere,
        };
        !elsewhere
    });
    own.collect::<Vec<_>>().join("\n")
}

/// Carries out a page in a folder of its own, and says what is not as the page says.
fn check_page(
    root: &Path,
    page: &str,
    steps: &[Step],
    refusals: &BTreeMap<String, String>,
) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut faults = Vec::new();
    let mut overwrites = Vec::new();
    let mut printed = String::new();
    let mut steps = steps.iter().peekable();
    while let Some(step) = steps.next() {
        let described = matches!(steps.peek(), Some(Step::Prints(_)));
        match step {
            Step::Run { program, arguments } => {
                let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
                let mut command = Command::new(target.join("debug").join(program));
                command.args(arguments.split_whitespace()).current_dir(folder.path());
                printed = run(&mut command, described, &mut faults).replace(program, "shop");
            }
            Step::Orders(arguments) => {
                let mut command = Command::new(env!("CARGO"));
                let manifest = root.join("Cargo.toml");
                command.args([
                    "run",
                    "--quiet",
                    "-p",
                    "examples",
                    "--bin",
                    "orders",
                    "--manifest-path",
                ]);
                command.arg(manifest).arg("--").args(arguments.split_whitespace());
                printed = run(command.current_dir(folder.path()), described, &mut faults);
            }
            Step::Refused(program) => printed = refusals[program].clone(),
            Step::Prints(block) => {
                let printed = tidy(&printed);
                if printed != tidy(&block.text) {
                    faults.push(format!("{page}:{}: prints\n{printed}", block.lines.start));
                    overwrites.push((block.lines.clone(), printed));
                }
            }
        }
    }
    if std::env::var_os("DOCS").is_some_and(|value| value == "overwrite") {
        overwrite(&root.join(page), overwrites);
    }
    faults
}

/// Runs a command and returns what it prints; one that fails must be described by the page.
fn run(command: &mut Command, described: bool, faults: &mut Vec<String>) -> String {
    let output = command.output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() && !described {
        faults.push(format!("{command:?} fails: {out}{err}"));
    }
    // What was told before the error depends on the moment it was noticed.
    let error = err.find("error:").map_or(&*err, |at| &err[at..]);
    if output.status.success() { out.into_owned() } else { format!("{out}{error}") }
}

/// Drops what means nothing to a reader or differs from run to run: spaces at the ends of lines,
/// empty lines at both ends, event ids.
fn tidy(text: &str) -> String {
    let words = |line: &str| {
        let word = |word: &'_ str| if is_id(word) { "0199…".to_owned() } else { word.to_owned() };
        line.trim_end().split(' ').map(word).collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<_> = text.trim_matches('\n').lines().map(words).collect();
    lines.join("\n") + "\n"
}

fn is_id(word: &str) -> bool {
    word.len() >= 32 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

fn overwrite(page: &Path, overwrites: Vec<(std::ops::Range<usize>, String)>) {
    let text = fs::read_to_string(page).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (range, printed) in overwrites.into_iter().rev() {
        lines.splice(range, printed.lines().map(str::to_owned));
    }
    fs::write(page, lines.join("\n") + "\n").unwrap();
}
