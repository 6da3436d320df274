//! The formats in which senders deliver: each module turns bytes into events and knows no route.

pub(crate) mod cloudevents;
pub(crate) mod csv_feeds;
pub(crate) mod scim_bulk;
pub(crate) mod webhooks;
