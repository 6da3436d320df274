//! Explains the inputs of `decide` with all values. The explanation is shown to an operator and not stored.

use lifecycle::{ClauseResult, MappingResult};
use serde_json::Value;
use time::OffsetDateTime;

use crate::decide::{
    DecisionSubject, GroupDecision, GroupSubject, PolicyDecision, decide_group, decide_person,
};
use crate::mapping::{
    AttributeEffect, MappedAttribute, MappingInputs, MappingSource, UntouchedReason, evaluate_mappings,
};
use crate::policy::Policy;
use crate::scope::{Scope, ScopeInput};

/// The inputs of a decision and their results.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedDecision {
    /// `true` if the scope holds, regardless of employment.
    pub in_scope: bool,
    /// All clauses that were evaluated.
    pub clauses: Vec<ClauseResult>,
    /// The result of each mapping, in the order of the policy.
    pub mappings: Vec<MappingResult>,
}

/// Decides like [`decide_person`], and explains the inputs.
pub fn explain_decision<'a>(
    subject: &DecisionSubject<'a>,
    policy: &'a Policy,
    now: OffsetDateTime,
) -> (PolicyDecision<'a>, ExplainedDecision) {
    let decision = decide_person(subject, policy, now);
    let rules = policy.users();
    let facts = subject.facts(decision.state(), policy, now);
    let explained = looked_at(&rules.scope, &subject.seen(now), &rules.mappings, &facts);
    (decision, explained)
}

/// Decides like [`decide_group`], and explains the inputs.
pub fn explain_group<'a>(
    subject: &GroupSubject<'a>,
    policy: &'a Policy,
    now: OffsetDateTime,
) -> (GroupDecision<'a>, ExplainedDecision) {
    let decision = decide_group(subject, policy, now);
    let Some(rules) = policy.groups() else {
        return (decision, ExplainedDecision { in_scope: false, clauses: Vec::new(), mappings: Vec::new() });
    };
    let GroupSubject { key, attributes, groups, .. } = *subject;
    let seen = ScopeInput { attributes, manager: None, groups, key, impersonal: true, now };
    let facts = subject.facts(decision.in_scope, policy, now);
    let explained = looked_at(&rules.scope, &seen, &rules.mappings, &facts);
    (decision, explained)
}

/// Evaluates the scope and the mappings, and records the results.
fn looked_at(
    scope: &Scope,
    seen: &ScopeInput<'_>,
    mappings: &[MappedAttribute],
    facts: &MappingInputs<'_>,
) -> ExplainedDecision {
    let effects = evaluate_mappings(mappings, facts);
    ExplainedDecision {
        in_scope: scope.judge(seen).inside,
        clauses: scope.explain(seen),
        mappings: mappings
            .iter()
            .zip(&effects)
            .map(|(mapping, effect)| mapping_result(mapping, effect, facts))
            .collect(),
    }
}

/// Describes the effect of one mapping.
fn mapping_result(
    mapping: &MappedAttribute,
    effect: &AttributeEffect<'_>,
    facts: &MappingInputs<'_>,
) -> MappingResult {
    let (name, value, note) = match effect {
        AttributeEffect::Set(value) => ("set", Some(Value::clone(value)), None),
        AttributeEffect::Create(value) => ("create_only", Some(Value::clone(value)), None),
        AttributeEffect::Refer(person) => (
            "set",
            Some(Value::String(person.clone().into_owned())),
            Some("the id of this person at the target"),
        ),
        AttributeEffect::Clear => ("clear", None, None),
        AttributeEffect::IgnoreObject => {
            ("left_alone", None, Some("the mapping ignores the person or group"))
        }
        AttributeEffect::LeftAlone(UntouchedReason::NotMapped) => ("left_alone", None, None),
        AttributeEffect::LeftAlone(UntouchedReason::NoValue) => {
            ("left_alone", None, Some("there is no value"))
        }
        AttributeEffect::LeftAlone(UntouchedReason::Ignored) => {
            ("left_alone", None, Some("the expression ignores the attribute"))
        }
        AttributeEffect::LeftAlone(UntouchedReason::Failed(why)) => ("error", None, Some(why.as_str())),
    };
    let explanation = match &mapping.source {
        MappingSource::Expression(expression) => {
            serde_json::to_value(expression.explain(facts, &facts.environment())).ok()
        }
        MappingSource::Direct(_) | MappingSource::Constant(_) | MappingSource::None => None,
    };
    MappingResult {
        path: mapping.target.clone(),
        from: mapping.from(),
        effect: name.to_owned(),
        value,
        note: note.map(str::to_owned),
        explanation,
    }
}
