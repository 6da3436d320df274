//! Delivers single requests to a target: when one may be sent, the call itself, and what its answer says about the target.

pub(crate) mod address;
pub(crate) mod attribution;
pub(crate) mod call;
pub(crate) mod client;
pub(crate) mod leftovers;
pub(crate) mod links;
pub(crate) mod listing;
pub(crate) mod operation;
pub(crate) mod pacer;
pub(crate) mod sight;
pub(crate) mod trouble;
