//! The acts of operators that JOURNAL holds as facts, and the notice that some are missing.
//!
//! Until an operator confirms that the orders are complete, no account is deleted, and an account that is off or new is switched
//! on only with an operator's approval ([`missing`]).

pub(crate) mod missing;

use std::collections::BTreeMap;

use lifecycle::{
    AccessOrder, AccessOrderKind, Actor, EmploymentKind, Fact, FactRecord, FeedRunId, PlannedPart,
    RecordVerdict, unix_micros,
};

/// The names of the facts that may be an operator's act.
pub(crate) const NAMES: [&str; 6] =
    ["access_ordered", "joined", "correlated", "schedule_cancelled", "feed_decided", "policy_applied"];

/// The operator in facts about decisions that Usher made by itself.
pub(crate) const USHER: &str = "usher";
/// The operator in facts about policies that a file put in force.
const FILE: &str = "file";

/// One act of an operator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OperatorAct {
    /// The time of the act; microseconds since the Unix epoch.
    pub(crate) at: i64,
    pub(crate) actor: Actor,
    pub(crate) kind: ActKind,
}

/// The content of an act.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ActKind {
    /// An order about a person's access; `None` lifts it.
    Order { person: String, kind: AccessOrderKind, order: Option<AccessOrder> },
    /// `other` is a further key of `person`.
    Join { person: String, other: String },
    /// A record belongs to a person, or does not.
    Verdict { source: String, key: String, person: String, same: bool },
    /// A statement about the future does not come true.
    Cancel { person: String, effective_at: i64, parts: Vec<PlannedPart> },
    /// A run of a full feed is accepted or rejected.
    Feed { run: FeedRunId, accept: bool },
    /// A version of a policy came into force.
    Policy { target: String, version: i64 },
}

impl OperatorAct {
    /// Returns the operator's act that the fact reports, or `None` if it reports none.
    pub(crate) fn of(record: &FactRecord) -> Option<Self> {
        let at = unix_micros(record.at);
        let subject = || record.subject.clone();
        let by = |who: &str, why: &str| Actor { who: who.to_owned(), why: why.to_owned() };
        let (actor, kind) = match &record.fact {
            Fact::AccessOrdered { order: kind, outcome, until, who, why } => {
                let given = AccessOrder { since: at, until: until.map(unix_micros) };
                let order = (outcome == "ordered").then_some(given);
                (by(who, why), ActKind::Order { person: subject(), kind: *kind, order })
            }
            // The fact is published once for each of the two keys.
            Fact::Joined { person, other, who, why } if *person == record.subject => {
                (by(who, why), ActKind::Join { person: person.clone(), other: other.clone() })
            }
            Fact::Correlated { source, record: key, actor, verdict, .. } => {
                let RecordVerdict { person, same } = verdict.clone()?;
                let (source, key) = (source.clone(), key.clone());
                (actor.clone()?, ActKind::Verdict { source, key, person, same })
            }
            Fact::ScheduleCancelled { effective_at, what, who, why, .. } => {
                let parts = what.iter().map(|name| planned_part(name)).collect();
                let effective_at = unix_micros(*effective_at);
                (by(who, why), ActKind::Cancel { person: subject(), effective_at, parts })
            }
            // A run that Usher accepted by itself must be in force again, although newer rows hide what it lists.
            Fact::FeedDecided { run, outcome, who, why, .. } => {
                (by(who, why), ActKind::Feed { run: run.clone(), accept: outcome != "rejected" })
            }
            Fact::PolicyApplied { target, version, who, why, .. } if who != FILE => {
                (by(who, why), ActKind::Policy { target: target.clone(), version: *version })
            }
            _ => return None,
        };
        Some(Self { at, actor, kind })
    }

    /// Returns what the act is about. A later act replaces an earlier one about the same.
    fn about(&self) -> (u8, String) {
        match &self.kind {
            ActKind::Order { person, kind, .. } => (0, format!("{}:{person}", kind.as_str())),
            ActKind::Join { person, other } => (1, format!("{person}:{other}")),
            ActKind::Verdict { source, key, person, .. } => (2, format!("{source}:{key}:{person}")),
            ActKind::Cancel { person, effective_at, parts } => {
                (3, format!("{person}:{effective_at}:{parts:?}"))
            }
            ActKind::Feed { run, .. } => (4, run.to_string()),
            ActKind::Policy { target, version } => (5, format!("{target}:{version}")),
        }
    }
}

/// Returns the part of a statement that a fact names.
fn planned_part(name: &str) -> PlannedPart {
    let kinds = [EmploymentKind::Active, EmploymentKind::Left, EmploymentKind::Deleted];
    match kinds.into_iter().find(|kind| kind.as_str() == name) {
        Some(kind) => PlannedPart::Employment(kind),
        None if name == PlannedPart::RECORD_NAME => PlannedPart::Record,
        None => PlannedPart::Attribute(name.to_owned()),
    }
}

/// Returns the last act about each thing, in the order of time, so that giving them again passes through no state that an
/// operator has ended since.
pub(crate) fn last_acts(facts: &[FactRecord]) -> Vec<OperatorAct> {
    let mut last: BTreeMap<(u8, String), OperatorAct> = BTreeMap::new();
    for act in facts.iter().filter_map(OperatorAct::of) {
        let about = act.about();
        if last.get(&about).is_none_or(|known| known.at <= act.at) {
            last.insert(about, act);
        }
    }
    let mut acts: Vec<OperatorAct> = last.into_values().collect();
    acts.sort_by_key(|act| act.at);
    acts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment_of;

    fn ordered(at: i64, outcome: &str) -> FactRecord {
        let fact = Fact::AccessOrdered {
            order: AccessOrderKind::Off,
            outcome: outcome.to_owned(),
            until: None,
            who: "alice".to_owned(),
            why: "fraud".to_owned(),
        };
        FactRecord {
            id: format!("ord:{at}"),
            at: moment_of(at),
            subject: "E-1".to_owned(),
            trace: None,
            fact,
        }
    }

    #[test]
    fn only_the_last_order_of_a_kind_is_given_again() {
        let acts = last_acts(&[ordered(3, "lifted"), ordered(1, "ordered"), ordered(2, "ordered")]);
        let kind = ActKind::Order { person: "E-1".to_owned(), kind: AccessOrderKind::Off, order: None };
        assert_eq!(acts.into_iter().map(|act| (act.at, act.kind)).collect::<Vec<_>>(), [(3, kind)]);
    }

    #[test]
    fn the_parts_of_a_cancelled_statement_are_read_as_they_were_named() {
        for part in [
            PlannedPart::Employment(EmploymentKind::Left),
            PlannedPart::Attribute("department".to_owned()),
            PlannedPart::Record,
        ] {
            assert_eq!(planned_part(part.name()), part);
        }
    }

    #[test]
    fn every_fact_that_may_be_an_act_is_asked_for() {
        assert_eq!(ordered(1, "ordered").fact.name(), NAMES[0]);
        assert!(NAMES.iter().all(|name| !name.contains(char::is_uppercase)));
    }
}
