//! The command line that every application gets.
