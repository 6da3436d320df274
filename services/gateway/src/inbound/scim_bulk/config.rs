//! The configuration of SCIM bulk requests.

use serde::Deserialize;

/// The limits of SCIM bulk requests to `/v1/feeds/scim-bulk`. Such a request is never in memory as a whole.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScimBulkConfig {
    /// The maximum number of operations in one request. Microsoft Entra's own API takes 50.
    pub operations_max: usize,
    /// The maximum length of a request, in bytes. One operation may have `body_bytes_max`.
    pub bytes_max: u64,
}

impl Default for ScimBulkConfig {
    fn default() -> Self {
        // Enough for a company of 100,000 in one request, with 2.5 KB for each person.
        Self { operations_max: 100_000, bytes_max: 256 << 20 }
    }
}
