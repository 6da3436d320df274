//! Joins two keys of one person on behalf of an operator.

use std::collections::BTreeSet;

use lifecycle::{Actor, Fact, FactRecord, TraceContext};
use sea_orm::DatabaseTransaction;
use store::StoreError;

use super::{BatchState, CommandCause, load};

/// The maximum number of joins that are followed from a key to its person.
const STEPS_MAX: usize = 16;

/// Loads the people that the loaded keys were joined to.
pub(super) async fn load_joined(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
) -> Result<(), StoreError> {
    for _ in 0..STEPS_MAX {
        let moved = work.people.values().filter_map(|person| person.state.moved_to());
        let missing: BTreeSet<String> =
            moved.filter(|key| !work.people.contains_key(*key)).map(str::to_owned).collect();
        if missing.is_empty() {
            break;
        }
        load::load_people(tx, work, &missing).await?;
    }
    Ok(())
}

impl BatchState<'_> {
    /// Returns the key of the person that a source calls `key`.
    pub(super) fn who_is<'k>(&'k self, key: &'k str) -> &'k str {
        let mut key = key;
        for _ in 0..STEPS_MAX {
            match self.people.get(key).and_then(|person| person.state.moved_to()) {
                Some(person) => key = person,
                None => break,
            }
        }
        key
    }

    /// Makes `other` a further key of `person`.
    pub(super) fn join(&mut self, person: &str, other: &str, actor: &Actor) {
        let people = self.policies.people();
        let trace = TraceContext::root();
        if self.who_is(person) != person || self.who_is(other) != other || person == other {
            return; // another operator joined one of them in between
        }
        if self.people.get(other).is_none_or(|other| other.state.has_records()) {
            return; // a record was linked to it in between
        }
        let Some(mut joined) = self.people.remove(other) else { return };
        if let Some(known) = self.people.get_mut(person) {
            known.state.join(person, other, &mut joined.state, people);
            for touched in [&mut known.touched, &mut joined.touched] {
                *touched = Some(CommandCause { trace, ..CommandCause::again(self.now, false) });
            }
        }
        self.people.insert(other.to_owned(), joined);
        for subject in [person, other] {
            self.facts.push(FactRecord {
                id: format!("joi:{person}:{other}:{subject}"),
                at: self.now,
                subject: subject.to_owned(),
                trace: Some(trace),
                fact: Fact::Joined {
                    person: person.to_owned(),
                    other: other.to_owned(),
                    who: actor.who.clone(),
                    why: actor.why.clone(),
                },
            });
        }
    }
}
