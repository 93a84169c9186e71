//! A [`Filter`] as a condition of SQL.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write};

use rusqlite::types::Value;

use crate::Filter;

type Pairs = [(Cow<'static, str>, Cow<'static, str>)];

/// A condition on `domain` and `type` that follows an `AND`, and its parameters in order. Names
/// are parameters, never text; filters of one shape share a statement.
pub(super) fn condition(filter: &Filter) -> (String, Vec<Value>) {
    let mut sql = String::new();
    let mut names = Vec::new();
    if !filter.all {
        sql.push_str(" AND (0");
        if !filter.domains.is_empty() {
            sql.push_str(" OR domain IN (");
            list(&mut sql, &mut names, filter.domains.iter().map(|domain| &**domain));
        }
        among(&mut sql, &mut names, &filter.events);
        sql.push(')');
    }
    if !filter.except.is_empty() {
        sql.push_str(" AND NOT (0");
        among(&mut sql, &mut names, &filter.except);
        sql.push(')');
    }
    (sql, names)
}

/// Adds ` OR (domain = ? AND type IN (..))` for each domain.
fn among(sql: &mut String, names: &mut Vec<Value>, pairs: &Pairs) {
    let mut domains: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (domain, name) in pairs {
        domains.entry(domain).or_default().push(name);
    }
    for (domain, types) in domains {
        sql.push_str(" OR (domain = ");
        parameter(sql, names, domain);
        sql.push_str(" AND type IN (");
        list(sql, names, types.into_iter());
        sql.push(')');
    }
}

fn list<'a>(sql: &mut String, names: &mut Vec<Value>, texts: impl Iterator<Item = &'a str>) {
    for (index, text) in texts.enumerate() {
        if index > 0 {
            sql.push_str(", ");
        }
        parameter(sql, names, text);
    }
    sql.push(')');
}

fn parameter(sql: &mut String, names: &mut Vec<Value>, text: &str) {
    names.push(text.to_owned().into());
    // The statements that use the condition keep ?1 to ?3 for themselves.
    let _ = write!(sql, "?{}", names.len() + 3); // writing to a string cannot fail
}
