//! One [`File`] for each database file that this process has open, whoever opened it and by
//! whatever path.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    error::store_error,
    inline::Members,
    network,
    options::SqliteOptions,
    schema,
    watch::Watch,
    writer::{Queue, Writer},
};
use crate::{StoreError, StoreErrorKind};

/// Idle reading connections that are kept.
const IDLE_READERS: usize = 4;

/// A database file, shared by every handle of this process on it.
///
/// It is only ever touched through SQLite: opening and closing it by other means would drop the
/// locks that SQLite holds on it for this process.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    label: String,
    identity: Identity,
    queue: Queue,
    readers: Mutex<Vec<Connection>>,
    holds_events: Arc<AtomicBool>,
    watch: Watch,
    members: Members,
}

static FILES: Mutex<Option<HashMap<Identity, Weak<File>>>> = Mutex::new(None);

impl File {
    /// Opens a file, creating it where it is missing, or joins the one that is open already.
    pub(super) fn open(path: &Path, options: SqliteOptions) -> Result<Arc<Self>, StoreError> {
        let label = label(path);
        check_path(path, &label)?;
        // Held while the file is opened, so that two openers cannot both be first.
        let mut files = lock(&FILES);
        let files = files.get_or_insert_default();
        if let Ok(identity) = Identity::of(path)
            && let Some(file) = files.get(&identity).and_then(Weak::upgrade)
        {
            return Ok(file);
        }
        let connection = connect_writer(path, &label, options)?;
        let failed = |error: io::Error| {
            StoreError::new(StoreErrorKind::NotOpened, format!("open {label}")).with_source(error)
        };
        let identity = Identity::of(path).map_err(failed)?;
        let path = fs::canonicalize(path).map_err(failed)?;
        network::warn_if_shared(&path, &label);
        schema::check_versions(&connection, &label)?;
        let holds_events = schema::store_id(&connection, &label)?.is_some();
        let holds_events = Arc::new(AtomicBool::new(holds_events));
        let writer = Writer::new(connection).map_err(|error| store_error("open", &label, error))?;
        let file = Arc::new(Self {
            path,
            label,
            identity: identity.clone(),
            queue: Queue::new(writer),
            readers: Mutex::default(),
            watch: Watch::new(Arc::clone(&holds_events)),
            holds_events,
            members: Members::default(),
        });
        files.retain(|_, file| file.strong_count() > 0);
        files.insert(identity, Arc::downgrade(&file));
        Ok(file)
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The inline projectors that appends of this process can run.
    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    /// Tells whether an event store lives in the file.
    pub(super) fn holds_events(&self) -> bool {
        self.holds_events.load(Ordering::Relaxed)
    }

    /// From now on every commit to the file is synced.
    pub(super) fn set_holds_events(&self) {
        self.holds_events.store(true, Ordering::Relaxed);
    }

    /// Returns the size of the write-ahead log, 0 where there is none.
    pub(super) fn wal_bytes(&self) -> u64 {
        let mut path = self.path.clone().into_os_string();
        path.push("-wal");
        fs::metadata(path).map_or(0, |metadata| metadata.len())
    }

    /// Makes sure that the path still leads to the file that is open.
    pub(super) fn check_in_place(&self) -> Result<(), StoreError> {
        match Identity::of(&self.path) {
            Ok(identity) if identity == self.identity => Ok(()),
            _ => Err(StoreError::new(
                StoreErrorKind::NotOpened,
                format!(
                    "use {}: the file was removed or replaced while it was open; stop the program before changing its files",
                    self.label
                ),
            )),
        }
    }

    pub(super) fn connect_writer(&self, options: SqliteOptions) -> Result<Writer, StoreError> {
        let connection = connect_writer(&self.path, &self.label, options)?;
        self.check_in_place()?;
        Writer::new(connection).map_err(|error| store_error("open", &self.label, error))
    }

    /// Opens a connection that can only read.
    pub(super) fn connect_reader(&self, options: SqliteOptions) -> Result<Connection, StoreError> {
        self.check_in_place()?;
        let failed = |error| store_error("open", &self.label, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(failed)?;
        connection.busy_timeout(options.busy_timeout).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(64);
        self.check_in_place()?;
        Ok(connection)
    }

    /// Reads in one snapshot, which ends with the call.
    pub(super) fn read<T, E: From<StoreError>>(
        &self,
        options: SqliteOptions,
        look: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.check_in_place()?;
        let idle = lock(&self.readers).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect_reader(options)?,
        };
        let failed = |error| store_error("read", &self.label, error);
        let run = |sql| connection.prepare_cached(sql)?.execute([]);
        run("BEGIN").map_err(failed)?;
        let outcome = look(&connection);
        // A connection that cannot end its snapshot is closed, not kept.
        run("ROLLBACK").map_err(failed)?;
        let mut readers = lock(&self.readers);
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        outcome
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.watch.close();
        // The writing connection is closed last: it alone can empty the write-ahead log.
        lock(&self.readers).clear();
    }
}

/// Tells whether SQLite has the file at a path open in this process: as a database, its write-ahead
/// log or its shared memory. Opening and closing it by other means would drop the locks on it.
#[cfg(feature = "cli")]
pub(crate) fn is_in_use(path: &Path) -> bool {
    let Ok(identity) = Identity::of(path) else { return false };
    let files = lock(&FILES);
    let open = files.iter().flat_map(HashMap::values).filter_map(Weak::upgrade);
    open.into_iter().any(|file| {
        ["", "-wal", "-shm"].iter().any(|part| {
            let mut own = file.path.clone().into_os_string();
            own.push(part);
            Identity::of(Path::new(&own)).is_ok_and(|own| own == identity)
        })
    })
}

/// What two paths to one file have in common.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Identity(#[cfg(unix)] (u64, u64), #[cfg(not(unix))] PathBuf);

impl Identity {
    #[cfg(unix)]
    fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).map(|metadata| Self((metadata.dev(), metadata.ino())))
    }

    #[cfg(not(unix))]
    fn of(path: &Path) -> io::Result<Self> {
        fs::canonicalize(path).map(Self)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn label(path: &Path) -> String {
    format!("SQLite {}", path.display())
}

/// Says clearly what SQLite would only call "unable to open database file".
fn check_path(path: &Path, label: &str) -> Result<(), StoreError> {
    let refuse =
        |why: &str| Err(StoreError::new(StoreErrorKind::NotOpened, format!("open {label}: {why}")));
    if path.as_os_str().is_empty() || path.as_os_str() == ":memory:" {
        return refuse("a database of several connections needs a file; name one");
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => refuse("it is a folder; name a file in it"),
        Ok(metadata) if !metadata.is_file() => refuse("it is not a regular file"),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
                refuse("its folder does not exist; create it first")
            }
            _ => Ok(()),
        },
        // SQLite meets the same fault and names it.
        Err(_) => Ok(()),
    }
}

fn connect_writer(
    path: &Path,
    label: &str,
    options: SqliteOptions,
) -> Result<Connection, StoreError> {
    let failed = |error| store_error("open", label, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_handler(Some(patience(options.busy_timeout))).map_err(failed)?;
    // Before anything is read: SQLite would make the files beside it read-only, too, and they would
    // stay so when somebody corrects this one.
    if connection.is_readonly("main").map_err(failed)? {
        let doing = format!(
            "open {label}: the file may only be read; allow this user to write to it and to its folder, on a disk that is not mounted read-only"
        );
        return Err(StoreError::new(StoreErrorKind::ReadOnly, doing));
    }
    // The first statement that reads the file: here a file that is no database is found out.
    let mode: String = patiently(options.busy_timeout, || {
        connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
    })
    .map_err(failed)?;
    if mode != "wal" {
        let doing = format!(
            "open {label}: its file system has no shared memory for a write-ahead log; use a local disk"
        );
        return Err(StoreError::new(StoreErrorKind::NotOpened, doing));
    }
    Ok(connection)
}

/// Where two processes turn one new file into write-ahead mode, SQLite answers "busy" to one of them
/// without asking its busy handler.
fn patiently<T>(
    timeout: Duration,
    mut attempt: impl FnMut() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let since = Instant::now();
    loop {
        match attempt() {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                    && since.elapsed() < timeout =>
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            outcome => return outcome,
        }
    }
}

/// What a busy writer does: it looks again soon, as other processes take turns quickly.
fn patience(timeout: Duration) -> impl FnMut(i32) -> bool + Send {
    let mut since = Instant::now();
    move |tries| {
        if tries == 0 {
            since = Instant::now();
        }
        let is_patient = since.elapsed() < timeout;
        if is_patient {
            std::thread::sleep(Duration::from_micros(if tries < 20 { 200 } else { 1_000 }));
        }
        is_patient
    }
}
