//! Requests of the gateway itself to the APIs of sources: records that notices mention, and lists.

pub(crate) mod fetch;
mod ownership;
pub(crate) mod pace;
pub(crate) mod poll;
