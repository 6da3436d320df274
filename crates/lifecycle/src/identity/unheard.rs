//! Departures without effect although no other sender makes statements: a configuration in which no person can leave.

use super::sources::{SourceStatementsOfPerson, employment_in};
use super::{IdentityView, PersonRecord};
use crate::employment::{Contradiction, ContradictionCode, Employment, SourceVoice};

impl PersonRecord {
    /// Reports departures that were stated by sources without employment authority, while no source with authority
    /// ever made a statement about the person. The person stays employed: a directory does not end employment.
    pub(super) fn list_unheard(&self, view: &mut IdentityView, now: i64) {
        let says_something = |source: &SourceStatementsOfPerson| {
            let (statements, records) = employment_in(&source.said);
            !statements.is_empty() || !records.is_empty()
        };
        let is_heard = self.sources.values().any(|source| source.standing.employs && says_something(source));
        if view.employment != Employment::Active || is_heard {
            return;
        }
        let silent = self.sources.values().filter(|source| !source.standing.employs);
        view.contradictions.extend(silent.filter_map(|source| departure_in(source, now)));
        view.contradictions.sort();
    }
}

/// Returns the last statement of a source if it says that the person is gone.
fn departure_in(source: &SourceStatementsOfPerson, now: i64) -> Option<Contradiction> {
    let (statements, records) = employment_in(&source.said);
    let last = statements.iter().filter(|said| said.version.effective_at <= now);
    let last = last.max_by_key(|said| said.version.said_at)?;
    let (sender, said_at) = (last.sender.clone(), last.version.said_at);
    let is_gone = matches!(
        SourceVoice::new(statements, &records, &[]).decide(now).employment,
        Employment::Left { .. } | Employment::Deleted { .. }
    );
    is_gone.then_some(Contradiction { code: ContradictionCode::DepartureWithoutAuthority, sender, said_at })
}
