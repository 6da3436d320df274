//! The words of HR systems for the status of an employment. Tables are data; `docs/dates.md` shows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The state of an employment at the time a record is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EmploymentStatus {
    /// The person works here.
    Active,
    /// The person is temporarily absent, but employed.
    OnLeave,
    /// The person is temporarily not allowed to work, but employed.
    Suspended,
    /// The person does not work here yet.
    PreHire,
    /// The person no longer works here.
    Ended,
}

/// The result of reading a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusReading {
    /// The record does not contain the field, or the field is empty.
    NotSaid,
    /// A status.
    Status(EmploymentStatus),
    /// A value that is in no table. It never counts as a departure.
    Unreadable,
}

/// A vendor's words, in lower case.
pub type StatusTable = &'static [(&'static str, EmploymentStatus)];

/// The words that have the same meaning for all vendors.
const COMMON: StatusTable = {
    use EmploymentStatus::{Active, Ended, OnLeave, PreHire, Suspended};
    &[
        ("true", Active),
        ("1", Active),
        ("yes", Active),
        ("active", Active),
        ("employed", Active),
        ("aktiv", Active),
        ("leave", OnLeave),
        ("on leave", OnLeave),
        ("paid leave", OnLeave),
        ("unpaid leave", OnLeave),
        ("leave of absence", OnLeave),
        ("parental leave", OnLeave),
        ("leave with pay", OnLeave),
        ("leave without pay", OnLeave),
        ("suspended", Suspended),
        ("pending", PreHire),
        ("onboarding", PreHire),
        ("prehire", PreHire),
        ("pre hire", PreHire),
        ("pre start", PreHire),
        ("future hire", PreHire),
        ("not started", PreHire),
        ("false", Ended),
        ("0", Ended),
        ("no", Ended),
        ("inactive", Ended),
        ("terminated", Ended),
        ("ended", Ended),
        ("left", Ended),
        ("retired", Ended),
        ("deceased", Ended),
        ("resigned", Ended),
        ("dismissed", Ended),
        ("inaktiv", Ended),
    ]
};

/// A source's own words. They take precedence over the known ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WordLists {
    /// Words for a person who works here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub active: Vec<String>,
    /// Words for a person who is temporarily absent, but employed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leave: Vec<String>,
    /// Words for a person who is temporarily not allowed to work, but is employed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspended: Vec<String>,
    /// Words for a person who does not work here yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pre_hire: Vec<String>,
    /// Words for a person who no longer works here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<String>,
}

/// The words of one source.
#[derive(Debug, Clone)]
pub struct StatusWords(BTreeMap<String, EmploymentStatus>);

impl Default for StatusWords {
    fn default() -> Self {
        Self::of_vendor(&[])
    }
}

impl StatusWords {
    /// Returns the common words, overridden by those of a vendor.
    pub fn of_vendor(table: StatusTable) -> Self {
        let all = COMMON.iter().chain(table);
        Self(all.map(|(word, status)| (normalise_status(word), *status)).collect())
    }

    /// Adds a source's own words, which take precedence.
    ///
    /// # Errors
    /// Returns the word that is in two lists.
    pub fn with(mut self, own: &WordLists) -> Result<Self, String> {
        let lists = [
            (EmploymentStatus::Active, &own.active),
            (EmploymentStatus::OnLeave, &own.leave),
            (EmploymentStatus::Suspended, &own.suspended),
            (EmploymentStatus::PreHire, &own.pre_hire),
            (EmploymentStatus::Ended, &own.ended),
        ];
        let mut seen: BTreeMap<String, EmploymentStatus> = BTreeMap::new();
        for (status, words) in lists {
            for word in words {
                let before = seen.insert(normalise_status(word), status);
                if before.is_some_and(|before| before != status) {
                    return Err(word.clone());
                }
            }
        }
        self.0.append(&mut seen);
        Ok(self)
    }

    /// Reads a value. Case, spaces, dashes and underscores do not matter.
    pub fn read(&self, value: Option<&Value>) -> StatusReading {
        let text = match value {
            None | Some(Value::Null) => return StatusReading::NotSaid,
            Some(Value::Bool(truth)) => truth.to_string(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(_) | Value::Object(_)) => return StatusReading::Unreadable,
        };
        let word = normalise_status(&text);
        if word.is_empty() {
            return StatusReading::NotSaid;
        }
        self.0.get(&word).map_or(StatusReading::Unreadable, |status| StatusReading::Status(*status))
    }

    /// Returns the words of a status, for documentation.
    pub fn words_of(&self, status: EmploymentStatus) -> Vec<&str> {
        self.0.iter().filter(|(_, known)| **known == status).map(|(word, _)| word.as_str()).collect()
    }
}

/// Returns a status word in lower case, with single spaces as the only separators.
fn normalise_status(word: &str) -> String {
    let letters = word.chars().map(|c| if matches!(c, '_' | '-' | '/') { ' ' } else { c });
    let lower: String = letters.flat_map(char::to_lowercase).collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_word_that_is_not_in_the_table_is_unreadable_and_never_a_departure() {
        use EmploymentStatus::{Active, Ended, OnLeave, PreHire, Suspended};
        let words = StatusWords::default();
        for (value, expected) in [
            (json!(true), StatusReading::Status(Active)),
            (json!("ACTIVE"), StatusReading::Status(Active)),
            (json!(1), StatusReading::Status(Active)),
            (json!(" inactive "), StatusReading::Status(Ended)),
            (json!("On_Leave"), StatusReading::Status(OnLeave)),
            (json!("suspended"), StatusReading::Status(Suspended)),
            (json!("PENDING"), StatusReading::Status(PreHire)),
            (json!(0), StatusReading::Status(Ended)),
            (json!(""), StatusReading::NotSaid),
            (json!("-"), StatusReading::NotSaid),
            (json!(null), StatusReading::NotSaid),
            (json!("sabbatical"), StatusReading::Unreadable),
            (json!("T"), StatusReading::Unreadable),
            (json!(2), StatusReading::Unreadable),
            (json!({"status": "inactive"}), StatusReading::Unreadable),
        ] {
            assert_eq!(words.read(Some(&value)), expected, "{value}");
        }
        assert_eq!(words.read(None), StatusReading::NotSaid);
    }

    #[test]
    fn every_row_of_the_table_of_statuses_is_read_as_it_says() {
        use EmploymentStatus::{Active, Ended, OnLeave, PreHire, Suspended};
        let page = include_str!("../../../docs/dates.md");
        let rows = page.lines().skip_while(|line| *line != "| value | is |").skip(2);
        let mut count = 0;
        for line in rows.take_while(|line| line.starts_with('|')) {
            let (value, is) = line.trim_matches('|').split_once('|').unwrap();
            let value = serde_json::from_str(value.trim().trim_matches('`')).unwrap();
            let read = match StatusWords::default().read(Some(&value)) {
                StatusReading::NotSaid => "not said",
                StatusReading::Unreadable => "unreadable",
                StatusReading::Status(Active) => "active",
                StatusReading::Status(OnLeave) => "leave",
                StatusReading::Status(Suspended) => "suspended",
                StatusReading::Status(PreHire) => "pre_hire",
                StatusReading::Status(Ended) => "ended",
            };
            assert_eq!(read, is.trim(), "{line}");
            count += 1;
        }
        assert!(count > 10, "{count} rows");
    }

    #[test]
    fn a_source_has_words_of_its_own_and_each_means_one_thing() {
        let own = WordLists { ended: vec!["T".into(), "Leave".into()], ..WordLists::default() };
        let words = StatusWords::default().with(&own).unwrap();
        assert_eq!(words.read(Some(&json!("t"))), StatusReading::Status(EmploymentStatus::Ended));
        assert_eq!(words.read(Some(&json!("leave"))), StatusReading::Status(EmploymentStatus::Ended));
        let twice = WordLists { active: vec!["t".into()], ..own };
        assert_eq!(StatusWords::default().with(&twice).unwrap_err(), "T");
    }
}
