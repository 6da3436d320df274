//! Several keys of one person: somebody came back under a new one, or HR had the same person twice.
//!
//! What is said under each key is kept apart. Whoever works here under one of their keys works here: a source that closes
//! the other record makes nobody a leaver. Of attributes, what is said under a key under which the person works here comes first.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Employment, Identity, IdentityView, Source};
use crate::people::Standing;
use crate::{Event, People, Version};

/// Between the name of a source and a further key of the person.
const FURTHER: char = '\u{1f}';

fn further(source: &str, key: &str) -> String {
    format!("{source}{FURTHER}{key}")
}

/// The source's own name.
pub(super) fn name_of(source: &str) -> &str {
    source.split(FURTHER).next().unwrap_or_default()
}

impl Identity {
    /// Takes over everything that was said of the person under another key, `key`; `other` is nobody any more, and says
    /// who it is.
    pub fn join(&mut self, own_key: &str, key: &str, other: &mut Self, people: &People) {
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
            let source = Source {
                key: Some(known_as.clone()),
                standing: people.standing(name),
                said,
                is_further: true,
            };
            self.sources.insert(further(name, &known_as), source);
        }
    }

    /// Merges an event that calls the person by a further key; see [`Identity::merge_from`].
    pub fn merge_as(
        &mut self,
        key: &str,
        source: &str,
        people: &People,
        (event, sequence): (&Event, u64),
        now: i64,
    ) {
        let version = Version::of(event, sequence);
        self.note_origin(event, version, now);
        let cancelled = &self.cancelled;
        let known = self.sources.entry(further(source, key)).or_insert_with(|| Source {
            key: Some(key.to_owned()),
            standing: people.standing(source),
            said: Self { cancelled: cancelled.clone(), ..Self::default() },
            is_further: true,
        });
        known.said.say(event, version, now);
    }

    /// Key of the person who this is, if it is nobody of its own any more.
    pub fn moved_to(&self) -> Option<&str> {
        self.moved_to.as_deref()
    }

    /// Further keys of the person.
    pub fn further_keys(&self) -> impl Iterator<Item = &str> {
        self.sources.values().filter(|source| source.is_further).filter_map(|source| source.key.as_deref())
    }

    /// All that is said of employment by those who may say it, for each key of the person.
    pub(super) fn by_key(&self) -> Vec<(&str, Cow<'_, Self>)> {
        let mut further: BTreeMap<&str, Vec<(&Standing, &Self)>> = BTreeMap::new();
        for source in self.sources.values().filter(|source| source.is_further) {
            let key = source.key.as_deref().unwrap_or_default();
            further.entry(key).or_default().push((&source.standing, &source.said));
        }
        let mut by_key = vec![("", self.together())];
        for (key, said) in further {
            let mut together = Self { cancelled: self.cancelled.clone(), ..Self::default() };
            said.into_iter()
                .filter(|(standing, _)| standing.employs)
                .for_each(|(_, said)| together.add(said));
            by_key.push((key, Cow::Owned(together)));
        }
        by_key
    }

    /// Under which keys the person works here, if they do; `""` is their own.
    pub(super) fn works_as(by_key: &[(&str, Cow<'_, Self>)], now: i64) -> Vec<String> {
        let works = |said: &Self| said.employment_at(now) == Employment::Active;
        by_key.iter().filter(|(_, said)| works(said)).map(|(key, _)| (*key).to_owned()).collect()
    }

    /// Whoever works here under one key works here; otherwise the last departure counts.
    pub(super) fn employment_by_key(by_key: &[(&str, Cow<'_, Self>)], now: i64) -> Employment {
        let each = by_key.iter().map(|(_, said)| said.employment_at(now));
        let since = |employment: &Employment| match employment {
            Employment::Active => (2, i64::MAX),
            Employment::Left { since } | Employment::Deleted { since } => (1, *since),
            Employment::Unknown => (0, 0),
        };
        each.max_by_key(since).unwrap_or(Employment::Unknown)
    }

    /// When the person leaves who works here under these keys.
    pub(super) fn departure_by_key(by_key: &[(&str, Cow<'_, Self>)], now: i64) -> Option<i64> {
        let works: Vec<&Cow<'_, Self>> = by_key
            .iter()
            .filter(|(_, said)| by_key.len() == 1 || said.employment_at(now) == Employment::Active)
            .map(|(_, said)| said)
            .collect();
        let departures: Option<Vec<i64>> = works.iter().map(|said| said.planned_departure(now)).collect();
        departures?.into_iter().max()
    }

    pub(super) fn view_by_key(&self, key: &str, now: i64) -> IdentityView {
        let resolved = self.resolve(now, true).into_iter();
        let attributes = resolved.map(|(name, (_, value))| (name.to_owned(), value.clone())).collect();
        let by_key = self.by_key();
        let employment = Self::employment_by_key(&by_key, now);
        IdentityView {
            key: key.to_owned(),
            attributes,
            employment,
            planned_departure: Self::departure_by_key(&by_key, now),
        }
    }
}

#[cfg(test)]
mod tests;
