//! An event source that can fail.

use projections::{
    EventSource, Page, ReadError, ReadRequest, Scanned, StoreError, sqlite::SqliteEventStore,
};
use projections_tests::around::{Around, Hooks};

use crate::points::{Point, Points};

pub(crate) type Source = Around<SqliteEventStore, Points>;

impl Hooks<SqliteEventStore> for Points {
    async fn head(&self, events: &SqliteEventStore) -> Result<Option<Scanned>, StoreError> {
        self.pass(Point::ReadHead)?;
        events.head().await
    }

    async fn read(
        &self,
        events: &SqliteEventStore,
        request: ReadRequest<'_>,
    ) -> Result<Page, ReadError> {
        self.pass(Point::BeforeRead)?;
        let page = events.read(request).await?;
        self.pass(Point::AfterRead)?;
        Ok(page)
    }
}
