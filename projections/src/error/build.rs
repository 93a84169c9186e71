//! What is wrong with a runtime's wiring.

/// Every fault found while building a runtime.
#[derive(Debug, thiserror::Error)]
#[error("the runtime cannot be built: {}", numbered(faults))]
pub struct BuildError {
    pub(crate) faults: Vec<BuildFault>,
}

impl BuildError {
    /// The faults, in a stable order.
    #[must_use]
    pub fn faults(&self) -> &[BuildFault] {
        &self.faults
    }
}

/// One thing that is wrong with a runtime's wiring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildFault {
    /// A projector cannot run in the transaction of the append.
    #[error("projector `{projector}` says `mode = \"inline\"`, but {reason}")]
    CannotRunInline {
        /// The projector.
        projector: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// Two projectors have one name.
    #[error("two projectors are called `{name}`: {first} and {second}; rename one")]
    DuplicateName {
        /// The name.
        name: String,
        /// Type and place of one.
        first: String,
        /// Type and place of the other.
        second: String,
    },
    /// Two resources of one type were given.
    #[error("two resources of type `{resource}` were given; wrap one in a type of its own")]
    DuplicateResource {
        /// The type.
        resource: &'static str,
    },
    /// Two storages of one type were given.
    #[error(
        "two storages of type `{storage}` were given; a marker type makes a second one: `Sqlite<Reporting>`"
    )]
    DuplicateStorage {
        /// The storage's type, without its path.
        storage: String,
    },
    /// A projector named in `.expect([..])` is not there.
    #[error(
        "projector `{name}` is expected but not linked in; name its crate in the binary: `use its_crate as _;`"
    )]
    Expected {
        /// The name.
        name: String,
    },
    /// A projector asks for a resource that was not given.
    #[error(
        "projector `{projector}` needs a resource of type `{resource}`: give it with `.resource(..)`"
    )]
    MissingResource {
        /// The projector.
        projector: String,
        /// The type.
        resource: &'static str,
    },
    /// A projector writes to a storage that was not given.
    #[error("projector `{projector}` writes to `{storage}`: give it with `.storage(..)`")]
    MissingStorage {
        /// The projector.
        projector: String,
        /// The storage's type, without its path.
        storage: String,
    },
    /// There is nothing to run.
    #[error(
        "there is no projector to run; one linked from another crate needs `use its_crate as _;` in the binary"
    )]
    NoProjectors,
    /// A projector says `snapshot`, and there is no place for snapshots.
    #[error(
        "projector `{projector}` says `snapshot`, but {place} has no place for snapshots: give a storage that has one, such as `Sqlite`, with `.checkpoints(..)`"
    )]
    NoSnapshots {
        /// The projector.
        projector: String,
        /// The event store, or the storage that was given.
        place: String,
    },
    /// A wire name of a domain stands for two event types.
    #[error(
        "`{name}` of domain `{domain}` is the wire name of two event types: {first} and {second}"
    )]
    SharedName {
        /// The wire name.
        name: &'static str,
        /// The domain.
        domain: &'static str,
        /// One type.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Two projectors, or two types of rows of one, write to one table. Rows stay in memory between
    /// batches, so a table has one writer.
    #[error(
        "table `{table}` of `{storage}` is written by {first} and {second}: a table has one writer; give one of them another name with `#[read_model(table = ..)]`"
    )]
    SharedTable {
        /// The table.
        table: &'static str,
        /// The storage's type, without its path.
        storage: String,
        /// A projector, and its type of rows.
        first: String,
        /// The other.
        second: String,
    },
    /// A name given to `.only([..])` is not a projector's.
    #[error("there is no projector `{name}`; there are {known}")]
    UnknownProjector {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
}

fn numbered(faults: &[BuildFault]) -> String {
    match faults {
        [fault] => fault.to_string(),
        _ => {
            faults.iter().enumerate().map(|(n, fault)| format!("\n  {}. {fault}", n + 1)).collect()
        }
    }
}
