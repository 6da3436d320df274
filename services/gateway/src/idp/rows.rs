//! The tables of identity providers' resources.

pub(super) mod member;
pub(super) mod resource;
