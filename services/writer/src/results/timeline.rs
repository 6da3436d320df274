//! Facts about memberships for the timelines of people. Requests about memberships are recorded on the group's timeline,
//! so an operator would not find them on that of a person.

use std::collections::HashMap;

use lifecycle::{Fact, FactRecord, ResourceKind};

use super::ResultCommitter;
use crate::converge::outcome::WorkedMembers;
use crate::rows::edge;
use crate::rows::facts::{SettledFact, TransactionFacts};
use crate::rows::settled::SettledOutcome;
use crate::{micros, now};

/// The maximum number of memberships in one request for which every try is recorded for each person. Beyond it, only the
/// last try is: a group of thousands at a target that keeps failing would fill the journal with copies.
const EACH_TRY_MAX: usize = 20;

/// Returns whether every try is recorded and remembered for each of the people.
pub(super) fn tells_each(worked: &WorkedMembers) -> bool {
    worked.edges.len() <= EACH_TRY_MAX
}

/// Returns the outcome if a reading of the group's members shows the desired state. Returns `None` if it does not,
/// or if a newer revision is desired by now.
pub(super) fn read_back(row: &edge::Model, sent: &edge::Model) -> Option<SettledOutcome> {
    let agrees = row.revision == sent.revision && row.applied == sent.desired;
    match (agrees, sent.applied == sent.desired) {
        (false, _) => None,
        (true, true) => Some(SettledOutcome::Unchanged),
        (true, false) => Some(SettledOutcome::of_membership(sent.desired)),
    }
}

impl ResultCommitter {
    /// Adds the facts about the memberships. `rows` are the rows to be stored; `settled` are the outcomes of the members
    /// with which the target agrees, by person.
    pub(super) fn tell_members(
        &self,
        worked: &WorkedMembers,
        rows: &HashMap<String, edge::Model>,
        settled: &HashMap<String, SettledOutcome>,
        news: &mut TransactionFacts,
    ) {
        let tells_each = tells_each(worked);
        for edge in &worked.edges {
            let ended = rows.get(&edge.member_subject).is_none_or(|row| !row.is_queued());
            if ended || tells_each {
                news.extend(worked.facts.iter().filter_map(|fact| requested_fact(fact, edge)).collect());
            }
        }
        let is_changed = |edge: &&edge::Model| {
            settled.get(&edge.member_subject).is_some_and(|outcome| *outcome != SettledOutcome::Unchanged)
        };
        let first = worked.edges.iter().filter(is_changed).min_by_key(|edge| edge.accepted_at);
        if let Some(first) = first {
            let took = u64::try_from((micros(now()) - first.accepted_at) / 1_000).unwrap_or(0);
            let took = std::time::Duration::from_millis(took);
            telemetry::metrics::accept_to_target(&self.target, first.lane(), took);
        }
        for edge in &worked.edges {
            let Some(outcome) = settled.get(&edge.member_subject) else { continue };
            news.settled(&SettledFact {
                target: &self.target,
                kind: ResourceKind::Membership,
                subject: &edge.member_subject,
                member_of: Some(&edge.group_subject),
                revision: edge.revision,
                outcome: *outcome,
                note: None,
                latency_ms: (micros(now()) - edge.accepted_at) / 1_000,
                trace: edge.trace(),
                again: edge.next_attempt_at,
            });
        }
    }
}

/// Copies the group's request for the timeline of the person.
fn requested_fact(record: &FactRecord, edge: &edge::Model) -> Option<FactRecord> {
    let Fact::Attempted(attempt) = &record.fact else { return None };
    let mut attempt = attempt.clone();
    attempt.member_of = Some(edge.group_subject.clone());
    attempt.revision = edge.revision;
    Some(FactRecord {
        id: format!("{}:{}", record.id, edge.member_subject),
        at: record.at,
        subject: edge.member_subject.clone(),
        trace: edge.trace().or(record.trace),
        fact: Fact::Attempted(attempt),
    })
}
