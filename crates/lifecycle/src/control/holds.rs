//! The identity of a hold: what an operator was shown, and so what an approval covers.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::held::HeldBy;
use crate::ResourceKind;

/// The number of bytes of the digest that an identity keeps.
const ID_BYTES: usize = 8;

/// The effect of a held change at the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HoldEffect {
    /// The account or group is created, or an existing one is adopted.
    Create,
    /// Attributes change.
    Change,
    /// The account is enabled again.
    Enable,
    /// The account is disabled.
    Disable,
    /// The account or group is deleted, at once or after the grace period.
    Delete,
    /// The person becomes a member of a group.
    Join,
    /// The change cannot be read, or the service is older than this field.
    #[default]
    #[serde(other)]
    Unknown,
}

impl HoldEffect {
    /// Returns the verb for tables and messages: "it deletes".
    pub fn verb(self) -> &'static str {
        match self {
            Self::Create => "creates",
            Self::Change => "changes",
            Self::Enable => "enables",
            Self::Disable => "disables",
            Self::Delete => "deletes",
            Self::Join => "adds",
            Self::Unknown => "unknown",
        }
    }
}

/// The identity of a hold. It is another one as soon as the approval would mean something else: another revision,
/// another desired state, another effect at the target, another reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct HoldId(String);

impl HoldId {
    /// Returns the identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the identity that an operator wrote.
    pub fn named(text: &str) -> Self {
        Self(text.trim().to_ascii_lowercase())
    }
}

impl std::fmt::Display for HoldId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Everything that an approval covers.
#[derive(Debug, Clone, Copy)]
pub struct HoldContent<'a> {
    /// The target.
    pub target: &'a str,
    /// The kind: user or group.
    pub kind: ResourceKind,
    /// The key of the person or group.
    pub subject: &'a str,
    /// The revision that is held.
    pub revision: i64,
    /// The desired state in its stored form.
    pub desired: &'a str,
    /// The effect at the target.
    pub effect: HoldEffect,
    /// The reason for the hold.
    pub by: HeldBy,
}

impl HoldContent<'_> {
    /// Returns the identity of the hold with this content.
    pub fn id(&self) -> HoldId {
        let revision = self.revision.to_string();
        let parts = [
            self.target,
            self.kind.as_str(),
            self.subject,
            &revision,
            self.desired,
            self.effect.verb(),
            self.by.as_str(),
        ];
        let mut hash = Sha256::new();
        for part in parts {
            // The length keeps two parts from reading as two others.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        HoldId(hex::encode(&hash.finalize()[..ID_BYTES]))
    }
}

/// A hold as an operator was shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShownHold {
    /// The key of the person or group.
    pub subject: String,
    /// `hold` of the list.
    pub hold: HoldId,
}

/// A hold that is no longer the one that an operator was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChangedHold {
    /// The key of the person or group.
    pub subject: String,
    /// The effect that an approval would have now.
    pub effect: HoldEffect,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: HoldContent<'static> = HoldContent {
        target: "app",
        kind: ResourceKind::User,
        subject: "E-1",
        revision: 2,
        desired: r#"{"state":"disabled"}"#,
        effect: HoldEffect::Disable,
        by: HeldBy::Protected,
    };

    #[test]
    fn a_hold_is_another_one_as_soon_as_its_approval_means_something_else() {
        let others = [
            HoldContent { target: "crm", ..SHOWN },
            HoldContent { kind: ResourceKind::Group, ..SHOWN },
            HoldContent { subject: "E-2", ..SHOWN },
            HoldContent { revision: 3, ..SHOWN },
            HoldContent { desired: r#"{"state":"deleted"}"#, ..SHOWN },
            HoldContent { effect: HoldEffect::Delete, ..SHOWN },
            HoldContent { by: HeldBy::Guard, ..SHOWN },
            HoldContent { target: "appuser", subject: "E-1", ..SHOWN },
        ];
        let ids: std::collections::BTreeSet<HoldId> = others.iter().map(HoldContent::id).collect();
        assert_eq!(ids.len(), others.len());
        assert!(!ids.contains(&SHOWN.id()));
        assert_eq!(HoldId::named(&format!(" {} ", SHOWN.id().as_str().to_uppercase())), SHOWN.id());
    }

    #[test]
    fn an_effect_of_a_newer_version_is_unknown() {
        assert_eq!(serde_json::from_str::<HoldEffect>("\"archive\"").unwrap(), HoldEffect::Unknown);
    }
}
