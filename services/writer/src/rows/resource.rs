//! `writer_resources`: one account or group at one target, desired beside applied.

mod evidence;

use lifecycle::{
    AccountState, AttributeMap, DesiredAccount, DesiredState, HeldBy, Lane, PolicyActions, ResourceKind,
    TraceContext,
};
use sea_orm::entity::prelude::*;

use super::access::{AccessChange, AccountOrigin, DeletionRule};
use super::status;
use crate::call::RemovalConsent;
use crate::converge::taken::TakenValue;
use crate::orphans;

const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// What the target said of a create of something that no search shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnseenCreate {
    /// It was done (2xx), and not under which id: it must never be sent again.
    Created,
    /// It is there already (409): whoever should be off may have it.
    Exists,
}

impl UnseenCreate {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Exists => "exists",
        }
    }
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_resources")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// `user` or `group`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) kind: String,
    /// Key of the person or group.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) subject: String,
    /// See [`status`].
    #[sea_orm(column_type = "Text")]
    pub(crate) status: String,
    /// Whether it is in the queue (`pending` or `retrying`).
    pub(crate) queued: bool,
    /// [`Lane::rank`].
    pub(crate) lane: i16,
    /// Not before; microseconds since the Unix epoch. Order within a lane.
    pub(crate) next_attempt_at: i64,
    /// Failed tries of this revision.
    pub(crate) attempts: i32,
    /// Revision of `desired`.
    pub(crate) desired_revision: i64,
    /// [`DesiredState`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) desired: String,
    /// The event that caused it.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) event: Option<String>,
    /// `traceparent` of the command.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) trace: Option<String>,
    /// When the event was accepted; microseconds since the Unix epoch.
    pub(crate) accepted_at: i64,
    /// Revision that the target agrees with; 0 when none.
    pub(crate) applied_revision: i64,
    /// What the target holds of the mapped attributes, `active` included, by SCIM path, as JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) applied: Option<String>,
    /// The target's id: the link.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) remote_id: Option<String>,
    /// A request was (or may have been) carried out whose result is not known: look before doing anything.
    pub(crate) in_doubt: bool,
    /// Key of the person whose account a reference waits for.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) awaits: Option<String>,
    /// Why the last try failed, in words.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) last_error: Option<String>,
    /// The open dead letter.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) dead_letter: Option<String>,
    /// It comes of a change of policy that was let through as a whole.
    pub(crate) planned: bool,
    /// An [`AccessChange`]: what reaching the desired state does to something that is linked; none when the target agrees.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) access_change: Option<String>,
    /// The guard has let the change of access through: it counts as carried out until its result says what came of it.
    pub(crate) reserved: bool,
    /// The epoch of the lease under which requests about it are, or are about to be, under way.
    pub(crate) sending_epoch: Option<i64>,
    /// An [`OffEvidence`](super::access::OffEvidence): the first that showed that the account is off, as long as it is.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) off_evidence: Option<String>,
    /// When that was; microseconds since the Unix epoch, by the database's clock.
    pub(crate) off_evidence_at: Option<i64>,
    /// When it is to be deleted: its grace is over then. Microseconds since the Unix epoch.
    pub(crate) delete_at: Option<i64>,
    /// When it is to be read back once more: an owner before may have had a request about it under way. Microseconds since the
    /// Unix epoch.
    pub(crate) look_again_at: Option<i64>,
    /// How it came to be ours: created or adopted; none where it is not known.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) origin: Option<String>,
    /// A [`HeldBy`], while it is held.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) held: Option<String>,
    /// Since when; microseconds since the Unix epoch.
    pub(crate) held_at: Option<i64>,
    /// A human said that this revision is to be carried out.
    pub(crate) approved_revision: i64,
    /// An [`UnseenCreate`]: what the target said of our create, while no search shows it.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) unseen: Option<String>,
    /// The last comparison of the whole target that saw it: when that began, in microseconds since the Unix epoch.
    pub(crate) seen_at: Option<i64>,
    /// See [`super::failures`].
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) failures: Option<String>,
    /// How it differed when the whole target was last compared, as JSON: see `reconcile::drift`.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) drift: Option<String>,
    /// [`Claim::key`] of the value that it waits for, while it does.
    ///
    /// [`Claim::key`]: crate::converge::taken::Claim::key
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) waits_for: Option<String>,
    /// A [`TakenValue`] as JSON: the value that it waits for or last waited for at this revision.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) waiting: Option<String>,
    /// Key of the name that the target has of it: see [`super::claims`].
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) name_key: Option<String>,
    /// Key of the mail address that the target has of it: see [`super::claims`].
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) mail_key: Option<String>,
    /// When it was last read back because it must be off: see [`crate::looks`]. Microseconds since the Unix epoch.
    pub(crate) looked_at: Option<i64>,
    /// When it was read as on although an answer had said that it is off: answers about it prove nothing from then on.
    /// Microseconds since the Unix epoch.
    pub(crate) answer_disproved_at: Option<i64>,
    /// Ids of further accounts of the person that are on while the person must be off, as JSON; none where they were not looked for.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) duplicates: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A resource that nothing is known of yet.
    pub(crate) fn new(target: &str, kind: ResourceKind, subject: &str) -> Self {
        Self {
            target: target.to_owned(),
            kind: kind.as_str().to_owned(),
            subject: subject.to_owned(),
            status: status::IN_SYNC.to_owned(),
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
        }
    }

    pub(crate) fn unseen(&self) -> Option<UnseenCreate> {
        [UnseenCreate::Created, UnseenCreate::Exists]
            .into_iter()
            .find(|it| Some(it.as_str()) == self.unseen.as_deref())
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

    /// # Errors
    /// When the row was written by a newer version whose commands this one does not know.
    pub(crate) fn desired(&self) -> Result<DesiredState, serde_json::Error> {
        serde_json::from_str(&self.desired)
    }

    /// Why what the target holds cannot be read, if it cannot.
    pub(crate) fn applied_fault(&self) -> Option<serde_json::Error> {
        serde_json::from_str::<AttributeMap>(self.applied.as_deref()?).err()
    }

    /// The switch-off that a desired state asks for which cannot be read as a whole: nothing but that is done, and only where
    /// the account is known.
    pub(crate) fn legible_switch_off(&self) -> Option<DesiredState> {
        let says = |state: &str| self.desired.contains(&format!("\"state\":\"{state}\""));
        let is_off = (says("disabled") || says("deleted")) && !says("active");
        let is_persons = self.kind() == ResourceKind::User && !orphans::is_orphan(&self.subject);
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

    /// What the target holds, empty when nothing is known or it cannot be read.
    pub(crate) fn applied(&self) -> AttributeMap {
        self.applied.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// Whether a human, or the plan that it comes of, let it be carried out.
    pub(crate) fn is_let_through(&self) -> bool {
        self.planned || self.is_approved()
    }

    /// Whether a human said that what is wanted now is to be carried out.
    pub(crate) fn is_approved(&self) -> bool {
        self.approved_revision == self.desired_revision
    }

    /// What may be taken away without asking.
    pub(crate) fn consent(&self) -> RemovalConsent {
        match self.access_change() {
            _ if self.is_approved() => RemovalConsent::Approved,
            _ if self.planned => RemovalConsent::Planned,
            Some(change) => RemovalConsent::Counted(change),
            None => RemovalConsent::Unknown,
        }
    }

    /// The change of access that is counted for it.
    pub(crate) fn access_change(&self) -> Option<AccessChange> {
        self.access_change.as_deref().map(AccessChange::named)
    }

    /// Says what reaching `desired` does to access.
    pub(crate) fn count_change(&mut self, desired: &DesiredState) {
        match self.change_by(desired) {
            Some(change) => self.access_change = Some(change.as_str().to_owned()),
            // What is under way counts until its result is known, whatever is wanted by now.
            None if self.reserved => {}
            None => self.access_change = None,
        }
    }

    /// What reaching `desired` would do to the access that is there.
    fn change_by(&self, desired: &DesiredState) -> Option<AccessChange> {
        let now = crate::micros(crate::now());
        self.remote_id.as_ref()?;
        match desired {
            DesiredState::User(account) => {
                let active = self.applied().get("active").cloned();
                // An account of which nothing can be read may be off: switching it on counts.
                let is_off = active == Some(false.into())
                    || (account.state == AccountState::Active && self.applied_fault().is_some());
                match account.state {
                    AccountState::Active => {
                        (is_off && account.actions.disable).then_some(AccessChange::Enable)
                    }
                    AccountState::Deleted if self.deletion(desired, now) == DeletionRule::Due => {
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

    /// How it came to be ours, where that is known.
    pub(crate) fn origin(&self) -> Option<AccountOrigin> {
        self.origin.as_deref().and_then(AccountOrigin::named)
    }

    /// Whether it may be deleted, where that is wanted.
    pub(crate) fn deletion(&self, desired: &DesiredState, now: i64) -> DeletionRule {
        // An account of nobody is deleted only where the policy asks for exactly that.
        if orphans::is_orphan(&self.subject) {
            return DeletionRule::Due;
        }
        if self.origin() != Some(AccountOrigin::Created) {
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

    /// Whether the guard has to let it through before a request is sent.
    pub(crate) fn needs_permission(&self) -> bool {
        self.access_change.is_some() && !self.reserved && !self.is_let_through()
    }

    /// Lets the row wait for a human.
    pub(crate) fn hold(&mut self, by: HeldBy, reason: String, now: i64) {
        self.rest(status::HELD);
        self.held = Some(by.as_str().to_owned());
        self.held_at = Some(now);
        self.last_error = Some(reason);
    }

    /// Whether it waits for a human for this reason, or was rejected when it did.
    pub(crate) fn is_held_as(&self, by: HeldBy) -> bool {
        let is_decided_by_a_human = [status::HELD, status::REJECTED].contains(&self.status.as_str());
        is_decided_by_a_human && self.held.as_deref() == Some(by.as_str())
    }

    /// It is held no longer.
    fn let_go(&mut self) {
        self.held = None;
        self.held_at = None;
        self.waits_for = None;
    }

    /// Remembers what the target holds.
    pub(crate) fn set_applied(&mut self, applied: &AttributeMap) {
        self.applied = Some(serde_json::to_string(applied).expect("attributes are plain data"));
        (self.name_key, self.mail_key) = super::claims::claim_keys(self.kind(), applied);
    }

    /// The value that it waits for, or last waited for at this revision.
    pub(crate) fn waiting(&self) -> Option<TakenValue> {
        serde_json::from_str(self.waiting.as_deref()?).ok()
    }

    /// Remembers what it waits for.
    pub(crate) fn set_waiting(&mut self, taken: &TakenValue) {
        self.waiting = Some(serde_json::to_string(taken).expect("a claim is plain data"));
    }

    /// Lets the row wait until another one gives a value up.
    pub(crate) fn wait_for(&mut self, taken: &TakenValue, reason: String, now: i64) {
        self.hold(HeldBy::Taken, reason, now);
        self.status = status::WAITING.to_owned();
        self.waits_for = Some(taken.claim.key());
        self.set_waiting(taken);
    }

    /// Puts the row into the queue.
    pub(crate) fn enqueue(&mut self, status: &'static str, not_before: i64) {
        self.let_go();
        self.status = status.to_owned();
        self.queued = true;
        self.next_attempt_at = not_before;
    }

    /// Takes the row out of the queue.
    pub(crate) fn rest(&mut self, status: &'static str) {
        self.let_go();
        self.status = status.to_owned();
        self.queued = false;
    }
}
