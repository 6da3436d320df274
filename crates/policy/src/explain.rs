//! What `decide` looked at, with all values: for an operator's eyes, and kept nowhere.

use lifecycle::{ClauseResult, MappingResult};
use serde_json::Value;
use time::OffsetDateTime;

use crate::decide::{Decision, GroupDecision, GroupSubject, Subject, decide, decide_group};
use crate::mapping::{Effect, Facts, Mapping, Source, Why, evaluate};
use crate::policy::Policy;
use crate::scope::{Scope, Seen};

/// What was looked at to decide.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// Whether the scope holds, whatever the employment.
    pub in_scope: bool,
    /// Every clause that was looked at.
    pub clauses: Vec<ClauseResult>,
    /// What each mapping gives, in the order of the policy.
    pub mappings: Vec<MappingResult>,
}

/// Decides as [`decide`] does, and says what it looked at.
pub fn explain<'a>(
    subject: &Subject<'a>,
    policy: &'a Policy,
    now: OffsetDateTime,
) -> (Decision<'a>, Explained) {
    let decision = decide(subject, policy, now);
    let rules = policy.users();
    let facts = subject.facts(decision.state(), policy, now);
    let explained = looked_at(&rules.scope, &subject.seen(now), &rules.mappings, &facts);
    (decision, explained)
}

/// Decides as [`decide_group`] does, and says what it looked at.
pub fn explain_group<'a>(
    subject: &GroupSubject<'a>,
    policy: &'a Policy,
    now: OffsetDateTime,
) -> (GroupDecision<'a>, Explained) {
    let decision = decide_group(subject, policy, now);
    let Some(rules) = policy.groups() else {
        return (decision, Explained { in_scope: false, clauses: Vec::new(), mappings: Vec::new() });
    };
    let GroupSubject { key, attributes, groups, .. } = *subject;
    let seen = Seen { attributes, manager: None, groups, key, impersonal: true, now };
    let facts = subject.facts(decision.in_scope, policy, now);
    let explained = looked_at(&rules.scope, &seen, &rules.mappings, &facts);
    (decision, explained)
}

fn looked_at(scope: &Scope, seen: &Seen<'_>, mappings: &[Mapping], facts: &Facts<'_>) -> Explained {
    let effects = evaluate(mappings, facts);
    Explained {
        in_scope: scope.judge(seen).inside,
        clauses: scope.explain(seen),
        mappings: mappings
            .iter()
            .zip(&effects)
            .map(|(mapping, effect)| result(mapping, effect, facts))
            .collect(),
    }
}

fn result(mapping: &Mapping, effect: &Effect<'_>, facts: &Facts<'_>) -> MappingResult {
    let (name, value, note) = match effect {
        Effect::Set(value) => ("set", Some(Value::clone(value)), None),
        Effect::Create(value) => ("create_only", Some(Value::clone(value)), None),
        Effect::Refer(person) => (
            "set",
            Some(Value::String(person.clone().into_owned())),
            Some("the id of this person at the target"),
        ),
        Effect::Clear => ("clear", None, None),
        Effect::IgnoreObject => ("left_alone", None, Some("nothing is to be done about it at all")),
        Effect::LeftAlone(Why::NotMapped) => ("left_alone", None, None),
        Effect::LeftAlone(Why::NoValue) => ("left_alone", None, Some("there is no value")),
        Effect::LeftAlone(Why::Ignored) => ("left_alone", None, Some("the expression says so")),
        Effect::LeftAlone(Why::Failed(why)) => ("error", None, Some(why.as_str())),
    };
    let explanation = match &mapping.source {
        Source::Expression(expression) => {
            serde_json::to_value(expression.explain(facts, &facts.environment())).ok()
        }
        Source::Direct(_) | Source::Constant(_) | Source::None => None,
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
