//! Decides if a person should have a usable account: employment first, then the scope.

use lifecycle::{AccessOrders, AccountState, Employment};
use time::OffsetDateTime;

use super::{DecisionSubject, allowed_state};
use crate::policy::{LeaverAction, LeaverMoment, LeaverRule, OutOfScope, Policy};
use crate::reason::{DecisionRule, RuleBasis};
use crate::scope::ScopeInput;

pub(crate) const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;

/// The result of employment and scope together.
pub(super) struct AccessVerdict<'a> {
    pub(super) state: Option<AccountState>,
    pub(super) rule: DecisionRule,
    pub(super) because: RuleBasis<'a>,
    pub(super) recheck_at: Option<OffsetDateTime>,
    pub(super) in_scope: bool,
}

/// Decides the state of the account: by employment and scope, then by operators' orders, then by the policy's actions.
pub(super) fn access_verdict<'a>(
    subject: &DecisionSubject<'a>,
    policy: &'a Policy,
    seen: &ScopeInput<'a>,
) -> AccessVerdict<'a> {
    let rules = &policy.users;
    let mut verdict = as_ordered(by_employment(subject, policy, seen), subject.identity.orders);
    if let Some(state) = verdict.state
        && allowed_state(state, rules.actions) != Some(state)
    {
        verdict.state = allowed_state(state, rules.actions);
        if verdict.state.is_none() {
            let words = format!("the policy's actions forbid to switch off ({})", verdict.rule);
            verdict.rule = DecisionRule::SwitchedOff;
            verdict.because = RuleBasis::Words(words.into());
        }
    }
    verdict
}

/// Applies operators' orders, which take precedence over sources
/// and policies: access is off, and the account is never deleted.
fn as_ordered(mut verdict: AccessVerdict<'_>, orders: AccessOrders) -> AccessVerdict<'_> {
    let is_off = matches!(verdict.state, Some(AccountState::Disabled | AccountState::Deleted));
    if orders.off.is_some() && !is_off {
        verdict.state = Some(AccountState::Disabled);
        (verdict.rule, verdict.because, verdict.in_scope) =
            (DecisionRule::OrderedOff, RuleBasis::Rule, false);
    }
    if orders.keep.is_some() && verdict.state == Some(AccountState::Deleted) {
        verdict.state = Some(AccountState::Disabled);
        verdict.because = RuleBasis::Words("an operator ordered that it is never deleted".into());
    }
    verdict
}

/// Decides by employment. The scope decides for an employed person, and for a leaver without a leaver action.
fn by_employment<'a>(
    subject: &DecisionSubject<'a>,
    policy: &'a Policy,
    seen: &ScopeInput<'a>,
) -> AccessVerdict<'a> {
    let leaver = policy.users.leaver;
    let identity = subject.identity;
    match identity.employment {
        // A person who never had an account does not get one from this. It switches off an
        // account that was made for a start that was postponed afterwards, until that day.
        Employment::Unknown => AccessVerdict {
            state: Some(AccountState::Disabled),
            rule: DecisionRule::NotEmployedYet,
            because: RuleBasis::Rule,
            recheck_at: None,
            in_scope: false,
        },
        Employment::Left { since } if leaver.action != LeaverAction::None => {
            departure_verdict(leaver, (since, identity.known_since), DecisionRule::Left, seen.now)
        }
        Employment::Deleted { since } if leaver.action != LeaverAction::None => {
            departure_verdict(leaver, (since, identity.known_since), DecisionRule::Erased, seen.now)
        }
        Employment::Active | Employment::Left { .. } | Employment::Deleted { .. } => {
            match identity.planned_departure {
                Some(since) if leaver.when == LeaverMoment::AtOnce && leaver.action != LeaverAction::None => {
                    let mut verdict = departure_verdict(leaver, (since, None), DecisionRule::Left, seen.now);
                    let words = "the departure is known, and `leaver.when` is atOnce";
                    verdict.because = RuleBasis::Words(words.into());
                    verdict
                }
                _ => by_scope(policy, seen),
            }
        }
    }
}

/// Decides by the scope alone.
fn by_scope<'a>(policy: &'a Policy, seen: &ScopeInput<'a>) -> AccessVerdict<'a> {
    let judgement = policy.users.scope.judge(seen);
    let (state, rule) = match (judgement.inside, policy.users.out_of_scope) {
        (true, _) => (Some(AccountState::Active), DecisionRule::InScope),
        (false, OutOfScope::Disable) => (Some(AccountState::Disabled), DecisionRule::OutOfScope),
        (false, OutOfScope::Keep) => (None, DecisionRule::OutOfScope),
    };
    AccessVerdict {
        state,
        rule,
        because: RuleBasis::Scope(judgement.because),
        recheck_at: judgement.recheck_at,
        in_scope: judgement.inside,
    }
}

/// Returns the verdict for a person who left, or who will leave, at `since`. `known_since`
/// is the time at which the departure became known. Days of grace count from the later of
/// the two: a date that may be a typing error has no irreversible effect.
fn departure_verdict<'a>(
    leaver: LeaverRule,
    (since, known_since): (i64, Option<i64>),
    rule: DecisionRule,
    now: OffsetDateTime,
) -> AccessVerdict<'a> {
    let delete_at = leaver.delete_at(known_since.map_or(since, |known| known.max(since)));
    let is_due = delete_at.is_some_and(|at| at <= lifecycle::unix_micros(now));
    let (state, words) = match (is_due, leaver.delete_after_days) {
        (true, Some(days)) => (AccountState::Deleted, format!("{days} days of grace are over").into()),
        (true, None) => (AccountState::Deleted, "leaver action delete".into()),
        (false, Some(days)) => {
            let from =
                if known_since.is_some_and(|known| known > since) { "it was known" } else { "the departure" };
            (AccountState::Disabled, format!("to be deleted {days} days after {from}").into())
        }
        (false, None) => (AccountState::Disabled, "leaver action disable".into()),
    };
    AccessVerdict {
        state: Some(state),
        rule,
        because: RuleBasis::Words(words),
        recheck_at: if is_due { None } else { delete_at.and_then(from_micros) },
        in_scope: false,
    }
}

impl LeaverRule {
    /// Returns the time at which the account of a person who left at `since` is deleted. Both are in microseconds since 1970.
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

fn from_micros(micros: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}
