//! Messages that were set aside, and the key of evidence.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /v1/quarantine/retry`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryQuarantined {
    /// Ids, as `GET /v1/quarantine` lists them.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Reason, recorded in the log. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/outbox/retry` and `POST /v1/outbox/discard`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetrySetAside {
    /// The service that set the message aside: `gateway`, `mapper` or `writer`.
    pub service: String,
    /// Id of the message.
    pub id: String,
    /// Reason, recorded in the log of the service. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/leavers/keys/rotate`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateEvidenceKey {
    /// Reason for the rotation. Required.
    #[serde(default)]
    pub why: String,
}
