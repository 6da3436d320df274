//! Orphans: accounts at the target without a known person, if the policy defines an action for them.
//!
//! They go through the queue like all accounts, under a key made of their id at the target: the guard counts them, an
//! operator can approve or reject them, and their requests are journaled. If a person turns out to own the account, the
//! person's row replaces the orphan's.

use lifecycle::{
    AccountState, AttributeMap, DesiredAccount, DesiredState, OrphanAction, OrphanPolicy, PolicyActions,
    ResourceKind,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::Value;
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use crate::guard::other_accounts;
use crate::rows::{orphan, resource};

/// Returns the row of an orphan, if the policy requires a change that was not made yet. `before` is its row, if it has
/// one; `at` is the reconciliation that saw it.
pub(crate) fn orphan_row(
    target: &str,
    orphans: &OrphanPolicy,
    seen: &scim::FoundResource,
    before: Option<&resource::Model>,
    at: i64,
) -> Option<resource::Model> {
    let text = |name: &str| {
        let found = seen.attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str())
    };
    if !orphans.concern(text("userName")) {
        return None;
    }
    let state = match orphans.action {
        OrphanAction::Report => return None,
        OrphanAction::Disable => AccountState::Disabled,
        OrphanAction::Delete => AccountState::Deleted,
    };
    let observed = scim::observe_resource(&seen.attributes, &["active".to_owned()]);
    if state == AccountState::Disabled && observed.get("active") == Some(&Value::Bool(false)) {
        return None;
    }
    let desired = DesiredState::User(DesiredAccount {
        state,
        attributes: AttributeMap::new(),
        on_create: AttributeMap::new(),
        clear: Vec::new(),
        references: std::collections::BTreeMap::new(),
        match_on: Vec::new(),
        assume_empty: false,
        actions: PolicyActions::default(),
        protected: false,
        delete_grace_days: None,
    });
    let mut row = resource::Model::new(target, ResourceKind::User, &orphan::orphan_subject(&seen.id));
    row.remote_id = Some(seen.id.clone());
    row.applied = Some(serde_json::to_string(&observed).expect("attributes are plain data"));
    row.desired_revision = before.map_or(0, |row| row.desired_revision) + 1;
    row.seen_at = Some(at);
    row.count_change(&desired);
    row.desired = serde_json::to_string(&desired).expect("a desired state is plain data");
    Some(row)
}

/// Returns the number of people who should have an account and have none: one of the orphans may be theirs.
pub(crate) async fn without_account(
    connection: &impl ConnectionTrait,
    target: &str,
) -> Result<u64, StoreError> {
    resource::Entity::find()
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::Kind.eq(ResourceKind::User.as_str()))
        .filter(resource::Column::RemoteId.is_null())
        .filter(resource::Column::Desired.contains("\"state\":\"active\""))
        .count(connection)
        .await
        .map_err(StoreError::statement("count people without an account"))
}

/// Forgets orphans that belong to a person now.
pub(crate) async fn forget_orphans(
    tx: &DatabaseTransaction,
    target: &str,
    remote_ids: &[String],
) -> Result<(), StoreError> {
    let subjects: Vec<String> = remote_ids.iter().map(|id| orphan::orphan_subject(id)).collect();
    for subjects in subjects.chunks(ROWS_PER_STATEMENT_MAX) {
        resource::Entity::delete_many()
            .filter(resource::Column::Target.eq(target))
            .filter(resource::Column::Kind.eq(ResourceKind::User.as_str()))
            .filter(resource::Column::Subject.is_in(subjects))
            .exec(tx)
            .await
            .map_err(StoreError::statement("forget orphans"))?;
    }
    other_accounts::forget(tx, target, remote_ids).await
}
