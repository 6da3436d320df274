//! Outcomes of the work on a resource or on memberships.

use lifecycle::{AttributeMap, FactRecord, FailedRequest, HeldBy};

use crate::delivery::trouble::ConvergeTrouble;
use crate::rows::access::{AccessChange, AccountOrigin, OffEvidence};
use crate::rows::claims::TakenValue;
use crate::rows::edge::HeldMembership;
use crate::rows::reference::ResolvedReferences;
use crate::rows::resource::{AdoptionCandidate, UnseenCreate};
use crate::rows::settled::SettledOutcome;
use crate::rows::{edge, leftover, resource};

/// The known state at the target, with any outcome.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConvergeProgress {
    /// The id of the linked resource.
    pub(crate) remote_id: Option<String>,
    /// The attributes that the target holds, by SCIM path.
    pub(crate) applied: AttributeMap,
    /// A request may have been carried out without our knowledge: `applied` and `remote_id` may be out of date.
    pub(crate) in_doubt: bool,
    /// The evidence that the account is off, while no reading contradicts it.
    pub(crate) off: Option<OffEvidence>,
    /// The target showed during this work that the account was on: earlier evidence no longer counts.
    pub(crate) was_on: bool,
    /// The change of access that was made.
    pub(crate) changed: Option<AccessChange>,
    /// The grace in microseconds after which the account must be deleted, counted from the time at which it was seen to be off.
    pub(crate) delete_after: Option<i64>,
    /// The origin of the account: created or adopted.
    pub(crate) origin: Option<AccountOrigin>,
    /// The target's answer to our create, while no search shows the resource.
    pub(crate) unseen: Option<UnseenCreate>,
    /// True if the account was read as on although an answer had said that it is off.
    pub(crate) answer_disproved: bool,
    /// The person's duplicate accounts that are on; `None` if there was no search for them.
    pub(crate) duplicates: Option<Vec<String>>,
    /// The resource that matches and waits for an operator.
    pub(crate) candidate: Option<AdoptionCandidate>,
}

impl ConvergeProgress {
    /// Notes whether a reading shows the account as on or off.
    pub(crate) fn see_use(&mut self, active: Option<bool>) {
        self.answer_disproved |= active == Some(true) && self.off == Some(OffEvidence::Answer);
        self.off = match active {
            Some(false) => self.off.or(Some(OffEvidence::ReadBack)),
            Some(true) => None,
            None => self.off,
        };
        self.was_on |= active == Some(true);
    }
}

/// The outcome of the work on a resource.
#[derive(Debug)]
pub(crate) enum ConvergeOutcome {
    /// Not now: the target as a whole must not be asked. The outcome does not count against the resource.
    Deferred,
    /// Later, after others: the target failed `times` times in a row for this resource. The outcome does not count against it.
    Postponed { trouble: ConvergeTrouble, times: u32 },
    /// The target agrees, as far as the policy's actions allow. `how` names the change in the past tense, `awaits` names
    /// the person whose link a reference lacks, and `note` is for an operator.
    Settled { how: SettledOutcome, awaits: Option<String>, note: Option<&'static str> },
    /// Retry later.
    Retry(ConvergeTrouble),
    /// A retry cannot help.
    Dead(ConvergeTrouble),
    /// The target's answers are not believed. The target must be paused for this reason until an operator has looked,
    /// unless one has done so after `at` (microseconds since the Unix epoch).
    Doubtful { why: String, at: i64 },
    /// The resource is missing, but that cannot be proven: it is searched for again, and the link is kept. `pauses` is
    /// the reason to pause changes that give access, and the time of that conclusion, if there is one.
    Unproven { trouble: ConvergeTrouble, pauses: Option<(String, i64)> },
    /// The resource belongs to another owner.
    Conflict { found: String },
    /// Another resource of ours has a value that this one should have. The row waits until it is given up. Everything else was done.
    Waiting { taken: TakenValue, trouble: ConvergeTrouble },
    /// No further request is sent before an operator approves.
    Held { by: HeldBy, reason: String },
}

/// The result of the work on a resource, with its row from the start of the work.
#[derive(Debug)]
pub(crate) struct WorkedResource {
    pub(crate) row: resource::Model,
    pub(crate) progress: ConvergeProgress,
    pub(crate) outcome: ConvergeOutcome,
    pub(crate) facts: Vec<FactRecord>,
    /// The most recent failed requests.
    pub(crate) failed: Vec<FailedRequest>,
    /// The ids that the references of the resource resolved to.
    pub(crate) references: ResolvedReferences,
}

/// The result of the work on memberships of one group, with their rows from the start of the work.
#[derive(Debug)]
pub(crate) struct WorkedMembers {
    pub(crate) group: String,
    /// The group's id that the requests used.
    pub(crate) group_id: String,
    /// The members' ids that the requests used, by key.
    pub(crate) member_ids: std::collections::HashMap<String, String>,
    pub(crate) edges: Vec<edge::Model>,
    /// The ids of accounts that are gone. The work has either these or memberships.
    pub(crate) leftovers: Vec<leftover::Model>,
    /// The memberships that are not sent.
    pub(crate) held: Vec<HeldMembership>,
    pub(crate) outcome: MembersOutcome,
    /// True if the target can show the members of a group.
    pub(crate) shows_members: bool,
    pub(crate) facts: Vec<FactRecord>,
    /// The most recent failed requests.
    pub(crate) failed: Vec<FailedRequest>,
}

/// The outcome of the work on memberships.
#[derive(Debug)]
pub(crate) enum MembersOutcome {
    /// Not now, and no request was sent.
    Deferred,
    /// Later, after others: the target failed `times` times in a row for this group. `sent`: some of the changes may have
    /// been carried out.
    Postponed { trouble: ConvergeTrouble, times: u32, sent: bool },
    /// The target has the memberships as desired at the start of the work.
    Settled,
    /// The group's members were read: these of the memberships are there.
    Seen { present: Vec<String> },
    /// The effect of the requests is unknown; `None` if only the target's state stopped the work.
    Unsure(Option<ConvergeTrouble>),
    /// The request was refused: send each change alone, or give up a single one.
    Refused(ConvergeTrouble),
    /// The group is no longer at the target.
    GroupGone,
    /// No request was sent: the never list concerns the group or an account. The text is the reason.
    Never(String),
}

impl WorkResult {
    /// Returns the reason to pause the target, if there is one, and the time of that conclusion.
    pub(crate) fn doubts(&self) -> Option<(&str, i64)> {
        match self {
            Self::Resource(worked) => match &worked.outcome {
                ConvergeOutcome::Doubtful { why, at } => Some((why, *at)),
                ConvergeOutcome::Unproven { pauses: Some((why, at)), .. } => Some((why, *at)),
                _ => None,
            },
            Self::Members(_) => None,
        }
    }

    /// Returns whether the result can have led to a dead letter.
    pub(crate) fn may_have_died(&self) -> bool {
        match self {
            Self::Resource(worked) => {
                matches!(
                    worked.outcome,
                    ConvergeOutcome::Retry(_) | ConvergeOutcome::Dead(_) | ConvergeOutcome::Conflict { .. }
                )
            }
            Self::Members(worked) => {
                matches!(worked.outcome, MembersOutcome::Refused(_) | MembersOutcome::Unsure(Some(_)))
            }
        }
    }
}

/// A result for the committer.
#[derive(Debug)]
pub(crate) enum WorkResult {
    Resource(Box<WorkedResource>),
    Members(Box<WorkedMembers>),
}
