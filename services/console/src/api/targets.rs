//! Decisions about targets and what is held at them.

use lifecycle::ShownHold;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /v1/held/approve` and `/v1/held/reject`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DecideHeld {
    /// Name of the target.
    #[serde(default)]
    pub target: String,
    /// The holds to decide about, 1 to 10,000, as `GET /v1/held` showed them. Required.
    #[serde(default)]
    pub holds: Vec<ShownHold>,
    /// `true` to leave holds that have changed since they were listed, and to decide about the others. Without it, one
    /// changed hold refuses the request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leave_changed: bool,
    /// The number of accounts and groups that the approval may delete (`effect` is `delete`).
    #[serde(default)]
    pub deletions: u64,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
    /// No longer accepted: name the holds in `holds`.
    #[serde(default, skip_serializing)]
    #[schema(deprecated)]
    pub subjects: Option<Vec<String>>,
    /// No longer accepted: name the holds in `holds`.
    #[serde(default, skip_serializing)]
    #[schema(deprecated)]
    pub all: bool,
    /// No longer accepted: name the holds in `holds`.
    #[serde(default, skip_serializing)]
    #[schema(deprecated)]
    pub by: Option<String>,
}

/// Body of `POST /v1/conflicts/resolve`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveConflict {
    /// Name of the target.
    #[serde(default)]
    pub target: String,
    /// `true` if the subject is a group.
    #[serde(default)]
    pub group: bool,
    /// Key of the person or group.
    #[serde(default)]
    pub subject: String,
    /// Id at the target of the resource that belongs to the person or group.
    #[serde(default)]
    pub remote_id: String,
    /// `revision` of the conflict's dead letter, as it was shown. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/targets/{target}/pause` and `.../resume`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PauseRequestBody {
    /// Reason, recorded in the journal. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/feeds/{run}/accept`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcceptFeedRun {
    /// The number of people who leave with the run, as it was shown: `missing` plus `leaving`. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<u64>,
    /// Reason, recorded in the journal. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/targets/{target}/reconcile`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReconcileRequestBody {
    /// Reports differences without changing anything.
    #[serde(default)]
    pub dry_run: bool,
    /// The number of resources that may be gone, as the failed reconciliation reported it. Without it, a target that lists
    /// far fewer resources than are linked fails the reconciliation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_max: Option<u64>,
    /// No longer accepted: say the number in `goneMax`.
    #[serde(default, skip_serializing)]
    #[schema(deprecated)]
    pub allow_gone: bool,
    /// Cancels the running reconciliation.
    #[serde(default)]
    pub cancel: bool,
    /// Reason, recorded in the log. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/verify`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyRequestBody {
    /// Name of the target; without it, all targets that have a policy are verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `true` to confirm that the orders of operators are complete after the mapper's database was restored or lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub orders_complete: bool,
    /// Reason, recorded in the log. Required.
    #[serde(default)]
    pub why: String,
}
