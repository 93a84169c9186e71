//! [`Resources`]: what `#[resource]` fields are filled from, by type.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
};

/// The values that the builder was given for `#[resource]` fields, one a type.
#[derive(Default)]
pub struct Resources {
    values: HashMap<TypeId, (&'static str, Box<dyn Any + Send + Sync>)>,
}

impl Resources {
    /// Adds a value; tells whether there was one of its type.
    pub(crate) fn insert<T: Clone + Send + Sync + 'static>(&mut self, value: T) -> bool {
        self.values.insert(TypeId::of::<T>(), (type_name::<T>(), Box::new(value))).is_some()
    }

    /// Clones the value of a type.
    ///
    /// # Errors
    /// Names the type, where the builder has none.
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Result<T, MissingResource> {
        self.values
            .get(&TypeId::of::<T>())
            .and_then(|(_, value)| value.downcast_ref::<T>())
            .cloned()
            .ok_or(MissingResource { type_name: type_name::<T>() })
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.values().map(|(name, _)| name)).finish()
    }
}

/// A `#[resource]` field whose type the builder was not given.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no resource of type `{type_name}`")]
pub struct MissingResource {
    pub(crate) type_name: &'static str,
}
