use crate::mutate::Mutant;
pub(crate) struct Reviewed { pub(crate) reason: &'static str, pub(crate) covers: fn(&Mutant) -> bool }
pub(crate) const LEGAL: &[Reviewed] = &[];
pub(crate) const POOR: &[Reviewed] = &[];
