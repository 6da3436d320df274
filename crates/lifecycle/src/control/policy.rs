//! Policies in force and their versions.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::PlanId;

use super::Actor;

/// Asks the mapper to put the policy of a plan in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyRequest {
    /// The plan. It must be finished, cover all people, and be based on the version that is still in force.
    pub plan: PlanId,
    /// The number of accounts and groups that may lose access although the plan exceeds a threshold of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_deletes: Option<u64>,
    /// The number of accounts that may be created or switched on again although the plan exceeds a threshold of the
    /// policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_grants: Option<u64>,
    /// The operator and the reason.
    pub actor: Actor,
}

/// The answer to an [`ApplyRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApplyReply {
    /// The target.
    pub target: String,
    /// The version that is in force now.
    pub version: i64,
    /// `true` if the same text was already in force, so that no new version was made.
    pub unchanged: bool,
    /// The number of people and groups that are evaluated again in the background.
    pub to_evaluate: u64,
}

/// Asks the mapper for a policy, or for its versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRequest {
    /// The target.
    pub target: String,
    /// The version; `None` for the one in force. Ignored in a request for versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
}

/// One version of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyVersion {
    /// The number of the version, counted from 1.
    pub version: i64,
    /// The time at which the version came into force.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The operator who applied the version, or `file`.
    pub who: String,
    /// The reason that the operator gave, or the file's name.
    pub why: String,
    /// The number of accounts and groups that were planned to lose access.
    pub removals: u64,
}

/// A policy as it was applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyText {
    /// The target.
    pub target: String,
    /// The version.
    #[serde(flatten)]
    pub version: PolicyVersion,
    /// The YAML, byte for byte as it was applied.
    pub policy: String,
}

/// The versions of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyVersions {
    /// The target.
    pub target: String,
    /// The versions, newest first, at most 100.
    pub versions: Vec<PolicyVersion>,
}

/// The mapper's answer to [`super::verbs::MapperStatusVerb`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MapperStatus {
    /// The policies in force, in order of target.
    pub policies: Vec<PolicyInForce>,
    /// The number of people and groups that are not evaluated with the policies in force yet.
    pub to_evaluate: u64,
    /// The number of known people and groups.
    pub known: u64,
    /// The number of people with statements that take effect later.
    #[serde(default)]
    pub scheduled: u64,
    /// The number of records of sources that may belong to another person: an operator must decide.
    #[serde(default)]
    pub record_conflicts: u64,
    /// The number of records that wait for their person and say that the person left.
    #[serde(default)]
    pub waiting_departures: u64,
    /// The number of full-feed runs that failed their safety check and are held.
    #[serde(default)]
    pub held_feeds: u64,
    /// The findings about people that an operator should check.
    #[serde(default)]
    pub findings: super::findings::FindingCounts,
    /// The leavers' accounts that are not proven to be off.
    #[serde(default)]
    pub leavers: super::leavers::LeaverCounts,
    /// The milliseconds by which the clock of the answering replica is ahead of the database's.
    #[serde(default)]
    pub clock_skew_ms: i64,
    /// Policy files that are not in force, with the reason.
    pub held_files: Vec<HeldFile>,
    /// Full feeds without a decision about their last file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided_feeds: Vec<super::feed::UndecidedFeed>,
    /// Full feeds that are not heard of any more and are the last ones to list some people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent_feeds: Vec<super::feed::SilentFeed>,
    /// The messages that wait in the outbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<super::outbox::OutboxStatus>,
    /// The last verification of each target: the mapper's decisions, compared with the writer's state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verifications: Vec<super::verify::Verification>,
    /// The service's notices about its database and streams: a restored store, lost messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// A policy in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyInForce {
    /// The target.
    pub target: String,
    /// The version, with its time, operator and reason.
    #[serde(flatten)]
    pub version: PolicyVersion,
}

/// A policy file that is not in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HeldFile {
    /// The file.
    pub file: String,
    /// The reason, with the recommended action.
    pub why: String,
}
