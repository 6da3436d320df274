//! The configuration of several sources for the same people: correlation of records, and precedence of sources.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Event;

/// The key of the precedence list for every attribute without a separate list.
const EVERY: &str = "*";
/// The maximum number of sources that may be named.
const SOURCES_MAX: usize = 64;
/// The maximum number of attributes that may have a separate precedence.
const PRECEDENCE_MAX: usize = 512;
/// The maximum number of attributes that one rule may match on.
const MATCHES_MAX: usize = 8;

/// The configuration of several sources for one person. By default all sources are equal, and the same key is the
/// same person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PeopleConfig {
    /// The rules by which a source's records find their person. A source that is not named here refers to people by
    /// their key.
    pub correlate: Vec<CorrelationConfig>,
    /// The sources of each attribute (`*` for all others), the most trusted first. Sources that are not named rank
    /// last, equally.
    pub precedence: BTreeMap<String, Vec<String>>,
    /// The sources with employment authority, which may state that a person joined or left; all sources if empty.
    pub employment: Vec<String>,
    /// The number of days after which another name under a known key is held for an operator; 90 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recycled_after_days: Option<u32>,
}

/// The default of [`PeopleConfig::recycled_after_days`].
const RECYCLED_AFTER_DAYS: u32 = 90;

/// The rule by which the records of some sources find their person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorrelationConfig {
    /// The names of the sources: the sender, or its CloudEvents `source`, or the beginning of that before a `/`.
    pub sources: Vec<String>,
    /// The attributes that a record and its person have in common. The first one that has a value in the record
    /// decides. Without any, the source refers to people by their key.
    #[serde(default, rename = "match")]
    pub match_on: Vec<MatchAttribute>,
}

/// An attribute of a record with the same value as its person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenMatch", into = "WrittenMatch")]
pub struct MatchAttribute {
    /// The name of the record's attribute.
    pub record: String,
    /// The part of the person that has the same value.
    pub person: MatchedBy,
}

/// The part of a person that a record is matched by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchedBy {
    /// The person's key.
    Key,
    /// An attribute from sources that refer to people by their key.
    Attribute(String),
}

/// The form of a match in the configuration: `employeeId`, or `{ employeeId: key }`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenMatch {
    Same(String),
    Other(BTreeMap<String, String>),
}

/// The word that stands for the person's key in the configuration of a match.
const KEY: &str = "key";

impl TryFrom<WrittenMatch> for MatchAttribute {
    type Error = String;

    fn try_from(written: WrittenMatch) -> Result<Self, String> {
        let (record, person) = match written {
            WrittenMatch::Same(name) if name == KEY => {
                return Err(
                    "say which attribute has the key, as in `match: [{ employeeId: key }]`".to_owned()
                );
            }
            WrittenMatch::Same(name) => (name.clone(), name),
            WrittenMatch::Other(names) if names.len() == 1 => {
                names.into_iter().next().expect("there is exactly one")
            }
            WrittenMatch::Other(_) => {
                return Err("one attribute each: `match: [{ employeeId: key }]`".to_owned());
            }
        };
        let person = if person == KEY { MatchedBy::Key } else { MatchedBy::Attribute(person) };
        Ok(Self { record, person })
    }
}

impl From<MatchAttribute> for WrittenMatch {
    fn from(of: MatchAttribute) -> Self {
        let person = match of.person {
            MatchedBy::Key => KEY.to_owned(),
            MatchedBy::Attribute(name) => name,
        };
        if person == of.record {
            Self::Same(person)
        } else {
            Self::Other(BTreeMap::from([(of.record, person)]))
        }
    }
}

/// The trust in a source. It is stored with the source's statements, so that a person can be read without the
/// configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceStanding {
    /// The place in the precedence; 0 is the most trusted.
    pub(crate) rank: u16,
    /// The places for attributes with another precedence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) ranks: BTreeMap<String, u16>,
    /// `true` if the source has employment authority.
    pub(crate) employs: bool,
    /// `true` if the source is named among those with employment authority. Its statements about employment are not
    /// combined with those of others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_own_voice: bool,
}

impl SourceStanding {
    /// Returns whether the standing is the default.
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the place for an attribute.
    pub(crate) fn of(&self, attribute: &str) -> u16 {
        self.ranks.get(attribute).copied().unwrap_or(self.rank)
    }
}

impl PeopleConfig {
    /// The name for all sources that are not named.
    pub const OTHERS: &'static str = "*";

    /// Returns whether sources are told apart at all.
    pub fn tells_apart(&self) -> bool {
        *self != Self::default()
    }

    /// Returns the first error in the configuration, if there is one.
    pub fn fault(&self) -> Option<String> {
        let mut ruled = BTreeSet::new();
        for rule in &self.correlate {
            if rule.sources.is_empty() {
                return Some(
                    "correlate: a rule without `sources` has no effect: name its sources".to_owned(),
                );
            }
            if let Some(twice) = rule.sources.iter().find(|source| !ruled.insert(source.as_str())) {
                return Some(format!("correlate: two rules for the source {twice:?}"));
            }
            if rule.match_on.len() > MATCHES_MAX {
                return Some(format!("correlate: a rule matches on at most {MATCHES_MAX} attributes"));
            }
        }
        if self.precedence.len() > PRECEDENCE_MAX {
            return Some(format!("precedence: at most {PRECEDENCE_MAX} attributes"));
        }
        for (attribute, sources) in &self.precedence {
            let mut seen = BTreeSet::new();
            if let Some(twice) = sources.iter().find(|source| !seen.insert(source.as_str())) {
                return Some(format!("precedence of {attribute}: {twice:?} is named twice"));
            }
        }
        let names: BTreeSet<&str> = self.names().collect();
        if names.len() > SOURCES_MAX {
            return Some(format!("at most {SOURCES_MAX} sources can be named"));
        }
        let odd =
            names.iter().find(|name| name.trim_matches('/') != **name || name.is_empty() || **name == EVERY);
        odd.map(|odd| format!("the source {odd:?}: name it as its events do, without `/` at the ends, as in `hr` or `feeds/people`"))
    }

    /// Returns every source name in the configuration.
    fn names(&self) -> impl Iterator<Item = &str> {
        let correlated = self.correlate.iter().flat_map(|rule| &rule.sources);
        correlated.chain(self.precedence.values().flatten()).chain(&self.employment).map(String::as_str)
    }

    /// Returns the configured name of a source: the longest one that matches, else [`Self::OTHERS`]; `None` if
    /// sources are not told apart.
    pub fn name_of(&self, source: &str) -> Option<&str> {
        if !self.tells_apart() {
            return None;
        }
        let source = source.trim_start_matches('/');
        let fits = |name: &&str| {
            source.strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        Some(self.names().filter(fits).max_by_key(|name| name.len()).unwrap_or(Self::OTHERS))
    }

    /// Returns the configured name of the source of `event`. The authenticated sender decides. The claimed source
    /// refines it only below the sender. It counts alone if the sender is not named here: then the sender's
    /// `ce_source` allows it to speak for others.
    pub fn name_of_event(&self, event: &Event) -> Option<&str> {
        let claimed = self.name_of(&event.source)?;
        let sender = self.name_of(event.sender())?;
        let refines = sender == Self::OTHERS
            || claimed.strip_prefix(sender).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        Some(if refines { claimed } else { sender })
    }

    /// Returns the attributes that the records of a source are matched by; empty if the source refers to people by
    /// their key.
    pub fn match_on(&self, name: &str) -> &[MatchAttribute] {
        let rule = self.correlate.iter().find(|rule| rule.sources.iter().any(|source| source == name));
        rule.map_or(&[], |rule| &rule.match_on)
    }

    /// Returns each part of people that records are matched by, without duplicates.
    pub fn matched_by(&self) -> BTreeSet<&MatchedBy> {
        self.correlate.iter().flat_map(|rule| &rule.match_on).map(|of| &of.person).collect()
    }

    /// Returns the number of days after which another name under a known key is held for an operator.
    pub fn recycled_after_days(&self) -> u32 {
        self.recycled_after_days.unwrap_or(RECYCLED_AFTER_DAYS)
    }

    /// Returns whether the source has employment authority.
    pub fn employs(&self, name: &str) -> bool {
        self.employment.is_empty() || self.employment.iter().any(|source| source == name)
    }

    /// Returns the standing of statements from before sources were told apart. They count like those of the most
    /// trusted source, so that the day on which an operator configures this changes no values.
    pub(crate) fn standing_of_before(&self) -> SourceStanding {
        let first = self.precedence.get(EVERY).and_then(|sources| sources.first());
        SourceStanding {
            employs: false,
            is_own_voice: false,
            ..first.map(|first| self.standing(first)).unwrap_or_default()
        }
    }

    /// Returns the standing of a source.
    pub(crate) fn standing(&self, name: &str) -> SourceStanding {
        let place = |sources: &Vec<String>| {
            let at = sources.iter().position(|source| source == name).unwrap_or(sources.len());
            u16::try_from(at).unwrap_or(u16::MAX)
        };
        let rank = self.precedence.get(EVERY).map_or(0, place);
        let others = self.precedence.iter().filter(|(attribute, _)| *attribute != EVERY);
        let ranks = others.map(|(attribute, sources)| (attribute.clone(), place(sources)));
        SourceStanding {
            rank,
            ranks: ranks.filter(|(_, at)| *at != rank).collect(),
            employs: self.employs(name),
            is_own_voice: !self.employment.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn people(value: serde_json::Value) -> PeopleConfig {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_source_goes_by_the_longest_name_that_fits_whole_segments_of_its_own() {
        let people = people(json!({ "employment": ["hr", "hr/berlin", "feeds/people"] }));
        let names = ["hr", "/hr", "hr/berlin/x", "hrx", "feeds/people", "feeds/peoples", "hr/b"];
        let expected = ["hr", "hr", "hr/berlin", "*", "feeds/people", "*", "hr"];
        assert_eq!(names.map(|name| people.name_of(name).unwrap()), expected);
        assert_eq!(PeopleConfig::default().name_of("hr"), None);
    }

    #[test]
    fn the_sender_decides_and_what_it_claims_refines_it() {
        let people = people(json!({ "employment": ["hr", "hr/berlin", "adp", "webhooks/hrjson"] }));
        let name = |sender: &str, source: &str| {
            let event = Event {
                sender: sender.into(),
                source: source.into(),
                ..crate::merge_tests::event(crate::EventKind::WorkerLeft, 1, 1, json!({}))
            };
            people.name_of_event(&event).unwrap().to_owned()
        };
        assert_eq!(name("hr", "/hr"), "hr");
        assert_eq!(name("hr", "/hr/berlin"), "hr/berlin");
        assert_eq!(name("hr", "/adp"), "hr", "the sender is named itself");
        assert_eq!(name("hr-token", "/adp"), "adp", "its `ce_source` lets it");
        assert_eq!(name("contractors", "/contractors"), "*");
        assert_eq!(name("webhooks/hrjson", "webhooks/hrjson"), "webhooks/hrjson");
        assert_eq!(name("", "/hr"), "hr", "an event of before senders were recorded");
    }

    #[test]
    fn precedence_is_by_attribute_and_whoever_is_not_named_ranks_last() {
        let people = people(json!({
            "precedence": { "*": ["hr", "directory"], "userPrincipalName": ["directory"] }, "employment": ["hr"],
        }));
        let rank = |source: &str, attribute: &str| people.standing(source).of(attribute);
        assert_eq!((rank("hr", "title"), rank("directory", "title"), rank("x", "title")), (0, 1, 2));
        assert_eq!((rank("hr", "userPrincipalName"), rank("directory", "userPrincipalName")), (1, 0));
        assert!(people.standing("hr").employs && !people.standing("directory").employs);
    }

    #[test]
    fn a_rule_matches_by_the_same_attribute_another_one_or_the_key() {
        let people = people(json!({ "correlate": [
            { "sources": ["hr"] }, { "sources": ["directory"], "match": [{ "employeeId": "key" }, "mail"] },
        ]}));
        let [first, second] = people.match_on("directory") else { panic!("{people:?}") };
        assert_eq!((first.record.as_str(), &first.person), ("employeeId", &MatchedBy::Key));
        assert_eq!(second.person, MatchedBy::Attribute("mail".to_owned()));
        assert_eq!((people.match_on("hr").len(), people.matched_by().len()), (0, 2));
        let text = serde_json::to_value(&people).unwrap();
        assert_eq!(serde_json::from_value::<PeopleConfig>(text).unwrap(), people);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_remedy() {
        let table = [
            (json!({ "correlate": [{ "sources": [] }] }), "without `sources`"),
            (json!({ "correlate": [{ "sources": ["a"] }, { "sources": ["a"] }] }), "two rules"),
            (json!({ "precedence": { "*": ["a", "a"] } }), "named twice"),
            (json!({ "employment": ["/hr"] }), "without `/`"),
        ];
        for (value, part) in table {
            let fault = people(value.clone()).fault().unwrap_or_default();
            assert!(fault.contains(part), "{value}: {fault}");
        }
        let wrong = serde_json::from_value::<PeopleConfig>(
            json!({ "correlate": [{ "sources": ["a"], "match": ["key"] }] }),
        );
        assert!(wrong.unwrap_err().to_string().contains("employeeId: key"));
        assert_eq!(people(json!({ "employment": ["hr", "feeds/people"] })).fault(), None);
    }
}
