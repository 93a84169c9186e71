//! The macros, re-exported with their documentation.
