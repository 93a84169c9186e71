//! The macros of `projections`.
