//! One person as several sources see them.
//!
//! The statements of each source are kept separately, together with the source's standing. Merging works as usual
//! within a source, so the order and number of deliveries do not matter. Only a view of the person combines them: for
//! each attribute, the value of the most trusted source that has one; for employment, the combined statements of the
//! sources with employment authority.

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

/// The statements of one source about a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SourceStatementsOfPerson {
    /// The source's key of the person, if it is not the person's own key: the source's record was matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    pub(super) standing: SourceStanding,
    pub(super) said: PersonRecord,
    /// `true` if the source names the person by a further key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_further: bool,
}

/// The sort key of a value by the trust in its source.
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

    /// Adds the record that a source calls `key`, in its present state. It replaces the source's record before.
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

    /// Undoes [`Self::link`], if the linked record is this one.
    pub fn unlink(&mut self, source: &str, key: &str) {
        if self.record_of(source) == Some(key) {
            self.sources.remove(source);
        }
        if !self.has_sources() {
            self.standing = SourceStanding::default();
        }
    }

    /// Returns the attributes by each source with employment authority, if there are several sources.
    pub(super) fn attributes_by_employer(&self, now: i64) -> BTreeMap<String, AttributeMap> {
        let is_employer = |source: &&SourceStatementsOfPerson| source.standing.employs && !source.is_further;
        if self.sources.len() < 2 {
            return BTreeMap::new();
        }
        let employers = self.sources.iter().filter(|(_, source)| is_employer(source));
        employers.map(|(name, source)| (name.clone(), source.said.attributes_at(now))).collect()
    }

    /// Returns whether any statements are kept by source.
    pub fn has_sources(&self) -> bool {
        !self.sources.is_empty()
    }

    /// Returns whether records of sources with separate keys belong to the person.
    pub fn has_records(&self) -> bool {
        self.sources.values().any(|source| source.key.is_some() && !source.is_further)
    }

    /// Returns the key of the person at a source whose record was matched.
    pub fn record_of(&self, source: &str) -> Option<&str> {
        self.sources.get(source)?.key.as_deref()
    }

    /// Sets the standing of the sources from now on. If sources are not told apart any more, their statements are
    /// combined, and records of sources with separate keys belong to no person.
    pub fn rank(&mut self, people: &PeopleConfig) {
        if !people.tells_apart() {
            return self.put_together();
        }
        if self.has_sources() {
            self.standing = people.standing_of_before();
        }
        self.rank_each(people);
    }

    /// Updates the standing of each source.
    fn rank_each(&mut self, people: &PeopleConfig) {
        for (name, source) in &mut self.sources {
            source.standing = people.standing(super::keys::name_of(name));
        }
    }

    /// Combines the statements of all sources, except those under further keys.
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

    /// Adds every statement of another record, except those of its sources.
    pub(super) fn add(&mut self, other: &Self) {
        for (name, register) in &other.attributes {
            self.attributes.entry(name.clone()).or_default().absorb(register);
        }
        self.snapshots.absorb(&other.snapshots);
        for statement in &other.employment {
            self.state_employment(statement.clone());
        }
    }

    /// Returns the attributes as of `now` by the sources that name the person by their key. Records are matched by
    /// these.
    pub fn own_attributes(&self, now: i64) -> AttributeMap {
        let resolved = self.resolve(now, false).into_iter();
        resolved.map(|(name, (_, value))| (name.to_owned(), value.clone())).collect()
    }

    /// Returns the names of the attributes for which the source counts as of `now`.
    pub fn counts_for(&self, source: &str, now: i64) -> Vec<String> {
        let resolved = self.resolve(now, true).into_iter();
        resolved.filter(|(_, (other, _))| *other == source).map(|(name, _)| name.to_owned()).collect()
    }

    /// Returns the source whose value of the attribute counts as of `now`; empty for statements from before sources
    /// were told apart.
    pub fn source_of(&self, attribute: &str, now: i64) -> Option<&str> {
        self.resolve(now, true).remove(attribute).map(|(source, _)| source)
    }

    /// Returns each attribute with a value, and the source of the value.
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
            // Among sources of one rank the last statement counts, even if it says that there is no value.
            said.dedup_by_key(|((rank, ..), _)| *rank);
            let ((.., source), value) = said.into_iter().find(|(_, value)| !value.is_null())?;
            Some((name, (source, value)))
        });
        decided.collect()
    }

    /// Returns the keys under which the person works here, if that makes a difference.
    fn works_as_unless_alike(&self, now: i64) -> Option<Vec<String>> {
        self.further_keys().next()?;
        let works_as = Self::works_as(&self.by_key(), now);
        (!works_as.is_empty()).then_some(works_as)
    }

    /// Returns the key by which a source names the person; `""` is the person's own key, and also stands for matched
    /// records.
    fn key_in(&self, source: &str) -> String {
        let further = self.sources.get(source).filter(|source| source.is_further);
        further.and_then(|source| source.key.clone()).unwrap_or_default()
    }

    /// Returns the whole record before which no statement of the source counts. Statements from before sources were
    /// told apart may come from any source that names the person by their key.
    fn floor<'a>(&'a self, source: &str, said: &'a Self, now: i64) -> Option<&'a RegisterStatement<()>> {
        let own = said.snapshots.at(now);
        if !source.is_empty() {
            return own;
        }
        let by_key = self.sources.values().filter(|source| source.key.is_none());
        let theirs = by_key.filter_map(|source| source.said.snapshots.at(now));
        theirs.chain(own).max_by_key(|statement| statement.version)
    }

    /// Returns the statements from before sources were told apart, under an empty name; then those of each source.
    fn parts(&self, with_records: bool) -> impl Iterator<Item = (&str, Option<&SourceStanding>, &Self)> {
        let is_wanted = move |source: &SourceStatementsOfPerson| {
            with_records || source.key.is_none() || source.is_further
        };
        let named = self.sources.iter().filter(move |(_, source)| is_wanted(source));
        let named = named.map(|(name, source)| (name.as_str(), Some(&source.standing), &source.said));
        std::iter::once(("", None, self)).chain(named)
    }

    /// Returns the voices about employment that name the person by their own key.
    pub(super) fn own_voices(&self, cancelled: &[EmploymentCancellation]) -> Vec<SourceVoice> {
        source_voices(self, self.sources.values().filter(|source| !source.is_further).collect(), cancelled)
    }

    /// Returns the names of attributes with statements after `now`, and the versions of those statements, for all
    /// sources.
    pub(super) fn attributes_to_come(&self, now: i64) -> impl Iterator<Item = (&str, StatementVersion)> {
        self.parts(true).flat_map(move |(_, _, said)| {
            said.attributes.iter().flat_map(move |(name, register)| {
                register.after(now).map(move |statement| (name.as_str(), statement.version))
            })
        })
    }

    /// Returns the whole records after `now`, for all sources.
    pub(super) fn records_to_come(&self, now: i64) -> impl Iterator<Item = StatementVersion> {
        self.parts(true).flat_map(move |(_, _, said)| said.snapshots.after(now).map(|s| s.version))
    }

    /// Returns the next time after `now` at which a known attribute or record takes effect, for all sources.
    pub(super) fn next_attribute_due(&self, now: i64) -> Option<i64> {
        let due = |said: &Self| {
            let attributes = said.attributes.values().filter_map(|register| register.next_due(now)).min();
            [attributes, said.snapshots.next_due(now)].into_iter().flatten().min()
        };
        self.parts(true).filter_map(|(_, _, said)| due(said)).min()
    }

    /// Cancels a plan in the statements of every source.
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

/// Returns the statements about employment in a record.
pub(super) fn employment_in(said: &PersonRecord) -> SourceStatements<'_> {
    (said.employment.iter().collect(), said.snapshots.first_effective().into_iter().collect())
}

/// Returns the voices of sources with employment authority, with the statements from `before` sources were told
/// apart.
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
