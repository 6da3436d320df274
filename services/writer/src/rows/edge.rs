//! `writer_edges`: one membership at one target, desired beside applied.

use lifecycle::{Lane, MemberKind, TraceContext};
use sea_orm::entity::prelude::*;

use super::access::OffEvidence;
use super::status;

/// One membership.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_edges")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// Key of the group.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) group_subject: String,
    /// Key of the person, or of the group that is in the group.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) member_subject: String,
    /// See [`status`].
    #[sea_orm(column_type = "Text")]
    pub(crate) status: String,
    /// Whether a request is needed and possible.
    pub(crate) queued: bool,
    /// [`Lane::rank`].
    pub(crate) lane: i16,
    /// Not before; microseconds since the Unix epoch.
    pub(crate) next_attempt_at: i64,
    /// Failed tries of this revision.
    pub(crate) attempts: i32,
    /// Revision of `desired`.
    pub(crate) revision: i64,
    /// Whether the target should have the member in the group: see [`crate::nesting`].
    pub(crate) desired: bool,
    /// Whether the target has the member in the group.
    pub(crate) applied: bool,
    /// A request with several edges was refused: send this one by itself.
    pub(crate) alone: bool,
    /// `traceparent` of the command.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) trace: Option<String>,
    /// When the event was accepted; microseconds since the Unix epoch.
    pub(crate) accepted_at: i64,
    /// Why the last try failed, in words.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) last_error: Option<String>,
    /// The open dead letter.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) dead_letter: Option<String>,
    /// See [`super::failures`].
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) failures: Option<String>,
    /// Whether the member is in the group, as the mapper says.
    pub(crate) told: bool,
    /// See [`lifecycle::DesiredMembership::through_groups`].
    pub(crate) through_groups: bool,
    /// Whether the member is a group.
    pub(crate) is_group: bool,
    /// When it is to be read back once more: an owner before may have had a request about it under way. Microseconds since the
    /// Unix epoch.
    pub(crate) look_again_at: Option<i64>,
    /// An [`OffEvidence`]: the first that showed that the member is not in the group, as long as that is so.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) off_evidence: Option<String>,
    /// When that was; microseconds since the Unix epoch.
    pub(crate) off_evidence_at: Option<i64>,
    /// When it was last read back because it must be gone: see [`crate::looks`]. Microseconds since the Unix epoch.
    pub(crate) looked_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// An edge that nothing is known of yet.
    pub(crate) fn new(target: &str, group: &str, member: &str) -> Self {
        Self {
            target: target.to_owned(),
            group_subject: group.to_owned(),
            member_subject: member.to_owned(),
            status: status::IN_SYNC.to_owned(),
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
        }
    }

    /// The member's key, and what it is.
    pub(crate) fn member(&self) -> (&str, MemberKind) {
        let kind = if self.is_group { MemberKind::Group } else { MemberKind::Person };
        (&self.member_subject, kind)
    }

    /// See [`crate::nesting::left_alone`].
    pub(crate) fn is_left_alone(&self) -> bool {
        self.told && !self.desired && !self.applied
    }

    pub(crate) fn lane(&self) -> Lane {
        Lane::from_rank(self.lane)
    }

    pub(crate) fn trace(&self) -> Option<TraceContext> {
        self.trace.as_deref()?.parse().ok()
    }

    /// What first showed that the member is not in the group, as long as that is so.
    pub(crate) fn off_evidence(&self) -> Option<OffEvidence> {
        self.off_evidence.as_deref().and_then(OffEvidence::named)
    }

    /// Keeps the first evidence that the member is not in the group, or forgets it where there is none any more.
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

    /// Puts the edge into the queue to be looked up at the target first.
    pub(crate) fn doubt(&mut self, now: i64) {
        self.status = status::UNSURE.to_owned();
        self.queued = true;
        self.next_attempt_at = now;
    }

    /// One end is not known at the target any more. What should be there waits for it; so does a removal that was not carried
    /// out: the end may only have been hidden, or come back under another id with its members.
    pub(crate) fn lose_end(&mut self) {
        let may_be_there = self.applied || self.queued;
        self.queued = false;
        if self.desired {
            self.applied = false;
        }
        let waits = self.desired || may_be_there;
        self.status = if waits { status::WAITING } else { status::IN_SYNC }.to_owned();
    }

    /// Settles where the edge stands: `linked` says whether both ends exist at the target.
    pub(crate) fn place(&mut self, linked: bool, now: i64) {
        let (status, queued) = if self.desired == self.applied {
            (status::IN_SYNC, false)
        } else if linked {
            (status::PENDING, true)
        } else {
            (status::WAITING, false)
        };
        self.status = status.to_owned();
        self.queued = queued;
        self.next_attempt_at = now;
    }
}
