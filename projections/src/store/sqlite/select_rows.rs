//! What a [`Selection`] is in SQL.

use crate::{
    read::{Comparison, Condition, OrderBy, Selection},
    rows::{ColumnDef, Kind, OwnedValue, Table},
};

use super::rows::{quoted, sorted};

/// A statement, and the values of its parameters.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<OwnedValue>,
}

/// Selects rows, with all columns in the order of the declaration.
pub(super) fn select(selection: &Selection) -> Statement {
    let Selection { table, conditions, order, after, limit, .. } = selection;
    if let (Some(first), Some(limit)) = (order.first(), limit)
        && first.descending
        && table.columns[first.column].nullable
    {
        return select_nulls_last(selection, *first, *limit);
    }
    let mut wanted = Where { table, values: Vec::new() };
    let mut tests: Vec<String> =
        conditions.iter().map(|condition| wanted.condition(condition)).collect();
    match after {
        Some(after) => tests.push(wanted.after(order, after)),
        None if limit.is_some() => tests.extend(wanted.hint(order)),
        None => {}
    }
    let by: Vec<String> = order.iter().map(|by| order_term(table, *by)).collect();
    let mut sql = from(table, &columns(table), &tests);
    sql.push_str(" ORDER BY ");
    sql.push_str(&by.join(", "));
    if let Some(limit) = limit {
        sql.push_str(&limited(*limit));
    }
    Statement { sql, values: wanted.values }
}

/// The same, where the greatest values of a column come first that may be NULL: the first few of the
/// others and the first few of those, each by an index on the column, which is of no use to one
/// query for both.
fn select_nulls_last(selection: &Selection, first: OrderBy, limit: u64) -> Statement {
    let Selection { table, conditions, order, after, .. } = selection;
    let mut wanted = Where { table, values: Vec::new() };
    let mut tests: Vec<String> =
        conditions.iter().map(|condition| wanted.condition(condition)).collect();
    let column = sort_column(table, first.column);
    let mut others = format!("{column} >= {}", least(&table.columns[first.column]));
    if let Some(after) = after {
        tests.push(wanted.beyond(order, after));
        if let Some(value) = after.first().filter(|value| **value != OwnedValue::Null) {
            others = format!("{others} AND {column} <= {}", wanted.bind(value.clone()));
        }
    }
    let numbered = |at: usize| format!("projections_by_{at}");
    let by = order.iter().enumerate();
    let sorted: Vec<_> = by
        .clone()
        .map(|(at, by)| format!("{} AS {}", sort_column(table, by.column), numbered(at)))
        .collect();
    let found = format!("{}, {}", columns(table), sorted.join(", "));
    let inner: Vec<_> = by.clone().map(|(_, by)| order_term(table, *by)).collect();
    let outer: Vec<_> = by.map(|(at, by)| format!("{}{}", numbered(at), direction(*by))).collect();
    let part = |test: String| {
        let tests: Vec<_> = tests.iter().cloned().chain([test]).collect();
        let (rows, limit) = (from(table, &found, &tests), limited(limit));
        format!("SELECT * FROM ({rows} ORDER BY {}{limit})", inner.join(", "))
    };
    let sql = format!(
        "SELECT {} FROM ({} UNION ALL {}) ORDER BY {}{}",
        columns(table),
        part(others),
        part(format!("{column} IS NULL")),
        outer.join(", "),
        limited(limit)
    );
    Statement { sql, values: wanted.values }
}

fn columns(table: &Table) -> String {
    let columns: Vec<String> = table.columns.iter().map(|column| quoted(column.name)).collect();
    columns.join(", ")
}

fn limited(limit: u64) -> String {
    format!(" LIMIT {}", i64::try_from(limit).unwrap_or(i64::MAX))
}

/// Counts the rows that meet the conditions.
pub(super) fn count(selection: &Selection) -> Statement {
    let mut wanted = Where { table: selection.table, values: Vec::new() };
    let tests = selection.conditions.iter().map(|condition| wanted.condition(condition));
    let tests: Vec<String> = tests.collect();
    Statement { sql: from(selection.table, "count(*)", &tests), values: wanted.values }
}

fn from(table: &Table, columns: &str, tests: &[String]) -> String {
    let tests = if tests.is_empty() { "1".to_owned() } else { tests.join(" AND ") };
    format!("SELECT {columns} FROM main.{} WHERE {tests}", quoted(table.name))
}

fn order_term(table: &Table, by: OrderBy) -> String {
    format!("{}{}", sort_column(table, by.column), direction(by))
}

fn direction(by: OrderBy) -> &'static str {
    if by.descending { " DESC" } else { "" }
}

/// What no value of a column is less than.
fn least(column: &ColumnDef) -> &'static str {
    match column.kind {
        Kind::Bool | Kind::Integer | Kind::Timestamp => "-9223372036854775808",
        Kind::Real => "-9e999",
        Kind::Text | Kind::Json | Kind::Date | Kind::Time => "''",
        Kind::Bytes | Kind::Uuid | Kind::Decimal => "x''",
    }
}

/// The tests of a statement, and the values that they compare with.
struct Where<'a> {
    table: &'a Table,
    values: Vec<OwnedValue>,
}

impl Where<'_> {
    fn bind(&mut self, value: OwnedValue) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    fn condition(&mut self, condition: &Condition) -> String {
        self.compare(condition.column, condition.comparison, &condition.value)
    }

    /// SQL compares nothing with NULL, which here is before all else.
    fn compare(&mut self, column: usize, comparison: Comparison, to: &OwnedValue) -> String {
        let name = sort_column(self.table, column);
        let is_null = *to == OwnedValue::Null;
        let sign = match comparison {
            Comparison::Equal if is_null => return format!("{name} IS NULL"),
            Comparison::LessOrEqual if is_null => return format!("{name} IS NULL"),
            Comparison::Greater if is_null => return format!("{name} IS NOT NULL"),
            Comparison::GreaterOrEqual if is_null => return "1".to_owned(),
            Comparison::Less if is_null => return "0".to_owned(),
            Comparison::Equal => return format!("{name} = {}", self.bind(to.clone())),
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
        };
        let test = format!("{name} {sign} {}", self.bind(to.clone()));
        let with_null = matches!(comparison, Comparison::Less | Comparison::LessOrEqual);
        if self.table.columns[column].nullable && with_null {
            format!("({test} OR {name} IS NULL)")
        } else {
            test
        }
    }

    /// Tests whether a row comes after some values in the columns of an order.
    fn after(&mut self, order: &[OrderBy], values: &[OwnedValue]) -> String {
        if self.is_plain(order) {
            return self.after_plain(order, values);
        }
        let mut parts = order.iter().zip(values);
        let Some((first, value)) = parts.next() else { return "0".to_owned() };
        // Said beforehand, because an index is of no use to what is behind an OR.
        let reached = self.compare(first.column, reached(*first), value);
        let beyond = self.beyond(order, values);
        format!("{reached} AND {beyond}")
    }

    /// Whether the columns have one direction and no NULL, so that SQLite can compare them all at
    /// once, with an index over them.
    fn is_plain(&self, order: &[OrderBy]) -> bool {
        let direction = order.first().is_some_and(|first| first.descending);
        order.iter().all(|by| by.descending == direction && !self.table.columns[by.column].nullable)
    }

    fn after_plain(&mut self, order: &[OrderBy], values: &[OwnedValue]) -> String {
        let columns: Vec<_> = order.iter().map(|by| sort_column(self.table, by.column)).collect();
        let values: Vec<_> = values.iter().map(|value| self.bind(value.clone())).collect();
        let sign = if order.first().is_some_and(|by| by.descending) { "<" } else { ">" };
        format!("({}) {sign} ({})", columns.join(", "), values.join(", "))
    }

    /// A test that is true of all rows, so that SQLite reads the first few by an index on the first
    /// column: where the order has two directions, it would rather sort all rows.
    fn hint(&self, order: &[OrderBy]) -> Option<String> {
        let first = order.first()?;
        let column = &self.table.columns[first.column]; // as above
        if column.nullable || self.is_plain(order) {
            return None;
        }
        Some(format!("{} >= {}", sort_column(self.table, first.column), least(column)))
    }

    fn beyond(&mut self, order: &[OrderBy], values: &[OwnedValue]) -> String {
        let (Some((first, order)), Some((value, values))) =
            (order.split_first(), values.split_first())
        else {
            return "0".to_owned();
        };
        let beyond = self.compare(first.column, beyond(*first), value);
        let equal = self.compare(first.column, Comparison::Equal, value);
        let rest = self.beyond(order, values);
        format!("({beyond} OR ({equal} AND {rest}))")
    }
}

/// What a column is sorted and compared by. What is bound to compare with it is of the same form.
fn sort_column(table: &Table, column: usize) -> String {
    quoted(&sorted(&table.columns[column])) // the reader takes columns of the table
}

fn beyond(by: OrderBy) -> Comparison {
    if by.descending { Comparison::Less } else { Comparison::Greater }
}

fn reached(by: OrderBy) -> Comparison {
    if by.descending { Comparison::LessOrEqual } else { Comparison::GreaterOrEqual }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rusqlite::{Connection, params_from_iter};

    use super::*;

    const fn column(name: &'static str, kind: Kind, nullable: bool) -> ColumnDef {
        ColumnDef { name, kind, nullable, default: None }
    }

    const SEATS: Table = Table {
        name: "seats",
        columns: &[
            column("room", Kind::Text, false),
            column("number", Kind::Integer, false),
            column("wins", Kind::Integer, false),
            column("rank", Kind::Integer, true),
            column("net", Kind::Decimal, false),
            column("luck", Kind::Real, false),
        ],
        key: &[0, 1],
        indexes: &[],
    };

    fn selection(order: &[(usize, bool)], after: Option<Vec<OwnedValue>>) -> Selection {
        let order = order.iter().map(|&(column, descending)| OrderBy { column, descending });
        Selection {
            table: &SEATS,
            conditions: Vec::new(),
            order: order.collect(),
            after,
            limit: Some(10),
            with_position: false,
        }
    }

    /// What SQLite does for a selection, step by step.
    fn plan(selection: &Selection) -> String {
        let connection = Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE seats (room TEXT NOT NULL, number INTEGER NOT NULL, \
             wins INTEGER NOT NULL, rank INTEGER, net TEXT NOT NULL, net__order BLOB NOT NULL, \
             luck REAL NOT NULL, PRIMARY KEY (room, number)) STRICT, WITHOUT ROWID; \
             CREATE INDEX by_wins ON seats (wins); CREATE INDEX by_rank ON seats (rank); \
             CREATE INDEX by_net ON seats (net__order); CREATE INDEX by_luck ON seats (luck)";
        connection.execute_batch(table).unwrap();
        let Statement { sql, values } = select(selection);
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let values = values.iter().map(|value| match value {
            OwnedValue::Integer(value) => rusqlite::types::Value::Integer(*value),
            _ => rusqlite::types::Value::Text("x".into()),
        });
        let steps = explain.query_map(params_from_iter(values), |row| row.get::<_, String>(3));
        steps.unwrap().collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    }

    /// One column may be NULL, which is after all others where the greatest come first.
    #[test]
    fn the_best_are_found_where_there_may_be_none() {
        for order in [[(3, true), (0, false), (1, false)], [(3, true), (0, true), (1, true)]] {
            for after in [None, texts(&["1", "a", "1"])] {
                let is_first = after.is_none();
                let found = plan(&selection(&order, after));
                assert_eq!(found.matches("main.seats USING INDEX by_rank").count(), 2, "{found}");
                assert!(!found.contains("SCAN main.seats"), "{found}");
                let range = if is_first { "(rank>?)" } else { "(rank>? AND rank<?)" };
                assert!(found.contains(range) && found.contains("(rank=?)"), "{found}");
            }
        }
    }

    fn texts(values: &[&str]) -> Option<Vec<OwnedValue>> {
        Some(values.iter().map(|value| OwnedValue::Text((*value).to_owned())).collect())
    }

    #[test]
    fn pages_by_key_begin_where_they_should() {
        let key = [(0, false), (1, false)];
        let found = plan(&selection(&key, texts(&["a", "1"])));
        assert_eq!(found, "SEARCH main.seats USING PRIMARY KEY ((room,number)>(?,?))");
        let key = [(0, true), (1, true)];
        let found = plan(&selection(&key, texts(&["a", "1"])));
        assert_eq!(found, "SEARCH main.seats USING PRIMARY KEY ((room,number)<(?,?))");
    }

    #[test]
    fn pages_by_an_index_begin_where_they_should() {
        for (column, name, sorted) in
            [(2, "wins", "wins"), (3, "rank", "rank"), (4, "net", "net__order")]
        {
            let order = [(column, false), (0, false), (1, false)];
            let found = plan(&selection(&order, None));
            assert_eq!(found, format!("SCAN main.seats USING INDEX by_{name}"));
            let found = plan(&selection(&order, texts(&["1", "a", "1"])));
            let by = format!("SEARCH main.seats USING INDEX by_{name}");
            assert!(found.starts_with(&by), "{found}");
            assert!(found.contains(&format!("{sorted}>")) || found.contains("room"), "{found}");
            assert!(!found.contains("TEMP B-TREE"), "{found}");
        }
    }

    #[test]
    fn the_best_are_found_without_looking_at_all() {
        for (column, name) in [(2, "wins"), (4, "net"), (5, "luck")] {
            let order = [(column, true), (0, false), (1, false)];
            for after in [None, texts(&["1", "a", "1"])] {
                let found = plan(&selection(&order, after));
                assert!(found.contains(&format!("main.seats USING INDEX by_{name}")), "{found}");
                // Rows with the same value alone are sorted.
                assert!(!found.contains("TEMP B-TREE FOR ORDER BY"), "{found}");
            }
        }
    }
}
