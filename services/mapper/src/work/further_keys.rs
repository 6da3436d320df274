//! The accounts of further keys of a person: see [`super::join`].

use std::collections::BTreeMap;

use lifecycle::{AccountState, AttributeMap, DesiredAccount, DesiredState, ResourceKind};
use policy::{DecisionReason, Policy};

use super::decide::PolicyWish;
use super::leavers::AccessRight;
use super::{BatchState, CommandCause};
use crate::unreadable::StateKind;

impl BatchState<'_> {
    /// Releases a key that has become a further key of `person`: its active account is left alone, and nothing waits under the key
    /// any more. Removals of access under it continue.
    pub(super) fn give_up_key(&mut self, key: &str, person: &str, cause: &CommandCause) {
        let policies = self.policies;
        for policy in policies.iter() {
            let at = (policy.target().to_owned(), ResourceKind::User, key.to_owned());
            let active = AccountState::Active.as_str();
            let Some(row) = self.desired.get(&at).filter(|row| row.state == active) else { continue };
            let account = match row.desired() {
                Ok(DesiredState::User(account)) => account,
                Ok(_) => continue,
                Err(error) => {
                    // The account is active, and the person keeps it: nothing is done until the state can be read.
                    self.unreadable.note(StateKind::DesiredUser, &[policy.target(), key], &error);
                    continue;
                }
            };
            let because = || (DecisionReason(format!("it is a further key of {person}")), None);
            let desired = DesiredState::User(account.given_up());
            self.want(policy, key, PolicyWish { desired, state: active, because: &because }, cause);
        }
    }

    /// Handles the account of a further key of `person`, for whom `decided` was decided. It is left alone while the person has a right to access, and must be off
    /// when the person's account must.
    pub(super) fn follow(
        &mut self,
        policy: &Policy,
        (further, person): (&str, &str),
        decided: Option<&DesiredAccount>,
        right: Option<AccessRight>,
        cause: &CommandCause,
    ) {
        let at = (policy.target().to_owned(), ResourceKind::User, further.to_owned());
        let Some(row) = self.desired.get(&at) else { return };
        let account = match row.desired() {
            Ok(DesiredState::User(account)) => account,
            Ok(_) => return,
            Err(error) => {
                // The account must be off when the person's account must: it is switched off without its values.
                self.unreadable.note(StateKind::DesiredUser, &[policy.target(), further], &error);
                unread_account(further, decided)
            }
        };
        let is_active = row.state == AccountState::Active.as_str();
        match right {
            Some(AccessRight::Lost(_)) if is_active => {
                let desired = DesiredState::User(account.switched_off());
                let state = AccountState::Disabled.as_str();
                let because =
                    || (DecisionReason(format!("it is a further key of {person}, who has no access")), None);
                self.want(policy, further, PolicyWish { desired, state, because: &because }, cause);
                self.note_right(policy, further, right, true, cause);
            }
            Some(AccessRight::Lost(_)) => self.note_right(policy, further, right, false, cause),
            Some(AccessRight::Kept(_)) if is_active => self.note_right(policy, further, right, false, cause),
            _ => {}
        }
    }
}

/// Returns an active account whose values are not known. Its key alone finds it. The policy's rules about the account are those
/// about the account that was decided for the person: a protected person's account is held as well.
fn unread_account(key: &str, decided: Option<&DesiredAccount>) -> DesiredAccount {
    DesiredAccount {
        state: AccountState::Active,
        attributes: AttributeMap::from([("externalId".to_owned(), key.into())]),
        on_create: AttributeMap::new(),
        clear: Vec::new(),
        references: BTreeMap::new(),
        match_on: decided.map(|decided| decided.match_on.clone()).unwrap_or_default(),
        assume_empty: false,
        actions: decided.map(|decided| decided.actions).unwrap_or_default(),
        protected: decided.is_some_and(|decided| decided.protected),
        delete_grace_days: None,
    }
}
