//! [`Record`]: what a snapshot consists of, and whether it can be used.

use std::fmt;

use super::{
    Restorer, Saver, SnapshotCode, SnapshotError,
    frames::{Garbled, Reader, Writer},
};
use crate::{
    Checkpoint, EventId, Fingerprint, GlobalPosition, Handlers, Projector, RecordedState, StoreId,
    Subscriptions,
    rows::{DeclaredTable, RowSets, TableDigests},
};

/// What a snapshot begins with: the name and the version of its format.
const FORMAT: &[u8; 8] = b"prjsnap1";
/// Where the checksum of all that follows it stands.
const CHECKSUM: usize = FORMAT.len();
const BODY: usize = CHECKSUM + 8;

/// A place in the log: what of a checkpoint a snapshot keeps.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    store: StoreId,
    position: GlobalPosition,
    scanned: GlobalPosition,
    event_id: Option<EventId>,
    epoch: u64,
    subscriptions: String,
    effects_mark: GlobalPosition,
}

impl Place {
    /// The checkpoint at this place, as this code would have written it.
    pub(crate) fn checkpoint<P: Projector + Handlers>(&self) -> Result<Checkpoint, Unusable> {
        let subscriptions = Subscriptions::decode(&self.subscriptions)
            .map_err(|error| Unusable::Damaged(format!("its subscriptions: {error}")))?;
        Ok(Checkpoint {
            store: self.store,
            position: self.position,
            scanned: self.scanned,
            event_id: self.event_id,
            epoch: self.epoch,
            lease: None,
            version: P::OPTIONS.version,
            fingerprint: Some(P::FINGERPRINT),
            superseded: Vec::new(),
            subscriptions,
            effects_mark: self.effects_mark,
            tables: TableDigests::default(), // nobody else writes rows in process
            state: RecordedState::Running,
            last_error: None,
            heartbeat_at: jiff::Timestamp::now(),
        })
    }

    fn write(checkpoint: &Checkpoint, writer: &mut Writer) {
        writer.bytes(&checkpoint.store.to_bytes());
        writer.number(checkpoint.position.get());
        writer.number(checkpoint.scanned.get());
        writer.bytes(checkpoint.event_id.map(EventId::to_bytes).as_ref().map_or(&[], |id| &id[..]));
        writer.number(checkpoint.epoch);
        writer.bytes(checkpoint.subscriptions.encode().as_bytes());
        writer.number(checkpoint.effects_mark.get());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Garbled> {
        let sixteen = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).map_err(|_| Garbled);
        Ok(Self {
            store: StoreId::from_bytes(sixteen(reader.bytes()?)?),
            position: reader.number()?.into(),
            scanned: reader.number()?.into(),
            event_id: match reader.bytes()? {
                [] => None,
                bytes => Some(EventId::from_bytes(sixteen(bytes)?)),
            },
            epoch: reader.number()?,
            subscriptions: reader.text()?.to_owned(),
            effects_mark: reader.number()?.into(),
        })
    }
}

/// Why a snapshot is not used. It is never half used.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// It is not what was written.
    Damaged(String),
    /// Other code wrote it; what it says of places is right all the same.
    OtherCode { was: String, is: String },
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(what) => write!(f, "the snapshot is damaged: {what}"),
            Self::OtherCode { was, is } => {
                write!(f, "the snapshot is of other code: of {was}, and this is {is}")
            }
        }
    }
}

impl From<Garbled> for Unusable {
    fn from(garbled: Garbled) -> Self {
        Self::Damaged(garbled.to_string())
    }
}

impl From<SnapshotError> for Unusable {
    fn from(error: SnapshotError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// A snapshot that was read, and is what was written.
pub(crate) struct Record<'a> {
    code: &'a str,
    /// Where the state is.
    pub(crate) place: Place,
    /// Where it would begin again without the state.
    pub(crate) origin: Place,
    contents: Reader<'a>,
}

impl<'a> Record<'a> {
    /// Writes a snapshot.
    ///
    /// # Errors
    /// When a field's `Serialize` fails.
    pub(crate) fn write<P: Projector + Handlers>(
        code: SnapshotCode<P>,
        place: &Checkpoint,
        origin: &Checkpoint,
        projector: &P,
        rows: &RowSets,
    ) -> Result<Vec<u8>, SnapshotError> {
        let mut writer = Writer::default();
        FORMAT.iter().for_each(|byte| writer.byte(*byte));
        writer.number(0);
        writer.bytes(name_of(code).as_bytes());
        Place::write(place, &mut writer);
        Place::write(origin, &mut writer);
        (code.save)(projector, &mut Saver(&mut writer))?;
        for table in P::tables() {
            writer.bytes(described(&table).as_bytes());
            let count = rows.count_in(&table);
            writer.number(count as u64);
            rows.each_in(&table, &mut |row| {
                // What was settled can be put.
                let _ = row.put(&mut |value| writer.value(value));
            });
        }
        let sum = checksum(writer.as_slice().get(BODY..).unwrap_or_default());
        writer.overwrite(CHECKSUM, sum);
        Ok(writer.into_bytes())
    }

    /// Reads a snapshot up to its contents.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Unusable> {
        let damaged = |what: &str| Unusable::Damaged(what.to_owned());
        let (format, rest) =
            bytes.split_at_checked(CHECKSUM).ok_or_else(|| damaged("it is too short"))?;
        if format != FORMAT {
            return Err(damaged("it is of a format that this library does not know"));
        }
        let mut reader = Reader::new(rest);
        let sum = reader.number()?;
        if sum != checksum(reader.rest()) {
            return Err(damaged("its checksum is wrong"));
        }
        let code = reader.text()?;
        let (place, origin) = (Place::read(&mut reader)?, Place::read(&mut reader)?);
        Ok(Self { code, place, origin, contents: reader })
    }

    /// Puts the contents into a fresh projector and empty tables. Where that fails, both are to be
    /// thrown away.
    pub(crate) fn restore<P: Projector + Handlers>(
        self,
        code: SnapshotCode<P>,
        projector: &mut P,
        rows: &mut RowSets,
    ) -> Result<(), Unusable> {
        let other = |was: &str, is: String| Unusable::OtherCode { was: was.to_owned(), is };
        let is = name_of(code);
        if self.code != is {
            return Err(other(self.code, is));
        }
        let mut fields = Restorer(self.contents);
        (code.restore)(projector, &mut fields)?;
        let Restorer(mut contents) = fields;
        for table in P::tables() {
            let (was, is) = (contents.text()?, described(&table));
            if was != is {
                return Err(other(was, is));
            }
            let columns = table.table.columns.len();
            for _ in 0..contents.number()? {
                let row = (0..columns).map(|_| contents.value()).collect::<Result<Vec<_>, _>>()?;
                rows.restore_in(&table, &row).map_err(|error| {
                    Unusable::Damaged(format!("a row of table `{}`: {error}", table.table.name))
                })?;
            }
        }
        match contents.rest() {
            [] => Ok(()),
            _ => Err(Garbled.into()),
        }
    }
}

/// What a snapshot must be of to be used: the code of the handlers, and what the fields are.
fn name_of<P: Projector + Handlers>(code: SnapshotCode<P>) -> String {
    let Fingerprint { algorithm, hash } = P::FINGERPRINT;
    format!(
        "version {}, code {algorithm}:{hash:016x}, fields {:016x}",
        P::OPTIONS.version,
        code.shape
    )
}

fn described(table: &DeclaredTable) -> String {
    let table = table.table;
    let mut text = format!("table {}", table.name);
    for (number, column) in table.columns.iter().enumerate() {
        let key = if table.key.contains(&number) { " key" } else { "" };
        text += &format!(", {} {:?}{key}", column.name, column.kind);
    }
    text
}

/// FNV-1a with 64 bits over eight bytes at a time.
fn checksum(bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(PRIME).rotate_left(23);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = mix(0xcbf2_9ce4_8422_2325, bytes.len() as u64);
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)))
}
