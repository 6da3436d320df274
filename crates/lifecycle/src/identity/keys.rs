//! Several keys of one person: the person came back under a new key, or HR had the same person twice.
//!
//! The statements under each key are kept separately. A person who works here under one key works here, so a source
//! that closes the other record makes no leaver. For attributes, statements under a key that is employed take
//! precedence.

use std::collections::BTreeMap;

use super::sources::source_voices;
use super::{Employment, IdentityView, PersonRecord, SourceStatementsOfPerson};
use crate::employment::{Contradiction, EmploymentDecision, SourceVoice};
use crate::limits::RefusedPart;
use crate::{Event, PeopleConfig, StatementVersion};

/// The separator between the name of a source and a further key of the person.
const FURTHER: char = '\u{1f}';

/// Returns the name under which the statements of a source about a further key are stored.
fn further_key(source: &str, key: &str) -> String {
    format!("{source}{FURTHER}{key}")
}

/// Returns the source's own name.
pub(super) fn name_of(source: &str) -> &str {
    source.split(FURTHER).next().unwrap_or_default()
}

impl PersonRecord {
    /// Takes over every statement about the person under another key, `key`. `other` is no separate person any more,
    /// and refers to this one.
    pub fn join(&mut self, own_key: &str, key: &str, other: &mut Self, people: &PeopleConfig) {
        let mut other =
            std::mem::replace(other, Self { moved_to: Some(own_key.to_owned()), ..Self::default() });
        self.standing = people.standing_of_before();
        self.origins.append(&mut other.origins);
        self.origins.sort();
        self.origins.dedup();
        let sources = std::mem::take(&mut other.sources);
        let said = sources.into_iter().filter(|(_, source)| source.key.is_none() || source.is_further);
        let mut parts: Vec<(String, Option<String>, Self)> =
            said.map(|(name, source)| (name, source.key, source.said)).collect();
        parts.push((String::new(), None, other));
        for (name, known_as, mut said) in parts {
            let known_as = known_as.unwrap_or_else(|| key.to_owned());
            for cancelled in &self.cancelled {
                said.cancel(cancelled.effective_at, &cancelled.parts, cancelled.said_at);
            }
            let name = name_of(&name);
            let source = SourceStatementsOfPerson {
                key: Some(known_as.clone()),
                standing: people.standing(name),
                said,
                is_further: true,
            };
            self.sources.insert(further_key(name, &known_as), source);
        }
    }

    /// Merges an event that names the person by a further key; see [`PersonRecord::merge_from`].
    pub fn merge_as(
        &mut self,
        key: &str,
        source: &str,
        people: &PeopleConfig,
        (event, sequence): (&Event, u64),
        now: i64,
    ) -> Vec<RefusedPart> {
        self.note_origin(event, StatementVersion::of(event, sequence), now);
        let cancelled = &self.cancelled;
        let known =
            self.sources.entry(further_key(source, key)).or_insert_with(|| SourceStatementsOfPerson {
                key: Some(key.to_owned()),
                standing: people.standing(source),
                said: Self { cancelled: cancelled.clone(), ..Self::default() },
                is_further: true,
            });
        known.said.say(event, sequence, now)
    }

    /// Returns the key of the person that this record was joined to, if it is no separate person any more.
    pub fn moved_to(&self) -> Option<&str> {
        self.moved_to.as_deref()
    }

    /// Returns the further keys of the person.
    pub fn further_keys(&self) -> impl Iterator<Item = &str> {
        self.sources.values().filter(|source| source.is_further).filter_map(|source| source.key.as_deref())
    }

    /// Returns the voices about employment for each key of the person; `""` is the person's own key.
    pub(super) fn by_key(&self) -> Vec<(&str, Vec<SourceVoice>)> {
        let cancelled = self.employment_cancellations();
        let mut further: BTreeMap<&str, Vec<&SourceStatementsOfPerson>> = BTreeMap::new();
        for source in self.sources.values().filter(|source| source.is_further) {
            further.entry(source.key.as_deref().unwrap_or_default()).or_default().push(source);
        }
        let nothing = Self::default();
        let mut by_key = vec![("", self.own_voices(&cancelled))];
        for (key, sources) in further {
            by_key.push((key, source_voices(&nothing, sources, &cancelled)));
        }
        by_key
    }

    /// Returns the keys under which the person works here; `""` is the person's own key.
    pub(super) fn works_as(by_key: &[(&str, Vec<SourceVoice>)], now: i64) -> Vec<String> {
        let works = |voices: &[SourceVoice]| {
            EmploymentDecision::of_voices(voices, now).employment == Employment::Active
        };
        by_key.iter().filter(|(_, voices)| works(voices)).map(|(key, _)| (*key).to_owned()).collect()
    }

    /// Decides over all keys: a person who works here under one key works here; otherwise the last departure counts.
    pub(super) fn decide_by_key(by_key: &[(&str, Vec<SourceVoice>)], now: i64) -> EmploymentDecision {
        let each: Vec<EmploymentDecision> =
            by_key.iter().map(|(_, voices)| EmploymentDecision::of_voices(voices, now)).collect();
        EmploymentDecision::of_keys(&each)
    }

    /// Returns the contradictions in the statements about the person's employment as of `now`.
    pub fn contradictions(&self, now: i64) -> Vec<Contradiction> {
        self.decide_employment(now).contradictions
    }

    /// Decides about the person's employment as of `now`, over all keys.
    pub(super) fn decide_employment(&self, now: i64) -> EmploymentDecision {
        Self::decide_by_key(&self.by_key(), now)
    }

    /// Returns the view of a person with statements that are kept by source.
    pub(super) fn view_by_key(&self, key: &str, now: i64) -> IdentityView {
        let resolved = self.resolve(now, true).into_iter();
        let attributes = resolved.map(|(name, (_, value))| (name.to_owned(), value.clone())).collect();
        self.seen(key, attributes, now)
    }
}

#[cfg(test)]
mod tests;
