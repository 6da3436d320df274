//! The commands that the mapper sends to the writer.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{AttributeMap, CommandId, EventId, OrphanPolicy, RemovalGuard};

/// The kind of resource at a target that a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// Returns the name used in subjects, tables, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Membership => "membership",
        }
    }
}

/// The urgency of a command. A lower lane overtakes a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Revokes access.
    Leaver,
    /// Changes the access or attributes of an existing account.
    Mover,
    /// Grants access to a new person.
    Joiner,
    /// Results from a policy change or a full reconciliation, not from an event.
    Backfill,
}

impl Lane {
    /// Every lane, most urgent first.
    pub const ALL: [Self; 4] = [Self::Leaver, Self::Mover, Self::Joiner, Self::Backfill];

    /// Returns the name used in tables, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leaver => "leaver",
            Self::Mover => "mover",
            Self::Joiner => "joiner",
            Self::Backfill => "backfill",
        }
    }

    /// Returns the position in [`Self::ALL`], which is the stored form.
    pub fn rank(self) -> i16 {
        self as i16
    }

    /// Returns the lane stored as `rank`; an unknown rank is the least urgent lane.
    pub fn from_rank(rank: i16) -> Self {
        usize::try_from(rank).ok().and_then(|i| Self::ALL.get(i).copied()).unwrap_or(Self::Backfill)
    }
}

/// The state that an account should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// The account exists and can be used.
    Active,
    /// If the account exists, it cannot be used. The writer never creates an account in this state.
    Disabled,
    /// The account does not exist.
    Deleted,
}

impl AccountState {
    /// Returns the name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }
}

/// The changes that a policy lets the writer make to accounts or groups at a target. By default, all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PolicyActions {
    /// Create resources that do not exist. Without it, existing resources are still found and kept up to date.
    pub create: bool,
    /// Change attributes of existing resources.
    pub update: bool,
    /// Disable accounts and enable them again. Groups have no such state.
    pub disable: bool,
    /// Delete resources.
    pub delete: bool,
    /// Give one of several accounts or groups a temporary name if each of them should have the name of the next one.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub temporary_names: bool,
}

impl Default for PolicyActions {
    fn default() -> Self {
        Self { create: true, update: true, disable: true, delete: true, temporary_names: true }
    }
}

impl PolicyActions {
    /// Returns whether the policy allows every change.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// The whole desired state of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DesiredAccount {
    /// The state that the account should have.
    pub state: AccountState,
    /// Values by SCIM attribute path (`userName`, `name.givenName`, `emails[type eq "work"].value`,
    /// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`). `externalId` is always present,
    /// `active` never: it follows from `state`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub attributes: AttributeMap,
    /// Values that are used only when the account is created. A change of them does not change an existing account.
    #[serde(default, skip_serializing_if = "AttributeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub on_create: AttributeMap,
    /// SCIM attribute paths that the policy maps and that have no value, in order of name. The writer removes any
    /// value there. A path that is neither here nor in `attributes` does not belong to the policy and is never
    /// touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clear: Vec<String>,
    /// Values that are another person's remote id: the key of that person by SCIM attribute path. The writer fills
    /// them in once that person's account is known at the target.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub references: std::collections::BTreeMap<String, String>,
    /// SCIM attribute paths that identify an account that existed before, in order of precedence.
    #[serde(default)]
    pub match_on: Vec<String>,
    /// The policy declares that the target was empty at first sync: create without searching first.
    #[serde(default)]
    pub assume_empty: bool,
    /// The changes that the writer may make.
    #[serde(default, skip_serializing_if = "PolicyActions::is_all")]
    pub actions: PolicyActions,
    /// The policy protects the person: nothing is revoked before an operator approves it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// The number of days between the time at which the account was seen to be off at the target and its deletion.
    /// Until then an account that should be deleted is only off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_grace_days: Option<u32>,
}

impl DesiredAccount {
    /// Returns the state without values, except for those that find the account at the target. It is used for a
    /// command that would be too long otherwise. Values that are not named stay as they are.
    #[must_use]
    pub fn without_values(self) -> Self {
        /// The maximum length in bytes of a value that finds the account.
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

    /// Returns the state with every change forbidden, because its key is a further key of another person.
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

    /// Returns the state with the account off, because its key is a further key of a person who has no access any
    /// more. No attribute is changed.
    #[must_use]
    pub fn switched_off(self) -> Self {
        let actions =
            PolicyActions { create: false, update: false, delete: false, ..PolicyActions::default() };
        let state = AccountState::Disabled;
        Self { state, actions, assume_empty: false, references: Default::default(), ..self }
    }

    /// Returns whether the account stays as it is because its key is a further key of another person. No policy has
    /// an empty `match_on`.
    pub fn is_given_up(&self) -> bool {
        let PolicyActions { create, update, disable, delete, .. } = self.actions;
        self.match_on.is_empty() && !(create || update || disable || delete)
    }
}

/// The whole desired state of a group, without its members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupResource {
    /// `true` if the group should exist.
    pub exists: bool,
    /// Values by SCIM attribute path; at least `externalId` and `displayName`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub attributes: AttributeMap,
    /// See [`DesiredAccount::on_create`].
    #[serde(default, skip_serializing_if = "AttributeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
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
    /// The changes that the writer may make.
    #[serde(default, skip_serializing_if = "PolicyActions::is_all")]
    pub actions: PolicyActions,
    /// See [`DesiredAccount::protected`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
}

/// One membership: states if `member` should be in the group that the command is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DesiredMembership {
    /// The key of the person or group.
    pub member: String,
    /// `true` if the member should be in the group.
    pub present: bool,
    /// The revision of this membership. It increases with every change.
    pub revision: i64,
    /// `true` if the group does not list the member directly: the member is in a group that is in it. A target that
    /// follows nested groups is not sent such members.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub through_groups: bool,
    /// The kind of the member.
    #[serde(default, skip_serializing_if = "MemberKind::is_person")]
    pub member_is: MemberKind,
}

/// The kind of a group's member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberKind {
    /// A person.
    #[default]
    Person,
    /// Another group. Only a target that follows nested groups is sent such a member.
    Group,
}

impl MemberKind {
    /// Returns whether the member is a person.
    pub fn is_person(&self) -> bool {
        *self == Self::Person
    }

    /// Returns the kind of resource that the member is at a target.
    pub fn resource_kind(self) -> ResourceKind {
        match self {
            Self::Person => ResourceKind::User,
            Self::Group => ResourceKind::Group,
        }
    }
}

/// The maximum number of memberships in one command.
pub const EDGES_PER_COMMAND_MAX: usize = 500;

/// The desired state of a resource at the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DesiredState {
    /// An account; the command's subject is the person's key.
    User(DesiredAccount),
    /// A group; the command's subject is the group's key.
    Group(GroupResource),
    /// Memberships of the group that is the command's subject, at most [`EDGES_PER_COMMAND_MAX`].
    Membership {
        /// The memberships that changed, each with its own revision.
        edges: Vec<DesiredMembership>,
    },
}

impl DesiredState {
    /// Returns the kind of the resource.
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::User(_) => ResourceKind::User,
            Self::Group(_) => ResourceKind::Group,
            Self::Membership { .. } => ResourceKind::Membership,
        }
    }

    /// Returns whether the policy protects the resource: nothing is revoked before an operator approves it.
    pub fn is_protected(&self) -> bool {
        match self {
            Self::User(account) => account.protected,
            Self::Group(group) => group.protected,
            Self::Membership { .. } => false,
        }
    }
}

/// A self-contained command to the writer. It may be dropped as soon as a command with a higher revision is known for
/// the same target, kind and subject. Memberships are compared one by one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// The id of the command in the journal and in logs.
    pub id: CommandId,
    /// The name of the target.
    pub target: String,
    /// The key of the person or group.
    pub subject: String,
    /// The revision of the desired state of this target, kind and subject, see [`crate::next_revision`]. It increases
    /// with every change. 0 for memberships.
    pub revision: i64,
    /// The urgency of the command.
    pub lane: Lane,
    /// The desired state.
    pub desired: DesiredState,
    /// The event that caused the command, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// The time at which the gateway accepted that event (or at which the policy change was noticed). Latency counts
    /// from here.
    #[serde(with = "time::serde::rfc3339")]
    pub accepted_at: OffsetDateTime,
    /// The limit of removals at the target, as its policy sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<RemovalGuard>,
    /// The command belongs to a policy change that was checked against the guard as a whole. It is not held again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub planned: bool,
    /// An operator ordered that the person is off, so the removal is not counted by the guard.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ordered: bool,
    /// The command grants access that a later decision had revoked. The writer knows that decision, but the mapper's
    /// database does not: it was restored, and the events since then are lost. The writer holds the command until an
    /// operator approves it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_approval: bool,
    /// The time at which the gateway accepted the last statement that this person works here, of a source with
    /// employment authority; `None` if it is not known. After a restore, the writer gives access back without an operator
    /// only if that statement is later.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub stated_at: Option<OffsetDateTime>,
    /// The policy for orphan accounts. It is set only in the command that announces another version of the policy.
    /// That command is about no membership, and its revision is the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orphans: Option<OrphanPolicy>,
}
