//! What `#[derive(ReadModel)]` reads.

use syn::Ident;

use crate::paths::Library;

/// A struct that is a row.
pub(super) struct Row {
    pub(super) ident: Ident,
    /// There are some only where they are reported.
    pub(super) generics: syn::Generics,
    pub(super) library: Library,
    pub(super) table: String,
    pub(super) columns: Vec<Column>,
    pub(super) key: Key,
    pub(super) indexes: Vec<Index>,
    /// Whether these are all the fields.
    pub(super) is_complete: bool,
}

/// A field.
pub(super) struct Column {
    pub(super) field: Ident,
    pub(super) visibility: syn::Visibility,
    pub(super) ty: syn::Type,
    pub(super) name: String,
    pub(super) stored: Stored,
    pub(super) default: Option<DefaultValue>,
    pub(super) is_key: bool,
    /// Whether rows can be looked up by it.
    pub(super) is_indexed: bool,
}

/// How a field is stored.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Stored {
    /// As what its type says.
    Column,
    Json,
    /// As an attribute says that has a fault, which is reported already.
    Unknown,
}

/// What older rows have in a column that was added.
pub(super) enum DefaultValue {
    /// `Default::default()`.
    OfType(proc_macro2::Span),
    Expression(Box<syn::Expr>),
}

/// The fields that are the key.
pub(super) enum Key {
    /// These columns.
    Columns(Vec<usize>),
    /// None that can be one, which is reported.
    Faulty,
    /// What cannot be read, which the compiler has reported.
    Unread,
}

/// An index beside the key.
pub(super) struct Index {
    pub(super) columns: Vec<usize>,
    pub(super) unique: bool,
}

impl Row {
    /// The columns of a key that can be one.
    pub(super) fn key(&self) -> &[usize] {
        match &self.key {
            Key::Columns(columns) => columns,
            Key::Faulty | Key::Unread => &[],
        }
    }
}
