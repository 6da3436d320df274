//! Policies in force and their versions.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::PlanId;

use super::Actor;

/// Asks the mapper to put the policy of a plan in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyRequest {
    /// The plan. It must be finished, of everybody, and worked out against the version that is still in force.
    pub plan: PlanId,
    /// How many accounts and groups may lose access although the plan exceeds a threshold of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_deletes: Option<u64>,
    /// How many accounts may be created or switched on again although the plan exceeds a threshold of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_grants: Option<u64>,
    /// Who, and why.
    pub actor: Actor,
}

/// Answer to [`ApplyRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyReply {
    /// The target.
    pub target: String,
    /// The version that is in force now.
    pub version: i64,
    /// The text was in force already: no new version was made.
    pub unchanged: bool,
    /// How many people and groups are evaluated again in the background.
    pub to_evaluate: u64,
}

/// Asks the mapper for a policy, or for its versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRequest {
    /// The target.
    pub target: String,
    /// Which version; the one in force without it. Ignored when the versions are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
}

/// One version of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyVersion {
    /// From 1.
    pub version: i64,
    /// When it came into force.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who put it in force: an operator, or `file`.
    pub who: String,
    /// Why: in their words, or the file's name.
    pub why: String,
    /// How many accounts and groups were planned to lose access by it.
    pub removals: u64,
}

/// A policy as it was applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyText {
    /// The target.
    pub target: String,
    /// Which version.
    #[serde(flatten)]
    pub version: PolicyVersion,
    /// The YAML, byte by byte as it was applied.
    pub policy: String,
}

/// The versions of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyVersions {
    /// The target.
    pub target: String,
    /// Newest first, at most 100.
    pub versions: Vec<PolicyVersion>,
}

/// The mapper's answer to [`super::verb::STATUS`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MapperStatus {
    /// Policies in force, in order of target.
    pub policies: Vec<PolicyInForce>,
    /// People and groups that are still to be evaluated with the policies in force.
    pub to_evaluate: u64,
    /// People and groups known.
    pub known: u64,
    /// People of whom something is known that takes effect later.
    #[serde(default)]
    pub scheduled: u64,
    /// Records of sources that may be somebody else's: a human must say.
    #[serde(default)]
    pub record_conflicts: u64,
    /// Runs of full feeds that are not believed.
    #[serde(default)]
    pub held_feeds: u64,
    /// What a human should look at in people.
    #[serde(default)]
    pub findings: super::findings::FindingCounts,
    /// Accounts of leavers that are not proven to be off.
    #[serde(default)]
    pub leavers: super::leavers::LeaverCounts,
    /// How far the clock of the replica that answers is ahead of the database's, in milliseconds.
    #[serde(default)]
    pub clock_skew_ms: i64,
    /// Policy files that are not in force, and why.
    pub held_files: Vec<HeldFile>,
    /// Full feeds whose last file was not decided about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided_feeds: Vec<super::feed::UndecidedFeed>,
    /// What waits to be published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<super::outbox::OutboxStatus>,
    /// The last verification of each target: what was decided, compared with what the writer knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verifications: Vec<super::verify::Verification>,
    /// What the service noticed about its database and streams: a restored store, messages that are lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// A policy in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyInForce {
    /// The target.
    pub target: String,
    /// Which version, since when, by whom and why.
    #[serde(flatten)]
    pub version: PolicyVersion,
}

/// A policy file that is not in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldFile {
    /// The file.
    pub file: String,
    /// Why, and what to do.
    pub why: String,
}
