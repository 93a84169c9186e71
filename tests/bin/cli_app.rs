//! A small application with the command line of this library, for tests that need a process.
fn main() {}
