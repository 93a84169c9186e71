//! `projection graph`.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{command::GraphFormat, escape, failure::Failure, output};
use crate::{
    BatchPolicy, EventSource, FallbackScope, Options, Registration, Runtime, StartFrom,
    UnregisteredPolicy,
};

/// Prints the picture.
pub(super) fn graph<S: EventSource>(
    runtime: &Runtime<S>,
    format: GraphFormat,
) -> Result<(), Failure> {
    let mut picture = Picture::default();
    for (name, registration) in runtime.projectors() {
        picture.add(&name, &registration);
    }
    output::print(&match format {
        GraphFormat::Dot => picture.dot(),
        GraphFormat::Mermaid => picture.mermaid(),
    })
}

/// What a node stands for, from left to right.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Node {
    Event {
        /// Two domains may have events of one name.
        domain: String,
        name: String,
    },
    Projector {
        name: String,
        /// How it runs, line by line.
        facts: Vec<String>,
    },
    Storage(String),
}

/// Nodes and the arrows between them, by number. Domains are boxes around their events.
#[derive(Debug, Default)]
struct Picture {
    nodes: Vec<Node>,
    arrows: Vec<Arrow>,
}

#[derive(Debug, Eq, PartialEq)]
struct Arrow {
    from: usize,
    to: usize,
    label: Option<&'static str>,
}

impl Picture {
    fn add(&mut self, name: &str, registration: &Registration) {
        let projector =
            self.node(Node::Projector { name: name.to_owned(), facts: facts(registration) });
        for route in registration.routes {
            let label = (route.from == StartFrom::Now).then_some("from now on");
            self.subscribe(route.domain, route.event, projector, label);
        }
        match registration.fallback.map(|fallback| fallback.scope) {
            Some(FallbackScope::All) => {
                self.subscribe("any domain", "any other event", projector, None);
            }
            Some(FallbackScope::Domains(domains)) => {
                for domain in domains {
                    self.subscribe(domain, "any other event", projector, None);
                }
            }
            Some(FallbackScope::HandlersDomains) => {
                for domain in registration.domains() {
                    self.subscribe(domain, "any other event", projector, None);
                }
            }
            None => {}
        }
        if !registration.is_in_process() {
            let storage = self.node(Node::Storage(registration.storage_name()));
            self.arrow(projector, storage, None);
        }
    }

    fn subscribe(
        &mut self,
        domain: &str,
        event: &str,
        projector: usize,
        label: Option<&'static str>,
    ) {
        let event = Node::Event { domain: domain.to_owned(), name: event.to_owned() };
        let event = self.node(event);
        self.arrow(event, projector, label);
    }

    fn node(&mut self, node: Node) -> usize {
        self.nodes.iter().position(|known| *known == node).unwrap_or_else(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        })
    }

    fn arrow(&mut self, from: usize, to: usize, label: Option<&'static str>) {
        let arrow = Arrow { from, to, label };
        if !self.arrows.contains(&arrow) {
            self.arrows.push(arrow);
        }
    }

    /// The events of each domain with their numbers.
    fn domains(&self) -> BTreeMap<&str, Vec<(usize, &str)>> {
        let mut domains: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (number, node) in self.nodes.iter().enumerate() {
            if let Node::Event { domain, name } = node {
                domains.entry(domain).or_default().push((number, name.as_str()));
            }
        }
        domains
    }

    fn mermaid(&self) -> String {
        let mut text = Text::new("flowchart LR");
        for (box_number, (domain, events)) in self.domains().into_iter().enumerate() {
            text.line(1, format_args!("subgraph d{box_number}[\"{}\"]", escape::mermaid(domain)));
            for (number, name) in events {
                text.line(2, format_args!("n{number}[\"{}\"]", escape::mermaid(name)));
            }
            text.line(1, format_args!("end"));
        }
        for (number, node) in self.nodes.iter().enumerate() {
            match node {
                Node::Event { .. } => {}
                Node::Projector { name, facts } => {
                    let label = lines(name, facts, escape::mermaid, "<br/>");
                    text.line(1, format_args!("n{number}[[\"{label}\"]]"));
                }
                Node::Storage(name) => {
                    text.line(1, format_args!("n{number}[(\"{}\")]", escape::mermaid(name)));
                }
            }
        }
        for Arrow { from, to, label } in &self.arrows {
            let label = label.map(|label| format!("|\"{label}\"|")).unwrap_or_default();
            text.line(1, format_args!("n{from} -->{label} n{to}"));
        }
        text.0
    }

    fn dot(&self) -> String {
        let mut text = Text::new("digraph projections {");
        text.line(1, format_args!("rankdir=LR;"));
        for (box_number, (domain, events)) in self.domains().into_iter().enumerate() {
            text.line(1, format_args!("subgraph cluster_{box_number} {{"));
            text.line(2, format_args!("label=\"{}\";", escape::dot(domain)));
            for (number, name) in events {
                let label = escape::dot(name);
                text.line(2, format_args!("n{number} [shape=box, label=\"{label}\"];"));
            }
            text.line(1, format_args!("}}"));
        }
        for (number, node) in self.nodes.iter().enumerate() {
            let (shape, label) = match node {
                Node::Event { .. } => continue,
                Node::Projector { name, facts } => {
                    ("component", lines(name, facts, escape::dot, "\\n"))
                }
                Node::Storage(name) => ("cylinder", escape::dot(name)),
            };
            text.line(1, format_args!("n{number} [shape={shape}, label=\"{label}\"];"));
        }
        for Arrow { from, to, label } in &self.arrows {
            let label = label.map(|label| format!(" [label=\"{label}\"]")).unwrap_or_default();
            text.line(1, format_args!("n{from} -> n{to}{label};"));
        }
        text.line(0, format_args!("}}"));
        text.0
    }
}

/// How a projector runs: its mode, version and place, and what it does otherwise than by default.
fn facts(registration: &Registration) -> Vec<String> {
    let Options { unregistered, batch, mode, from, version, on_change, .. } = *registration.options;
    let place = if registration.is_in_process() { ", in process" } else { "" };
    let mut facts = vec![format!("{}{place}, version {version}", mode.as_str())];
    let mut fact = |differs: bool, text: String| facts.extend(differs.then_some(text));
    fact(
        unregistered != UnregisteredPolicy::default(),
        format!("unregistered: {}", unregistered.as_str()),
    );
    fact(from == StartFrom::Now, "from now on".to_owned());
    fact(batch != BatchPolicy::DEFAULT, format!("batch: {} events", batch.events));
    fact(on_change != Options::DEFAULT.on_change, format!("on change: {}", on_change.as_str()));
    facts
}

/// A label of several lines, each made safe by itself.
fn lines(name: &str, facts: &[String], escape: fn(&str) -> String, line_break: &str) -> String {
    let lines = std::iter::once(name).chain(facts.iter().map(String::as_str));
    lines.map(escape).collect::<Vec<_>>().join(line_break)
}

/// A text that grows by indented lines.
struct Text(String);

impl Text {
    fn new(first: &str) -> Self {
        Self(format!("{first}\n"))
    }

    fn line(&mut self, depth: usize, line: std::fmt::Arguments<'_>) {
        // Writing to a `String` does not fail.
        let _ = writeln!(self.0, "{:indent$}{line}", "", indent = 4 * depth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let mut picture = Picture::default();
        let name = "\u{1b}]0;x".to_owned();
        let facts = vec!["async, version 1".to_owned(), "a\"<br/>\\n".to_owned()];
        let projector = picture.node(Node::Projector { name, facts });
        picture.subscribe("\"]; drop", "<script>", projector, None);
        picture.subscribe("\"]; drop", "<script>", projector, None);
        picture.subscribe("\"]; drop", "end", projector, Some("from now on"));
        picture.subscribe("another", "<script>", projector, None);
        let storage = picture.node(Node::Storage("Sqlite<Main>".to_owned()));
        picture.arrow(projector, storage, None);
        picture
    }

    #[test]
    fn mermaid_draws_each_thing_once_and_escapes_names() {
        assert_eq!(
            picture().mermaid(),
            r##"flowchart LR
    subgraph d0["#34;#93;#59; drop"]
        n1["#60;script#62;"]
        n2["end"]
    end
    subgraph d1["another"]
        n3["#60;script#62;"]
    end
    n0[["#92;u#123;1b#125;#93;0#59;x<br/>async, version 1<br/>a#34;#60;br/#62;#92;n"]]
    n4[("Sqlite#60;Main#62;")]
    n1 --> n0
    n2 -->|"from now on"| n0
    n3 --> n0
    n0 --> n4
"##
        );
    }

    #[test]
    fn dot_draws_each_thing_once_and_escapes_names() {
        assert_eq!(
            picture().dot(),
            r#"digraph projections {
    rankdir=LR;
    subgraph cluster_0 {
        label="&quot;]; drop";
        n1 [shape=box, label="&lt;script&gt;"];
        n2 [shape=box, label="end"];
    }
    subgraph cluster_1 {
        label="another";
        n3 [shape=box, label="&lt;script&gt;"];
    }
    n0 [shape=component, label="\\u{1b}]0;x\nasync, version 1\na&quot;&lt;br/&gt;\\n"];
    n4 [shape=cylinder, label="Sqlite&lt;Main&gt;"];
    n1 -> n0;
    n2 -> n0 [label="from now on"];
    n3 -> n0;
    n0 -> n4;
}
"#
        );
    }
}
