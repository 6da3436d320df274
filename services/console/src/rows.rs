//! The rows of the read model. Times are microseconds since the Unix epoch.

pub(crate) mod dead_letter;
pub(crate) mod login_name;
pub(crate) mod timeline;
