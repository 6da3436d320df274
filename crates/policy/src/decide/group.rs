//! Decides the desired state of a group.

use expression::RandomSeed;
use lifecycle::{AttributeMap, GroupResource};
use time::OffsetDateTime;

use super::{BuiltResource, build_obstacle, build_resource, mapping_failures, next_midnight, with_failures};
use crate::mapping::{AttributeEffect, DISPLAY_NAME, MappingInputs, evaluate_mappings};
use crate::policy::{GroupRules, OutOfScope, Policy};
use crate::reason::{DecisionReason, DecisionRule, RuleBasis};
use crate::scope::{GroupMembership, ScopeInput};

/// A group at one moment, with the data that its policy looks at.
#[derive(Debug, Clone, Copy)]
pub struct GroupSubject<'a> {
    /// The group's key.
    pub key: &'a str,
    /// The group's attributes.
    pub attributes: &'a AttributeMap,
    /// `true` if the group exists; `false` if it was deleted.
    pub exists: bool,
    /// All groups that this group is nested in.
    pub groups: &'a [GroupMembership],
    /// See [`super::DecisionSubject::seed`].
    pub seed: RandomSeed,
}

/// The desired state of a group at a target. It borrows its inputs; [`Self::resource`] copies them.
#[derive(Debug, Clone)]
pub struct GroupDecision<'a> {
    /// The rule that decided.
    pub rule: DecisionRule,
    /// The next time at which the decision can change without any new event.
    pub recheck_at: Option<OffsetDateTime>,
    /// `true` if the group exists and the scope holds.
    pub in_scope: bool,
    exists: Option<bool>,
    because: RuleBasis<'a>,
    seen: ScopeInput<'a>,
    rules: Option<&'a GroupRules>,
    effects: Vec<AttributeEffect<'a>>,
}

/// Decides the desired state of a group under `policy` at `now`.
pub fn decide_group<'a>(
    subject: &GroupSubject<'a>,
    policy: &'a Policy,
    now: OffsetDateTime,
) -> GroupDecision<'a> {
    let GroupSubject { key, attributes, exists, groups, .. } = *subject;
    let seen = ScopeInput { attributes, manager: None, groups, key, impersonal: true, now };
    let mut decision = GroupDecision {
        rule: DecisionRule::GroupsNotManaged,
        recheck_at: None,
        in_scope: false,
        exists: None,
        because: RuleBasis::Rule,
        seen,
        rules: policy.groups.as_ref(),
        effects: Vec::new(),
    };
    let Some(rules) = &policy.groups else { return decision };
    if exists {
        let judgement = rules.scope.judge(&seen);
        decision.rule = if judgement.inside { DecisionRule::InScope } else { DecisionRule::OutOfScope };
        decision.because = RuleBasis::Scope(judgement.because);
        decision.recheck_at = judgement.recheck_at;
        decision.in_scope = judgement.inside;
    } else {
        decision.rule = DecisionRule::NoSuchGroup;
    }
    let stays = decision.rule == DecisionRule::OutOfScope && rules.out_of_scope == OutOfScope::Keep;
    decision.exists = (!stays).then_some(decision.in_scope);
    decision.effects = evaluate_mappings(&rules.mappings, &subject.facts(decision.in_scope, policy, now));
    decision.recheck_at =
        [decision.recheck_at, next_midnight(&rules.mappings, now)].into_iter().flatten().min();
    decision.check(rules);
    decision
}

impl<'a> GroupSubject<'a> {
    /// Returns the inputs of the group's mappings.
    pub(crate) fn facts(&self, in_scope: bool, policy: &'a Policy, now: OffsetDateTime) -> MappingInputs<'a> {
        MappingInputs {
            attributes: self.attributes,
            manager: None,
            is_soft_deleted: !in_scope,
            default_domain: policy.default_domain(),
            seed: self.seed,
            now,
        }
    }
}

impl GroupDecision<'_> {
    /// Withdraws the decision if the group cannot be built, or if the policy's actions forbid its deletion.
    fn check(&mut self, rules: &GroupRules) {
        match self.exists {
            Some(true) => {
                let obstacle = build_obstacle(&rules.mappings, &self.effects, &rules.match_on, DISPLAY_NAME);
                if let Some((rule, because)) = obstacle {
                    (self.rule, self.because, self.exists) = (rule, because, None);
                }
            }
            Some(false) if !rules.actions.delete => {
                let words = format!("the policy's actions forbid to delete ({})", self.rule);
                (self.rule, self.because) = (DecisionRule::SwitchedOff, RuleBasis::Words(words.into()));
                self.exists = None;
            }
            Some(false) | None => {}
        }
    }

    /// Returns `true` if the group should exist, or `None` if the policy makes no statement about it.
    pub fn exists(&self) -> Option<bool> {
        self.exists
    }

    /// Returns the group for a command, or `None` if the policy makes no statement about it.
    pub fn resource(&self) -> Option<GroupResource> {
        let (exists, rules) = (self.exists?, self.rules?);
        let BuiltResource { attributes, on_create, clear, .. } =
            build_resource(&rules.mappings, &self.effects, self.seen.key);
        Some(GroupResource {
            exists,
            attributes,
            on_create,
            clear,
            match_on: rules.match_on.clone(),
            assume_empty: rules.assume_empty,
            actions: rules.actions,
            protected: !exists && rules.protected.as_ref().is_some_and(|list| list.lists(&self.seen)),
        })
    }

    /// Returns the reason with all values. No value of a group is personal.
    pub fn reason_in_full(&self) -> DecisionReason {
        let reason = self.because.in_words_in_full(self.rule, &self.seen);
        let mappings = self.rules.map_or(&[][..], |rules| &rules.mappings);
        with_failures(reason, mappings, &self.effects)
    }

    /// See [`super::PolicyDecision::failures`].
    pub fn failures(&self) -> Vec<&str> {
        let wanted = self.exists == Some(true) || self.rule == DecisionRule::RequiredValueMissing;
        match self.rules.filter(|_| wanted) {
            Some(rules) => mapping_failures(&rules.mappings, &self.effects, DISPLAY_NAME),
            None => Vec::new(),
        }
    }

    /// Returns the reason in words that contain no personal data.
    pub fn reason(&self) -> DecisionReason {
        let reason = self.because.in_words(self.rule, &self.seen);
        let mappings = self.rules.map_or(&[][..], |rules| &rules.mappings);
        with_failures(reason, mappings, &self.effects)
    }
}
