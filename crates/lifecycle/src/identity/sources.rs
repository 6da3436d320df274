//! One person as several sources see them.
//!
//! What each source says is kept by itself, with how far it is believed; merging stays what it is within a source, so order
//! and number of deliveries do not matter. Only looking at the person puts them together: of each attribute the
//! source that is believed most and says anything; of employment what those say together that may say it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PersonRecord;
use crate::employment::{EmploymentCancellation, SourceStatements, SourceVoice};
use crate::limits::RefusedPart;
use crate::people::SourceStanding;
use crate::register::RegisterStatement;
use crate::{AttributeMap, Event, PeopleConfig, StatementVersion};

/// What one source says of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SourceStatementsOfPerson {
    /// What the source calls the person, where that is not the person's key: its record was matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    pub(super) standing: SourceStanding,
    pub(super) said: PersonRecord,
    /// It calls the person by a further key of theirs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_further: bool,
}

/// Where a value comes from, in order of belief.
type ValuePlace<'a> = (u16, bool, Reverse<StatementVersion>, &'a str);

impl PersonRecord {
    /// Merges one event of a source that is told apart from others; see [`PersonRecord::merge`].
    pub fn merge_from(
        &mut self,
        source: &str,
        people: &PeopleConfig,
        event: &Event,
        sequence: u64,
        now: i64,
    ) -> Vec<RefusedPart> {
        self.note_origin(event, StatementVersion::of(event, sequence), now);
        self.standing = people.standing_of_before();
        let cancelled = &self.cancelled;
        let known = self.sources.entry(source.to_owned()).or_insert_with(|| SourceStatementsOfPerson {
            key: None,
            standing: people.standing(source),
            said: Self { cancelled: cancelled.clone(), ..Self::default() },
            is_further: false,
        });
        known.said.say(event, sequence, now)
    }

    /// Takes over the record that a source calls `key`, as it is now; it takes the place of the source's record before.
    pub fn link(&mut self, source: &str, key: &str, people: &PeopleConfig, record: &Self) {
        let mut said = record.clone();
        self.origins.extend(std::mem::take(&mut said.origins));
        self.origins.sort();
        self.origins.dedup();
        for cancelled in &self.cancelled {
            said.cancel(cancelled.effective_at, &cancelled.parts, cancelled.said_at);
        }
        self.standing = people.standing_of_before();
        let linked = SourceStatementsOfPerson {
            key: Some(key.to_owned()),
            standing: people.standing(source),
            said,
            is_further: false,
        };
        self.sources.insert(source.to_owned(), linked);
    }

    /// Takes back [`Self::link`], if it is this record.
    pub fn unlink(&mut self, source: &str, key: &str) {
        if self.record_of(source) == Some(key) {
            self.sources.remove(source);
        }
        if !self.has_sources() {
            self.standing = SourceStanding::default();
        }
    }

    /// What each source says by itself that says who works here, where several sources say something.
    pub(super) fn attributes_by_employer(&self, now: i64) -> BTreeMap<String, AttributeMap> {
        let is_employer = |source: &&SourceStatementsOfPerson| source.standing.employs && !source.is_further;
        if self.sources.len() < 2 {
            return BTreeMap::new();
        }
        let employers = self.sources.iter().filter(|(_, source)| is_employer(source));
        employers.map(|(name, source)| (name.clone(), source.said.attributes_at(now))).collect()
    }

    /// Whether some of it is kept by source.
    pub fn has_sources(&self) -> bool {
        !self.sources.is_empty()
    }

    /// Whether records of sources with keys of their own are the person's.
    pub fn has_records(&self) -> bool {
        self.sources.values().any(|source| source.key.is_some() && !source.is_further)
    }

    /// What a source whose record was matched calls the person.
    pub fn record_of(&self, source: &str) -> Option<&str> {
        self.sources.get(source)?.key.as_deref()
    }

    /// How far the sources are believed from now on. If they are not told apart any more, what they said is one again, and
    /// records of sources with keys of their own are nobody's.
    pub fn rank(&mut self, people: &PeopleConfig) {
        if !people.tells_apart() {
            return self.put_together();
        }
        if self.has_sources() {
            self.standing = people.standing_of_before();
        }
        self.rank_each(people);
    }

    fn rank_each(&mut self, people: &PeopleConfig) {
        for (name, source) in &mut self.sources {
            source.standing = people.standing(super::keys::name_of(name));
        }
    }

    fn put_together(&mut self) {
        self.standing = SourceStanding::default();
        for (name, source) in std::mem::take(&mut self.sources) {
            if source.is_further {
                self.sources.insert(name, source);
            } else if source.key.is_none() {
                self.add(&source.said);
            }
        }
        self.rank_each(&PeopleConfig::default());
    }

    /// Adds everything that another one says, but what its sources do.
    pub(super) fn add(&mut self, other: &Self) {
        for (name, register) in &other.attributes {
            self.attributes.entry(name.clone()).or_default().absorb(register);
        }
        self.snapshots.absorb(&other.snapshots);
        for statement in &other.employment {
            self.state_employment(statement.clone());
        }
    }

    /// Attributes as of `now` by what sources say that call the person by their key: what records are matched by.
    pub fn own_attributes(&self, now: i64) -> AttributeMap {
        let resolved = self.resolve(now, false).into_iter();
        resolved.map(|(name, (_, value))| (name.to_owned(), value.clone())).collect()
    }

    /// Names of the attributes for which the source counts as of `now`.
    pub fn counts_for(&self, source: &str, now: i64) -> Vec<String> {
        let resolved = self.resolve(now, true).into_iter();
        resolved.filter(|(_, (other, _))| *other == source).map(|(name, _)| name.to_owned()).collect()
    }

    /// The source whose value of the attribute counts as of `now`; empty for what was said before sources were told
    /// apart.
    pub fn source_of(&self, attribute: &str, now: i64) -> Option<&str> {
        self.resolve(now, true).remove(attribute).map(|(source, _)| source)
    }

    /// Of each attribute with a value: which source it is from.
    pub(super) fn resolve(&self, now: i64, with_records: bool) -> BTreeMap<&str, (&str, &Value)> {
        let mut said: BTreeMap<&str, Vec<(ValuePlace<'_>, &Value)>> = BTreeMap::new();
        let works_as = self.works_as_unless_alike(now);
        for (source, standing, identity) in self.parts(with_records) {
            let is_here = works_as.as_ref().is_none_or(|keys| keys.contains(&self.key_in(source)));
            let floor = self.floor(source, identity, now);
            for (name, register) in &identity.attributes {
                let Some(statement) = register.at_beside(floor, now) else { continue };
                let rank = standing.unwrap_or(&self.standing).of(name);
                let place = (rank, !is_here, Reverse(statement.version), super::keys::name_of(source));
                said.entry(name).or_default().push((place, &statement.value));
            }
        }
        let decided = said.into_iter().filter_map(|(name, mut said)| {
            said.sort_by_key(|(place, _)| *place);
            // Among sources of one rank the last word counts, also if it is that there is no value.
            said.dedup_by_key(|((rank, ..), _)| *rank);
            let ((.., source), value) = said.into_iter().find(|(_, value)| !value.is_null())?;
            Some((name, (source, value)))
        });
        decided.collect()
    }

    /// Under which keys the person works here, where that makes a difference.
    fn works_as_unless_alike(&self, now: i64) -> Option<Vec<String>> {
        self.further_keys().next()?;
        let works_as = Self::works_as(&self.by_key(), now);
        (!works_as.is_empty()).then_some(works_as)
    }

    /// The key by which a source calls the person; `""` is their own, and that of records that are matched.
    fn key_in(&self, source: &str) -> String {
        let further = self.sources.get(source).filter(|source| source.is_further);
        further.and_then(|source| source.key.clone()).unwrap_or_default()
    }

    /// The whole record before which nothing counts that the source said. What was said before sources were told apart
    /// may be of any that calls the person by their key.
    fn floor<'a>(&'a self, source: &str, said: &'a Self, now: i64) -> Option<&'a RegisterStatement<()>> {
        let own = said.snapshots.at(now);
        if !source.is_empty() {
            return own;
        }
        let by_key = self.sources.values().filter(|source| source.key.is_none());
        let theirs = by_key.filter_map(|source| source.said.snapshots.at(now));
        theirs.chain(own).max_by_key(|statement| statement.version)
    }

    /// What was said before sources were told apart, under the name of nobody; then each source.
    fn parts(&self, with_records: bool) -> impl Iterator<Item = (&str, Option<&SourceStanding>, &Self)> {
        let is_wanted = move |source: &SourceStatementsOfPerson| {
            with_records || source.key.is_none() || source.is_further
        };
        let named = self.sources.iter().filter(move |(_, source)| is_wanted(source));
        let named = named.map(|(name, source)| (name.as_str(), Some(&source.standing), &source.said));
        std::iter::once(("", None, self)).chain(named)
    }

    /// What each voice says of employment that calls the person by their own key.
    pub(super) fn own_voices(&self, cancelled: &[EmploymentCancellation]) -> Vec<SourceVoice> {
        source_voices(self, self.sources.values().filter(|source| !source.is_further).collect(), cancelled)
    }

    /// Names of attributes and the versions of what is said of them after `now`, by whichever source.
    pub(super) fn attributes_to_come(&self, now: i64) -> impl Iterator<Item = (&str, StatementVersion)> {
        self.parts(true).flat_map(move |(_, _, said)| {
            said.attributes.iter().flat_map(move |(name, register)| {
                register.after(now).map(move |statement| (name.as_str(), statement.version))
            })
        })
    }

    /// Whole records that come after `now`, by whichever source.
    pub(super) fn records_to_come(&self, now: i64) -> impl Iterator<Item = StatementVersion> {
        self.parts(true).flat_map(move |(_, _, said)| said.snapshots.after(now).map(|s| s.version))
    }

    /// When an attribute or record that is known takes effect after `now`, by whichever source.
    pub(super) fn next_attribute_due(&self, now: i64) -> Option<i64> {
        let due = |said: &Self| {
            let attributes = said.attributes.values().filter_map(|register| register.next_due(now)).min();
            [attributes, said.snapshots.next_due(now)].into_iter().flatten().min()
        };
        self.parts(true).filter_map(|(_, _, said)| due(said)).min()
    }

    pub(super) fn cancel_of_sources(
        &mut self,
        effective_at: i64,
        parts: &[super::PlannedPart],
        said_at: i64,
    ) {
        for source in self.sources.values_mut() {
            source.said.cancel(effective_at, parts, said_at);
        }
    }
}

pub(super) fn employment_in(said: &PersonRecord) -> SourceStatements<'_> {
    (said.employment.iter().collect(), said.snapshots.first_effective().into_iter().collect())
}

/// The voices of sources that may say who is employed, with what was said `before` sources were told apart.
pub(super) fn source_voices(
    before: &PersonRecord,
    sources: Vec<&SourceStatementsOfPerson>,
    cancelled: &[EmploymentCancellation],
) -> Vec<SourceVoice> {
    let sources: Vec<&SourceStatementsOfPerson> =
        sources.into_iter().filter(|source| source.standing.employs).collect();
    if sources.iter().any(|source| source.standing.is_own_voice) {
        return SourceVoice::each(
            sources.into_iter().map(|source| employment_in(&source.said)),
            &employment_in(before),
            cancelled,
        );
    }
    let (mut statements, mut records) = employment_in(before);
    for source in sources {
        let (more, days) = employment_in(&source.said);
        statements.extend(more);
        records.extend(days);
    }
    vec![SourceVoice::new(statements, &records, cancelled)]
}

#[cfg(test)]
mod tests;
