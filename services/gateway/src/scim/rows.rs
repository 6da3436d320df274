//! The gateway's rows.

pub(super) mod member;
pub(super) mod resource;
