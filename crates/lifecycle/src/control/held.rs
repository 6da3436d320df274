//! What waits for a human at the writer: removals beyond the guard, protected subjects, values that a target would
//! refuse; and targets that are paused.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::ResourceKind;

/// Why something is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldBy {
    /// More would be taken away than the policy's guard allows.
    Guard,
    /// The policy protects the person or group.
    Protected,
    /// The target would refuse it, as its profile says.
    Profile,
    /// Another person or group that Usher manages has a value that only one can have: it goes on by itself when that one gives it
    /// up.
    Taken,
    /// The mapper's database was restored and lacks the decision that took the access away.
    Outdated,
}

impl HeldBy {
    /// The name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Protected => "protected",
            Self::Profile => "profile",
            Self::Taken => "taken",
            Self::Outdated => "outdated",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Guard, Self::Protected, Self::Profile, Self::Taken, Self::Outdated]
            .into_iter()
            .find(|by| by.as_str() == name)
    }
}

/// Asks the writer what is held; answered by a [`HeldReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeldRequest {
    /// Only of this target.
    pub target: Option<String>,
    /// How many at most; the writer answers with at most [`HELD_MAX`].
    pub limit: u64,
}

/// Most held resources in one answer.
pub const HELD_MAX: u64 = 1_000;

/// One resource that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldResource {
    /// The target.
    pub target: String,
    /// User or group.
    pub kind: ResourceKind,
    /// Key of the person or group.
    pub subject: String,
    /// The revision that is held.
    pub revision: i64,
    /// `active`, `disabled`, `deleted`, `exists` or `absent`: what it should become.
    pub wanted: String,
    /// Why.
    pub by: HeldBy,
    /// Why, in words, with what to do.
    pub reason: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

/// What is held, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldReply {
    /// Some of them.
    pub held: Vec<HeldResource>,
    /// How many there are.
    pub total: u64,
}

/// Tells the writer to do, or not to do, what is held; answered by a [`DecideHeldReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecideHeldRequest {
    /// The target.
    pub target: String,
    /// Keys of people and groups; none: everything that is held by `by`.
    #[serde(default)]
    pub subjects: Option<Vec<String>>,
    /// Only what is held for this reason.
    #[serde(default)]
    pub by: Option<HeldBy>,
    /// Whether it is to be done.
    pub approve: bool,
    /// Who and why.
    pub actor: Actor,
}

/// How much was decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecideHeldReply {
    /// How many resources are held no longer.
    pub decided: u64,
    /// Subjects that were named and are not held.
    #[serde(default)]
    pub not_held: Vec<String>,
}

/// Tells the writer to send nothing more to a target, or to go on; answered by a [`PauseReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseRequest {
    /// The target.
    pub target: String,
    /// Whether it is to be paused.
    pub paused: bool,
    /// Who and why.
    pub actor: Actor,
}

/// How it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseReply {
    /// Whether it was paused already.
    pub was_paused: bool,
}

/// Tells the writer which resource a person's or group's is that it could not adopt by itself; answered by a
/// [`super::ReplayReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolveConflictRequest {
    /// The target.
    pub target: String,
    /// User or group.
    pub kind: ResourceKind,
    /// Key of the person or group.
    pub subject: String,
    /// The target's id of the resource that is theirs.
    pub remote_id: String,
    /// Who and why.
    pub actor: Actor,
}

/// Asks the writer whether a target can be reached and takes our credential; answered by a [`TestReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestRequest {
    /// The target.
    pub target: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestReply {
    /// Whether the target answered as it should.
    pub works: bool,
    /// What was sent, and what came back.
    pub steps: Vec<super::provision::PreviewStep>,
    /// Why it does not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A target that is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PausedTarget {
    /// An operator, or `usher` for too many failures.
    pub who: String,
    /// Why.
    pub why: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// Only what gives access waits: accounts are still switched off, and a comparison that changes nothing works.
    #[serde(default)]
    pub only_grants: bool,
}
