//! The effect of a held change, and the identity of the hold by which an operator decides about it.

use lifecycle::{AccountState, DesiredState, HeldBy, HoldContent, HoldEffect, HoldId};

use crate::config::AdoptedDeletion;
use crate::rows::access::{AccessChange, DeletionRule};
use crate::rows::resource;
use crate::{micros, now};

impl resource::Model {
    /// Returns the reason of the hold, as it is shown.
    pub(super) fn held_by(&self) -> HeldBy {
        self.hold_reason().unwrap_or(HeldBy::Guard)
    }

    /// Returns the effect that the held change would have at the target.
    pub(super) fn hold_effect(&self) -> HoldEffect {
        let Ok(desired) = self.desired() else { return HoldEffect::Unknown };
        let is_ours = self.deletion(&desired, micros(now()), AdoptedDeletion::Never) != DeletionRule::NotOurs;
        match &desired {
            DesiredState::User(account) => match account.state {
                AccountState::Deleted if is_ours && account.actions.delete => HoldEffect::Delete,
                AccountState::Deleted | AccountState::Disabled => HoldEffect::Disable,
                AccountState::Active if self.candidate.is_some() => HoldEffect::Change,
                AccountState::Active if self.remote_id.is_none() => HoldEffect::Create,
                AccountState::Active if self.access_change() == Some(AccessChange::Enable) => {
                    HoldEffect::Enable
                }
                AccountState::Active => HoldEffect::Change,
            },
            DesiredState::Group(group) if !group.exists && is_ours => HoldEffect::Delete,
            DesiredState::Group(_) if self.candidate.is_some() => HoldEffect::Change,
            DesiredState::Group(group) if group.exists && self.remote_id.is_none() => HoldEffect::Create,
            DesiredState::Group(_) => HoldEffect::Change,
            DesiredState::Membership { .. } => HoldEffect::Unknown,
        }
    }

    /// Returns the identity of the hold.
    pub(super) fn hold_id(&self) -> HoldId {
        // An approval of a link is bound to the resource that was shown.
        let desired = format!("{}{}", self.desired, self.candidate.as_deref().unwrap_or_default());
        let content = HoldContent {
            target: &self.target,
            kind: self.kind(),
            subject: &self.subject,
            revision: self.desired_revision,
            desired: &desired,
            effect: self.hold_effect(),
            by: self.held_by(),
        };
        content.id()
    }
}
