//! Rows in odd places, of odd names, in a strict crate.
#![deny(
    missing_docs,
    warnings,
    unreachable_pub,
    unused_qualifications,
    private_interfaces,
    non_upper_case_globals,
    single_use_lifetimes,
    unused_lifetimes
)]
#![forbid(unsafe_code)]

mod vendored {
    #[allow(unreachable_pub)]
    pub use projections as read_models;
}

/// The library under another name.
mod renamed {
    use crate::vendored::read_models as rm;

    #[derive(Default, rm::ReadModel)]
    #[read_model(table = "renamed", index(hands), crate = crate::vendored::read_models)]
    pub(crate) struct Renamed {
        #[key]
        pub(crate) player: String,
        pub(super) hands: u32,
        #[column(json, default)]
        pub(in crate::renamed) badges: Vec<String>,
    }

    pub(crate) fn badges() -> &'static str {
        let _ = Renamed { player: String::new(), hands: 1, badges: vec![] }.badges;
        Renamed::BADGES.name()
    }
}

/// Nothing of what the macro names is what the user calls so.
#[allow(dead_code, non_camel_case_types, non_snake_case)]
mod shadowed {
    struct Option;
    struct Some;
    struct None;
    struct Result;
    struct Ok;
    struct Err;
    struct Default;
    struct Field;
    struct Self_;
    struct Table;
    struct Column;
    struct Values;
    struct String;
    struct usize;
    struct bool;
    mod core {}
    mod projections {}
    mod std {}

    #[derive(::core::default::Default, ::projections::ReadModel)]
    pub(super) struct Shadowed {
        #[key]
        pub(super) r#type: i64,
        #[index]
        r#match: i64,
        key: i64,
        row: i64,
        put: i64,
        value: i64,
        self_: i64,
        _hidden: i64,
        table: i64,
        #[column(name = "groesse", default = 4)]
        größe: i64,
        #[column(name = "camel")]
        camelCase: i64,
    }
}

macro_rules! row {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident in $table:literal { $key:ident: $type:ty } with $default:expr) => {
        $(#[$meta])*
        #[derive(Default, projections::ReadModel)]
        #[read_model(table = $table, index($key, hands), unique(hands))]
        $visibility struct $name {
            #[key]
            $key: $type,
            #[column(default = $default)]
            hands: u16,
            #[column(json, name = "tree")]
            nodes: Vec<Self>,
        }
    };
}

row! {
    /// Made by a macro.
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Made in "made" { player: String } with 2 + 3
}

/// A row in public, whose fields are private.
#[derive(Debug, Default, projections::ReadModel)]
pub struct Private {
    #[key]
    a: i8,
    #[key]
    b: u64,
    #[key]
    c: bool,
    #[key]
    d: String,
    #[cfg(any())]
    left_out: std::rc::Rc<u8>,
    #[cfg_attr(all(), column(name = "other"))]
    e: Option<f64>,
}

/// A row of old.
#[derive(Default, projections::ReadModel)]
#[deprecated]
pub struct Old {
    /// Its key.
    #[key]
    #[deprecated]
    pub key: String,
}

fn main() {
    use projections::{ReadModel, rows::OwnedValue};

    #[derive(Default, ReadModel)]
    struct Local {
        #[key]
        id: u8,
    }

    assert_eq!(Local::TABLE.name, "local");
    assert_eq!(Local { id: 3 }.key(), 3);
    assert_eq!(renamed::badges(), "badges");
    assert_eq!(renamed::Renamed::HANDS.name(), "hands");
    assert_eq!(renamed::Renamed::TABLE.indexes.len(), 1);
    assert_eq!(shadowed::Shadowed::TYPE.name(), "type");
    // The trait's is another than that of the field `table`.
    let table = <shadowed::Shadowed as ReadModel>::TABLE;
    assert_eq!(table.columns.len(), 11);
    assert_eq!(table.columns[9].default.map(|of| of()), Some(OwnedValue::Integer(4)));
    assert_eq!(Made::TABLE.columns[1].default.map(|of| of()), Some(OwnedValue::Integer(5)));
    assert_eq!(Made::NODES.name(), "tree");
    let made = Made { player: "Ada".into(), hands: 1, nodes: vec![Made::default()] };
    assert_eq!(made.duplicate().nodes.len(), 1);
    let key = (1, 2, true, "d".to_owned());
    let row = Private::blank(&key);
    assert!(row.has_key(&key) && !row.has_key(&(1, 2, false, "d".to_owned())));
    assert_eq!(row.key(), key);
    let columns = Private::TABLE.columns;
    assert_eq!((columns.len(), columns[4].name, columns[4].nullable), (5, "other", true));
}
