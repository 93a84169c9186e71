//! The folder with a poker room's events and read models, and how its runtime is built.

use std::{
    fs,
    path::{Path, PathBuf},
};

use projections::{
    Builder, Runtime,
    sqlite::{
        Sqlite, SqliteEventStore,
        rusqlite::{Connection, OpenFlags},
    },
};

use crate::{BoxError, hand_history, player_search};

/// What queries read: declared rows through `rows`, each read a snapshot of its own, and the tables
/// of plain SQL through `db`, in one transaction.
#[derive(Debug)]
pub(crate) struct ReadModels {
    pub(crate) rows: Sqlite,
    pub(crate) db: Connection,
}

/// A folder with two databases: what happened, and what is read off it.
#[derive(Debug)]
pub(crate) struct Room {
    folder: PathBuf,
}

impl Room {
    /// Takes a folder, and makes it where it is missing; without one, makes a temporary folder
    /// that stays, and says where it is.
    pub(crate) fn open(folder: Option<PathBuf>) -> Result<Self, BoxError> {
        let folder = match folder {
            Some(folder) => {
                fs::create_dir_all(&folder)
                    .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
                folder
            }
            None => {
                let folder = tempfile::Builder::new().prefix("poker-").tempdir()?.keep();
                eprintln!("data: {} (use it again with --data)", folder.display());
                folder
            }
        };
        Ok(Self { folder })
    }

    /// Takes a folder that has events already.
    pub(crate) fn existing(folder: PathBuf) -> Result<Self, BoxError> {
        let room = Self { folder };
        if room.events_file().is_file() {
            return Ok(room);
        }
        let place = room.folder.display();
        Err(format!(
            "there are no events in {place}: run `poker --data {place}` to deal some, or \
             `poker --data {place} events import FILE`"
        )
        .into())
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn events_file(&self) -> PathBuf {
        self.folder.join("events.db")
    }

    fn read_models_file(&self) -> PathBuf {
        self.folder.join("read.db")
    }

    /// The wiring: where events come from, and where read models go. The projectors need not be
    /// listed: they register themselves.
    pub(crate) fn builder(&self) -> Result<Builder<SqliteEventStore>, BoxError> {
        let events = SqliteEventStore::open(self.events_file())?;
        Ok(Runtime::builder(events).storage(self.rows()?))
    }

    fn rows(&self) -> Result<Sqlite, BoxError> {
        Ok(Sqlite::open(self.read_models_file())?)
    }

    /// Opens the read models for queries. Where nothing was ever projected, they find the same empty
    /// tables that the projectors would begin with.
    pub(crate) fn read_models(&self) -> Result<ReadModels, BoxError> {
        let file = self.read_models_file();
        let db = if file.is_file() {
            Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?
        } else {
            Connection::open_in_memory()?
        };
        for schema in [hand_history::SCHEMA, player_search::SCHEMA] {
            db.execute_batch(schema)?;
        }
        db.execute_batch("BEGIN")?;
        Ok(ReadModels { rows: self.rows()?, db })
    }
}
