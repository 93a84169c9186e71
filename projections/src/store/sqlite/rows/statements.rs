//! The statements on a table, whose texts are made once.

use std::{
    iter::{once, repeat_n},
    sync::Arc,
};

use parking_lot::Mutex;

use super::ddl::{all_sorted, quoted, sorted};
use crate::rows::{Kind, Table};

/// How many rows one statement writes: more of them are no faster.
const MANY: usize = 32;
/// As many parameters as SQLite lets a statement have, unless it was built otherwise.
const PARAMETERS: usize = 32_766;

/// The statements on each table that this connection has met.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct Plans(Mutex<Vec<Arc<Plan>>>);

/// The statements on a table.
#[derive(Debug)]
pub(super) struct Plan {
    table: Table,
    pub(super) load: String,
    pub(super) delete: String,
    pub(super) upsert: Insertion,
    /// As `upsert`, at much less work, where the table is bare. Else the rows that it replaces are
    /// deleted: with those that refer to them, and without the triggers of an update.
    pub(super) replace: Insertion,
    pub(super) columns: usize,
    /// Those that look for the values of some columns.
    finds: Mutex<Vec<Find>>,
}

/// The statements that write rows, whether they are there or not.
#[derive(Debug)]
pub(super) struct Insertion {
    pub(super) one: String,
    pub(super) many: String,
    /// How many rows `many` writes.
    pub(super) rows: usize,
}

#[derive(Debug)]
struct Find {
    columns: Vec<usize>,
    sql: Arc<str>,
}

impl Plans {
    #[inline]
    pub(super) fn of(&self, table: &Table) -> Arc<Plan> {
        let mut plans = self.0.lock();
        if let Some(plan) = plans.iter().find(|plan| is_same(&plan.table, table)) {
            return Arc::clone(plan);
        }
        let plan = Arc::new(Plan::of(table));
        plans.push(Arc::clone(&plan));
        plan
    }
}

/// Declarations are static data, so where they are tells one from the other.
#[inline]
fn is_same(one: &Table, other: &Table) -> bool {
    std::ptr::eq(one.name, other.name)
        && std::ptr::eq(one.columns, other.columns)
        && std::ptr::eq(one.key, other.key)
}

impl Plan {
    fn of(table: &Table) -> Self {
        let columns = columns(table).len();
        let many = MANY.min(PARAMETERS / columns.max(1)).max(1);
        let insertion = |sql: fn(&Table, usize) -> String| Insertion {
            one: sql(table, 1),
            many: sql(table, many),
            rows: many,
        };
        Self {
            table: *table,
            load: select(table, table.key, "="),
            delete: delete(table),
            upsert: insertion(upsert),
            replace: insertion(replace),
            columns,
            finds: Mutex::default(),
        }
    }

    /// The statement that looks for the values of some columns, in the order of the keys.
    pub(super) fn find(&self, columns: &[usize]) -> Arc<str> {
        let mut finds = self.finds.lock();
        if let Some(find) = finds.iter().find(|find| find.columns == columns) {
            return Arc::clone(&find.sql);
        }
        let key: Vec<_> =
            all_sorted(&self.table, self.table.key).iter().map(|name| exact(name)).collect();
        let key = key.join(", ");
        let sql: Arc<str> = format!("{} ORDER BY {key}", select(&self.table, columns, "IS")).into();
        finds.push(Find { columns: columns.to_vec(), sql: Arc::clone(&sql) });
        sql
    }
}

/// The names of all columns, quoted.
fn columns(table: &Table) -> Vec<String> {
    let both = table.columns.iter().flat_map(|column| {
        let order = (column.kind == Kind::Decimal).then(|| quoted(&sorted(column)));
        once(quoted(column.name)).chain(order)
    });
    both.collect()
}

fn select(table: &Table, by: &[usize], equals: &str) -> String {
    let declared: Vec<_> = table.columns.iter().map(|column| exact(&quoted(column.name))).collect();
    format!(
        "SELECT {} FROM main.{} AS t WHERE {}",
        declared.join(", "),
        quoted(table.name),
        conditions(table, by, equals)
    )
}

fn delete(table: &Table) -> String {
    let key = conditions(table, table.key, "=");
    format!("DELETE FROM main.{} AS t WHERE {key}", quoted(table.name))
}

fn conditions(table: &Table, columns: &[usize], equals: &str) -> String {
    let each: Vec<_> = all_sorted(table, columns)
        .iter()
        .map(|name| format!("{} {equals} ?", exact(name)))
        .collect();
    each.join(" AND ")
}

/// The name of a column in an expression. SQLite takes a quoted name of a column that is not there
/// for a text, unless its table is named, too.
fn exact(quoted: &str) -> String {
    format!("t.{quoted}")
}

fn upsert(table: &Table, rows: usize) -> String {
    let (columns, key) = (columns(table), all_sorted(table, table.key));
    let others = columns.iter().filter(|name| !key.contains(name));
    let sets: Vec<_> = others.map(|name| format!("{name} = excluded.{name}")).collect();
    let conflict = match &*sets {
        [] => "NOTHING".to_owned(),
        sets => format!("UPDATE SET {}", sets.join(", ")),
    };
    format!("INSERT {} ON CONFLICT ({}) DO {conflict}", into(table, rows), key.join(", "))
}

fn replace(table: &Table, rows: usize) -> String {
    format!("REPLACE {}", into(table, rows))
}

fn into(table: &Table, rows: usize) -> String {
    let columns = columns(table);
    let row = format!("({})", repeat_n("?", columns.len()).collect::<Vec<_>>().join(","));
    format!(
        "INTO main.{} ({}) VALUES {}",
        quoted(table.name),
        columns.join(", "),
        repeat_n(row, rows).collect::<Vec<_>>().join(",")
    )
}
