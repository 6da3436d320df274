//! Departures without effect: those of a person without a known arrival, or those outweighed by an arrival that was
//! stated later and received earlier. Either may be a leaver who keeps access, so both are reported. The rules are in
//! docs/employment.md.

use super::{IdentityView, PersonRecord};
use crate::StatementDating;
use crate::employment::{Contradiction, ContradictionCode, Employment, EmploymentKind, EmploymentStatement};

impl PersonRecord {
    /// Adds the contradictions for departures without effect.
    pub(super) fn list_departures_without_effect(&self, view: &mut IdentityView, now: i64) {
        let known = match view.employment {
            Employment::Active => self.outweighed_departure(now),
            Employment::Left { .. } | Employment::Deleted { .. } => self.unmatched_departure(),
            Employment::Unknown => None,
        };
        if let Some(known) = known {
            view.contradictions.push(known);
            view.contradictions.sort();
        }
    }

    /// Returns a notice of a departure if no statement ever said that the person was here.
    fn unmatched_departure(&self) -> Option<Contradiction> {
        let mut notices = Vec::new();
        for said in self.statements_of_senders().flat_map(|(_, statements)| statements) {
            if said.word.kind() == EmploymentKind::Active {
                return None;
            }
            if is_notice(said) {
                notices.push(said);
            }
        }
        let last = notices.into_iter().max_by_key(|said| said.version.sequence)?;
        Some(contradiction(ContradictionCode::DepartureUnmatched, last))
    }

    /// Returns the departure in the last message of a sender about employment, if an arrival without a day was stated
    /// later and therefore outweighs it.
    fn outweighed_departure(&self, now: i64) -> Option<Contradiction> {
        let last_of_sender = |statements: &'_ [EmploymentStatement]| {
            let last = statements.iter().max_by_key(|said| said.version.sequence)?;
            let has_effect_later = last.version.effective_at > now;
            let arrives_later = |said: &EmploymentStatement| {
                said.word.kind() == EmploymentKind::Active
                    && said.dated == StatementDating::Explicit
                    && said.version.effective_at > last.version.effective_at
            };
            let is_explained = has_effect_later || statements.iter().any(arrives_later);
            (is_notice(last) && !is_explained).then(|| last.clone())
        };
        let employing = self.statements_of_senders().filter(|(employs, _)| *employs);
        let last = employing
            .filter_map(|(_, statements)| last_of_sender(statements))
            .max_by_key(|said| said.version.sequence)?;
        Some(contradiction(ContradictionCode::DepartureOutweighed, &last))
    }

    /// Returns the statements of each source about employment; `true` if the source has employment authority.
    fn statements_of_senders(&self) -> impl Iterator<Item = (bool, &[EmploymentStatement])> {
        let before = (self.sources.is_empty(), self.employment.as_slice());
        let sources = self.sources.values();
        let each = sources.map(|source| (source.standing.employs, source.said.employment.as_slice()));
        std::iter::once(before).chain(each)
    }
}

/// Returns whether a statement is a notice of a departure. A record or list that shows a person as not employed is
/// not a notice.
fn is_notice(said: &EmploymentStatement) -> bool {
    use crate::employment::EmploymentWord::{Erased, Leaves};
    matches!(said.word, Leaves | Erased) && said.dated != StatementDating::Observed
}

/// Returns a contradiction caused by a statement.
fn contradiction(code: ContradictionCode, said: &EmploymentStatement) -> Contradiction {
    Contradiction { code, sender: said.sender.clone(), said_at: said.version.said_at }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::merge_tests::{SECOND, event};
    use crate::{Event, EventKind};

    fn codes(events: &[Event], now: i64) -> Vec<&'static str> {
        let mut identity = PersonRecord::default();
        for (sequence, event) in (1..).zip(events) {
            identity.merge(event, sequence, now * SECOND);
        }
        let view = identity.view("E-1", now * SECOND);
        view.contradictions.iter().map(|known| known.code.as_str()).collect()
    }

    /// Returns a statement without a day, made at `said`.
    fn undated(kind: EventKind, said: i64) -> Event {
        Event { dated: Some(StatementDating::Implied), ..event(kind, said, said, json!({})) }
    }

    fn dated(kind: EventKind, said: i64, day: i64) -> Event {
        Event { dated: Some(StatementDating::Explicit), ..event(kind, said, day, json!({})) }
    }

    #[test]
    fn a_departure_of_somebody_of_whom_no_arrival_is_known_is_listed_until_one_is() {
        use EventKind::{WorkerJoined, WorkerLeft};
        assert_eq!(codes(&[undated(WorkerLeft, 5)], 9), ["departure_unmatched"]);
        assert_eq!(codes(&[undated(WorkerJoined, 1), undated(WorkerLeft, 5)], 9), [""; 0]);
        assert_eq!(codes(&[undated(WorkerLeft, 5), undated(WorkerJoined, 1)], 9), [""; 0]);
        let observed = Event { dated: Some(StatementDating::Observed), ..undated(WorkerLeft, 5) };
        assert_eq!(codes(&[observed], 9), [""; 0], "a list of former employees is no notice");
    }

    #[test]
    fn a_departure_that_is_received_after_an_arrival_that_was_said_later_is_listed_until_its_sender_speaks_again()
     {
        use EventKind::{WorkerJoined, WorkerLeft, WorkerRehired};
        let outweighed = [undated(WorkerJoined, 5), undated(WorkerLeft, 3)];
        assert_eq!(codes(&outweighed, 9), ["departure_outweighed"]);
        let again = [undated(WorkerJoined, 5), undated(WorkerLeft, 3), undated(WorkerRehired, 6)];
        assert_eq!(codes(&again, 9), [""; 0]);
        let in_order = [undated(WorkerLeft, 3), undated(WorkerJoined, 5)];
        assert_eq!(codes(&in_order, 9), [""; 0]);
        let ahead = [undated(WorkerJoined, 5), dated(WorkerLeft, 6, 20)];
        assert_eq!(codes(&ahead, 9), [""; 0]);
        let rehired = [undated(WorkerJoined, 1), dated(WorkerRehired, 5, 5), dated(WorkerLeft, 3, 3)];
        assert_eq!(codes(&rehired, 9), [""; 0], "a rehire of a later day stands");
    }
}
