//! `writer_resources`: one account or group at one target, desired beside applied.

mod candidate;
mod evidence;

use lifecycle::{
    AccountState, AttributeMap, DesiredAccount, DesiredState, Lane, PolicyActions, ResourceKind, TraceContext,
};
use sea_orm::entity::prelude::*;

pub(crate) use candidate::AdoptionCandidate;

use super::access::{AccessChange, AccountOrigin, DeletionRule, OffEvidence};
use super::orphan;
use crate::config::AdoptedDeletion;
use crate::rows::access::RemovalConsent;
use crate::rows::words::{RowStatus, UnknownWord};

const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// The target's answer to a create of a resource that no search shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnseenCreate {
    /// The create succeeded (2xx) without an id in the answer: it must never be sent again.
    Created,
    /// The resource exists already (409): a person who should be off may have it.
    Exists,
}

impl UnseenCreate {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Exists => "exists",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Created, Self::Exists].into_iter().find(|it| it.as_str() == name)
    }
}

/// A column with its word, and whether this version knows a word.
type CheckedColumn<'r> = (&'static str, Option<&'r str>, fn(&str) -> bool);

/// One account or group.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_resources")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The kind: `user` or `group`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) kind: String,
    /// The key of the person or group.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) subject: String,
    /// The status. It changes in [`super::transitions`] only, and so do the other fields without access from outside.
    #[sea_orm(column_type = "Text")]
    pub(super) status: RowStatus,
    /// True if it is in the queue (`pending` or `retrying`).
    pub(super) queued: bool,
    /// The lane: [`Lane::rank`].
    pub(crate) lane: i16,
    /// The time of the earliest next try; microseconds since the Unix epoch. It gives the order within a lane.
    pub(crate) next_attempt_at: i64,
    /// The number of failed tries of this revision.
    pub(crate) attempts: i32,
    /// The revision of `desired`.
    pub(crate) desired_revision: i64,
    /// The [`DesiredState`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) desired: String,
    /// The id of the event that caused it.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) event: Option<String>,
    /// The `traceparent` of the command.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) trace: Option<String>,
    /// The time at which the event was accepted; microseconds since the Unix epoch.
    pub(crate) accepted_at: i64,
    /// The revision with which the target agrees; 0 if none.
    pub(crate) applied_revision: i64,
    /// The mapped attributes that the target holds, `active` included, by SCIM path, as JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) applied: Option<String>,
    /// The link: the target's id of the resource.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) remote_id: Option<String>,
    /// True if a request with an unknown result was, or may have been, carried out: the resource is read first.
    pub(crate) in_doubt: bool,
    /// The key of the person whose account a reference waits for.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) awaits: Option<String>,
    /// The error of the last failed try, as text.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) last_error: Option<String>,
    /// The id of the open dead letter.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) dead_letter: Option<String>,
    /// True if the revision comes from a change of policy that was let through as a whole.
    pub(crate) planned: bool,
    /// An [`AccessChange`]: the effect of reaching the desired state on a linked resource; `None` if the target agrees.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) access_change: Option<String>,
    /// True if the guard has let the change of access through. It counts as carried out until its result is known.
    pub(crate) reserved: bool,
    /// The epoch of the lease under which requests about it are, or are about to be, under way.
    pub(crate) sending_epoch: Option<i64>,
    /// An [`OffEvidence`](super::access::OffEvidence): the first evidence that the account is off, as long as it is.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) off_evidence: Option<String>,
    /// The time of `off_evidence`; microseconds since the Unix epoch, by the database's clock.
    pub(crate) off_evidence_at: Option<i64>,
    /// The time at which the grace is over and the account must be deleted; microseconds since the Unix epoch.
    pub(crate) delete_at: Option<i64>,
    /// The time at which the resource must be read back once more, because a previous owner may have had a request about
    /// it under way. Microseconds since the Unix epoch.
    pub(crate) look_again_at: Option<i64>,
    /// The origin: created or adopted; `None` if it is not known.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) origin: Option<String>,
    /// A [`HeldBy`], while the row is held.
    #[sea_orm(column_type = "Text", nullable)]
    pub(super) held: Option<String>,
    /// The start of the hold; microseconds since the Unix epoch.
    pub(super) held_at: Option<i64>,
    /// The revision that an operator has approved.
    pub(crate) approved_revision: i64,
    /// An [`UnseenCreate`]: the target's answer to our create, while no search shows the resource.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) unseen: Option<String>,
    /// The start of the last reconciliation of the whole target that saw the resource, in microseconds since the Unix epoch.
    pub(crate) seen_at: Option<i64>,
    /// The failed requests: see [`super::failures`].
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) failures: Option<String>,
    /// The drift in the last reconciliation of the whole target, as JSON: see `reconcile::drift`.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) drift: Option<String>,
    /// The [`ValueClaim::key`] of the value that it waits for, while it does.
    ///
    /// [`ValueClaim::key`]: crate::rows::claims::ValueClaim::key
    #[sea_orm(column_type = "Text", nullable)]
    pub(super) waits_for: Option<String>,
    /// A [`TakenValue`] as JSON: the value that it waits for or last waited for at this revision.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) waiting: Option<String>,
    /// The key of its name at the target: see [`super::claims`].
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) name_key: Option<String>,
    /// The key of its mail address at the target: see [`super::claims`].
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) mail_key: Option<String>,
    /// The time at which it was last read back because it must be off: see [`crate::guard::looks`]. Microseconds since the Unix epoch.
    pub(crate) looked_at: Option<i64>,
    /// The time at which it was read as on although an answer had said that it is off: answers about it prove nothing
    /// from then on. Microseconds since the Unix epoch.
    pub(crate) answer_disproved_at: Option<i64>,
    /// The ids of the person's duplicate accounts that are on while the person must be off, as JSON; `None` if there was
    /// no search for them.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) duplicates: Option<String>,
    /// The time of the last statement of a source about the person: see [`lifecycle::Command::stated_at`]. Microseconds
    /// since the Unix epoch.
    pub(crate) stated_at: Option<i64>,
    /// An [`AdoptionCandidate`] as JSON: the resource that matches and waits for an operator.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) candidate: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Creates a resource without any known state.
    pub(crate) fn new(target: &str, kind: ResourceKind, subject: &str) -> Self {
        Self {
            target: target.to_owned(),
            kind: kind.as_str().to_owned(),
            subject: subject.to_owned(),
            status: RowStatus::InSync,
            queued: false,
            lane: Lane::Backfill.rank(),
            next_attempt_at: 0,
            attempts: 0,
            desired_revision: 0,
            desired: String::new(),
            event: None,
            trace: None,
            accepted_at: 0,
            applied_revision: 0,
            applied: None,
            remote_id: None,
            in_doubt: false,
            awaits: None,
            last_error: None,
            dead_letter: None,
            planned: false,
            access_change: None,
            reserved: false,
            sending_epoch: None,
            off_evidence: None,
            off_evidence_at: None,
            delete_at: None,
            look_again_at: None,
            origin: None,
            held: None,
            held_at: None,
            approved_revision: 0,
            unseen: None,
            seen_at: None,
            failures: None,
            drift: None,
            waits_for: None,
            waiting: None,
            name_key: None,
            mail_key: None,
            looked_at: None,
            answer_disproved_at: None,
            duplicates: None,
            stated_at: None,
            candidate: None,
        }
    }

    pub(crate) fn unseen(&self) -> Option<UnseenCreate> {
        self.unseen.as_deref().and_then(UnseenCreate::named)
    }

    /// Returns the first word that this version does not know in the columns about the account and its access.
    pub(super) fn unknown_access(&self) -> Option<UnknownWord> {
        let columns: [CheckedColumn<'_>; 5] = [
            ("kind", Some(&self.kind), |word| {
                [ResourceKind::User, ResourceKind::Group].iter().any(|kind| kind.as_str() == word)
            }),
            ("access_change", self.access_change.as_deref(), |word| {
                AccessChange::ALL.iter().any(|change| change.as_str() == word)
            }),
            ("off_evidence", self.off_evidence.as_deref(), |word| OffEvidence::named(word).is_some()),
            ("origin", self.origin.as_deref(), |word| AccountOrigin::named(word).is_some()),
            ("unseen", self.unseen.as_deref(), |word| UnseenCreate::named(word).is_some()),
        ];
        columns.into_iter().find_map(|(column, word, knows)| UnknownWord::in_column(column, word, knows))
    }

    pub(crate) fn kind(&self) -> ResourceKind {
        if self.kind == ResourceKind::Group.as_str() { ResourceKind::Group } else { ResourceKind::User }
    }

    pub(crate) fn lane(&self) -> Lane {
        Lane::from_rank(self.lane)
    }

    pub(crate) fn trace(&self) -> Option<TraceContext> {
        self.trace.as_deref()?.parse().ok()
    }

    /// Parses the desired state.
    ///
    /// # Errors
    /// If a newer version wrote the row with a command that this one does not know.
    pub(crate) fn desired(&self) -> Result<DesiredState, serde_json::Error> {
        serde_json::from_str(&self.desired)
    }

    /// Returns the error if the applied attributes cannot be read.
    pub(crate) fn applied_fault(&self) -> Option<serde_json::Error> {
        serde_json::from_str::<AttributeMap>(self.applied.as_deref()?).err()
    }

    /// Returns the switch-off that an unreadable desired state asks for. Only the switch-off is carried out, and only if
    /// the account is linked.
    pub(crate) fn legible_switch_off(&self) -> Option<DesiredState> {
        let says = |state: &str| self.desired.contains(&format!("\"state\":\"{state}\""));
        let is_off = (says("disabled") || says("deleted")) && !says("active");
        let is_persons = self.kind() == ResourceKind::User && !orphan::is_orphan(&self.subject);
        let account = DesiredAccount {
            state: AccountState::Disabled,
            attributes: AttributeMap::new(),
            on_create: AttributeMap::new(),
            clear: Vec::new(),
            references: std::collections::BTreeMap::new(),
            match_on: Vec::new(),
            assume_empty: false,
            protected: false,
            delete_grace_days: None,
            actions: PolicyActions::default(),
        };
        (is_off && is_persons && self.remote_id.is_some()).then_some(DesiredState::User(account))
    }

    /// Returns the attributes that the target holds; empty if they are unknown or cannot be read.
    pub(crate) fn applied(&self) -> AttributeMap {
        self.applied.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// Returns whether an operator, or the plan that it comes from, let the revision through.
    pub(crate) fn is_let_through(&self) -> bool {
        self.planned || self.is_approved()
    }

    /// Returns whether an operator has approved the desired revision.
    pub(crate) fn is_approved(&self) -> bool {
        self.approved_revision == self.desired_revision
    }

    /// Returns the authorisation for removing access.
    pub(crate) fn consent(&self) -> RemovalConsent {
        match self.access_change() {
            _ if self.is_approved() => RemovalConsent::Approved,
            _ if self.planned => RemovalConsent::Planned,
            Some(change) => RemovalConsent::Counted(change),
            None => RemovalConsent::Unknown,
        }
    }

    /// Returns the change of access that is counted for the row.
    pub(crate) fn access_change(&self) -> Option<AccessChange> {
        self.access_change.as_deref().map(AccessChange::named)
    }

    /// Sets the change of access that reaching `desired` means.
    pub(crate) fn count_change(&mut self, desired: &DesiredState) {
        match self.change_by(desired) {
            Some(change) => self.access_change = Some(change.as_str().to_owned()),
            // A request under way counts until its result is known, even if another state is desired by now.
            None if self.reserved => {}
            None => self.access_change = None,
        }
    }

    /// Returns the effect of reaching `desired` on the existing access.
    fn change_by(&self, desired: &DesiredState) -> Option<AccessChange> {
        let now = crate::micros(crate::now());
        self.remote_id.as_ref()?;
        match desired {
            DesiredState::User(account) => {
                let active = self.applied().get("active").cloned();
                // An account with unreadable attributes may be off, so switching it on counts.
                let is_off = active == Some(false.into())
                    || (account.state == AccountState::Active && self.applied_fault().is_some());
                match account.state {
                    AccountState::Active => {
                        (is_off && account.actions.disable).then_some(AccessChange::Enable)
                    }
                    AccountState::Deleted
                        if self.deletion(desired, now, AdoptedDeletion::Never) == DeletionRule::Due =>
                    {
                        Some(AccessChange::Delete)
                    }
                    AccountState::Disabled | AccountState::Deleted => {
                        (!is_off).then_some(AccessChange::Disable)
                    }
                }
            }
            DesiredState::Group(group) => (!group.exists).then_some(AccessChange::Delete),
            DesiredState::Membership { .. } => None,
        }
    }

    /// Returns the origin of the resource, if it is known.
    pub(crate) fn origin(&self) -> Option<AccountOrigin> {
        self.origin.as_deref().and_then(AccountOrigin::named)
    }

    /// Returns the rule for deleting the resource, if that is desired.
    pub(crate) fn deletion(
        &self,
        desired: &DesiredState,
        now: i64,
        adopted: AdoptedDeletion,
    ) -> DeletionRule {
        // An orphan is deleted only if the policy asks for exactly that.
        if orphan::is_orphan(&self.subject) {
            return DeletionRule::Due;
        }
        if self.origin() != Some(AccountOrigin::Created) && adopted == AdoptedDeletion::Never {
            return DeletionRule::NotOurs;
        }
        let days = match desired {
            DesiredState::User(account) => account.delete_grace_days.unwrap_or(0),
            DesiredState::Group(_) | DesiredState::Membership { .. } => 0,
        };
        let grace = i64::from(days).saturating_mul(DAY_MICROS);
        let is_over = self.off_evidence_at.is_some_and(|at| at.saturating_add(grace) <= now);
        if grace == 0 || is_over { DeletionRule::Due } else { DeletionRule::AfterGrace(grace) }
    }

    /// Returns whether the guard has to let the row through before a request is sent.
    pub(crate) fn needs_permission(&self) -> bool {
        self.access_change.is_some() && !self.reserved && !self.is_let_through()
    }
}
