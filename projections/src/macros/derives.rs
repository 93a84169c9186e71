//! What is derived for events, domains and rows.

/// Derives the trait [`Event`](trait@crate::Event) for a struct, owned or borrowed.
///
/// ```
/// use std::borrow::Cow;
///
/// use projections::Event;
///
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// #[event(domain = "orders", aliases("Placed"))]
/// struct OrderPlaced<'a> {
///     #[serde(borrow)]
///     item: Cow<'a, str>, // borrowed from the stored event, unless it holds an escape
///     amount: u64,
/// }
///
/// assert_eq!(OrderPlaced::NAME, "OrderPlaced");
/// assert_eq!(OrderPlaced::ALIASES, ["Placed"]);
/// ```
///
/// The struct also needs `serde::Deserialize`, and `serde::Serialize` where it is appended.
///
/// | option of `#[event(..)]` | value | default |
/// |---|---|---|
/// | `domain` | the domain that publishes the event, where it is just one: lower case | none |
/// | `name` | the name under which it is stored, without white space | the struct's name |
/// | `aliases(..)` | names that older events carry | none |
/// | `version` | the version of the event's shape, stored with it: a whole number from 1 on | 1 |
/// | `upcast(from = OlderType)` | an older shape with a type of its own, which derives `Event` and is converted by `From` or `TryFrom`; once for each type | none |
/// | `upcast(from = 1, with = function)` | the path of a `fn(Value) -> Value`, or of one that returns `Result<Value, E>`, which makes the JSON of this version that of the next; once for each version | none |
/// | `codec` | the path of a type that implements [`Codec`](crate::Codec) | [`Json`](crate::Json) |
/// | `crate` | the path of this library, where it has another name | `::projections` |
///
/// An event has one wire name, so its struct may have lifetimes but no type parameters. A text is
/// `Cow<'a, str>` with `#[serde(borrow)]`, not `&'a str`: a quote, a backslash or a line break is
/// escaped in JSON, an escaped text cannot be borrowed as it is, and the first one would fail in every
/// projector that handles the event.
///
/// Each version below the event's own has an upcaster, else the event does not compile. Upcasters run
/// while a stored event is decoded, for every handler and for
/// [`RawEvent::decode`](crate::RawEvent::decode); one that fails is a
/// [`HandleError::Decode`](crate::HandleError::Decode) with an [`UpcastError`](crate::UpcastError).
/// An older type may have upcasters of its own, its events are routed by its names, and it has the
/// event's domain or none. [`Stored`](crate::Stored) has an example.
pub use projections_macros::Event;

/// Derives the trait [`Domain`](trait@crate::Domain) for an enum with one variant an event, and
/// [`ToEvent`](crate::ToEvent), so that events of several types can be appended in one call.
///
/// ```
/// use projections::{Domain, Event, ToEvent};
///
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// struct HandStarted { table: u32 }
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// struct HandEnded { pot: u64 }
///
/// #[derive(Domain)]
/// #[domain("hand")]
/// enum HandEvent {
///     Started(HandStarted),
///     Ended(HandEnded),
/// }
///
/// assert_eq!(HandEvent::EVENTS, ["HandStarted", "HandEnded"]);
/// let event = HandEvent::Ended(HandEnded { pot: 12 }).to_event()?;
/// assert_eq!(event.domain.as_deref(), Some("hand"));
/// # Ok::<(), projections::EncodeError>(())
/// ```
///
/// | argument of `#[domain(..)]` | value | default |
/// |---|---|---|
/// | the first | the domain's name, as in `#[event(domain = "hand")]` | required |
/// | `crate` | the path of this library, where it has another name | `::projections` |
///
/// An event that itself names another domain does not compile. The enum is also what `exhaustive` of
/// [`#[projector]`](macro@crate::projector) takes: a projector that names it must decide about every event.
pub use projections_macros::Domain;

/// Derives the trait [`ReadModel`](trait@crate::ReadModel) for a struct, which is then a row of a
/// table: a handler takes the table as `&mut` [`Rows`](crate::Rows) of it.
///
/// ```
/// use projections::{ReadModel, rows::ColumnOf};
///
/// #[derive(ReadModel, Default)]
/// #[read_model(table = "players", index(team, joined))]
/// pub struct PlayerStats {
///     #[key]
///     pub player: String,
///     pub hands: i64,
///     #[index]
///     pub team: Option<String>,
///     #[unique]
///     pub email: Option<String>,
///     pub joined: i64,
///     #[column(name = "net_chips")]
///     pub net: i64,
///     #[column(json)]
///     pub badges: Vec<String>,
///     #[column(default)]
///     pub streak: i64,
/// }
///
/// assert_eq!(PlayerStats::TABLE.name, "players");
/// assert_eq!(PlayerStats::TABLE.columns[5].name, "net_chips");
/// println!("{:#?}", PlayerStats::TABLE);
///
/// let row = PlayerStats::blank(&"Ada".to_owned());
/// assert_eq!((row.player.as_str(), row.hands), ("Ada", 0));
///
/// let net: ColumnOf<PlayerStats, i64> = PlayerStats::NET;
/// assert_eq!(net.name(), "net_chips");
/// ```
///
/// The struct has named fields, owns its data and is not generic: a table belongs to one type. It
/// needs `Default`, because a new row is the default with its key.
///
/// | option of `#[read_model(..)]` | value | default |
/// |---|---|---|
/// | `table` | the table's name | the struct's name in snake_case |
/// | `index(..)` | the fields of an index, in its order; once for each index | none |
/// | `unique(..)` | the fields of an index in which no two rows have the same values; once for each | none |
/// | `crate` | the path of this library, where it has another name | `::projections` |
///
/// | attribute of a field | what it says |
/// |---|---|
/// | `#[key]` | it is the key, or, where several have it, one of up to four parts, in the order of the fields |
/// | `#[index]` | the column has an index |
/// | `#[unique]` | the column has an index, and no two rows have the same value there; `None` is no value |
/// | `#[column(name = "..")]` | the column's name, where it is not the field's |
/// | `#[column(json)]` | the value is stored as JSON; its type is `Serialize`, `Deserialize`, `Send` and `Sync` |
/// | `#[column(default)]` | the column may be added to a table that is there: older rows have the default of the field's type |
/// | `#[column(default = ..)]` | the same, where older rows have the value of this expression |
///
/// What a field may be is in the table of [`Kind`](crate::rows::Kind); a type of your own implements
/// [`Column`](crate::rows::Column), or is stored as JSON. A part of the key is also `Clone`, `Eq`,
/// `Hash` and `Ord`, and is neither an `Option` nor JSON.
///
/// # Names
///
/// A table or a column has a name of at most 48 ASCII letters, digits and `_`, which does not begin
/// with a digit or with `projections_`, and has no `__` in it. Upper and lower case are the same. A
/// table is not called `events`, which is the event store's, and does not begin with `sqlite_`. Two
/// row types of one table are reported when the runtime is built.
///
/// # Columns by name
///
/// Each field has a constant of its name in upper case, as visible as the field: an
/// [`IndexedColumn`](crate::rows::IndexedColumn), by which rows can be looked up, where it has an
/// index, is the first field of one, or is the first of the key; else a
/// [`ColumnOf`](crate::rows::ColumnOf). With a field `table`, the trait's constant is
/// `<PlayerStats as ReadModel>::TABLE`.
pub use projections_macros::ReadModel;
