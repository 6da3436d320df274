//! `writer_edges`: one membership at one target, desired beside applied.

use lifecycle::{HeldBy, Lane, MemberKind, TraceContext};
use sea_orm::entity::prelude::*;

use super::access::OffEvidence;
use crate::rows::words::{RowStatus, UnknownWord};

/// One membership.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_edges")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The key of the group.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) group_subject: String,
    /// The key of the person, or of the group that is in the group.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) member_subject: String,
    /// The status. It changes in [`super::transitions`] only, and so does the place in the queue.
    #[sea_orm(column_type = "Text")]
    pub(super) status: RowStatus,
    /// True if a request is needed and possible.
    pub(super) queued: bool,
    /// The lane: [`Lane::rank`].
    pub(crate) lane: i16,
    /// The time of the earliest next try; microseconds since the Unix epoch.
    pub(crate) next_attempt_at: i64,
    /// The number of failed tries of this revision.
    pub(crate) attempts: i32,
    /// The revision of `desired`.
    pub(crate) revision: i64,
    /// True if the target should have the member in the group: see [`crate::guard::nesting`].
    pub(crate) desired: bool,
    /// True if the target has the member in the group.
    pub(crate) applied: bool,
    /// True if a request with several memberships was refused: this one is sent by itself.
    pub(crate) alone: bool,
    /// The `traceparent` of the command.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) trace: Option<String>,
    /// The time at which the event was accepted; microseconds since the Unix epoch.
    pub(crate) accepted_at: i64,
    /// The error of the last failed try, as text.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) last_error: Option<String>,
    /// The id of the open dead letter.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) dead_letter: Option<String>,
    /// The failed requests: see [`super::failures`].
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) failures: Option<String>,
    /// True if the member is in the group according to the mapper.
    pub(crate) told: bool,
    /// True if the membership comes through other groups: see [`lifecycle::DesiredMembership::through_groups`].
    pub(crate) through_groups: bool,
    /// True if the member is a group.
    pub(crate) is_group: bool,
    /// The time at which the membership must be read back once more, because a previous owner may have had a request
    /// about it under way. Microseconds since the Unix epoch.
    pub(crate) look_again_at: Option<i64>,
    /// An [`OffEvidence`]: the first evidence that the member is not in the group, as long as that is so.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) off_evidence: Option<String>,
    /// The time of `off_evidence`; microseconds since the Unix epoch.
    pub(crate) off_evidence_at: Option<i64>,
    /// The time at which the membership was last read back because it must be gone: see [`crate::guard::looks`]. Microseconds
    /// since the Unix epoch.
    pub(crate) looked_at: Option<i64>,
    /// A [`lifecycle::HeldBy`], while the membership is held for another reason than the profile of the target.
    #[sea_orm(column_type = "Text", nullable)]
    pub(super) held: Option<String>,
}

/// A membership that is not sent.
#[derive(Debug, Clone)]
pub(crate) struct HeldMembership {
    pub(crate) edge: Model,
    pub(crate) by: HeldBy,
    pub(crate) reason: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Creates a membership without any known state.
    pub(crate) fn new(target: &str, group: &str, member: &str) -> Self {
        Self {
            target: target.to_owned(),
            group_subject: group.to_owned(),
            member_subject: member.to_owned(),
            status: RowStatus::InSync,
            queued: false,
            lane: Lane::Backfill.rank(),
            next_attempt_at: 0,
            attempts: 0,
            revision: 0,
            desired: false,
            applied: false,
            alone: false,
            trace: None,
            accepted_at: 0,
            last_error: None,
            dead_letter: None,
            failures: None,
            told: false,
            through_groups: false,
            is_group: false,
            look_again_at: None,
            off_evidence: None,
            off_evidence_at: None,
            looked_at: None,
            held: None,
        }
    }

    /// Returns the member's key and kind.
    pub(crate) fn member(&self) -> (&str, MemberKind) {
        let kind = if self.is_group { MemberKind::Group } else { MemberKind::Person };
        (&self.member_subject, kind)
    }

    /// Returns whether the membership is left alone: see [`crate::guard::nesting::left_alone`].
    pub(crate) fn is_left_alone(&self) -> bool {
        self.told && !self.desired && !self.applied
    }

    pub(crate) fn lane(&self) -> Lane {
        Lane::from_rank(self.lane)
    }

    pub(crate) fn trace(&self) -> Option<TraceContext> {
        self.trace.as_deref()?.parse().ok()
    }

    /// Returns the first evidence that the member is not in the group, as long as that is so.
    pub(crate) fn off_evidence(&self) -> Option<OffEvidence> {
        self.off_evidence.as_deref().and_then(OffEvidence::named)
    }

    /// Keeps the first evidence that the member is not in the group, or clears it if there is none any more.
    pub(crate) fn keep_evidence(&mut self, evidence: Option<OffEvidence>, at: i64) {
        match evidence {
            None => (self.off_evidence, self.off_evidence_at) = (None, None),
            Some(_) if self.off_evidence().is_some() => {}
            Some(evidence) => {
                self.off_evidence = Some(evidence.as_str().to_owned());
                self.off_evidence_at = Some(at);
            }
        }
    }

    /// Returns the first word that this version does not know. Nothing may be decided by such a row.
    pub(crate) fn unknown_word(&self) -> Option<UnknownWord> {
        let knows = |word: &str| OffEvidence::named(word).is_some();
        UnknownWord::in_status(&self.status)
            .or_else(|| UnknownWord::in_column("off_evidence", self.off_evidence.as_deref(), knows))
    }
}
