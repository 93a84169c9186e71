//! The runtime.

pub(crate) mod storages;

/// Runs projectors.
#[derive(Debug)]
pub struct Runtime;
impl Runtime {
    /// x
    pub fn wait_for(&self) {}
    /// x
    pub fn projectors(&self) {}
}
