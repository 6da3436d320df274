//! The decisions: the desired account of a person, and the reason for it.

mod group;
mod verdict;

use std::borrow::Cow;

use expression::RandomSeed;
use lifecycle::{AccountState, AttributeMap, DesiredAccount, IdentityView, Lane, PolicyActions};
use serde_json::Value;
use time::OffsetDateTime;

pub use group::{GroupDecision, GroupSubject, decide_group};
use verdict::AccessVerdict;

use crate::attributes::{has_value, value_text};
use crate::mapping::{
    AttributeEffect, EXTERNAL_ID, MappedAttribute, MappingInputs, USER_NAME, UntouchedReason,
    evaluate_mappings,
};
use crate::policy::Policy;
use crate::reason::{DecisionReason, DecisionRule, RuleBasis};
use crate::scope::{GroupMembership, ScopeInput};

const DAY_SECONDS: i64 = 24 * 3_600;

/// A person at one moment, with the data that a policy looks at.
#[derive(Debug, Clone, Copy)]
pub struct DecisionSubject<'a> {
    /// The person's attributes and employment.
    pub identity: &'a IdentityView,
    /// All groups that the person is a member of, including nested ones.
    pub groups: &'a [GroupMembership],
    /// The known attributes of the manager.
    pub manager: Option<&'a AttributeMap>,
    /// The seed of random functions. It stays the same for one person at one target.
    pub seed: RandomSeed,
}

/// The account that a person should have at a target. It borrows its inputs; [`Self::account`] copies them.
#[derive(Debug, Clone)]
pub struct PolicyDecision<'a> {
    /// The rule that decided.
    pub rule: DecisionRule,
    /// The priority: [`Lane::Leaver`] if the decision takes access away.
    pub lane_hint: Lane,
    /// The next time at which the decision can change without any new event.
    pub recheck_at: Option<OffsetDateTime>,
    /// The next time at which the account can become usable, unusable or absent
    /// without any new event. Mappings that depend on the date do not count.
    pub turns_at: Option<OffsetDateTime>,
    /// `true` if the person is employed and the scope holds.
    pub in_scope: bool,
    state: Option<AccountState>,
    because: RuleBasis<'a>,
    seen: ScopeInput<'a>,
    policy: &'a Policy,
    effects: Vec<AttributeEffect<'a>>,
}

/// Decides the account that a person should have under `policy` at `now`.
pub fn decide_person<'a>(
    subject: &DecisionSubject<'a>,
    policy: &'a Policy,
    now: OffsetDateTime,
) -> PolicyDecision<'a> {
    let seen = subject.seen(now);
    let AccessVerdict { state, rule, because, recheck_at, in_scope } =
        verdict::access_verdict(subject, policy, &seen);
    let facts = subject.facts(state, policy, now);
    let mappings = &policy.users.mappings;
    let mut decision = PolicyDecision {
        rule,
        lane_hint: if state == Some(AccountState::Active) { Lane::Mover } else { Lane::Leaver },
        recheck_at: [recheck_at, next_midnight(mappings, now)].into_iter().flatten().min(),
        turns_at: recheck_at,
        in_scope,
        state,
        because,
        seen,
        policy,
        effects: if state.is_some() { evaluate_mappings(mappings, &facts) } else { Vec::new() },
    };
    // A person who must lose access loses it, regardless of their attributes.
    if state == Some(AccountState::Active)
        && let Some((rule, because)) =
            build_obstacle(mappings, &decision.effects, &policy.users.match_on, USER_NAME)
    {
        (decision.rule, decision.because) = (rule, because);
        (decision.state, decision.lane_hint) = (None, Lane::Mover);
    }
    decision
}

/// Returns `true` if the person is employed and the scope of `policy`
/// holds: [`PolicyDecision::in_scope`] without the rest of the decision.
pub fn in_scope(subject: &DecisionSubject<'_>, policy: &Policy, now: OffsetDateTime) -> bool {
    verdict::access_verdict(subject, policy, &subject.seen(now)).in_scope
}

impl<'a> DecisionSubject<'a> {
    /// Returns the inputs of the scope.
    pub(crate) fn seen(&self, now: OffsetDateTime) -> ScopeInput<'a> {
        let IdentityView { key, attributes, .. } = self.identity;
        ScopeInput { attributes, manager: self.manager, groups: self.groups, key, impersonal: false, now }
    }

    /// Returns the inputs of the person's mappings.
    pub(crate) fn facts(
        &self,
        state: Option<AccountState>,
        policy: &'a Policy,
        now: OffsetDateTime,
    ) -> MappingInputs<'a> {
        MappingInputs {
            attributes: &self.identity.attributes,
            manager: self.manager,
            is_soft_deleted: state != Some(AccountState::Active),
            default_domain: policy.default_domain(),
            seed: self.seed,
            now,
        }
    }
}

impl PolicyDecision<'_> {
    /// Returns the state that the account should have. `None` means that the decision makes no statement
    /// about it: the account stays as it is, or it cannot be built. [`Self::rule`] tells the two apart.
    pub fn state(&self) -> Option<AccountState> {
        self.state
    }

    /// Returns `true` if an account should exist but cannot be built. [`Self::reason`] explains why.
    pub fn is_impossible(&self) -> bool {
        self.rule == DecisionRule::RequiredValueMissing
    }

    /// Returns the account for a command, or `None` if [`Self::state`] is `None`. A disabled or deleted account carries
    /// its attributes, so that it can be found at the target. The caller must not disable an account that never existed.
    pub fn account(&self) -> Option<DesiredAccount> {
        let state = self.state?;
        let rules = &self.policy.users;
        let BuiltResource { attributes, on_create, clear, references } =
            build_resource(&rules.mappings, &self.effects, self.seen.key);
        // Attributes that an account requires, or is matched on, are never cleared: a target would refuse the whole change.
        let is_kept = |path: &String| path == USER_NAME || rules.match_on.contains(path);
        let clear = clear.into_iter().filter(|path| !is_kept(path)).collect();
        Some(DesiredAccount {
            state,
            attributes,
            on_create,
            clear,
            references,
            match_on: rules.match_on.clone(),
            assume_empty: rules.assume_empty,
            actions: rules.actions,
            protected: state != AccountState::Active && self.policy.users.protects(&self.seen),
            delete_grace_days: (state == AccountState::Deleted)
                .then_some(rules.leaver.delete_after_days)
                .flatten()
                .filter(|days| *days > 0),
        })
    }

    /// Returns the reason in words that contain no personal data.
    pub fn reason(&self) -> DecisionReason {
        let reason = self.because.in_words(self.rule, &self.seen);
        with_failures(reason, &self.policy.users.mappings, &self.effects)
    }

    /// Returns the reason with all values. It is for readers who may see these values, and must not be kept for long.
    pub fn reason_in_full(&self) -> DecisionReason {
        let reason = self.because.in_words_in_full(self.rule, &self.seen);
        with_failures(reason, &self.policy.users.mappings, &self.effects)
    }

    /// Returns the target attributes of an account that should exist whose
    /// mapping fails, so that they have no value or the account cannot be built.
    pub fn failures(&self) -> Vec<&str> {
        let wanted =
            self.state == Some(AccountState::Active) || self.rule == DecisionRule::RequiredValueMissing;
        if wanted {
            mapping_failures(&self.policy.users.mappings, &self.effects, USER_NAME)
        } else {
            Vec::new()
        }
    }

    /// Returns the login name, so that operators can search for it.
    pub fn user_name(&self) -> Option<String> {
        value_of(&self.policy.users.mappings, &self.effects, USER_NAME)
            .filter(|value| has_value(value))
            .map(value_text)
    }
}

/// The attributes of an account or group.
pub(crate) struct BuiltResource {
    pub(crate) attributes: AttributeMap,
    pub(crate) on_create: AttributeMap,
    pub(crate) clear: Vec<String>,
    pub(crate) references: std::collections::BTreeMap<String, String>,
}

/// Builds the attributes of an account or group from the effects of its mappings. Without a mapping, `externalId` is the key.
pub(crate) fn build_resource(
    mappings: &[MappedAttribute],
    effects: &[AttributeEffect<'_>],
    key: &str,
) -> BuiltResource {
    let mut built = BuiltResource {
        attributes: AttributeMap::new(),
        on_create: AttributeMap::new(),
        clear: Vec::new(),
        references: std::collections::BTreeMap::new(),
    };
    for (mapping, effect) in mappings.iter().zip(effects) {
        let path = || mapping.target.clone();
        let copied = |value: &Cow<'_, Value>| Value::clone(value);
        match effect {
            AttributeEffect::Set(value) => drop(built.attributes.insert(path(), copied(value))),
            AttributeEffect::Create(value) => drop(built.on_create.insert(path(), copied(value))),
            AttributeEffect::Refer(person) => {
                drop(built.references.insert(path(), person.clone().into_owned()))
            }
            AttributeEffect::Clear if mapping.target == EXTERNAL_ID => {} // in that case it is the key
            AttributeEffect::Clear => built.clear.push(path()),
            AttributeEffect::LeftAlone(_) | AttributeEffect::IgnoreObject => {}
        }
    }
    built.clear.sort();
    if !built.on_create.contains_key(EXTERNAL_ID) {
        let ours = || Value::String(key.to_owned());
        built.attributes.entry(EXTERNAL_ID.to_owned()).or_insert_with(ours);
    }
    built
}

/// Returns the value that the mapping of `path` results in.
fn value_of<'a>(
    mappings: &[MappedAttribute],
    effects: &'a [AttributeEffect<'_>],
    path: &str,
) -> Option<&'a Value> {
    let at = mappings.iter().position(|mapping| mapping.target == path)?;
    match effects.get(at)? {
        AttributeEffect::Set(value) | AttributeEffect::Create(value) => Some(value),
        _ => None,
    }
}

/// Returns the reason why an account or group cannot be created. A half-built one would be worse than none.
pub(crate) fn build_obstacle(
    mappings: &[MappedAttribute],
    effects: &[AttributeEffect<'_>],
    match_on: &[String],
    required: &str,
) -> Option<(DecisionRule, RuleBasis<'static>)> {
    for (mapping, effect) in mappings.iter().zip(effects) {
        let path = &mapping.target;
        match effect {
            AttributeEffect::IgnoreObject => {
                return Some((
                    DecisionRule::ObjectIgnored,
                    RuleBasis::Words(format!("the mapping of {path}").into()),
                ));
            }
            AttributeEffect::LeftAlone(UntouchedReason::Failed(why))
                if path == required || match_on.contains(path) =>
            {
                let words = format!("{path} has no value: {why}");
                return Some((DecisionRule::RequiredValueMissing, RuleBasis::Words(words.into())));
            }
            _ => {}
        }
    }
    let is_there = value_of(mappings, effects, required).is_some_and(has_value);
    let words = || RuleBasis::Words(format!("{required} has no value").into());
    (!is_there).then(|| (DecisionRule::RequiredValueMissing, words()))
}

/// Returns the target attributes whose mapping fails, and `required` if it has no value.
pub(crate) fn mapping_failures<'a>(
    mappings: &'a [MappedAttribute],
    effects: &[AttributeEffect<'_>],
    required: &'a str,
) -> Vec<&'a str> {
    let failed = |effect: &AttributeEffect<'_>| {
        matches!(effect, AttributeEffect::LeftAlone(UntouchedReason::Failed(_)))
    };
    let mut paths: Vec<&str> = mappings
        .iter()
        .zip(effects)
        .filter(|(_, effect)| failed(effect))
        .map(|(mapping, _)| mapping.target.as_str())
        .collect();
    if !paths.contains(&required) && !value_of(mappings, effects, required).is_some_and(has_value) {
        paths.push(required);
    }
    paths
}

/// Adds the attributes that could not be computed to the reason.
pub(crate) fn with_failures(
    reason: DecisionReason,
    mappings: &[MappedAttribute],
    effects: &[AttributeEffect<'_>],
) -> DecisionReason {
    let DecisionReason(mut words) = reason;
    for (mapping, effect) in mappings.iter().zip(effects) {
        if let AttributeEffect::LeftAlone(UntouchedReason::Failed(why)) = effect {
            words.push_str(&format!("; {} is left alone: {why}", mapping.target));
        }
    }
    DecisionReason(words)
}

/// Returns the beginning of the next day (UTC) if a mapping depends on the time, because conditions on dates change then.
pub(crate) fn next_midnight(mappings: &[MappedAttribute], now: OffsetDateTime) -> Option<OffsetDateTime> {
    let seconds = mappings.iter().any(MappedAttribute::uses_now).then(|| now.unix_timestamp())?;
    let next = seconds.div_euclid(DAY_SECONDS).checked_add(1)?.checked_mul(DAY_SECONDS)?;
    OffsetDateTime::from_unix_timestamp(next).ok()
}

/// Returns the state that `actions` permit in place of `state`, or `None` if they permit none.
pub(crate) fn allowed_state(state: AccountState, actions: PolicyActions) -> Option<AccountState> {
    match state {
        AccountState::Active => Some(state),
        AccountState::Deleted if actions.delete => Some(state),
        AccountState::Deleted | AccountState::Disabled => actions.disable.then_some(AccountState::Disabled),
    }
}

#[cfg(test)]
mod tests;
