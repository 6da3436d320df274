//! The evidence that leavers lost their access: a chain of entries about obligations, and the keys that sign its export.

pub(crate) mod chain;
pub(crate) mod signing;

pub(crate) use signing::PersonHashes;
