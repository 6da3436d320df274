//! Decides what may be taken away, given or deleted, before any request is sent: guards, holds and rules for orphans.

pub(crate) mod adoption;
pub(crate) mod gone;
pub(crate) mod group_limit;
pub(crate) mod looks;
pub(crate) mod nesting;
pub(crate) mod never;
pub(crate) mod orphans;
pub(crate) mod other_accounts;
pub(crate) mod permission;
pub(crate) mod restored;
pub(crate) mod safety;
pub(crate) mod touches;
