//! A [`Filter`] as a condition of SQL.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write};

use crate::Filter;

type Pairs = [(Cow<'static, str>, Cow<'static, str>)];

/// A condition on `domain` and `type` that follows other conditions, and its parameters: lists of
/// names, numbered from `first`. Names are parameters, never text.
pub(super) fn condition(filter: &Filter, first: usize) -> (String, Vec<Vec<String>>) {
    let mut sql = String::new();
    let mut lists = Lists { first, lists: Vec::new() };
    if !filter.all {
        sql.push_str(" AND (false");
        if !filter.domains.is_empty() {
            let domains = filter.domains.iter().map(|domain| &**domain);
            let _ = write!(sql, " OR domain = ANY (${})", lists.add(domains)); // cannot fail
        }
        among(&mut sql, &mut lists, &filter.events);
        sql.push(')');
    }
    if !filter.except.is_empty() {
        sql.push_str(" AND NOT (false");
        among(&mut sql, &mut lists, &filter.except);
        sql.push(')');
    }
    (sql, lists.lists)
}

/// Adds ` OR (domain = ANY ($n) AND type = ANY ($m))` for each domain.
fn among(sql: &mut String, lists: &mut Lists, pairs: &Pairs) {
    let mut domains: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (domain, name) in pairs {
        domains.entry(domain).or_default().push(name);
    }
    for (domain, types) in domains {
        let domain = lists.add([domain].into_iter());
        let types = lists.add(types.into_iter());
        // Writing to a string cannot fail.
        let _ = write!(sql, " OR (domain = ANY (${domain}) AND type = ANY (${types}))");
    }
}

struct Lists {
    first: usize,
    lists: Vec<Vec<String>>,
}

impl Lists {
    /// Adds a list and returns its number.
    fn add<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> usize {
        self.lists.push(names.map(str::to_owned).collect());
        self.first + self.lists.len() - 1
    }
}
