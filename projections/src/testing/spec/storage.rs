//! [`SpecStorage`]: storages that a specification can open anew.

use super::{Faults, Faulty};
use crate::{BoxError, InProcess, Storage, testing::MemoryStorage};

/// A storage that a [`Spec`](super::Spec) can open anew, as often as it needs a fresh one.
///
/// Those of this crate implement it. For a storage of your own [`Opened`](Self::Opened) is
/// `Faulty<Self>`: [`open`](Self::open) opens the storage and wraps it by [`Faulty::new`], which
/// loses its transactions and lets its process die. Whether it keeps its promises then is the matter
/// of the suites in [`conformance`](crate::testing::conformance).
pub trait SpecStorage: Storage {
    /// Where one fresh storage is, which is gone when it is dropped.
    type Place: Send + Sync + 'static;
    /// What [`Spec::then`](super::Spec::then) looks at the read model with.
    type Reader;
    /// The storage of one process: [`Faulty<Self>`](Faulty).
    type Opened: Storage<Session = Self::Session>;

    /// Makes a place with nothing in it.
    ///
    /// # Errors
    /// When it cannot be made, which fails the specification.
    fn place() -> Result<Self::Place, BoxError>;

    /// Opens the storage in a place, as a process does that starts.
    ///
    /// # Errors
    /// When it cannot be opened, which fails the specification.
    fn open(place: &Self::Place, faults: Faults) -> Result<Self::Opened, BoxError>;

    /// Makes what the read model is looked at with.
    ///
    /// # Errors
    /// When it cannot be made, which fails the specification.
    fn reader(place: &Self::Place) -> Result<Self::Reader, BoxError>;
}

impl SpecStorage for InProcess {
    type Place = ();
    type Reader = ();
    type Opened = Self;

    fn place() -> Result<(), BoxError> {
        Ok(())
    }

    // What goes wrong in process goes wrong in the handlers.
    fn open((): &(), _: Faults) -> Result<Self, BoxError> {
        Ok(Self)
    }

    fn reader((): &()) -> Result<(), BoxError> {
        Ok(())
    }
}

impl SpecStorage for MemoryStorage {
    type Place = Self;
    type Reader = Self;
    type Opened = Faulty<Self>;

    fn place() -> Result<Self, BoxError> {
        Ok(Self::new())
    }

    fn open(place: &Self, faults: Faults) -> Result<Faulty<Self>, BoxError> {
        Ok(Faulty::new(place.clone(), faults))
    }

    fn reader(place: &Self) -> Result<Self, BoxError> {
        Ok(place.clone())
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::path::PathBuf;

    use super::{BoxError, Faults, Faulty, SpecStorage};
    use crate::sqlite::{Sqlite, rusqlite::Connection};

    /// A folder of its own, which is removed with what is in it.
    #[derive(Debug)]
    pub struct TempFolder(PathBuf);

    impl TempFolder {
        fn new() -> std::io::Result<Self> {
            let name = format!("projections-spec-{}", uuid::Uuid::new_v4().simple());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir(&path)?;
            Ok(Self(path))
        }

        fn file(&self) -> PathBuf {
            self.0.join("read.db")
        }
    }

    impl Drop for TempFolder {
        fn drop(&mut self) {
            // A folder that stays behind is the operating system's to remove.
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    impl<M: 'static> SpecStorage for Sqlite<M> {
        type Place = TempFolder;
        type Reader = Connection;
        type Opened = Faulty<Self>;

        fn place() -> Result<TempFolder, BoxError> {
            Ok(TempFolder::new()?)
        }

        fn open(place: &TempFolder, faults: Faults) -> Result<Faulty<Self>, BoxError> {
            Ok(Faulty::new(Sqlite::open(place.file())?.marked(), faults))
        }

        fn reader(place: &TempFolder) -> Result<Connection, BoxError> {
            Ok(Sqlite::open(place.file())?.connect()?)
        }
    }
}
#[cfg(feature = "sqlite")]
pub use self::sqlite::TempFolder;
