//! What came of working on a resource or on memberships.

use lifecycle::{AttemptClass, AttributeMap, FactRecord, FailedRequest, HeldBy, RequestExchange};

use crate::converge::taken::TakenValue;
use crate::rows::access::{AccessChange, AccountOrigin, OffEvidence};
use crate::rows::reference::ResolvedReferences;
use crate::rows::resource::UnseenCreate;
use crate::rows::{edge, leftover, resource};

/// What is known of the target's side, whatever the outcome.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConvergeProgress {
    /// The link.
    pub(crate) remote_id: Option<String>,
    /// What the target holds, by SCIM path.
    pub(crate) applied: AttributeMap,
    /// A request may have been carried out without our knowing: `applied` and `remote_id` may be out of date.
    pub(crate) in_doubt: bool,
    /// What shows that the account is off, as long as nothing shows otherwise.
    pub(crate) off: Option<OffEvidence>,
    /// The target showed in this work that the account was on: evidence of before counts no more.
    pub(crate) was_on: bool,
    /// How access was changed.
    pub(crate) changed: Option<AccessChange>,
    /// How long after it was seen that the account is off it is to be deleted, in microseconds.
    pub(crate) delete_after: Option<i64>,
    /// How it came to be ours.
    pub(crate) origin: Option<AccountOrigin>,
    /// What the target said of our create, while no search shows it.
    pub(crate) unseen: Option<UnseenCreate>,
    /// The account was read as on although an answer had said that it is off.
    pub(crate) answer_disproved: bool,
    /// Further accounts of the person that are on; none where they were not looked for.
    pub(crate) duplicates: Option<Vec<String>>,
}

impl ConvergeProgress {
    /// What an account that was read shows of its use.
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

/// How the work ended.
#[derive(Debug)]
pub(crate) enum ConvergeOutcome {
    /// Not now: the target as a whole is not to be asked. Nothing counts against the resource.
    Deferred,
    /// Later, and others first: the target failed, so often in a row for this resource. Nothing counts against it.
    Postponed { trouble: ConvergeTrouble, times: u32 },
    /// The target agrees, as far as the policy's actions let it. Says how, in the past tense; `awaits` names the person
    /// whose link a reference lacks, `note` is for a human.
    Settled { how: &'static str, awaits: Option<String>, note: Option<&'static str> },
    /// Try again later.
    Retry(ConvergeTrouble),
    /// Trying again cannot help.
    Dead(ConvergeTrouble),
    /// What the target says is not believed: it is to be paused until a human has looked, for this reason, unless
    /// one has since then (microseconds since the Unix epoch).
    Doubtful { why: String, at: i64 },
    /// It is not there, which cannot be proven: it is looked for again, and the link is kept. `pauses` says why, and since
    /// when that is thought, nothing more is to be given at the target, if so.
    Unproven { trouble: ConvergeTrouble, pauses: Option<(String, i64)> },
    /// It belongs to somebody else.
    Conflict { found: String },
    /// Another resource of ours has a value that this one should have: when that gives it up. Everything else was done.
    Waiting { taken: TakenValue, trouble: ConvergeTrouble },
    /// Nothing more is sent before a human said so.
    Held { by: HeldBy, reason: String },
}

/// Why something failed.
#[derive(Debug, Clone)]
pub(crate) struct ConvergeTrouble {
    pub(crate) operation: &'static str,
    pub(crate) class: AttemptClass,
    pub(crate) error: String,
    pub(crate) exchange: Option<RequestExchange>,
}

/// A resource that was worked on, as it was when the work began.
#[derive(Debug)]
pub(crate) struct WorkedResource {
    pub(crate) row: resource::Model,
    pub(crate) progress: ConvergeProgress,
    pub(crate) outcome: ConvergeOutcome,
    pub(crate) facts: Vec<FactRecord>,
    /// The last requests that failed.
    pub(crate) failed: Vec<FailedRequest>,
    /// What its references resolved to.
    pub(crate) references: ResolvedReferences,
}

/// Memberships of one group that were worked on, as they were when the work began.
#[derive(Debug)]
pub(crate) struct WorkedMembers {
    pub(crate) group: String,
    /// The group's id that was used.
    pub(crate) group_id: String,
    /// The members' ids that were used, by key.
    pub(crate) member_ids: std::collections::HashMap<String, String>,
    pub(crate) edges: Vec<edge::Model>,
    /// Ids of accounts that are gone, instead of edges.
    pub(crate) leftovers: Vec<leftover::Model>,
    /// Those that are not sent, and why not.
    pub(crate) held: Option<(Vec<edge::Model>, String)>,
    pub(crate) outcome: MembersOutcome,
    /// Whether the target can show who is in a group.
    pub(crate) shows_members: bool,
    pub(crate) facts: Vec<FactRecord>,
    /// The last requests that failed.
    pub(crate) failed: Vec<FailedRequest>,
}

/// How the work on memberships ended.
#[derive(Debug)]
pub(crate) enum MembersOutcome {
    /// Not now, and nothing was sent.
    Deferred,
    /// Later, and others first: the target failed, so often in a row for this group. `sent`: some of it may have been
    /// carried out.
    Postponed { trouble: ConvergeTrouble, times: u32, sent: bool },
    /// The target has them as desired when the work began.
    Settled,
    /// The group's members were read: these of the edges are there.
    Seen { present: Vec<String> },
    /// It is not known which were carried out; `None` when nothing but the target's state stopped us.
    Unsure(Option<ConvergeTrouble>),
    /// The request was refused: try them one by one, or give up the one.
    Refused(ConvergeTrouble),
    /// The group is not there any more.
    GroupGone,
}

impl WorkResult {
    /// Why the target is to be paused, if it is, and since when that is thought.
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

    /// Whether it can have led to a dead letter.
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

/// Something for the committer.
#[derive(Debug)]
pub(crate) enum WorkResult {
    Resource(Box<WorkedResource>),
    Members(Box<WorkedMembers>),
}
