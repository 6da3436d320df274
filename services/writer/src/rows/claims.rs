//! Values that a target may keep unique, and our resources that have them: login names, mail addresses, names of groups.

use lifecycle::{AttributeMap, ResourceKind};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::StoreError;

use super::{orphan, resource};

/// The number of hash bytes that stand for a value.
const KEY_BYTES: usize = 16;

/// A value at an attribute path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ValueClaim {
    pub(crate) path: String,
    pub(crate) value: String,
}

impl ValueClaim {
    pub(crate) fn new(path: &str, value: &str) -> Self {
        Self { path: path.to_owned(), value: value.to_owned() }
    }

    /// Returns the key by which the value is indexed. It has a fixed length, and ignores case.
    pub(crate) fn key(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.path.to_lowercase());
        hash.update([0]);
        hash.update(self.value.trim().to_lowercase());
        hex::encode(&hash.finalize()[..KEY_BYTES])
    }

    /// Returns whether `attributes` have the value.
    pub(crate) fn is_in(&self, attributes: &AttributeMap) -> bool {
        let same = |value: &str| value.trim().to_lowercase() == self.value.trim().to_lowercase();
        attributes.get(&self.path).and_then(|value| value.as_str()).is_some_and(same)
    }
}

/// The state of giving way to others that wait in a circle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StepAside {
    /// No resource was asked to give way.
    #[default]
    No,
    /// The value at this path must give way to a temporary one.
    Due(String),
    /// It was tried, and is not tried again for this revision.
    Done,
}

/// A value that a resource should have but another resource of ours has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TakenValue {
    #[serde(flatten)]
    pub(crate) claim: ValueClaim,
    /// The key of the person or group that has the value.
    pub(crate) holder: String,
    #[serde(default)]
    pub(crate) aside: StepAside,
}

impl TakenValue {
    pub(crate) fn by(claim: ValueClaim, holder: String) -> Self {
        Self { claim, holder, aside: StepAside::No }
    }
}

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
pub(in crate::rows) fn claim_keys(
    kind: ResourceKind,
    attributes: &AttributeMap,
) -> (Option<String>, Option<String>) {
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
        .filter(resource::Column::Subject.not_like(format!("{}%", orphan::PREFIX)))
        .one(connection)
        .await
        .map_err(StoreError::statement("look who has a value"))?;
    Ok(row.filter(|row| claim.is_in(&row.applied())).map(|row| row.subject))
}
