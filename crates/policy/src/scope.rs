//! Scopes: assignment, and groups of clauses that are combined with OR between the groups and AND inside each group.

use std::collections::BTreeSet;

use lifecycle::{AttributeMap, ClauseResult};
use serde_json::Value;
use time::OffsetDateTime;

pub use clause::{AttributeName, ScopeClause};
pub use date::{DateOperand, DatePeriod, DateTest, FixedDate};
pub use glob::{Glob, GlobPart};
pub use membership::{GroupMembership, GroupPattern};
pub use operator::{AttributeOperator, IntegerOrder, OneOf, TextTest};
pub(crate) use operator::{OperandError, WrittenOperands};
pub use pattern::ScopePattern;
pub(crate) use spelling::{OperatorKind, edit_distance, operator_hint};
pub use text::ClauseError;
pub(crate) use text::NESTING_MAX;

mod clause;
mod date;
mod glob;
mod membership;
mod operator;
mod pattern;
mod spelling;
mod text;

/// The attribute with the name of a group.
const GROUP_NAME: &str = "displayName";

/// The people or groups that a policy covers. A scope without clauses covers everyone that the mode admits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    /// The conditions in addition to the clauses.
    pub mode: AssignmentMode,
    /// Groups of clauses. At least one group must hold.
    pub any: Vec<Vec<ScopeClause>>,
}

/// The effect of the assignment list.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum AssignmentMode {
    /// No list: the clauses alone decide.
    #[default]
    All,
    /// People and groups that are not listed are out of scope, regardless of the clauses.
    Assigned(AssignedNames),
}

/// The listed people and groups.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AssignedNames {
    /// The keys of people.
    pub users: BTreeSet<String>,
    /// Groups whose members are listed, including members of nested groups. In a scope of groups: the groups themselves.
    pub groups: Vec<GroupPattern>,
}

/// The inputs that a scope is evaluated against.
#[derive(Debug, Clone, Copy)]
pub struct ScopeInput<'a> {
    /// The attributes of the person or group.
    pub attributes: &'a AttributeMap,
    /// The attributes of the manager, if there is one.
    pub manager: Option<&'a AttributeMap>,
    /// All groups that contain the person or group.
    pub groups: &'a [GroupMembership],
    /// The key of the person or group.
    pub key: &'a str,
    /// `true` for a group, `false` for a person. All attributes of a group may be shown in a reason.
    pub impersonal: bool,
    /// The time of the decision.
    pub now: OffsetDateTime,
}

/// The result of evaluating a scope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScopeJudgement<'a> {
    /// `true` if the scope holds.
    pub inside: bool,
    /// The clause that decided.
    pub because: DecidingClause<'a>,
    /// The earliest time at which time alone can change the judgement.
    pub recheck_at: Option<OffsetDateTime>,
}

/// The clause or list that decides if a scope holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DecidingClause<'a> {
    /// In scope: listed, where a list applies, and the first group of clauses that holds (empty if the scope has no clauses).
    Held {
        /// The list, where one applies.
        assigned: Option<&'a AssignedNames>,
        /// The clauses of the group that holds.
        clauses: &'a [ScopeClause],
    },
    /// Out of scope: not listed.
    NotAssigned,
    /// Out of scope: the clause that failed in the group that came closest.
    Failed(&'a ScopeClause),
}

impl Scope {
    /// Returns `true` if the memberships of a person can matter.
    pub fn uses_groups(&self) -> bool {
        let assigned =
            matches!(&self.mode, AssignmentMode::Assigned(assigned) if !assigned.groups.is_empty());
        assigned || self.clauses().any(|clause| matches!(clause.innermost(), ScopeClause::MemberOf { .. }))
    }

    /// Returns `true` if a clause or an assignment names the group with this key and display name.
    pub fn names_group(&self, key: &str, name: Option<&str>) -> bool {
        let assigned = match &self.mode {
            AssignmentMode::Assigned(assigned) => assigned.groups.as_slice(),
            _ => &[],
        };
        let by_clause = self.clauses().filter_map(|clause| match clause.innermost() {
            ScopeClause::MemberOf { pattern, .. } => Some(pattern),
            _ => None,
        });
        by_clause.chain(assigned).any(|pattern| pattern.names(key, name))
    }

    /// Returns `true` if the names of groups can matter, and not only their keys.
    /// Every pattern may be a name: a name cannot be told apart from a key.
    pub fn names_groups(&self) -> bool {
        self.uses_groups()
    }

    /// Returns the names of the managers' attributes that the scope uses, each once, in order of appearance.
    pub fn manager_attributes(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for clause in self.clauses() {
            if let ScopeClause::Attribute { name, .. } = clause.innermost()
                && name.is_of_manager()
                && !names.contains(&name.name())
            {
                names.push(name.name());
            }
        }
        names
    }

    /// Returns the names of the attributes of the person or group that the scope uses.
    pub fn own_attributes(&self) -> impl Iterator<Item = &str> {
        self.clauses().filter_map(|clause| match clause.innermost() {
            ScopeClause::Attribute { name, .. } if !name.is_of_manager() => Some(name.name()),
            _ => None,
        })
    }

    /// Evaluates the scope and returns the result with its reason. Nothing is copied.
    pub fn judge(&self, seen: &ScopeInput<'_>) -> ScopeJudgement<'_> {
        let assigned = match &self.mode {
            AssignmentMode::All => None,
            AssignmentMode::Assigned(assigned) if assigned.lists(seen) => Some(assigned),
            AssignmentMode::Assigned(_) => {
                return ScopeJudgement {
                    inside: false,
                    because: DecidingClause::NotAssigned,
                    recheck_at: None,
                };
            }
        };
        let now = lifecycle::unix_micros(seen.now);
        let recheck_at = self.clauses().filter_map(|clause| clause.flips_at(seen, now)).min();
        let because = self.first_that_holds(assigned, seen, now);
        ScopeJudgement {
            inside: matches!(because, DecidingClause::Held { .. }),
            because,
            recheck_at: recheck_at.and_then(date::moment_of),
        }
    }

    /// Returns the first group of clauses that holds, otherwise the clause that failed in the group that came closest.
    fn first_that_holds<'a>(
        &'a self,
        assigned: Option<&'a AssignedNames>,
        seen: &ScopeInput<'_>,
        now: i64,
    ) -> DecidingClause<'a> {
        let mut closest: Option<(usize, &ScopeClause)> = None;
        for clauses in &self.any {
            match clauses.iter().position(|clause| !clause.holds(seen, now)) {
                None => return DecidingClause::Held { assigned, clauses },
                Some(at) if closest.is_none_or(|(best, _)| at > best) => closest = Some((at, &clauses[at])),
                Some(_) => {}
            }
        }
        closest.map_or(DecidingClause::Held { assigned, clauses: &[] }, |(_, clause)| {
            DecidingClause::Failed(clause)
        })
    }

    /// Returns all conditions that were evaluated, with the values that they
    /// saw, in full. The assignment list comes first, as alternative 0.
    pub fn explain(&self, seen: &ScopeInput<'_>) -> Vec<ClauseResult> {
        let now = lifecycle::unix_micros(seen.now);
        let mut results = Vec::new();
        if let AssignmentMode::Assigned(assigned) = &self.mode {
            let holds = assigned.lists(seen);
            let clause = "mode: assigned".to_owned();
            results.push(ClauseResult { alternative: 0, clause, holds, saw: assigned.saw(seen) });
            if !holds {
                return results;
            }
        }
        for (alternative, clauses) in (1..).zip(&self.any) {
            let mut all = true;
            for clause in clauses {
                all = clause.holds(seen, now);
                let saw = clause.saw_in_full(seen);
                results.push(ClauseResult { alternative, clause: clause.to_string(), holds: all, saw });
                if !all {
                    break;
                }
            }
            if all {
                break;
            }
        }
        results
    }

    fn clauses(&self) -> impl Iterator<Item = &ScopeClause> {
        self.any.iter().flatten()
    }
}

impl AssignedNames {
    /// Returns `true` if the person or group is listed, by key or through a group.
    pub(crate) fn lists(&self, seen: &ScopeInput<'_>) -> bool {
        if seen.impersonal {
            return self.groups.iter().any(|pattern| pattern.names(seen.key, group_name(seen)));
        }
        self.users.contains(seen.key)
            || self.groups.iter().any(|pattern| pattern.first(seen.groups, true).is_some())
    }

    fn saw(&self, seen: &ScopeInput<'_>) -> String {
        if !self.lists(seen) {
            return "not listed".to_owned();
        }
        let group = self.groups.iter().find_map(|pattern| pattern.first(seen.groups, true));
        match group.filter(|_| !seen.impersonal && !self.users.contains(seen.key)) {
            Some(group) => group.shown(),
            None => "listed".to_owned(),
        }
    }
}

fn group_name<'a>(seen: &ScopeInput<'a>) -> Option<&'a str> {
    seen.attributes.get(GROUP_NAME).and_then(Value::as_str).filter(|name| !name.trim().is_empty())
}

impl DecidingClause<'_> {
    /// Returns the conditions in the notation of a policy.
    pub fn clause(&self) -> String {
        match self {
            Self::Held { assigned: None, clauses: [] } => "everybody".to_owned(),
            Self::Held { assigned, clauses } => {
                let listed = assigned.map(|_| "assigned".to_owned());
                let clauses = clauses.iter().map(ToString::to_string);
                listed.into_iter().chain(clauses).collect::<Vec<_>>().join(" and ")
            }
            Self::NotAssigned => "mode: assigned".to_owned(),
            Self::Failed(clause) => clause.to_string(),
        }
    }

    /// Returns the values that they saw, hidden if they must not be stored; `None` if there was no value to look at.
    pub fn saw(&self, seen: &ScopeInput<'_>) -> Option<String> {
        self.saw_with(seen, ScopeClause::saw)
    }

    /// Returns the values that they saw; `None` if there was no value to look at.
    pub fn saw_in_full(&self, seen: &ScopeInput<'_>) -> Option<String> {
        self.saw_with(seen, ScopeClause::saw_in_full)
    }

    fn saw_with(
        &self,
        seen: &ScopeInput<'_>,
        saw: impl Fn(&ScopeClause, &ScopeInput<'_>) -> String,
    ) -> Option<String> {
        match self {
            Self::Held { assigned: None, clauses: [] } => None,
            Self::Held { assigned, clauses } => {
                let listed = assigned.map(|assigned| assigned.saw(seen));
                let values = clauses.iter().map(|clause| saw(clause, seen));
                Some(listed.into_iter().chain(values).collect::<Vec<_>>().join("; "))
            }
            Self::NotAssigned => Some("not listed".to_owned()),
            Self::Failed(clause) => Some(saw(clause, seen)),
        }
    }
}

#[cfg(test)]
mod tests;
