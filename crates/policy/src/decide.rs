//! The decisions.

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
    AttributeEffect, EXTERNAL_ID, MappedAttribute, MappingInputs, UntouchedReason, evaluate_mappings,
};
use crate::policy::Policy;
use crate::reason::{DecisionReason, DecisionRule, RuleBasis};
use crate::scope::{GroupMembership, ScopeInput};

pub(crate) const USER_NAME: &str = "userName";
pub(crate) const DISPLAY_NAME: &str = "displayName";
const DAY_SECONDS: i64 = 24 * 3_600;

/// A person at one moment, with what surrounds them.
#[derive(Debug, Clone, Copy)]
pub struct DecisionSubject<'a> {
    /// Attributes and employment.
    pub identity: &'a IdentityView,
    /// Every group that holds the person, nested ones included.
    pub groups: &'a [GroupMembership],
    /// What is known of the manager.
    pub manager: Option<&'a AttributeMap>,
    /// What random functions draw from: the same for ever for one person at one target.
    pub seed: RandomSeed,
}

/// What somebody should have at a target. It borrows what it was made of; [`Self::account`] copies.
#[derive(Debug, Clone)]
pub struct PolicyDecision<'a> {
    /// Which rule decided.
    pub rule: DecisionRule,
    /// How urgent: [`Lane::Leaver`] for whatever takes access away.
    pub lane_hint: Lane,
    /// When time alone will change the decision.
    pub recheck_at: Option<OffsetDateTime>,
    /// The same, of whether the account should be usable or there; without what mappings make of the date.
    pub turns_at: Option<OffsetDateTime>,
    /// Whether the person is employed and the scope holds.
    pub in_scope: bool,
    state: Option<AccountState>,
    because: RuleBasis<'a>,
    seen: ScopeInput<'a>,
    policy: &'a Policy,
    effects: Vec<AttributeEffect<'a>>,
}

/// Decides what a person should have under `policy` at `now`.
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
    // Whoever is to be cut off is cut off, whatever their attributes are.
    if state == Some(AccountState::Active)
        && let Some((rule, because)) =
            build_obstacle(mappings, &decision.effects, &policy.users.match_on, USER_NAME)
    {
        (decision.rule, decision.because) = (rule, because);
        (decision.state, decision.lane_hint) = (None, Lane::Mover);
    }
    decision
}

/// Whether the person is employed and the scope of `policy` holds: [`PolicyDecision::in_scope`] without the rest.
pub fn in_scope(subject: &DecisionSubject<'_>, policy: &Policy, now: OffsetDateTime) -> bool {
    verdict::access_verdict(subject, policy, &subject.seen(now)).in_scope
}

impl<'a> DecisionSubject<'a> {
    pub(crate) fn seen(&self, now: OffsetDateTime) -> ScopeInput<'a> {
        let IdentityView { key, attributes, .. } = self.identity;
        ScopeInput { attributes, manager: self.manager, groups: self.groups, key, impersonal: false, now }
    }

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
    /// Whether the account should be usable; `None` when there is nothing to be said about it: it stays as it is, or
    /// cannot be built ([`Self::rule`] says which).
    pub fn state(&self) -> Option<AccountState> {
        self.state
    }

    /// Whether an account should be there and cannot be built: its [`Self::reason`] says why.
    pub fn is_impossible(&self) -> bool {
        self.rule == DecisionRule::RequiredValueMissing
    }

    /// The account, for a command; `None` where [`Self::state`] is. A disabled or deleted account carries its attributes, so
    /// that it can be found at the target; it is up to the caller not to disable what never was.
    pub fn account(&self) -> Option<DesiredAccount> {
        let state = self.state?;
        let rules = &self.policy.users;
        let BuiltResource { attributes, on_create, clear, references } =
            build_resource(&rules.mappings, &self.effects, self.seen.key);
        // What an account cannot be without, or is found by, stays as it is: a target would refuse the whole change.
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

    /// Why, in words that hold no personal data.
    pub fn reason(&self) -> DecisionReason {
        let reason = self.because.in_words(self.rule, &self.seen);
        with_failures(reason, &self.policy.users.mappings, &self.effects)
    }

    /// Why, with all values: for whoever may see them anyway, and not to be kept for long.
    pub fn reason_in_full(&self) -> DecisionReason {
        let reason = self.because.in_words_in_full(self.rule, &self.seen);
        with_failures(reason, &self.policy.users.mappings, &self.effects)
    }

    /// Target attributes of an account that should be there which have no value because their mapping fails, or that
    /// keep it from being built.
    pub fn failures(&self) -> Vec<&str> {
        let wanted =
            self.state == Some(AccountState::Active) || self.rule == DecisionRule::RequiredValueMissing;
        if wanted {
            mapping_failures(&self.policy.users.mappings, &self.effects, USER_NAME)
        } else {
            Vec::new()
        }
    }

    /// The login name, so that operators can search by it.
    pub fn user_name(&self) -> Option<String> {
        value_of(&self.policy.users.mappings, &self.effects, USER_NAME)
            .filter(|value| has_value(value))
            .map(value_text)
    }
}

/// What an account or group consists of.
pub(crate) struct BuiltResource {
    pub(crate) attributes: AttributeMap,
    pub(crate) on_create: AttributeMap,
    pub(crate) clear: Vec<String>,
    pub(crate) references: std::collections::BTreeMap<String, String>,
}

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
            AttributeEffect::Clear if mapping.target == EXTERNAL_ID => {} // it is the key then
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

/// The value that the mapping of `path` gives.
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

/// What keeps an account or group from being made: a half-built one would be worse than none.
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

/// Target attributes whose mapping fails, and `required` if it has no value.
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

/// Adds which attributes could not be worked out.
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

/// Where a mapping looks at the time: the beginning of the next day (UTC), because conditions on dates change there.
pub(crate) fn next_midnight(mappings: &[MappedAttribute], now: OffsetDateTime) -> Option<OffsetDateTime> {
    let seconds = mappings.iter().any(MappedAttribute::uses_now).then(|| now.unix_timestamp())?;
    let next = seconds.div_euclid(DAY_SECONDS).checked_add(1)?.checked_mul(DAY_SECONDS)?;
    OffsetDateTime::from_unix_timestamp(next).ok()
}

/// What `actions` leave of a state.
pub(crate) fn allowed_state(state: AccountState, actions: PolicyActions) -> Option<AccountState> {
    match state {
        AccountState::Active => Some(state),
        AccountState::Deleted if actions.delete => Some(state),
        AccountState::Deleted | AccountState::Disabled => actions.disable.then_some(AccountState::Disabled),
    }
}

#[cfg(test)]
mod tests;
