//! What the gateway requests itself from the APIs of sources: the records behind notices, and lists.

pub(crate) mod fetch;
pub(crate) mod pace;
pub(crate) mod poll;
