//! Values that a target may keep unique, and our resources that have them: login names, mail addresses, names of groups.

use lifecycle::{AttributeMap, ResourceKind};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use store::StoreError;

use super::resource;
use crate::converge::taken::ValueClaim;
use crate::orphans;

/// Returns the unique values among `attributes`: the name, then the first mail address.
pub(crate) fn claims_of(kind: ResourceKind, attributes: &AttributeMap) -> Vec<ValueClaim> {
    let name = if kind == ResourceKind::Group { "displayName" } else { "userName" };
    let text = |path: &str| {
        let value = attributes.get(path)?.as_str().filter(|value| !value.is_empty())?;
        Some(ValueClaim::new(path, value))
    };
    let is_mail = |path: &&String| kind == ResourceKind::User && path.starts_with("emails");
    let mail = attributes.keys().filter(is_mail).find_map(|path| text(path));
    text(name).into_iter().chain(mail).collect()
}

/// Returns the keys of the name and of the mail address.
pub(super) fn claim_keys(kind: ResourceKind, attributes: &AttributeMap) -> (Option<String>, Option<String>) {
    let (mails, names): (Vec<ValueClaim>, Vec<ValueClaim>) =
        claims_of(kind, attributes).into_iter().partition(|claim| claim.path.starts_with("emails"));
    (names.first().map(ValueClaim::key), mails.first().map(ValueClaim::key))
}

/// Returns the subject other than `subject` that has the value at the target, as far as our own rows know.
pub(crate) async fn claim_holder(
    connection: &impl ConnectionTrait,
    target: &str,
    kind: ResourceKind,
    claim: &ValueClaim,
    subject: &str,
) -> Result<Option<String>, StoreError> {
    let key = claim.key();
    let column =
        if claim.path.starts_with("emails") { resource::Column::MailKey } else { resource::Column::NameKey };
    let row = resource::Entity::find()
        .filter(resource::Column::Target.eq(target))
        .filter(column.eq(key))
        .filter(resource::Column::Kind.eq(kind.as_str()))
        .filter(resource::Column::Subject.ne(subject))
        .filter(resource::Column::RemoteId.is_not_null())
        .filter(resource::Column::Subject.not_like(format!("{}%", orphans::PREFIX)))
        .one(connection)
        .await
        .map_err(StoreError::statement("look who has a value"))?;
    Ok(row.filter(|row| claim.is_in(&row.applied())).map(|row| row.subject))
}
