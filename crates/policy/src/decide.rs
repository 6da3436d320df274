//! The decisions.

use lifecycle::{Account, AccountState, Actions, Attributes, Employment, GroupResource, IdentityView, Lane};
use serde_json::Value;
use time::OffsetDateTime;

use crate::attributes::{has_value, text};
use crate::mapping::{Mapped, apply};
use crate::policy::{LeaverAction, LeaverRule, Policy};
use crate::reason::{Because, Reason, Rule};
use crate::scope::{Scope, Seen, Verdict};

const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;
pub(crate) const USER_NAME: &str = "userName";
pub(crate) const DISPLAY_NAME: &str = "displayName";

/// A person at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Attributes and employment.
    pub identity: &'a IdentityView,
    /// Keys of the groups that the person is in.
    pub groups: &'a [String],
}

/// What somebody should have at a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The account; `None` when there is nothing to be said: it never existed for all the policy knows, or cannot be
    /// built ([`Self::rule`] says which). A disabled or deleted account carries its attributes, so that it can be
    /// found at the target; it is up to the caller not to disable what never was.
    pub desired: Option<Account>,
    /// How urgent: [`Lane::Leaver`] for whatever takes access away.
    pub lane_hint: Lane,
    /// Which rule decided.
    pub rule: Rule,
    /// Why, in words that hold no personal data.
    pub reason: Reason,
    /// When time alone will change the decision.
    pub recheck_at: Option<OffsetDateTime>,
    /// The login name, so that operators can search by it.
    pub user_name: Option<String>,
}

/// What should become of a group at a target.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupDecision {
    /// The group; `None` when there is nothing to be said.
    pub desired: Option<GroupResource>,
    /// Which rule decided.
    pub rule: Rule,
    /// Why, in words that hold no personal data.
    pub reason: Reason,
}

/// Decides what a person should have under `policy` at `now`.
pub fn decide(subject: &Subject<'_>, policy: &Policy, now: OffsetDateTime) -> Decision {
    let identity = subject.identity;
    let leaver = policy.users.leaver;
    match identity.employment {
        // Nobody who never had an account gets one from this; an account that was made for a start which was then
        // postponed is switched off until that day.
        Employment::Unknown => {
            Decision::account(identity, policy, AccountState::Disabled, Because::of(Rule::NotEmployedYet))
        }
        Employment::Left { since } if leaver.action != LeaverAction::None => {
            depart(identity, policy, since, Rule::Left, now)
        }
        Employment::Deleted { since } if leaver.action != LeaverAction::None => {
            depart(identity, policy, since, Rule::Erased, now)
        }
        Employment::Active | Employment::Left { .. } | Employment::Deleted { .. } => {
            by_scope(subject, policy)
        }
    }
}

/// Decides what should become of the group `key`, which `exists` or was deleted, under `policy`. `_now` is there for
/// scopes that look at dates.
pub fn decide_group(
    key: &str,
    attributes: &Attributes,
    exists: bool,
    policy: &Policy,
    _now: OffsetDateTime,
) -> GroupDecision {
    let Some(rules) = &policy.groups else {
        return GroupDecision::nothing(Because::of(Rule::GroupsNotManaged));
    };
    let Mapped { attributes: mapped, clear, .. } = apply(&rules.mappings, key, attributes);
    let seen = Seen { attributes, groups: &[], impersonal: true };
    let (inside, because) = match exists {
        true => judge(&rules.scope, &seen),
        false => (false, Because::of(Rule::NoSuchGroup)),
    };
    if inside && !mapped.get(DISPLAY_NAME).is_some_and(has_value) {
        return GroupDecision::nothing(Because::clause(
            Rule::RequiredValueMissing,
            "displayName has no value",
        ));
    }
    let desired = GroupResource {
        exists: inside,
        attributes: mapped,
        on_create: Attributes::new(),
        clear,
        match_on: rules.match_on.clone(),
        assume_empty: rules.assume_empty,
        actions: Actions::default(),
    };
    GroupDecision { desired: Some(desired), rule: because.rule, reason: because.in_words() }
}

fn judge(scope: &Scope, seen: &Seen<'_>) -> (bool, Because) {
    match scope.judge(seen) {
        Verdict::Inside(None) => (true, Because::clause(Rule::InScope, "everybody")),
        Verdict::Inside(Some(clauses)) => {
            let clauses: Vec<String> = clauses.iter().map(ToString::to_string).collect();
            (true, Because::clause(Rule::InScope, clauses.join(" and ")))
        }
        Verdict::Outside(clause) => {
            (false, Because::clause(Rule::OutOfScope, clause.to_string()).seen(clause.seen(seen)))
        }
    }
}

fn by_scope(subject: &Subject<'_>, policy: &Policy) -> Decision {
    let identity = subject.identity;
    let seen = Seen { attributes: &identity.attributes, groups: subject.groups, impersonal: false };
    let (inside, because) = judge(&policy.users.scope, &seen);
    if !inside {
        return Decision::account(identity, policy, AccountState::Disabled, because);
    }
    let decision = Decision::account(identity, policy, AccountState::Active, because);
    if decision.user_name.is_none() {
        return Decision::nothing(Because::clause(Rule::RequiredValueMissing, "userName has no value"), None);
    }
    decision
}

fn depart(identity: &IdentityView, policy: &Policy, since: i64, rule: Rule, now: OffsetDateTime) -> Decision {
    let delete_at = policy.users.leaver.delete_at(since);
    let is_due = delete_at.is_some_and(|at| at <= lifecycle::unix_micros(now));
    let (state, clause) = match (is_due, policy.users.leaver.delete_after_days) {
        (true, Some(days)) => (AccountState::Deleted, format!("{days} days of grace are over")),
        (true, None) => (AccountState::Deleted, "leaver action delete".to_owned()),
        (false, Some(days)) => {
            (AccountState::Disabled, format!("to be deleted {days} days after the departure"))
        }
        (false, None) => (AccountState::Disabled, "leaver action disable".to_owned()),
    };
    let mut decision = Decision::account(identity, policy, state, Because::clause(rule, clause));
    decision.recheck_at = if is_due { None } else { delete_at.and_then(from_micros) };
    decision
}

impl LeaverRule {
    /// When the account of somebody who left at `since` is to be deleted (both in microseconds).
    fn delete_at(self, since: i64) -> Option<i64> {
        match (self.action, self.delete_after_days) {
            (LeaverAction::Delete, None) => Some(since),
            (LeaverAction::Delete | LeaverAction::Disable, Some(days)) => {
                Some(since.saturating_add(i64::from(days).saturating_mul(DAY_MICROS)))
            }
            (LeaverAction::Disable, None) | (LeaverAction::None, _) => None,
        }
    }
}

impl Decision {
    fn nothing(because: Because, user_name: Option<String>) -> Self {
        let (rule, reason) = (because.rule, because.in_words());
        Self { desired: None, lane_hint: Lane::Mover, rule, reason, recheck_at: None, user_name }
    }

    fn account(identity: &IdentityView, policy: &Policy, state: AccountState, because: Because) -> Self {
        let rules = &policy.users;
        let mapped = apply(&rules.mappings, &identity.key, &identity.attributes);
        let user_name = user_name(&mapped);
        let account = Account {
            state,
            attributes: mapped.attributes,
            on_create: Attributes::new(),
            clear: mapped.clear,
            references: mapped.references,
            match_on: rules.match_on.clone(),
            assume_empty: rules.assume_empty,
            actions: Actions::default(),
        };
        let lane_hint = if state == AccountState::Active { Lane::Mover } else { Lane::Leaver };
        let (rule, reason) = (because.rule, because.in_words());
        Self { desired: Some(account), lane_hint, rule, reason, recheck_at: None, user_name }
    }
}

impl GroupDecision {
    fn nothing(because: Because) -> Self {
        Self { desired: None, rule: because.rule, reason: because.in_words() }
    }
}

fn user_name(mapped: &Mapped) -> Option<String> {
    let value: &Value = mapped.attributes.get(USER_NAME)?;
    has_value(value).then(|| text(value))
}

fn from_micros(micros: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}

#[cfg(test)]
mod tests;
