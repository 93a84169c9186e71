//! [`Table`]: what `#[derive(ReadModel)]` knows of a table.

use super::OwnedValue;

/// The longest name of a table, in bytes, so that a storage can make names from it.
pub const LONGEST_NAME: usize = 48;

/// A declared table.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)] // made by generated code
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in the order of the fields.
    pub columns: &'static [ColumnDef],
    /// The columns of its primary key, by number, in the order of the fields.
    pub key: &'static [usize],
    /// Its indexes beside the primary key.
    pub indexes: &'static [IndexDef],
}

/// A declared column.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)] // made by generated code
pub struct ColumnDef {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may hold no value.
    pub nullable: bool,
    /// The value of rows that are older than the column. Without one, a nullable column is empty
    /// in them, and any other cannot be added without a rebuild.
    pub default: Option<fn() -> OwnedValue>,
}

/// A declared index.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)] // made by generated code
pub struct IndexDef {
    /// Its columns, by number.
    pub columns: &'static [usize],
    /// Whether two rows may not have the same values in them. Rows with a NULL there may.
    pub unique: bool,
}

/// What a column holds. A storage maps each kind to a type of its own.
///
/// | Kind | Rust | SQLite |
/// |---|---|---|
/// | `Bool` | `bool` | `INTEGER`, 0 or 1 |
/// | `Integer` | `i8` to `i64`, `u8` to `u64`, `isize`, `usize`, `GlobalPosition`, `StreamPosition` | `INTEGER` |
/// | `Real` | `f32`, `f64` | `REAL` |
/// | `Text` | `String`, `Box<str>`, `Arc<str>`, `Cow<'static, str>`, `char` | `TEXT` |
/// | `Bytes` | `Vec<u8>`, `Box<[u8]>` | `BLOB` |
/// | `Decimal` | `rust_decimal::Decimal`, feature `decimal` | `TEXT`, with a `BLOB` beside it, `NAME__order`, that sorts by value |
/// | `Timestamp` | `jiff::Timestamp` | `INTEGER`, microseconds since 1970 |
/// | `Date` | `jiff::civil::Date` | `TEXT`, `2026-01-31`; years before 0 as `-` and the year plus 10,000, so that all sort |
/// | `Time` | `jiff::civil::Time` | `TEXT`, `13:59:59.000001` |
/// | `Uuid` | `uuid::Uuid`, `EventId`, `StoreId` | `BLOB` of 16 bytes |
/// | `Json` | what is `Serialize` and `Deserialize`, with `#[column(json)]` | `TEXT` |
///
/// A row is the same on every storage, and a row in memory is what a reload would give. So values
/// are brought to the form that all storages keep when the handler ends, and an event whose rows
/// hold a value without such a form fails:
///
/// | Kind | What is changed | What is refused |
/// |---|---|---|
/// | `Integer` | | less than -2^63, or 2^63 and more |
/// | `Real` | a negative zero loses its sign | NaN; infinities are kept |
/// | `Text` | | the character U+0000 |
/// | `Decimal` | zeros at the end, and the sign of zero, are dropped | |
/// | `Timestamp` | cut to the microsecond, towards the past | before -4713-11-24, the first day that PostgreSQL has |
/// | `Date` | | as `Timestamp` |
/// | `Time` | cut to the microsecond | |
///
/// What is read must fit the field's type: it is never wrapped, rounded or cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)] // in the table above
#[allow(clippy::exhaustive_enums)] // a storage must know them all
pub enum Kind {
    Bool,
    Integer,
    Real,
    Text,
    Bytes,
    Decimal,
    Timestamp,
    Date,
    Time,
    Uuid,
    Json,
}
