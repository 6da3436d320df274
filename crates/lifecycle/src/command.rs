//! What the mapper tells the writer to make true.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{AttributeMap, CommandId, EventId, OrphanPolicy, RemovalGuard};

/// The kind of thing at a target that a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// An account.
    User,
    /// A group.
    Group,
    /// Memberships of one group.
    Membership,
}

impl ResourceKind {
    /// The name used in subjects, tables, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Membership => "membership",
        }
    }
}

/// How urgent a command is; lower overtakes higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Takes access away.
    Leaver,
    /// Changes what somebody has.
    Mover,
    /// Gives access to somebody new.
    Joiner,
    /// Comes from a policy change or a full reconcile, not from an event.
    Backfill,
}

impl Lane {
    /// Every lane, most urgent first.
    pub const ALL: [Self; 4] = [Self::Leaver, Self::Mover, Self::Joiner, Self::Backfill];

    /// The name used in tables, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leaver => "leaver",
            Self::Mover => "mover",
            Self::Joiner => "joiner",
            Self::Backfill => "backfill",
        }
    }

    /// Position in [`Self::ALL`], as it is stored.
    pub fn rank(self) -> i16 {
        self as i16
    }

    /// The lane stored as `rank`; unknown ranks are the least urgent.
    pub fn from_rank(rank: i16) -> Self {
        usize::try_from(rank).ok().and_then(|i| Self::ALL.get(i).copied()).unwrap_or(Self::Backfill)
    }
}

/// Whether an account should be usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Exists and can be used.
    Active,
    /// If it exists, it cannot be used. It is never created for this.
    Disabled,
    /// Does not exist.
    Deleted,
}

impl AccountState {
    /// The name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }
}

/// What a policy lets the writer do to accounts or groups at a target. Everything, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PolicyActions {
    /// Create what is not there. Without it, what is there already is still found and kept up to date.
    pub create: bool,
    /// Change attributes of what is there.
    pub update: bool,
    /// Switch accounts off, and on again. Groups have no such state.
    pub disable: bool,
    /// Delete.
    pub delete: bool,
    /// Give one of several accounts or groups a temporary name, when each should have the name of the next one.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub temporary_names: bool,
}

impl Default for PolicyActions {
    fn default() -> Self {
        Self { create: true, update: true, disable: true, delete: true, temporary_names: true }
    }
}

impl PolicyActions {
    /// Whether nothing is forbidden.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// The whole desired state of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredAccount {
    /// Whether it should be usable.
    pub state: AccountState,
    /// Values by SCIM attribute path (`userName`, `name.givenName`, `emails[type eq "work"].value`,
    /// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`). `externalId` is always there,
    /// `active` never: it follows from `state`.
    pub attributes: AttributeMap,
    /// Values that are only used when it is created; a change of them is no change of what is there.
    #[serde(default, skip_serializing_if = "AttributeMap::is_empty")]
    pub on_create: AttributeMap,
    /// SCIM attribute paths that the policy maps and that have no value: any value there is to be removed. In order of
    /// name. A path that is neither here nor in `attributes` is not the policy's, and is never touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clear: Vec<String>,
    /// Values that are another person's remote id, by SCIM attribute path: the key of that person. They are filled
    /// in at the target once that person's account is known there.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub references: std::collections::BTreeMap<String, String>,
    /// SCIM attribute paths that identify an account which was there before, in order of precedence.
    #[serde(default)]
    pub match_on: Vec<String>,
    /// The policy says that the target was empty at first sync: create without looking first.
    #[serde(default)]
    pub assume_empty: bool,
    /// What may be done.
    #[serde(default, skip_serializing_if = "PolicyActions::is_all")]
    pub actions: PolicyActions,
    /// The policy protects the person: nothing is taken away before a human said so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// An account that should be deleted is off first, and is deleted so many days after that was seen at the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_grace_days: Option<u32>,
}

impl DesiredAccount {
    /// The same without values, but for what finds it at the target: for a command that would be too long otherwise. What is not
    /// named is left as it is.
    #[must_use]
    pub fn without_values(self) -> Self {
        const FOUND_BY_BYTES_MAX: usize = 1_024;
        let Self { mut attributes, mut match_on, .. } = self;
        attributes.retain(|path, value| {
            let finds = path == "externalId" || match_on.contains(path);
            finds && value.to_string().len() <= FOUND_BY_BYTES_MAX
        });
        match_on.retain(|path| attributes.contains_key(path));
        let (on_create, clear, references) = Default::default();
        Self { attributes, match_on, on_create, clear, references, ..self }
    }

    /// The same, left as it is: its key is a further one of another person.
    #[must_use]
    pub fn given_up(self) -> Self {
        let actions = PolicyActions {
            create: false,
            update: false,
            disable: false,
            delete: false,
            ..PolicyActions::default()
        };
        Self { actions, match_on: Vec::new(), assume_empty: false, references: Default::default(), ..self }
    }

    /// The same, off: its key is a further one of a person who has no access any more. Nothing else of it is changed.
    #[must_use]
    pub fn switched_off(self) -> Self {
        let actions =
            PolicyActions { create: false, update: false, delete: false, ..PolicyActions::default() };
        let state = AccountState::Disabled;
        Self { state, actions, assume_empty: false, references: Default::default(), ..self }
    }

    /// Whether it is left as it is because its key is a further one of another person. No policy matches on nothing.
    pub fn is_given_up(&self) -> bool {
        let PolicyActions { create, update, disable, delete, .. } = self.actions;
        self.match_on.is_empty() && !(create || update || disable || delete)
    }
}

/// The whole desired state of a group, without its members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupResource {
    /// Whether the group should exist.
    pub exists: bool,
    /// Values by SCIM attribute path; `externalId` and `displayName` at least.
    pub attributes: AttributeMap,
    /// See [`DesiredAccount::on_create`].
    #[serde(default, skip_serializing_if = "AttributeMap::is_empty")]
    pub on_create: AttributeMap,
    /// See [`DesiredAccount::clear`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clear: Vec<String>,
    /// See [`DesiredAccount::match_on`].
    #[serde(default)]
    pub match_on: Vec<String>,
    /// See [`DesiredAccount::assume_empty`].
    #[serde(default)]
    pub assume_empty: bool,
    /// What may be done.
    #[serde(default, skip_serializing_if = "PolicyActions::is_all")]
    pub actions: PolicyActions,
    /// See [`DesiredAccount::protected`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
}

/// One membership: whether `member` should be in the group that the command is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredMembership {
    /// Key of the person or group.
    pub member: String,
    /// Whether they should be in the group.
    pub present: bool,
    /// Rises with every change of this edge.
    pub revision: i64,
    /// The group does not list them: they are in a group that is in it. A target that follows groups in groups is not
    /// told of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub through_groups: bool,
    /// What the member is.
    #[serde(default, skip_serializing_if = "MemberKind::is_person")]
    pub member_is: MemberKind,
}

/// What a group lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberKind {
    /// A person.
    #[default]
    Person,
    /// Another group. Only a target that follows groups in groups is told of it.
    Group,
}

impl MemberKind {
    /// Whether it is a person.
    pub fn is_person(&self) -> bool {
        *self == Self::Person
    }

    /// The kind of thing that the member is at a target.
    pub fn resource_kind(self) -> ResourceKind {
        match self {
            Self::Person => ResourceKind::User,
            Self::Group => ResourceKind::Group,
        }
    }
}

/// How many edges one command carries at most.
pub const EDGES_PER_COMMAND_MAX: usize = 500;

/// What should be true at the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DesiredState {
    /// An account; the command's subject is the person's key.
    User(DesiredAccount),
    /// A group; the command's subject is the group's key.
    Group(GroupResource),
    /// Memberships of the group that is the command's subject, at most [`EDGES_PER_COMMAND_MAX`].
    Membership {
        /// The edges that changed, each with its own revision.
        edges: Vec<DesiredMembership>,
    },
}

impl DesiredState {
    /// The kind of thing.
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::User(_) => ResourceKind::User,
            Self::Group(_) => ResourceKind::Group,
            Self::Membership { .. } => ResourceKind::Membership,
        }
    }

    /// Whether nothing is taken away of it before a human said so.
    pub fn is_protected(&self) -> bool {
        match self {
            Self::User(account) => account.protected,
            Self::Group(group) => group.protected,
            Self::Membership { .. } => false,
        }
    }
}

/// A self-contained order to the writer. It may be dropped as soon as one with a higher revision for the same
/// target, kind and subject is known (for memberships: edge by edge).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// Names the command in journal and logs.
    pub id: CommandId,
    /// Name of the target.
    pub target: String,
    /// Key of the person or group.
    pub subject: String,
    /// Rises with every change of the desired state of this target, kind and subject, see [`crate::next_revision`]. 0 for
    /// memberships.
    pub revision: i64,
    /// How urgent it is.
    pub lane: Lane,
    /// What should be true.
    pub desired: DesiredState,
    /// The event that caused it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// When the gateway accepted that event (or when the policy change was noticed): latency counts from here.
    #[serde(with = "time::serde::rfc3339")]
    pub accepted_at: OffsetDateTime,
    /// How much may be taken away at the target, as its policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<RemovalGuard>,
    /// It comes of a change of policy that was held against the guard as a whole: it is not held again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub planned: bool,
    /// It gives access that the writer knows to have been taken away by a later decision, which the mapper's database does
    /// not contain: it was restored, and the events since are lost. The writer holds it until an operator approves it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_approval: bool,
    /// What becomes of accounts of nobody; only in the command that tells of another version of the policy, which is about
    /// no membership, and whose revision is that version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orphans: Option<OrphanPolicy>,
}
