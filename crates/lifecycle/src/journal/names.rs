//! The names of facts.

use super::Fact;

impl Fact {
    /// Returns the last token of the journal subject, which is also the name in the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Merged { .. } => "merged",
            Self::Decided { .. } => "decided",
            Self::MembershipDecided { .. } => "membership_decided",
            Self::Superseded { .. } => "superseded",
            Self::Attempted(_) => "attempted",
            Self::Settled { .. } => "settled",
            Self::Conflict { .. } => "conflict",
            Self::Held { .. } => "held",
            Self::HeldDecided { .. } => "held_decided",
            Self::Paused { .. } => "paused",
            Self::Died(_) => "died",
            Self::Replayed { .. } => "replayed",
            Self::ReplayRun { .. } => "replay_run",
            Self::PolicyApplied { .. } => "policy_applied",
            Self::FeedHeld { .. } => "feed_held",
            Self::FeedDecided { .. } => "feed_decided",
            Self::Correlated { .. } => "correlated",
            Self::Joined { .. } => "joined",
            Self::ScheduleCancelled { .. } => "schedule_cancelled",
            Self::Provisioned { .. } => "provisioned",
            Self::AccessOrdered { .. } => "access_ordered",
            Self::LeaverProven { .. } => "leaver_proven",
            Self::LeaverOverdue { .. } => "leaver_overdue",
            Self::LeaverReopened { .. } => "leaver_reopened",
            Self::Verified { .. } => "verified",
            Self::Refused { .. } => "refused",
            Self::RestoreNoticed { .. } => "restore_noticed",
            Self::MessageDiscarded { .. } => "message_discarded",
            Self::Discarded { .. } => "discarded",
        }
    }
}
