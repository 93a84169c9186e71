//! `projection graph`.

use super::{command::GraphFormat, escape, failure::Failure, output};
use crate::{EventSource, FallbackScope, Registration, Runtime};

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
    Domain(String),
    /// With its domain, because two domains may have events of one name.
    Event(String, String),
    Projector(String),
    Storage(String),
}

/// Nodes and the arrows between them, by number.
#[derive(Debug, Default)]
struct Picture {
    nodes: Vec<Node>,
    arrows: Vec<(usize, usize)>,
}

impl Picture {
    fn add(&mut self, name: &str, registration: &Registration) {
        let projector = self.node(Node::Projector(name.to_owned()));
        for route in registration.routes {
            self.subscribe(route.domain, route.event, projector);
        }
        match registration.fallback.map(|fallback| fallback.scope) {
            Some(FallbackScope::All) => self.subscribe("any domain", "any other event", projector),
            Some(FallbackScope::Domains(_) | FallbackScope::HandlersDomains) => {
                for domain in registration.domains() {
                    self.subscribe(domain, "any other event", projector);
                }
            }
            None => {}
        }
        let storage = self.node(Node::Storage(registration.storage.to_owned()));
        self.arrow(projector, storage);
    }

    fn subscribe(&mut self, domain: &str, event: &str, projector: usize) {
        let from = self.node(Node::Domain(domain.to_owned()));
        let event = self.node(Node::Event(domain.to_owned(), event.to_owned()));
        self.arrow(from, event);
        self.arrow(event, projector);
    }

    fn node(&mut self, node: Node) -> usize {
        self.nodes.iter().position(|known| *known == node).unwrap_or_else(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        })
    }

    fn arrow(&mut self, from: usize, to: usize) {
        if !self.arrows.contains(&(from, to)) {
            self.arrows.push((from, to));
        }
    }

    fn mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for (number, node) in self.nodes.iter().enumerate() {
            let (open, label, close) = match node {
                Node::Domain(name) => ("([", name, "])"),
                Node::Event(_, name) => ("[", name, "]"),
                Node::Projector(name) => ("[[", name, "]]"),
                Node::Storage(name) => ("[(", name, ")]"),
            };
            let label = escape::mermaid(label);
            text.push_str(&format!("    n{number}{open}\"{label}\"{close}\n"));
        }
        for (from, to) in &self.arrows {
            text.push_str(&format!("    n{from} --> n{to}\n"));
        }
        text
    }

    fn dot(&self) -> String {
        let mut text = "digraph projections {\n    rankdir=LR;\n".to_owned();
        for (number, node) in self.nodes.iter().enumerate() {
            let (shape, label) = match node {
                Node::Domain(name) => ("oval", name),
                Node::Event(_, name) => ("box", name),
                Node::Projector(name) => ("component", name),
                Node::Storage(name) => ("cylinder", name),
            };
            let label = escape::dot(label);
            text.push_str(&format!("    n{number} [shape={shape}, label=\"{label}\"];\n"));
        }
        for (from, to) in &self.arrows {
            text.push_str(&format!("    n{from} -> n{to};\n"));
        }
        text.push_str("}\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let mut picture = Picture::default();
        let projector = picture.node(Node::Projector("\u{1b}]0;x".to_owned()));
        picture.subscribe("\"]; drop", "<script>", projector);
        picture.subscribe("\"]; drop", "<script>", projector);
        let storage = picture.node(Node::Storage("Sqlite".to_owned()));
        picture.arrow(projector, storage);
        picture
    }

    #[test]
    fn mermaid_draws_each_thing_once_and_escapes_names() {
        assert_eq!(
            picture().mermaid(),
            "flowchart LR\n    \
             n0[[\"#92;u#123;1b#125;#93;0#59;x\"]]\n    \
             n1([\"#34;#93;#59; drop\"])\n    \
             n2[\"#60;script#62;\"]\n    \
             n3[(\"Sqlite\")]\n    \
             n1 --> n2\n    n2 --> n0\n    n0 --> n3\n"
        );
    }

    #[test]
    fn dot_draws_each_thing_once_and_escapes_names() {
        assert_eq!(
            picture().dot(),
            "digraph projections {\n    rankdir=LR;\n    \
             n0 [shape=component, label=\"\\\\u{1b}]0;x\"];\n    \
             n1 [shape=oval, label=\"&quot;]; drop\"];\n    \
             n2 [shape=box, label=\"&lt;script&gt;\"];\n    \
             n3 [shape=cylinder, label=\"Sqlite\"];\n    \
             n1 -> n2;\n    n2 -> n0;\n    n0 -> n3;\n}\n"
        );
    }
}
