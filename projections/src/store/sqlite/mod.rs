//! SQLite: an event store in one file, and a storage for read models.
