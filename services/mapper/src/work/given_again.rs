//! Gives orders of operators again that were read back from JOURNAL. Their facts are in JOURNAL already.

use super::{BatchState, CommandCause};
use crate::acts::{ActKind, OperatorAct};
use crate::rows::verdict;

impl BatchState<'_> {
    /// Gives one act again, unless the database contains a later one about the same.
    pub(super) fn give_again(&mut self, act: &OperatorAct) {
        let told = self.facts.len();
        match &act.kind {
            ActKind::Order { person, kind, order } => {
                let person = self.who_is(person).to_owned();
                let known = self.people.get(&person).and_then(|known| known.state.access_orders().of(*kind));
                let is_news = match known {
                    Some(known) => known.since < act.at,
                    None => order.is_some(),
                };
                if is_news {
                    self.order(&person, *kind, *order, &act.actor);
                }
            }
            ActKind::Join { person, other } => {
                let person = self.who_is(person).to_owned();
                self.join(&person, other, &act.actor);
            }
            ActKind::Verdict { source, key, person, same } => {
                let cause = CommandCause::again(self.now, false);
                // The verdict about a record that is not known yet decides when the record arrives.
                if let Some(record) = self.records.get_mut(&(source.clone(), key.clone()))
                    && record.row.revision > 0
                {
                    record.touched.get_or_insert(cause);
                }
                self.verdicts.push(verdict::Model {
                    source: source.clone(),
                    key: key.clone(),
                    person: person.clone(),
                    same: *same,
                    at: act.at,
                    who: act.actor.who.clone(),
                    why: act.actor.why.clone(),
                });
            }
            ActKind::Cancel { person, effective_at, parts } => {
                let person = self.who_is(person).to_owned();
                let cause = CommandCause::again(self.now, false);
                if let Some(known) = self.people.get_mut(&person) {
                    known.state.cancel(*effective_at, parts, act.at);
                    known.touched = Some(cause);
                }
            }
            ActKind::Feed { .. } | ActKind::Policy { .. } => {}
        }
        self.facts.truncate(told);
    }
}
