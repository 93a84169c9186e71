//! Products by the words in their names and descriptions.
//!
//! Plain SQL, because only SQLite's full-text index can do this.

use projections::{
    handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};
use rusqlite::Connection;

use crate::events::{ProductDescribed, ProductListed, ProductWithdrawn};

/// A full-text index of what the shop sells today.
#[projector("product-search", storage = Sqlite, unregistered = "error")]
pub(crate) struct ProductSearch;

#[handlers]
impl ProductSearch {
    #[setup]
    fn create_index(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(
            "CREATE VIRTUAL TABLE IF NOT EXISTS product_search USING fts5 (
                 product UNINDEXED, name, description,
                 tokenize = 'porter unicode61', prefix = '2 3'
             )",
        )
    }

    #[reset]
    fn empty_index(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("DELETE FROM product_search")
    }

    #[handles(ProductListed)]
    fn listed(&self, event: &ProductListed, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute(
            "INSERT INTO product_search (product, name, description) VALUES (?1, ?2, ?3)",
            (&event.product, &event.name, &event.description),
        )?;
        Ok(())
    }

    #[handles(ProductDescribed)]
    fn described(&self, event: &ProductDescribed, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute(
            "UPDATE product_search SET description = ?2 WHERE product = ?1",
            (&event.product, &event.description),
        )?;
        Ok(())
    }

    #[handles(ProductWithdrawn)]
    fn withdrawn(&self, event: &ProductWithdrawn, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute("DELETE FROM product_search WHERE product = ?1", [&event.product])?;
        Ok(())
    }
}

/// Finds the products that hold every word, each as a prefix, in name or description. A name
/// counts ten times as much as a description.
pub(crate) fn search(db: &Connection, text: &str) -> rusqlite::Result<Vec<String>> {
    // Quotes make a word of whatever was typed, so that no input is a syntax error.
    let words: Vec<_> =
        text.split_whitespace().map(|word| format!("\"{}\"*", word.replace('"', "\"\""))).collect();
    if words.is_empty() {
        return Ok(Vec::new());
    }
    db.prepare(
        "SELECT name FROM product_search WHERE product_search MATCH ?1
         ORDER BY bm25(product_search, 0.0, 10.0, 1.0), name",
    )?
    .query_map([words.join(" ")], |row| row.get(0))?
    .collect()
}
